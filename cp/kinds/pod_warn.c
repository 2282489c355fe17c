/* Warnings for pods and templates of pods: what has no effect any more, and what is probably a mistake. Pure; nothing fails. They
 * come in the reference's order. */
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/pod_warn.h"

#define NO_LABELS "a null labelSelector results in matching no pod"
#define FRACTION "fractional byte value \"%s\" is invalid, must be an integer"

/* What is looked at: a pod, or a template at prefix ("spec.template."). */
struct pod_looked {
	const json_t *spec, *annotations;
	const char *prefix;
	char ***warnings;
};

void pod_warn_take(char ***warnings, char *take_text)
{
	AUTO_FREE char *text = take_text;
	if (!strv_has(*warnings, text))
		strv_add(warnings, text);
}

static void take(const struct pod_looked *w, char *take_text)
{
	pod_warn_take(w->warnings, take_text);
}

/* --- placement -------------------------------------------------------------------------------------------------------- */

static void warn_placement(const struct pod_looked *w)
{
#define AFFINITY "affinity.nodeAffinity."
	char p[FIELD_PATH_MAX];
	const char *key, *why;
	json_t *v;
	size_t i;
	json_object_foreach(json_object_get(w->spec, "nodeSelector"), key, v)
		if ((why = node_label_deprecation(key)))
			take(w, xasprintf("%sspec.nodeSelector[%s]: %s", w->prefix, key, why));
	FIELD_PATH(p, "%sspec." AFFINITY "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", w->prefix);
	node_terms_warn(json_at(w->spec, AFFINITY "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"), p, w->warnings);
	json_array_foreach(json_at(w->spec, AFFINITY "preferredDuringSchedulingIgnoredDuringExecution"), i, v)
		node_term_warn(json_object_get(v, "preference"),
			       FIELD_PATH(p, "%sspec." AFFINITY "preferredDuringSchedulingIgnoredDuringExecution[%zu].preference", w->prefix, i),
			       w->warnings);
	json_array_foreach(json_object_get(w->spec, "topologySpreadConstraints"), i, v) {
		key = json_str_or(v, "topologyKey", "");
		if ((why = node_label_deprecation(key)))
			take(w, xasprintf("%sspec.topologySpreadConstraints[%zu].topologyKey: %s is %s", w->prefix, i, key, why));
		if (!json_object_get(v, "labelSelector"))
			take(w, xasprintf("%sspec.topologySpreadConstraints[%zu].labelSelector: " NO_LABELS, w->prefix, i));
	}
}

static void warn_pod_affinity(const struct pod_looked *w)
{
	static const char *const kinds[] = { "podAffinity", "podAntiAffinity" };
	json_t *t;
	size_t i;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		const json_t *affinity = json_object_get(json_object_get(w->spec, "affinity"), kinds[k]);
		json_array_foreach(json_object_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), i, t)
			if (!json_object_get(t, "labelSelector"))
				take(w, xasprintf("%sspec.affinity.%s.requiredDuringSchedulingIgnoredDuringExecution[%zu].labelSelector: " NO_LABELS,
						  w->prefix, kinds[k], i));
		json_array_foreach(json_object_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"), i, t)
			if (!json_at(t, "podAffinityTerm.labelSelector"))
				take(w, xasprintf("%sspec.affinity.%s.preferredDuringSchedulingIgnoredDuringExecution[%zu].podAffinityTerm."
						  "labelSelector: " NO_LABELS,
						  w->prefix, kinds[k], i));
	}
}

/* --- volumes ---------------------------------------------------------------------------------------------------------- */

