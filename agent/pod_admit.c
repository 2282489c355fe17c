/* Admission of pods on the node: number, requests, ports on the host. Pure, nothing can fail; the first thing that is missing is
 * told. */
#include "agent/pod_admit.h"

#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static int64_t request_of(const json_t *container, const char *resource)
{
	const char *text = json_member(json_at(container, "resources.requests"), resource);
	int64_t milli = 0;
	if (!text)
		text = json_member(json_at(container, "resources.limits"), resource);
	return text && quantity_parse_milli(text, &milli) == 0 ? milli : 0;
}

/* What runs together, at least what the largest init container wants; in thousandths. */
static int64_t requests_of(const json_t *pod, const char *resource)
{
	int64_t sum = 0, largest = 0, overhead = 0;
	size_t i;
	json_t *c;
	json_array_foreach(json_at(pod, "spec.containers"), i, c) sum += request_of(c, resource);
	json_array_foreach(json_at(pod, "spec.initContainers"), i, c)
	{
		int64_t one = request_of(c, resource);
		if (str_eq(json_str_at(c, "restartPolicy"), "Always"))
			sum += one;
		else
			largest = MAX(largest, one);
	}
	const char *text = json_member(json_at(pod, "spec.overhead"), resource);
	if (text)
		(void)quantity_parse_milli(text, &overhead);
	return MAX(sum, largest) + overhead;
}

static bool is_any(const char *ip)
{
	return str_empty(ip) || !strcmp(ip, "0.0.0.0") || !strcmp(ip, "::");
}

static bool same_port(const json_t *a, const json_t *b)
{
	const char *ip_a = json_str_at(a, "hostIP"), *ip_b = json_str_at(b, "hostIP");
	return json_int_at(a, "hostPort", 0) > 0 && json_int_at(a, "hostPort", 0) == json_int_at(b, "hostPort", 0) &&
	       !strcmp(json_str_or(a, "protocol", "TCP"), json_str_or(b, "protocol", "TCP")) &&
	       (is_any(ip_a) || is_any(ip_b) || !strcmp(ip_a, ip_b));
}

static bool port_taken(const json_t *port, const json_t *pod)
{
	size_t i, k;
	json_t *c, *other;
	json_array_foreach(json_at(pod, "spec.containers"), i, c)
	{
		json_array_foreach(json_object_get(c, "ports"), k, other)
		{
			if (same_port(port, other))
				return true;
		}
	}
	return false;
}

static bool ports_clash(const struct pod_admit_in *in)
{
	size_t i, k;
	json_t *c, *port;
	json_array_foreach(json_at(in->pod, "spec.containers"), i, c)
	{
		json_array_foreach(json_object_get(c, "ports"), k, port)
		{
			for (size_t n = 0; n < in->n_others; n++)
				if (port_taken(port, in->others[n]))
					return true;
		}
	}
	return false;
}

const char *pod_admit(const struct pod_admit_in *in, char **ret_message)
{
	const struct {
		const char *resource, *reason;
		int64_t capacity; /* in the units of the message */
		int64_t unit;	  /* of them, in thousandths */
	} amounts[] = {{"cpu", "OutOfcpu", in->cpu_milli, 1}, {"memory", "OutOfmemory", in->memory_bytes, 1000}};
	if (in->n_others >= (size_t)in->max_pods) {
		*ret_message = xasprintf("Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: %zu, capacity: %d",
					 in->n_others, in->max_pods);
		return "OutOfpods";
	}
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		int64_t want = requests_of(in->pod, amounts[i].resource) / amounts[i].unit, used = 0;
		for (size_t n = 0; n < in->n_others; n++)
			used += requests_of(in->others[n], amounts[i].resource) / amounts[i].unit;
		if (!want || !amounts[i].capacity || used + want <= amounts[i].capacity)
			continue;
		*ret_message = xasprintf("Pod was rejected: Node didn't have enough resource: %s, requested: %lld, used: %lld, capacity: %lld",
					 amounts[i].resource, (long long)want, (long long)used, (long long)amounts[i].capacity);
		return amounts[i].reason;
	}
	if (ports_clash(in)) {
		*ret_message = xstrdup("Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports");
		return "NodePorts";
	}
	return NULL;
}
