/* Usage of quotas. Purpose: the same count wherever quotas are charged or recounted. Happy path: every kind counts as an
 * object; pods, services and claims count what they ask for besides. Nothing fails. */
#include "cp/kinds/quota_usage.h"

#include <stdlib.h>
#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_resources.h"

#define CLASS_INFIX ".storageclass.storage.k8s.io/"
#define DEVICES_SUFFIX ".deviceclass.resource.k8s.io/devices"

static bool is_core(const struct kind *k, const char *kind)
{
	return !*k->group && strcmp(k->kind, kind) == 0;
}

static bool is_device_claim(const struct kind *k)
{
	return strcmp(k->group, "resource.k8s.io") == 0 && strcmp(k->kind, "ResourceClaim") == 0;
}

static void set_count(json_t *usage, const char *name, int64_t n)
{
	AUTO_FREE char *text = xasprintf("%lld", (long long)n);
	json_object_set_new(usage, name, json_string(text));
}

/* --- pods --------------------------------------------------------------------------------------------------------- */

static bool has_ended(const json_t *pod)
{
	const char *phase = json_str_or(pod, "status.phase", "");
	return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static bool is_plain_compute(const char *name)
{
	return strcmp(name, "cpu") == 0 || strcmp(name, "memory") == 0 || strcmp(name, "ephemeral-storage") == 0;
}

/* Requests and limits under the names of quotas. */
static void add_compute(json_t *usage, const json_t *requests, const json_t *limits)
{
	const char *name;
	json_t *v;
	if (json_is_object(requests))
		json_object_foreach((json_t *)requests, name, v)
		{
			AUTO_FREE char *prefixed = xasprintf("requests.%s", name);
			bool plain = is_plain_compute(name), huge = str_has_prefix(name, "hugepages-");
			if (plain || huge)
				json_object_set(usage, name, v);
			if (plain || huge || strchr(name, '/'))
				json_object_set(usage, prefixed, v);
		}
	if (json_is_object(limits))
		json_object_foreach((json_t *)limits, name, v)
		{
			AUTO_FREE char *prefixed = xasprintf("limits.%s", name);
			if (is_plain_compute(name))
				json_object_set(usage, prefixed, v);
		}
}

static void pod_usage(json_t *usage, const json_t *pod)
{
	const json_t *spec = json_object_get(pod, "spec");
	if (has_ended(pod))
		return;
	AUTO_JSON *requests = pod_resources(spec, "requests", true), *limits = pod_resources(spec, "limits", true);
	set_count(usage, "pods", 1);
	add_compute(usage, requests, limits);
}

/* --- services and claims ------------------------------------------------------------------------------------------ */

static void service_usage(json_t *usage, const json_t *service)
{
	const char *type = json_str_or(service, "spec.type", "");
	const json_t *ports = json_at(service, "spec.ports");
	bool balanced = strcmp(type, "LoadBalancer") == 0;
	int64_t node_ports = 0;
	size_t i;
	json_t *p;
	if (balanced && !json_bool_at(service, "spec.allocateLoadBalancerNodePorts", true))
		json_array_foreach(ports, i, p) node_ports += json_int_at(p, "nodePort", 0) > 0;
	else if (balanced || strcmp(type, "NodePort") == 0)
		node_ports = (int64_t)json_array_size(ports);
	set_count(usage, "services", 1);
	set_count(usage, "services.nodeports", node_ports);
	set_count(usage, "services.loadbalancers", balanced);
}

/* In whole bytes; while a claim grows, what is set apart for it already counts. NULL: it asks for none. */
static char *claim_storage(const json_t *claim)
{
	const char *wanted = json_member(json_at(claim, "spec.resources.requests"), "storage");
	const char *apart = json_member(json_at(claim, "status.allocatedResources"), "storage");
	const char *most = wanted && apart && quantity_compare(apart, wanted) > 0 ? apart : wanted;
	int64_t milli = 0, whole = 0;
	if (!most)
		return NULL;
	if (quantity_parse_milli(most, &milli) < 0 || milli == INT64_MAX || milli % 1000 == 0 || quantity_parse(most, &whole) < 0)
		return xstrdup(most);
	return xasprintf("%lld", (long long)whole);
}

static void claim_usage(json_t *usage, const json_t *claim)
{
	const char *class = json_member(json_at(claim, "metadata.annotations"), "volume.beta.kubernetes.io/storage-class");
	AUTO_FREE char *storage = claim_storage(claim);
	if (!class)
		class = json_str_or(claim, "spec.storageClassName", "");
	set_count(usage, "persistentvolumeclaims", 1);
	if (storage)
		json_object_set_new(usage, "requests.storage", json_string(storage));
	if (!*class)
		return;
	AUTO_FREE char *count = xasprintf("%s" CLASS_INFIX "persistentvolumeclaims", class);
	AUTO_FREE char *size = xasprintf("%s" CLASS_INFIX "requests.storage", class);
	set_count(usage, count, 1);
	if (storage)
		json_object_set_new(usage, size, json_string(storage));
}

/* --- claims to devices -------------------------------------------------------------------------------------------- */

static int64_t device_count(const json_t *request)
{
	enum { MOST_DEVICES = 32 }; /* that one claim may be given */
	const char *mode = json_str_or(request, "allocationMode", "");
	if (strcmp(mode, "All") == 0)
		return MOST_DEVICES;
	return strcmp(mode, "ExactCount") == 0 ? json_int_at(request, "count", 0) : 0;
}

/* By class, the most that one of the alternatives may take. */
static json_t *most_of(const json_t *alternatives)
{
	json_t *most = json_object(), *r;
	size_t i;
	json_array_foreach(alternatives, i, r)
	{
		const char *class = json_str_or(r, "deviceClassName", "");
		int64_t n = device_count(r);
		if (!json_object_get(most, class) || n > json_integer_value(json_object_get(most, class)))
			json_object_set_new(most, class, json_integer(n));
	}
	return most;
}

static void device_usage(json_t *usage, const json_t *claim)
{
	AUTO_JSON *total = json_object();
	json_t *r, *n;
	const char *class;
	size_t i;
	json_array_foreach(json_at(claim, "spec.devices.requests"), i, r)
	{
		json_t *first = json_object_get(r, "firstAvailable"), *exactly = json_object_get(r, "exactly");
		AUTO_JSON *one = json_array_size(first) ? json_incref(first) : json_pack("[O]", exactly ? exactly : r);
		AUTO_JSON *most = most_of(one);
		json_object_foreach(most, class, n) json_object_set_new(
			total, class, json_integer(json_integer_value(json_object_get(total, class)) + json_integer_value(n)));
	}
	json_object_foreach(total, class, n)
	{
		AUTO_FREE char *name = xasprintf("%s" DEVICES_SUFFIX, class);
		set_count(usage, name, json_integer_value(n));
	}
}

static const char *const counted[] = { "replicationcontrollers", "resourcequotas", "secrets", "configmaps", NULL };

json_t *quota_usage(const struct kind *k, const json_t *object)
{
	json_t *usage = json_object();
	AUTO_FREE char *count = *k->group ? xasprintf("count/%s.%s", k->plural, k->group) : xasprintf("count/%s", k->plural);
	set_count(usage, count, 1);
	if (is_core(k, "Pod"))
		pod_usage(usage, object);
	else if (is_core(k, "Service"))
		service_usage(usage, object);
	else if (is_core(k, "PersistentVolumeClaim"))
		claim_usage(usage, object);
	else if (is_device_claim(k))
		device_usage(usage, object);
	else if (!*k->group && strv_has((char *const *)counted, k->plural))
		set_count(usage, k->plural, 1);
	return usage;
}

/* --- scopes ------------------------------------------------------------------------------------------------------- */

static bool reaches_other_namespaces(const json_t *pod)
{
	static const char *const kinds[] = { "spec.affinity.podAffinity", "spec.affinity.podAntiAffinity" };
	static const char *const lists[] = { "requiredDuringSchedulingIgnoredDuringExecution",
					     "preferredDuringSchedulingIgnoredDuringExecution" };
	for (size_t i = 0; i < ARRAY_LEN(kinds) * ARRAY_LEN(lists); i++) {
		size_t at;
		json_t *t;
		json_array_foreach(json_object_get(json_at(pod, kinds[i / 2]), lists[i % 2]), at, t)
		{
			const json_t *term = i % 2 ? json_object_get(t, "podAffinityTerm") : t;
			if (json_array_size(json_object_get(term, "namespaces")) || json_object_get(term, "namespaceSelector"))
				return true;
		}
	}
	return false;
}

/* In and NotIn on the class of a pod; Exists and DoesNotExist. */
static bool class_fits(const json_t *pod, const char *op, const json_t *values)
{
	const char *class = json_str_or(pod, "spec.priorityClassName", "");
	bool listed = json_has_text(values, class);
	if (strcmp(op, "In") == 0)
		return *class && listed;
	if (strcmp(op, "NotIn") == 0)
		return !listed;
	return (strcmp(op, "Exists") == 0) == (*class != '\0');
}

static bool scope_fits(const json_t *pod, const char *scope, const char *op, const json_t *values)
{
	const json_t *deadline = json_at(pod, "spec.activeDeadlineSeconds");
	bool best_effort = strcmp(pod_qos_class(json_object_get(pod, "spec")), "BestEffort") == 0;
	if (strcmp(scope, "Terminating") == 0)
		return deadline != NULL;
	if (strcmp(scope, "NotTerminating") == 0)
		return deadline == NULL;
	if (strcmp(scope, "BestEffort") == 0)
		return best_effort;
	if (strcmp(scope, "NotBestEffort") == 0)
		return !best_effort;
	if (strcmp(scope, "PriorityClass") == 0)
		return class_fits(pod, op, values);
	return strcmp(scope, "CrossNamespacePodAffinity") == 0 && reaches_other_namespaces(pod);
}

/* The class that is wanted, the one in force, and the one on its way each fit for themselves. */
static bool claim_scope_fits(const json_t *claim, const char *scope, const char *op, const json_t *values)
{
	static const char *const paths[] = { "spec.volumeAttributesClassName", "status.currentVolumeAttributesClassName",
					     "status.modifyVolumeStatus.targetVolumeAttributesClassName" };
	bool any = false, in = strcmp(op, "In") == 0, exists = strcmp(op, "Exists") == 0;
	if (strcmp(scope, "VolumeAttributesClass") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const char *class = json_str_or(claim, paths[i], "");
		if (!*class)
			continue;
		any = true;
		if (exists || ((in || strcmp(op, "NotIn") == 0) && json_has_text(values, class) == in))
			return true;
	}
	return !any && !in && !exists;
}

bool quota_scopes_fit(const json_t *quota, const struct kind *k, const json_t *object)
{
	const json_t *scopes = json_at(quota, "spec.scopes"), *terms = json_at(quota, "spec.scopeSelector.matchExpressions");
	bool pod = is_core(k, "Pod"), claim = is_core(k, "PersistentVolumeClaim");
	size_t i;
	json_t *s;
	if (!pod && !claim)
		return !json_array_size(scopes) && !json_array_size(terms);
	bool (*fits)(const json_t *, const char *, const char *, const json_t *) = pod ? scope_fits : claim_scope_fits;
	json_array_foreach(scopes, i, s)
	{
		if (!fits(object, json_string_value(s), "Exists", NULL))
			return false;
	}
	json_array_foreach(terms, i, s)
	{
		if (!fits(object, json_str_or(s, "scopeName", ""), json_str_or(s, "operator", "Exists"),
			  json_object_get(s, "values")))
			return false;
	}
	return true;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static bool pod_counts(const char *name)
{
	static const char *const plain[] = { "pods",	  "cpu",	     "memory",	   "ephemeral-storage",
					     "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
					     "requests.ephemeral-storage", "limits.ephemeral-storage", NULL };
	if (strv_has((char *const *)plain, name) || str_has_prefix(name, "hugepages-") ||
	    str_has_prefix(name, "requests.hugepages-"))
		return true;
	return str_has_prefix(name, "requests.") && strchr(name, '/') && !strstr(name, CLASS_INFIX);
}

static bool counts(const struct kind *k, const char *name)
{
	AUTO_FREE char *count = *k->group ? xasprintf("count/%s.%s", k->plural, k->group) : xasprintf("count/%s", k->plural);
	if (strcmp(name, count) == 0)
		return true;
	if (is_core(k, "Pod"))
		return pod_counts(name);
	if (is_core(k, "Service"))
		return strcmp(name, "services") == 0 || str_has_prefix(name, "services.");
	if (is_core(k, "PersistentVolumeClaim"))
		return strcmp(name, "persistentvolumeclaims") == 0 || strcmp(name, "requests.storage") == 0 ||
		       str_has_suffix(name, CLASS_INFIX "persistentvolumeclaims") || str_has_suffix(name, CLASS_INFIX "requests.storage");
	if (is_device_claim(k))
		return str_has_suffix(name, DEVICES_SUFFIX);
	return !*k->group && strv_has((char *const *)counted, k->plural) && strcmp(name, k->plural) == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **quota_resources(const struct kind *k, const json_t *hard)
{
	char **names = NULL;
	const char *name;
	json_t *v;
	if (json_is_object(hard))
		json_object_foreach((json_t *)hard, name, v)
		{
			if (counts(k, name))
				strv_add(&names, name);
		}
	if (names)
		qsort(names, strv_len(names), sizeof(*names), by_text);
	return names;
}

static bool says(const json_t *holder, const char *name)
{
	AUTO_JSON *usage = json_object();
	add_compute(usage, json_at(holder, "resources.requests"), json_at(holder, "resources.limits"));
	return json_object_get(usage, name) != NULL;
}

/* The containers that do not say it: "a,b"; NULL when all do. */
static char *silent_containers(const json_t *pod, const char *name)
{
	static const char *const lists[] = { "spec.containers", "spec.initContainers" };
	AUTO_STRV char **silent = NULL;
	size_t i;
	json_t *c;
	if (says(json_object_get(pod, "spec"), name))
		return NULL;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		json_array_foreach(json_at(pod, lists[l]), i, c)
		{
			if (!says(c, name))
				strv_add(&silent, json_str_or(c, "name", ""));
		}
	if (!silent)
		return NULL;
	qsort(silent, strv_len(silent), sizeof(*silent), by_text);
	return str_join(silent, ",");
}

char *quota_unspecified(char *const *names, const json_t *pod)
{
	static const char *const demanded[] = { "cpu",	      "memory",	    "requests.cpu", "requests.memory",
						"limits.cpu", "limits.memory", NULL };
	struct str out = STR_INIT;
	for (size_t i = 0; names && names[i]; i++) {
		AUTO_FREE char *silent = strv_has((char *const *)demanded, names[i]) ? silent_containers(pod, names[i]) : NULL;
		if (silent)
			str_addf(&out, "%s%s for: %s", out.len ? "; " : "", names[i], silent);
	}
	return out.len ? str_take(&out) : NULL;
}
