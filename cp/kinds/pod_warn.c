/* Warnings for pods and templates of pods: what has no effect any more, and what is probably a mistake. Pure; nothing fails. Where
 * something was so before the update, nothing is said. */
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

static const char *const lists[] = { "initContainers", "containers" };

/* Takes text. */
static void take(char ***warnings, char *text)
{
	AUTO_FREE char *owned = text;
	strv_add(warnings, owned);
}

static void warn_env(const json_t *container, const char *at, char ***warnings)
{
	AUTO_MAP *seen = map_new(NULL);
	json_t *env;
	size_t i;
	json_array_foreach(json_object_get(container, "env"), i, env) {
		const char *name = json_str_or(env, "name", "");
		if (*name && map_has(seen, name))
			take(warnings, xasprintf("%s.env[%zu]: hides previous definition of \"%s\", which may be dropped when using apply", at,
						 i, name));
		map_set(seen, name, env);
	}
}

static bool same_port(const json_t *a, const json_t *b)
{
	return json_int_at(a, "containerPort", 0) == json_int_at(b, "containerPort", 0) &&
	       !strcmp(json_str_or(a, "protocol", "TCP"), json_str_or(b, "protocol", "TCP")) &&
	       json_int_at(a, "hostPort", 0) == json_int_at(b, "hostPort", 0);
}

/* A port that was there before is told with the one that it repeats. */
static void warn_ports(const json_t *container, const char *at, char ***warnings)
{
	const json_t *ports = json_object_get(container, "ports");
	for (size_t i = 0; i < json_array_size(ports); i++)
		for (size_t j = 0; j < i; j++)
			if (same_port(json_array_get(ports, i), json_array_get(ports, j))) {
				take(warnings, xasprintf("%s.ports[%zu]: duplicate port definition with %s.ports[%zu]", at, i, at, j));
				break;
			}
}

/* Bytes come whole. */
static void warn_fractions(const json_t *container, const char *at, char ***warnings)
{
	static const char *const parts[] = { "requests", "limits" }, *const names[] = { "ephemeral-storage", "memory" };
	for (size_t p = 0; p < ARRAY_LEN(parts); p++)
		for (size_t n = 0; n < ARRAY_LEN(names); n++) {
			const char *amount = json_member(json_object_get(json_object_get(container, "resources"), parts[p]), names[n]);
			if (quantity_is_fraction(amount))
				take(warnings, xasprintf("%s.resources.%s[%s]: fractional byte value \"%s\" is invalid, must be an integer", at, parts[p],
							 names[n], amount));
		}
}

static void warn_containers(const json_t *spec, const char *prefix, char ***warnings)
{
	char at[FIELD_PATH_MAX];
	json_t *c;
	size_t i;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_object_get(spec, lists[l]), i, c) {
			FIELD_PATH(at, "%sspec.%s[%zu]", prefix, lists[l], i);
			warn_fractions(c, at, warnings);
			warn_env(c, at, warnings);
			warn_ports(c, at, warnings);
		}
}

/* Kinds of volumes that are on their way out. */
static void warn_volumes(const json_t *spec, const char *prefix, char ***warnings)
{
	static const struct {
		const char *source, *why;
	} gone[] = {
		{ "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+" },
		{ "scaleIO", "deprecated in v1.16, non-functional in v1.22+" },
		{ "flocker", "deprecated in v1.22, non-functional in v1.25+" },
		{ "storageos", "deprecated in v1.22, non-functional in v1.25+" },
		{ "quobyte", "deprecated in v1.22, non-functional in v1.25+" },
		{ "glusterfs", "deprecated in v1.25, non-functional in v1.26+" },
		{ "cephfs", "deprecated in v1.28, non-functional in v1.31+" },
		{ "rbd", "deprecated in v1.28, non-functional in v1.31+" },
	};
	json_t *v;
	size_t i;
	json_array_foreach(json_object_get(spec, "volumes"), i, v)
		for (size_t g = 0; g < ARRAY_LEN(gone); g++)
			if (json_object_get(v, gone[g].source))
				take(warnings, xasprintf("%sspec.volumes[%zu].%s: %s", prefix, i, gone[g].source, gone[g].why));
}

