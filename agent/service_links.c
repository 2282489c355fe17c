/* Service links. Happy path: of each service the few members that make variables are kept as text, which is parsed when a
 * container starts. Nothing here can fail. What always holds: what is kept of a service is some 200 bytes. */
#include "agent/service_links.h"

#include <stdlib.h>
#include <string.h>

#include "api/feed.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

#define API_SERVICE "default/kubernetes"

struct service_links {
	struct feed_sub *sub;
	struct map *texts; /* "namespace/name" -> text */
	void (*on_synced)(void *arg);
	void *arg;
};

static void copy(json_t *to, const json_t *from, const char *member)
{
	json_t *v = json_object_get(from, member);
	if (v)
		json_object_set(to, member, v);
}

static json_t *parts_of(const json_t *from, const char *const *members)
{
	json_t *o = json_object();
	for (; *members; members++)
		copy(o, from, *members);
	return o;
}

char *service_link_text(const json_t *service)
{
	static const char *const of_metadata[] = {"name", "namespace", NULL}, *const of_port[] = {"name", "port", "protocol", NULL};
	const json_t *spec = json_object_get(service, "spec"), *ports = json_object_get(spec, "ports");
	const char *ip = json_str_or(spec, "clusterIP", "");
	json_t *port, *list;
	size_t i;
	if (!*ip || !strcmp(ip, "None") || !json_array_size(ports))
		return NULL;
	list = json_array();
	json_array_foreach(ports, i, port) json_array_append_new(list, parts_of(port, of_port));
	AUTO_JSON *o = json_pack("{s:o,s:{s:s,s:o}}", "metadata", parts_of(json_object_get(service, "metadata"), of_metadata), "spec",
				 "clusterIP", ip, "ports", list);
	return json_text(o);
}

static void on_service(void *arg, const char *key, json_t *old_object, json_t *new_object)
{
	struct service_links *l = arg;
	char *text = new_object ? service_link_text(new_object) : NULL;
	(void)old_object;
	if (text)
		map_set(l->texts, key, text);
	else
		map_remove(l->texts, key);
}

static void on_synced(void *arg)
{
	const struct service_links *l = arg;
	l->on_synced(l->arg);
}

struct service_links *service_links_start(struct feed *f, void (*on_all)(void *arg), void *arg)
{
	static const struct informer_ops ops = {.on_change = on_service, .on_synced = on_synced};
	struct service_links *l = xcalloc(1, sizeof(*l));
	*l = (struct service_links){.texts = map_new(free), .on_synced = on_all, .arg = arg};
	l->sub = feed_subscribe(f, "/api/v1/services", NULL, NULL, &ops, l);
	return l;
}

void service_links_stop(struct service_links *l)
{
	if (!l)
		return;
	feed_unsubscribe(l->sub);
	map_free(l->texts);
	free(l);
}

bool service_links_synced(const struct service_links *l)
{
	return feed_synced(l->sub);
}

static bool is_of(const char *key, const char *ns)
{
	size_t n = strlen(ns);
	return (!strncmp(key, ns, n) && key[n] == '/') || !strcmp(key, API_SERVICE);
}

json_t *service_links_of(const struct service_links *l, const char *ns)
{
	json_t *list = json_array(), *o;
	size_t at = 0;
	const char *key, *text;
	while (map_next(l->texts, &at, &key, &text)) {
		if (!is_of(key, ns) || json_parse(text, strlen(text), &o, NULL) < 0)
			continue;
		json_array_append_new(list, o);
	}
	return list;
}
