/* Requests and limits as OCI resources, and the score by which the kernel chooses whom to kill. Pure, cannot fail.
 * Kubernetes concepts, Resource Management for Pods and Containers; Node out-of-memory behaviour. */
#include <string.h>

#include "agent/oci_spec.h"
#include "agent/pod_status.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { PERIOD_US = 100000, QUOTA_MIN_US = 1000, SHARES_MIN = 2, SHARES_MAX = 262144 };

struct wants {
	int64_t cpu_request_milli, cpu_limit_milli, memory_request, memory_limit;
};

static int64_t get_milli(const json_t *list, const char *name)
{
	int64_t v = 0;
	const char *text = json_member(list, name);
	return text && quantity_parse_milli(text, &v) == 0 ? v : 0;
}

static int64_t get_bytes(const json_t *list, const char *name)
{
	int64_t v = 0;
	const char *text = json_member(list, name);
	return text && quantity_parse(text, &v) == 0 ? v : 0;
}

static struct wants wants_of(const json_t *resources)
{
	const json_t *limits = json_object_get(resources, "limits"), *requests = json_object_get(resources, "requests");
	struct wants w = {get_milli(requests, "cpu"), get_milli(limits, "cpu"), get_bytes(requests, "memory"),
			  get_bytes(limits, "memory")};
	if (!json_object_get(requests, "cpu"))
		w.cpu_request_milli = w.cpu_limit_milli;
	if (!json_object_get(requests, "memory"))
		w.memory_request = w.memory_limit;
	return w;
}

static json_t *to_oci(const struct wants *w)
{
	json_t *o = json_object();
	int64_t shares = w->cpu_request_milli * 1024 / 1000;
	json_set_int(o, "cpu.shares", MIN(MAX(shares, (int64_t)SHARES_MIN), (int64_t)SHARES_MAX));
	if (w->cpu_limit_milli) {
		json_set_int(o, "cpu.period", PERIOD_US);
		json_set_int(o, "cpu.quota", MAX(w->cpu_limit_milli * PERIOD_US / 1000, (int64_t)QUOTA_MIN_US));
	}
	if (w->memory_limit)
		json_set_int(o, "memory.limit", w->memory_limit);
	return o;
}

/* "hugepages-2Mi" -> {"pageSize": "2MB", "limit": n} */
static void add_hugepages(json_t *o, const json_t *limits)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)limits, key, v)
	{
		if (!str_has_prefix(key, "hugepages-"))
			continue;
		int64_t size = 0;
		if (quantity_parse(key + strlen("hugepages-"), &size) < 0)
			continue;
		static const char units[] = "BKMG";
		size_t u = 0;
		for (; size >= 1024 && u < 3; u++)
			size /= 1024;
		AUTO_FREE char *name =
		    u ? xasprintf("%lld%cB", (long long)size, units[u]) : xasprintf("%lldB", (long long)size);
		json_array_append_new(
		    json_array_at(o, "hugepageLimits"),
		    json_pack("{s:s, s:I}", "pageSize", name, "limit", (json_int_t)get_bytes(limits, key)));
	}
}

json_t *oci_resources(const json_t *container)
{
	struct wants w = wants_of(json_object_get(container, "resources"));
	json_t *o = to_oci(&w);
	add_hugepages(o, json_at(container, "resources.limits"));
	return o;
}

static void sum(struct wants *total, const struct wants *w, bool *cpu_all, bool *memory_all)
{
	total->cpu_request_milli += w->cpu_request_milli;
	total->memory_request += w->memory_request;
	total->cpu_limit_milli += w->cpu_limit_milli;
	total->memory_limit += w->memory_limit;
	*cpu_all &= w->cpu_limit_milli > 0;
	*memory_all &= w->memory_limit > 0;
}

static void at_least(struct wants *total, const struct wants *w)
{
	total->cpu_request_milli = MAX(total->cpu_request_milli, w->cpu_request_milli);
	total->memory_request = MAX(total->memory_request, w->memory_request);
	total->cpu_limit_milli = MAX(total->cpu_limit_milli, w->cpu_limit_milli);
	total->memory_limit = MAX(total->memory_limit, w->memory_limit);
}

/* The sum of what runs together, at least what the largest init container needs; limits only where all have them. */
json_t *oci_pod_resources(const json_t *pod)
{
	struct wants total = {0}, largest = {0};
	bool cpu_all = true, memory_all = true;
	size_t i;
	json_t *c;
	json_array_foreach(json_at(pod, "spec.containers"), i, c)
	{
		struct wants w = wants_of(json_object_get(c, "resources"));
		sum(&total, &w, &cpu_all, &memory_all);
	}
	json_array_foreach(json_at(pod, "spec.initContainers"), i, c)
	{
		struct wants w = wants_of(json_object_get(c, "resources"));
		if (str_eq(json_str_at(c, "restartPolicy"), "Always")) {
			sum(&total, &w, &cpu_all, &memory_all);
			continue;
		}
		cpu_all &= w.cpu_limit_milli > 0;
		memory_all &= w.memory_limit > 0;
		at_least(&largest, &w);
	}
	at_least(&total, &largest);
	struct wants own = wants_of(json_at(pod, "spec.resources"));
	if (own.cpu_request_milli)
		total.cpu_request_milli = own.cpu_request_milli;
	total.cpu_limit_milli = own.cpu_limit_milli ? own.cpu_limit_milli : cpu_all ? total.cpu_limit_milli : 0;
	total.memory_limit = own.memory_limit ? own.memory_limit : memory_all ? total.memory_limit : 0;
	return to_oci(&total);
}

int oci_oom_score(const json_t *pod, const json_t *container, int64_t node_memory_bytes)
{
	const char *qos = pod_qos(pod);
	if (!strcmp(qos, "Guaranteed"))
		return -997;
	if (!strcmp(qos, "BestEffort") || node_memory_bytes <= 0)
		return 1000;
	struct wants w = wants_of(json_object_get(container, "resources"));
	int64_t score = 1000 - 1000 * (w.memory_request / 1024) / (node_memory_bytes / 1024 + 1);
	return (int)MIN(MAX(score, (int64_t)3), (int64_t)999);
}
