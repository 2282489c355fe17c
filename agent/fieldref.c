/* fieldRef and resourceFieldRef.
 *
 * Happy path: the path names a field of the pod, of its place on the node, or one label or annotation. What can fail:
 * an unknown path (-EINVAL). What always holds: nothing outside of the pod and its node can be named. */
#include "agent/fieldref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* key="value" lines in the order of the keys, as the downward API writes maps. */
static char *map_lines(const json_t *map)
{
	AUTO_STR out = STR_INIT;
	size_t n = 0;
	const char *key;
	json_t *v;
	AUTO_FREE const char **keys = xcalloc(json_object_size(map) + 1, sizeof(*keys));
	json_object_foreach((json_t *)map, key, v) keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_name);
	for (size_t i = 0; i < n; i++) {
		str_addf(&out, "%s%s=", i ? "\n" : "", keys[i]);
		str_add_json(&out, json_string_value(json_object_get(map, keys[i])));
	}
	return str_take(&out);
}

/* metadata.labels['key'] */
static char *subscript(const json_t *pod, const char *path)
{
	static const char *const maps[] = {"metadata.labels", "metadata.annotations"};
	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		size_t n = strlen(maps[i]), len = strlen(path);
		if (!str_has_prefix(path, maps[i]))
			continue;
		if (len == n)
			return map_lines(json_at(pod, maps[i]));
		if (len < n + 5 || strncmp(path + n, "['", 2) || strcmp(path + len - 2, "']"))
			return NULL;
		AUTO_FREE char *key = xstrndup(path + n + 2, len - n - 4);
		const char *v = json_member(json_at(pod, maps[i]), key);
		return xstrdup(v ? v : "");
	}
	return NULL;
}

static char *first_of(char *const *ips)
{
	return xstrdup(ips && ips[0] ? ips[0] : "");
}

static char *all_of(char *const *ips)
{
	return ips ? str_join(ips, ",") : xstrdup("");
}

int fieldref_value(const struct pod_facts *f, const char *path, char **ret, struct err *e)
{
	static const struct {
		const char *path, *at, *otherwise;
	} fields[] = {{"metadata.name", "metadata.name", ""},
		      {"metadata.namespace", "metadata.namespace", "default"},
		      {"metadata.uid", "metadata.uid", ""},
		      {"spec.serviceAccountName", "spec.serviceAccountName", ""}};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (strcmp(path, fields[i].path))
			continue;
		*ret = xstrdup(json_str_or(f->pod, fields[i].at, fields[i].otherwise));
		return 0;
	}
	char *v = NULL;
	if (!strcmp(path, "spec.nodeName"))
		v = xstrdup(f->node_name);
	else if (!strcmp(path, "status.hostIP"))
		v = first_of(f->host_ips);
	else if (!strcmp(path, "status.hostIPs"))
		v = all_of(f->host_ips);
	else if (!strcmp(path, "status.podIP"))
		v = first_of(f->ips);
	else if (!strcmp(path, "status.podIPs"))
		v = all_of(f->ips);
	else
		v = subscript(f->pod, path);
	if (!v)
		return err_set(e, -EINVAL, "unsupported fieldPath: %s", path);
	*ret = v;
	return 0;
}

/* A container or init container of the pod by name; NULL. */
static const json_t *pod_container_spec(const json_t *pod, const char *name)
{
	const json_t *c = json_find(json_at(pod, "spec.containers"), "name", name);
	return c ? c : json_find(json_at(pod, "spec.initContainers"), "name", name);
}

/* limits fall back on what the node has, requests on the limit or 0. */
static int64_t resource_milli(const struct pod_facts *f, const json_t *container, const char *resource)
{
	int64_t v = 0;
	const char *dot = strchr(resource, '.'), *name = dot + 1;
	AUTO_FREE char *list = xasprintf("resources.%.*s", (int)(dot - resource), resource);
	const char *text = json_member(json_at(container, list), name);
	if (text && quantity_parse_milli(text, &v) == 0)
		return v;
	if (!str_has_prefix(resource, "limits."))
		return 0;
	if (!strcmp(name, "cpu"))
		return f->node_cpu_milli;
	return (!strcmp(name, "memory") ? f->node_memory_bytes : f->node_storage_bytes) * 1000;
}

int resourceref_value(const struct pod_facts *f, const json_t *own, const json_t *ref, char **ret, struct err *e)
{
	const char *resource = json_str_or(ref, "resource", ""), *name = json_str_at(ref, "containerName");
	const json_t *container = name && *name ? pod_container_spec(f->pod, name) : own;
	if (!container)
		return err_set(e, -EINVAL, "container %s not found", name ? name : "");
	if (!str_has_prefix(resource, "limits.") && !str_has_prefix(resource, "requests."))
		return err_set(e, -EINVAL, "unsupported container resource : %s", resource);
	int64_t divisor = 0, milli = resource_milli(f, container, resource);
	const char *text = json_str_at(ref, "divisor");
	if (!text || quantity_parse_milli(text, &divisor) < 0 || divisor <= 0)
		divisor = 1000;
	*ret = xasprintf("%lld", (long long)((milli + divisor - 1) / divisor));
	return 0;
}