static void warn_volumes(const struct pod_looked *w)
{
	static const struct {
		const char *source, *shown, *why;
	} gone[] = {
		{ "photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+" },
		{ "gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+" },
		{ "scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+" },
		{ "flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+" },
		{ "storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+" },
		{ "quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+" },
		{ "glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+" },
		{ "cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+" },
		{ "rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+" },
	};
	char p[FIELD_PATH_MAX];
	const char *source;
	json_t *v, *value;
	size_t i;
	json_array_foreach(json_object_get(w->spec, "volumes"), i, v) {
		json_object_foreach(v, source, value) for (size_t g = 0; g < ARRAY_LEN(gone); g++)
			if (*source == *gone[g].source && !strcmp(source, gone[g].source))
				take(w, xasprintf("%sspec.volumes[%zu].%s: %s", w->prefix, i, gone[g].shown, gone[g].why));
		if (json_object_get(v, "ephemeral"))
			claim_spec_warn(json_at(v, "ephemeral.volumeClaimTemplate.spec"),
					FIELD_PATH(p, "%sspec.volumes[%zu].ephemeral.volumeClaimTemplate.spec", w->prefix, i), w->warnings);
	}
}

/* --- lists with repetitions -------------------------------------------------------------------------------------------- */

static void warn_repeated(const struct pod_looked *w, const char *list, const char *key)
{
	const json_t *all = json_object_get(w->spec, list);
	if (json_array_size(all) < 2)
		return;
	AUTO_MAP *seen = map_new(NULL);
	json_t *v;
	size_t i;
	json_array_foreach(all, i, v) {
		const char *text = json_str_or(v, key, "");
		if (map_has(seen, text))
			take(w, xasprintf("%sspec.%s[%zu].%s: duplicate %s \"%s\"", w->prefix, list, i, key, key, text));
		map_set(seen, text, v);
	}
}

static void warn_secrets(const struct pod_looked *w)
{
	json_t *v;
	size_t i;
	warn_repeated(w, "imagePullSecrets", "name");
	json_array_foreach(json_object_get(w->spec, "imagePullSecrets"), i, v)
		if (!*json_str_or(v, "name", ""))
			take(w, xasprintf("%sspec.imagePullSecrets[%zu].name: invalid empty name \"\"", w->prefix, i));
}

/* --- containers -------------------------------------------------------------------------------------------------------- */

/* Bytes come whole. */
static void warn_fraction(const struct pod_looked *w, const json_t *amounts, const char *name, const char *at)
{
	const char *amount = json_member(amounts, name);
	if (amount && quantity_is_fraction(amount))
		take(w, xasprintf("%s[%s]: " FRACTION, at, name, amount));
}

static void warn_fractions(const struct pod_looked *w, const json_t *container, const char *at)
{
	static const char *const parts[] = { "limits", "requests" }, *const names[] = { "memory", "ephemeral-storage" };
	char p[FIELD_PATH_MAX];
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
			const json_t *amounts = json_object_get(json_object_get(container, "resources"), parts[i]);
			if (json_object_get(amounts, names[n]))
				warn_fraction(w, amounts, names[n], FIELD_PATH(p, "%s.resources.%s", at, parts[i]));
		}
}

/* A variable may be made of what it was before. */
static bool builds_on(const json_t *env, const char *name)
{
	const char *value = json_str_or(env, "value", "");
	AUTO_FREE char *ref = xasprintf("$(%s)", name);
	return !json_object_get(env, "valueFrom") && strcmp(value, ref) && strstr(value, ref);
}

static void warn_env(const struct pod_looked *w, const json_t *container, const char *at)
{
	const json_t *all = json_object_get(container, "env");
	if (json_array_size(all) < 2)
		return;
	AUTO_MAP *seen = map_new(NULL);
	json_t *env;
	size_t i;
	json_array_foreach(all, i, env) {
		const char *name = json_str_or(env, "name", "");
		if (map_has(seen, name) && !builds_on(env, name))
			take(w, xasprintf("%s.env[%zu]: hides previous definition of \"%s\", which may be dropped when using apply", at, i, name));
		map_set(seen, name, env);
	}
}

