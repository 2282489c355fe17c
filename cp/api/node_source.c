/* Pods, volumes, attachments and resource slices from the cache into the graph of nodes. Happy path: a change that can
 * matter is parsed in both its states and handed on. What a bound pod names is fixed but for what ephemeral containers and
 * resource claims add, so that most changes of pods, those of their status, are not even parsed. Fails only at the start. */
#include "cp/api/node_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/auth/rbac_defaults.h"

static const struct {
	const char *group, *plural;
} sources[NODE_GRAPH_SOURCES] = {
	[NODE_GRAPH_POD] = { "", "pods" },
	[NODE_GRAPH_VOLUME] = { "", "persistentvolumes" },
	[NODE_GRAPH_ATTACHMENT] = { "storage.k8s.io", "volumeattachments" },
	[NODE_GRAPH_SLICE] = { "resource.k8s.io", "resourceslices" },
};

struct follower {
	struct node_source *of;
	enum node_graph_source source;
	struct cache_watch *watch;
};

struct node_source {
	struct node_graph *graph;
	json_t *rules;
	struct follower followers[NODE_GRAPH_SOURCES];
};

static bool mentions(const struct cobj *o, const char *word)
{
	return memmem(o->json->data, o->json->len, word, strlen(word)) != NULL;
}

/* Whether a changed pod may name other objects than before. */
static bool pod_differs(const struct cobj *before, const struct cobj *now)
{
	return !str_eq(cobj_field(before, "spec.nodeName"), cobj_field(now, "spec.nodeName")) ||
	       mentions(now, "\"ephemeralContainers\"") || mentions(now, "esourceClaim");
}

static bool is_unbound_pod(const struct follower *f, const struct cobj *o)
{
	return f->source == NODE_GRAPH_POD && str_empty(cobj_field(o, "spec.nodeName"));
}

static void change(struct follower *f, const struct cobj *before, const struct cobj *now)
{
	if (before && now && f->source == NODE_GRAPH_POD && !pod_differs(before, now))
		return;
	AUTO_JSON *old = before && !is_unbound_pod(f, before) ? cobj_parse(before) : NULL;
	AUTO_JSON *new = now && !is_unbound_pod(f, now) ? cobj_parse(now) : NULL;
	node_graph_change(f->of->graph, f->source, old, new);
}

static void on_object(void *arg, struct cobj *o)
{
	change(arg, NULL, o);
}

static void on_event(void *arg, const struct cache_event *ev)
{
	if (ev->type == CACHE_DELETED)
		change(arg, ev->prev ? ev->prev : ev->obj, NULL);
	else if (ev->type != CACHE_BOOKMARK)
		change(arg, ev->prev, ev->obj);
}

static int load_rules(struct node_source *s, struct err *e)
{
	AUTO_JSON *all = NULL;
	json_t *o;
	size_t i;
	int r = rbac_defaults(&all, e);
	if (r < 0)
		return r;
	json_array_foreach(all, i, o)
		if (str_eq(json_str_at(o, "kind"), "ClusterRole") && str_eq(json_str_at(o, "metadata.name"), "system:node"))
			s->rules = json_incref(json_object_get(o, "rules"));
	return 0;
}

int node_source_new(struct api *a, struct node_source **ret, struct err *e)
{
	struct node_source *s = xcalloc(1, sizeof(*s));
	int r = load_rules(s, e);
	s->graph = node_graph_new();
	for (int i = 0; r == 0 && i < NODE_GRAPH_SOURCES; i++) {
		struct bucket *b = api_bucket(a, sources[i].group, sources[i].plural);
		struct follower *f = &s->followers[i];
		*f = (struct follower){ .of = s, .source = (enum node_graph_source)i };
		if (!b)
			continue;
		bucket_list(b, &(struct bucket_query){ 0 }, on_object, f);
		r = bucket_watch(b, UINT64_MAX, NULL, on_event, f, &f->watch, e);
	}
	if (r < 0) {
		node_source_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void node_source_free(struct node_source *s)
{
	if (!s)
		return;
	for (int i = 0; i < NODE_GRAPH_SOURCES; i++)
		cache_watch_stop(s->followers[i].watch);
	node_graph_free(s->graph);
	json_decref(s->rules);
	free(s);
}

const struct node_graph *node_source_graph(const struct node_source *s)
{
	return s->graph;
}

const json_t *node_source_rules(const struct node_source *s)
{
	return s->rules;
}
