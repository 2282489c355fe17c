/* Warnings for the files that a pod's volumes are made of. Pure; nothing fails. They come in the reference's order. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/pod_warn.h"

/* A path without the slashes behind it, in the text of the pod. */
struct path {
	const char *p;
	size_t n;
};

/* All paths of one volume; those of a source that is looked at begin at its number. */
struct paths {
	struct path *v;
	size_t n, room;
};

static void paths_done(struct paths *all)
{
	free(all->v);
}
#define AUTO_PATHS AUTO(paths_done) struct paths

/* Whether one path is the other or below it. */
static bool overlaps(struct path a, struct path b)
{
	size_t n = MIN(a.n, b.n);
	return !memcmp(a.p, b.p, n) && (a.n == b.n || (a.n > b.n ? a : b).p[n] == '/');
}

static void tell(char ***warnings, const char *what, struct path a, struct path b)
{
	pod_warn_take(warnings, xasprintf("%s: overlapping paths: \"%.*s\" with \"%.*s\"", what, (int)a.n, a.p, (int)b.n, b.p));
}

/* Paths of one source that write over each other; what leads the text. */
static void warn_paths(char ***warnings, const struct paths *all, size_t from, const char *what)
{
	for (size_t i = from; i < all->n; i++)
		for (size_t k = from; k < i; k++)
			if (overlaps(all->v[i], all->v[k])) {
				tell(warnings, what, all->v[i], all->v[k]);
				break;
			}
}

static void add_path(struct paths *all, const char *path)
{
	size_t n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	if (all->n == all->room) {
		all->room = all->room ? all->room * 2 : 8;
		all->v = xreallocarray(all->v, all->room, sizeof(*all->v));
	}
	all->v[all->n++] = (struct path){ path, n };
}

static void add_items(struct paths *all, const json_t *source)
{
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(source, "items"), i, item)
		add_path(all, json_str_or(item, "path", ""));
}

static const struct {
	const char *source, *kind, *name;
} named_sources[] = { { "configMap", "ConfigMap", "name" }, { "secret", "Secret", "secretName" } };

/* Adds the paths that a source of files names, if it names some. */
static void add_source_paths(const json_t *v, struct paths *all)
{
	const json_t *one;
	for (size_t k = 0; k < ARRAY_LEN(named_sources); k++)
		if (json_object_get(json_object_get(v, named_sources[k].source), "items")) {
			add_items(all, json_object_get(v, named_sources[k].source));
			return;
		}
	if ((one = json_object_get(v, "downwardAPI")) && json_object_get(one, "items"))
		add_items(all, one);
	else if ((one = json_object_get(v, "serviceAccountToken")) || (one = json_object_get(v, "clusterTrustBundle")))
		add_path(all, json_str_or(one, "path", ""));
}

/* What such a source is called. Returns owned. */
static char *source_text(const json_t *v)
{
	for (size_t k = 0; k < ARRAY_LEN(named_sources); k++) {
		const json_t *source = json_object_get(v, named_sources[k].source);
		if (json_object_get(source, "items"))
			return xasprintf("%s \"%s\"", named_sources[k].kind,
					 json_str_or(source, named_sources[k].name, json_str_or(source, "name", "")));
	}
	const json_t *bundle = json_object_get(v, "clusterTrustBundle");
	if (json_at(v, "downwardAPI.items") || json_object_get(v, "serviceAccountToken"))
		return xstrdup(json_at(v, "downwardAPI.items") ? "DownwardAPI" : "ServiceAccountToken");
	return xasprintf("ClusterTrustBundle \"%s\"", json_str_or(bundle, "name", json_str_or(bundle, "signerName", "")));
}

static int order(struct path a, struct path b)
{
	int r = memcmp(a.p, b.p, MIN(a.n, b.n));
	return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* Paths of the source that stand in the volume already, by an earlier one. */
static void warn_again(char ***warnings, const struct paths *all, size_t from, const char *what)
{
	for (size_t i = from; i < all->n; i++)
		for (size_t k = 0; k < from; k++)
			if (overlaps(all->v[i], all->v[k])) {
				bool later = order(all->v[i], all->v[k]) >= 0;
				tell(warnings, what, all->v[later ? i : k], all->v[later ? k : i]);
				break;
			}
}

/* Whether there is anything to warn of: mostly not, and then nothing needs a name. */
static bool any_overlap(const struct paths *all, size_t from)
{
	for (size_t i = from; i < all->n; i++)
		for (size_t k = 0; k < i; k++)
			if (overlaps(all->v[i], all->v[k]))
				return true;
	return false;
}

static void warn_projected(char ***warnings, const json_t *projected, const char *name)
{
	AUTO_PATHS all = { 0 };
	json_t *source;
	size_t i;
	json_array_foreach(json_object_get(projected, "sources"), i, source) {
		size_t from = all.n;
		add_source_paths(source, &all);
		if (!json_object_size(source))
			pod_warn_take(warnings, xasprintf("volume \"%s\" (Projected) has no sources provided", name));
		if (any_overlap(&all, from)) {
			AUTO_FREE char *of = source_text(source), *what = xasprintf("volume \"%s\" (Projected %s)", name, of);
			warn_paths(warnings, &all, from, what);
			warn_again(warnings, &all, from, what);
		}
	}
}

void pod_paths_warn(const json_t *spec, char ***warnings)
{
	json_t *v;
	size_t i;
	json_array_foreach(json_object_get(spec, "volumes"), i, v) {
		const char *name = json_str_or(v, "name", "");
		AUTO_PATHS all = { 0 };
		add_source_paths(v, &all);
		if (any_overlap(&all, 0)) {
			AUTO_FREE char *of = source_text(v), *what = xasprintf("volume \"%s\" (%s)", name, of);
			warn_paths(warnings, &all, 0, what);
		}
		if (json_object_get(v, "projected"))
			warn_projected(warnings, json_object_get(v, "projected"), name);
	}
}