/* Annotations that a field has taken over from, unless it is there, too. */
static void warn_profiles(const struct pod_looked *w, const json_t *container)
{
#define SECCOMP "container.seccomp.security.alpha.kubernetes.io/"
#define APPARMOR "container.apparmor.security.beta.kubernetes.io/"
	const char *name = json_str_or(container, "name", "");
	if (!json_object_size(w->annotations))
		return;
	const json_t *own = json_object_get(container, "securityContext"), *shared = json_object_get(w->spec, "securityContext");
	AUTO_FREE char *seccomp = xasprintf(SECCOMP "%s", name), *apparmor = xasprintf(APPARMOR "%s", name);
	bool field = json_object_get(own, "appArmorProfile") || json_object_get(shared, "appArmorProfile");
	if (json_object_get(w->annotations, seccomp) && !json_object_get(own, "seccompProfile"))
		take(w, xasprintf("%smetadata.annotations[%s]: non-functional in v1.27+; use the \"seccompProfile\" field instead", w->prefix, seccomp));
	if (json_object_get(w->annotations, apparmor) && *w->prefix && !field)
		take(w, xasprintf("%smetadata.annotations[%s]: deprecated since v1.30; use the \"appArmorProfile\" field instead", w->prefix, apparmor));
}

static void warn_container(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	const struct pod_looked *w = arg;
	(void)r;
	warn_profiles(w, container);
	warn_fractions(w, container, path);
	warn_env(w, container, path);
}

/* --- ports ------------------------------------------------------------------------------------------------------------- */

struct ports_seen {
	const struct pod_looked *w;
	json_t *list; /* [port, path] */
};

static const char *relation(const json_t *a, const json_t *b)
{
	const char *ip_a = json_str_or(a, "hostIP", ""), *ip_b = json_str_or(b, "hostIP", "");
	int64_t host_a = json_int_at(a, "hostPort", 0), host_b = json_int_at(b, "hostPort", 0);
	if (json_int_at(a, "containerPort", 0) != json_int_at(b, "containerPort", 0) ||
	    strcmp(json_str_or(a, "protocol", ""), json_str_or(b, "protocol", "")))
		return NULL;
	if (!strcmp(ip_a, ip_b) && host_a == host_b)
		return "duplicate";
	if (!host_a || !host_b)
		return "overlapping";
	return host_a == host_b && !*ip_a != !*ip_b ? "dangerously ambiguous" : NULL;
}

static void warn_ports(const struct pod_rules *r, const json_t *container, const char *path, void *arg)
{
	struct ports_seen *seen = arg;
	json_t *port, *other;
	size_t i, k;
	(void)r;
	json_array_foreach(json_object_get(container, "ports"), i, port) {
		AUTO_FREE char *at = xasprintf("%s.ports[%zu]", path, i);
		if (*json_str_or(port, "hostIP", "") && !json_int_at(port, "hostPort", 0))
			take(seen->w, xasprintf("%s: hostIP set without hostPort: {Name:%s HostPort:0 ContainerPort:%lld Protocol:%s HostIP:%s}", at,
						json_str_or(port, "name", ""), (long long)json_int_at(port, "containerPort", 0),
						json_str_or(port, "protocol", ""), json_str_or(port, "hostIP", "")));
		json_array_foreach(seen->list, k, other) {
			const char *how = relation(port, json_array_get(other, 0));
			if (how)
				take(seen->w, xasprintf("%s: %s port definition with %s", at, how, json_string_value(json_array_get(other, 1))));
		}
		json_array_append_new(seen->list, json_pack("[O, s]", port, at));
	}
}

/* --- the whole ---------------------------------------------------------------------------------------------------------- */

static void warn_annotations(const struct pod_looked *w)
{
	static const struct {
		const char *key, *why;
	} gone[] = {
		{ "scheduler.alpha.kubernetes.io/critical-pod", "non-functional in v1.16+; use the \"priorityClassName\" field instead" },
		{ "security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead" },
		{ "security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead" },
	};
	for (size_t g = 0; g < ARRAY_LEN(gone); g++)
		if (json_object_get(w->annotations, gone[g].key))
			take(w, xasprintf("%smetadata.annotations[%s]: %s", w->prefix, gone[g].key, gone[g].why));
}