/* Annotations that fields have taken over from. */
static void warn_annotations(const json_t *annotations, const char *prefix, char ***warnings)
{
	static const struct {
		const char *begin;
		bool whole;
		const char *why;
	} gone[] = {
		{ "scheduler.alpha.kubernetes.io/critical-pod", true, "non-functional in v1.16+; use the \"priorityClassName\" field instead" },
		{ "seccomp.security.alpha.kubernetes.io/pod", true, "non-functional in v1.27+; use the \"seccompProfile\" field instead" },
		{ "container.seccomp.security.alpha.kubernetes.io/", false,
		  "non-functional in v1.27+; use the \"seccompProfile\" field instead" },
		{ "container.apparmor.security.beta.kubernetes.io/", false,
		  "deprecated since v1.30; use the \"appArmorProfile\" field instead" },
	};
	const char *key;
	json_t *v;
	for (size_t g = 0; g < ARRAY_LEN(gone); g++)
		json_object_foreach((json_t *)annotations, key, v)
			if (gone[g].whole ? !strcmp(key, gone[g].begin) : str_has_prefix(key, gone[g].begin))
				take(warnings, xasprintf("%smetadata.annotations[%s]: %s", prefix, key, gone[g].why));
}

static void warn_placement(const json_t *spec, const char *prefix, char ***warnings)
{
	char p[FIELD_PATH_MAX];
	const char *key, *why;
	json_t *v;
	size_t i;
	json_object_foreach(json_object_get(spec, "nodeSelector"), key, v)
		if ((why = node_label_deprecation(key)))
			take(warnings, xasprintf("%sspec.nodeSelector[%s]: %s", prefix, key, why));
	FIELD_PATH(p, "%sspec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", prefix);
	node_terms_warn(json_at(spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"), p, warnings);
	json_array_foreach(json_object_get(spec, "topologySpreadConstraints"), i, v) {
		key = json_str_or(v, "topologyKey", "");
		if ((why = node_label_deprecation(key)))
			take(warnings, xasprintf("%sspec.topologySpreadConstraints[%zu].topologyKey: %s is %s", prefix, i, key, why));
		if (!json_object_get(v, "labelSelector"))
			take(warnings, xasprintf("%sspec.topologySpreadConstraints[%zu].labelSelector: a null labelSelector results in matching no pod",
						 prefix, i));
	}
}

static void warn_secrets(const json_t *spec, const char *prefix, char ***warnings)
{
	AUTO_MAP *seen = map_new(NULL);
	json_t *v;
	size_t i;
	json_array_foreach(json_object_get(spec, "imagePullSecrets"), i, v) {
		const char *name = json_str_or(v, "name", "");
		if (!*name)
			take(warnings, xasprintf("%sspec.imagePullSecrets[%zu].name: invalid empty name \"\"", prefix, i));
		else if (map_has(seen, name))
			take(warnings, xasprintf("%sspec.imagePullSecrets[%zu].name: duplicate name \"%s\"", prefix, i, name));
		map_set(seen, name, v);
	}
}

static void pod_template_warn(const json_t *template, const json_t *old, const char *prefix, char ***warnings)
{
	const json_t *spec = json_object_get(template, "spec");
	if (old && json_equal(spec, json_object_get(old, "spec")))
		return;
	warn_placement(spec, prefix, warnings);
	warn_secrets(spec, prefix, warnings);
	warn_volumes(spec, prefix, warnings);
	warn_annotations(json_at(template, "metadata.annotations"), prefix, warnings);
	warn_containers(spec, prefix, warnings);
}

void pod_warn(const json_t *pod, const json_t *old, char ***warnings)
{
	hostname_warn(pod, old, "the Pod's hostname", warnings);
	if (!old)
		pod_template_warn(pod, NULL, "", warnings);
}

void workload_warn(const json_t *obj, const json_t *old, char ***warnings)
{
	hostname_warn(obj, old, "Pod names and hostnames", warnings);
	pod_template_warn(json_at(obj, "spec.template"), old ? json_at(old, "spec.template") : NULL, "spec.template.", warnings);
}
