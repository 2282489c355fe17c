/* A loaded network configuration and what can be asked of it.
 *
 * chain_load() reads the first configuration file and checks it. Fails naming the file. Whether a plugin's program is
 * there shows when it is run: the pod that wanted it is told. */
#include "cni/chain/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cni/chain/chain_internal.h"
#include "cni/result.h"
#include "io/net/ip.h"

#define TIMEOUT_MS 60000

int chain_load(const struct chain_config *config, struct chain **ret, struct err *e)
{
	AUTO_FREE char *file = NULL;
	AUTO_JSON *conf = NULL, *list = NULL;
	int r = chain_conf_find(config->conf_dir, &file, e);
	if (r < 0)
		return r;
	bool no_check = false, no_gc = false;
	if ((r = json_read_file(file, &conf, e)) < 0 || (r = chain_conf_list(conf, &list, e)) < 0 ||
	    (r = chain_conf_bool(list, "disableCheck", &no_check, e)) < 0 ||
	    (r = chain_conf_bool(list, "disableGC", &no_gc, e)) < 0 || (r = chain_conf_add_dir(list, file, e)) < 0)
		return err_wrap(e, r, "%s", file);
	struct chain *c = xcalloc(1, sizeof(*c));
	*c = (struct chain){.loop = config->loop,
			    .plugin_path = xstrdup(config->plugin_path),
			    .list = TAKE(list),
			    .cache_dir = xstrdup(config->cache_dir ? config->cache_dir : "/var/lib/cni"),
			    .timeout_ms = config->timeout_ms ? config->timeout_ms : TIMEOUT_MS};
	c->name = xstrdup(json_str_at(c->list, "name"));
	c->no_check = no_check;
	c->no_gc = no_gc;
	*ret = c;
	return 0;
}

void chain_free(struct chain *c)
{
	if (!c)
		return;
	free(c->plugin_path);
	free(c->cache_dir);
	free(c->name);
	json_decref(c->list);
	free(c);
}

char **chain_result_ips(const json_t *result)
{
	char **ips = NULL, text[IP_TEXT_MAX];
	AUTO_JSON *inner = NULL;
	struct ip_net net;
	size_t i;
	json_t *ip;
	if (cni_result_import(result, &inner, NULL) >= 0)
		json_array_foreach(json_object_get(inner, "ips"), i,
				   ip) if (!ip_net_parse_loose(json_member(ip, "address"), &net))
		    strv_add(&ips, ip_text(&net.ip, text));
	return ips ? ips : xcalloc(1, sizeof(*ips));
}

json_t *chain_cached_result(const struct chain *c, const char *container_id, const char *ifname)
{
	AUTO_FREE char *path = chain_cache_path(c, container_id, ifname ? ifname : "eth0");
	struct chain_cached cached = {0};
	chain_cache_read(path, &cached, NULL);
	json_t *result = TAKE(cached.result);
	chain_cached_done(&cached);
	return result;
}