void pod_template_warn(const json_t *template, const char *prefix, char ***warnings)
{
#define SECCOMP_POD "seccomp.security.alpha.kubernetes.io/pod"
	struct pod_looked w = { .spec = json_object_get(template, "spec"), .annotations = json_at(template, "metadata.annotations"),
				.prefix = prefix, .warnings = warnings };
	AUTO_JSON *list = json_array();
	struct ports_seen ports = { .w = &w, .list = list };
	char path[FIELD_PATH_MAX], p[FIELD_PATH_MAX];
	struct pod_rules r = { .spec = w.spec, .path = FIELD_PATH(path, "%sspec", prefix) };
	warn_placement(&w);
	warn_annotations(&w);
	warn_volumes(&w);
	pod_paths_warn(w.spec, warnings);
	warn_repeated(&w, "hostAliases", "ip");
	warn_secrets(&w);
	warn_fraction(&w, json_object_get(w.spec, "overhead"), "memory", FIELD_PATH(p, "%s.overhead", path));
	warn_fraction(&w, json_object_get(w.spec, "overhead"), "ephemeral-storage", p);
	if (json_object_get(w.annotations, SECCOMP_POD) && !json_at(w.spec, "securityContext.seccompProfile"))
		take(&w, xasprintf("%smetadata.annotations[" SECCOMP_POD "]: non-functional in v1.27+; use the \"seccompProfile\" field instead", prefix));
	pod_each_container(&r, warn_container, &w);
	pod_each_container(&r, warn_ports, &ports);
	if (json_int_at(w.spec, "terminationGracePeriodSeconds", 0) < 0)
		take(&w, xasprintf("%s.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1", path));
	warn_pod_affinity(&w);
}

void pod_warn(const json_t *pod, const json_t *old, char ***warnings)
{
	if (old)
		return;
	pod_profiles_warn(pod, warnings);
	hostname_warn(pod, old, "the Pod's hostname", warnings);
	pod_template_warn(pod, "", warnings);
}

/* An update is looked at again when it changed what is wanted. */
static bool is_wanted_again(const json_t *obj, const json_t *old)
{
	return !old || json_int_at(obj, "metadata.generation", 0) != json_int_at(old, "metadata.generation", 0);
}

void workload_warn(const json_t *obj, const json_t *old, char ***warnings)
{
	hostname_warn(obj, old, "Pod names and hostnames", warnings);
	if (is_wanted_again(obj, old))
		pod_template_warn(json_at(obj, "spec.template"), "spec.template.", warnings);
}

void daemonset_warn(const json_t *set, const json_t *old, char ***warnings)
{
	if (is_wanted_again(set, old))
		pod_template_warn(json_at(set, "spec.template"), "spec.template.", warnings);
}

static void job_spec_warn(const json_t *spec, const char *path, char ***warnings)
{
	enum { COMPLETIONS_MAX = 100000, PARALLEL_MAX = 10000 };
	char p[FIELD_PATH_MAX];
	if (!strcmp(json_str_or(spec, "completionMode", ""), "Indexed") && json_int_at(spec, "completions", 0) > COMPLETIONS_MAX &&
	    json_int_at(spec, "parallelism", 0) > PARALLEL_MAX) {
		AUTO_FREE char *text = xasprintf("%s: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
						 "10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
						 path);
		strv_add(warnings, text);
	}
	pod_template_warn(json_object_get(spec, "template"), FIELD_PATH(p, "%s.template.", path), warnings);
}

void job_warn(const json_t *job, const json_t *old, char ***warnings)
{
	hostname_warn(job, old, "Pod names and hostnames", warnings);
	if (is_wanted_again(job, old))
		job_spec_warn(json_object_get(job, "spec"), "spec", warnings);
}

void cronjob_warn(const json_t *cron, const json_t *old, char ***warnings)
{
	static const char zone[] = "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
				   "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
	hostname_warn(cron, old, "Pod names and hostnames", warnings);
	if (is_wanted_again(cron, old))
		job_spec_warn(json_at(cron, "spec.jobTemplate.spec"), "spec.jobTemplate.spec", warnings);
	if (old && strstr(json_str_or(cron, "spec.schedule", ""), "TZ"))
		strv_add(warnings, zone);
}
