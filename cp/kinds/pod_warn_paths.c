/* Warnings for the files that a pod's volumes are made of. Pure; nothing fails. They come in the reference's order. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/pod_warn.h"

/* Whether one path is the other or below it. */
static bool overlaps(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b), n = na < nb ? na : nb;
	return !strncmp(a, b, n) && (na == nb || (na > nb ? a : b)[n] == '/');
}

/* Paths of one volume that write over each other; what leads the text. */
static void warn_paths(char ***warnings, char *const *paths, const char *what)
{
	for (size_t i = 0; paths && paths[i]; i++)
		for (size_t k = 0; k < i; k++)
			if (overlaps(paths[i], paths[k])) {
				pod_warn_take(warnings, xasprintf("%s: overlapping paths: \"%s\" with \"%s\"", what, paths[i], paths[k]));
				break;
			}
}

/* Adds a path without the slashes behind it. */
static void add_path(char ***paths, const char *path)
{
	size_t n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	AUTO_FREE char *plain = xstrndup(path, n);
	strv_add(paths, plain);
}

static void add_items(char ***paths, const json_t *source)
{
	json_t *item;
	size_t i;
	json_array_foreach(json_object_get(source, "items"), i, item)
		add_path(paths, json_str_or(item, "path", ""));
}

static const struct {
	const char *source, *kind, *name;
} named_sources[] = { { "configMap", "ConfigMap", "name" }, { "secret", "Secret", "secretName" } };

/* Adds the paths that a source of files names, if it names some. */
static void add_source_paths(const json_t *v, char ***paths)
{
	const json_t *one;
	for (size_t k = 0; k < ARRAY_LEN(named_sources); k++)
		if (json_object_get(json_object_get(v, named_sources[k].source), "items")) {
			add_items(paths, json_object_get(v, named_sources[k].source));
			return;
		}
	if ((one = json_object_get(v, "downwardAPI")) && json_object_get(one, "items"))
		add_items(paths, one);
	else if ((one = json_object_get(v, "serviceAccountToken")) || (one = json_object_get(v, "clusterTrustBundle")))
		add_path(paths, json_str_or(one, "path", ""));
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

/* Paths of the source that stand in the volume already, by an earlier one. */
static void warn_again(char ***warnings, char *const *paths, char *const *before, const char *what)
{
	for (size_t k = 0; paths && paths[k]; k++)
		for (size_t n = 0; before && before[n]; n++)
			if (overlaps(paths[k], before[n])) {
				bool later = strcmp(paths[k], before[n]) >= 0;
				pod_warn_take(warnings, xasprintf("%s: overlapping paths: \"%s\" with \"%s\"", what, later ? paths[k] : before[n],
						  later ? before[n] : paths[k]));
				break;
			}
}

/* Whether there is anything to warn of: mostly not, and then nothing needs a name. */
static bool any_overlap(char *const *paths, char *const *before)
{
	for (size_t i = 0; paths && paths[i]; i++) {
		for (size_t k = 0; k < i; k++)
			if (overlaps(paths[i], paths[k]))
				return true;
		for (size_t n = 0; before && before[n]; n++)
			if (overlaps(paths[i], before[n]))
				return true;
	}
	return false;
}

static void warn_projected(char ***warnings, const json_t *projected, const char *name)
{
	AUTO_STRV char **all = NULL;
	json_t *source;
	size_t i;
	json_array_foreach(json_object_get(projected, "sources"), i, source) {
		AUTO_STRV char **paths = NULL;
		add_source_paths(source, &paths);
		if (!json_object_size(source))
			pod_warn_take(warnings, xasprintf("volume \"%s\" (Projected) has no sources provided", name));
		if (any_overlap(paths, all)) {
			AUTO_FREE char *of = source_text(source), *what = xasprintf("volume \"%s\" (Projected %s)", name, of);
			warn_paths(warnings, paths, what);
			warn_again(warnings, paths, all, what);
		}
		for (size_t k = 0; paths && paths[k]; k++)
			strv_add(&all, paths[k]);
	}
}

void pod_paths_warn(const json_t *spec, char ***warnings)
{
	json_t *v;
	size_t i;
	json_array_foreach(json_object_get(spec, "volumes"), i, v) {
		const char *name = json_str_or(v, "name", "");
		AUTO_STRV char **paths = NULL;
		add_source_paths(v, &paths);
		if (any_overlap(paths, NULL)) {
			AUTO_FREE char *of = source_text(v), *what = xasprintf("volume \"%s\" (%s)", name, of);
			warn_paths(warnings, paths, what);
		}
		if (json_object_get(v, "projected"))
			warn_projected(warnings, json_object_get(v, "projected"), name);
	}
}
