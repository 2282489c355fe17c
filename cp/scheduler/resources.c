/* Amounts of resources; pure, nothing can fail. */
#include "cp/scheduler/resources.h"

#include <stdlib.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/mem.h"

enum { SCORED_CPU_MILLI = 100, SCORED_MEMORY_BYTES = 200 * 1024 * 1024 };

void resources_done(struct resources *r)
{
	for (size_t i = 0; i < r->n_extended; i++)
		free(r->extended[i].name);
	free(r->extended);
	*r = (struct resources){0};
}

static int64_t *extended_slot(struct resources *r, const char *name)
{
	for (size_t i = 0; i < r->n_extended; i++) {
		if (str_eq(r->extended[i].name, name))
			return &r->extended[i].n;
	}
	r->extended = xreallocarray(r->extended, r->n_extended + 1, sizeof(*r->extended));
	r->extended[r->n_extended] = (struct extended){.name = xstrdup(name)};
	return &r->extended[r->n_extended++].n;
}

int64_t resources_extended(const struct resources *r, const char *name)
{
	for (size_t i = 0; i < r->n_extended; i++) {
		if (str_eq(r->extended[i].name, name))
			return r->extended[i].n;
	}
	return 0;
}

static int64_t *slot(struct resources *r, const char *name)
{
	if (str_eq(name, "cpu"))
		return &r->cpu_milli;
	if (str_eq(name, "memory"))
		return &r->memory_bytes;
	if (str_eq(name, "ephemeral-storage"))
		return &r->ephemeral_bytes;
	if (str_eq(name, "pods"))
		return &r->pods;
	return extended_slot(r, name);
}

static int64_t amount(const char *name, const json_t *value)
{
	int64_t n = 0;
	AUTO_FREE char *number =
	    json_is_integer(value) ? xasprintf("%lld", (long long)json_integer_value(value)) : NULL;
	const char *text = number ? number : json_string_value(value);
	if (!text || (str_eq(name, "cpu") ? quantity_parse_milli(text, &n) : quantity_parse(text, &n)) < 0)
		return 0;
	return n;
}

static int64_t add_saturated(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void resources_add_map(struct resources *r, const json_t *map)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)map, name, value)
	{
		int64_t *n = slot(r, name);
		*n = add_saturated(*n, amount(name, value));
	}
}

void resources_add(struct resources *r, const struct resources *more)
{
	r->cpu_milli = add_saturated(r->cpu_milli, more->cpu_milli);
	r->memory_bytes = add_saturated(r->memory_bytes, more->memory_bytes);
	r->ephemeral_bytes = add_saturated(r->ephemeral_bytes, more->ephemeral_bytes);
	r->pods += more->pods;
	for (size_t i = 0; i < more->n_extended; i++) {
		int64_t *n = extended_slot(r, more->extended[i].name);
		*n = add_saturated(*n, more->extended[i].n);
	}
}

void resources_sub(struct resources *r, const struct resources *less)
{
	r->cpu_milli -= less->cpu_milli;
	r->memory_bytes -= less->memory_bytes;
	r->ephemeral_bytes -= less->ephemeral_bytes;
	r->pods -= less->pods;
	for (size_t i = 0; i < less->n_extended; i++)
		*extended_slot(r, less->extended[i].name) -= less->extended[i].n;
}

/* The larger of each. */
static void resources_max(struct resources *r, const struct resources *other)
{
	r->cpu_milli = MAX(r->cpu_milli, other->cpu_milli);
	r->memory_bytes = MAX(r->memory_bytes, other->memory_bytes);
	r->ephemeral_bytes = MAX(r->ephemeral_bytes, other->ephemeral_bytes);
	for (size_t i = 0; i < other->n_extended; i++) {
		int64_t *n = extended_slot(r, other->extended[i].name);
		*n = MAX(*n, other->extended[i].n);
	}
}

/* The requests of one container; scored: with the least that scoring assumes. */
static void add_container(struct resources *r, const json_t *container, bool scored)
{
	const json_t *requests = json_at(container, "resources.requests");
	resources_add_map(r, requests);
	if (scored && !json_object_get(requests, "cpu"))
		r->cpu_milli += SCORED_CPU_MILLI;
	if (scored && !json_object_get(requests, "memory"))
		r->memory_bytes += SCORED_MEMORY_BYTES;
}

static void sum_containers(const json_t *spec, bool scored, struct resources *ret)
{
	struct resources sidecars = {0}, init = {0};
	size_t i;
	json_t *c;
	json_array_foreach(json_object_get(spec, "containers"), i, c) add_container(ret, c, scored);
	json_array_foreach(json_object_get(spec, "initContainers"), i, c)
	{
		if (str_eq(json_member(c, "restartPolicy"), "Always")) {
			add_container(&sidecars, c, scored);
			resources_max(&init, &sidecars);
			continue;
		}
		struct resources one = {0};
		add_container(&one, c, scored);
		resources_add(&one, &sidecars);
		resources_max(&init, &one);
		resources_done(&one);
	}
	resources_add(ret, &sidecars);
	resources_max(ret, &init);
	resources_done(&sidecars);
	resources_done(&init);
}

/* Requests of the pod as a whole take the place of the sum. */
static void override_by_pod(const json_t *spec, struct resources *ret)
{
	const char *name;
	json_t *value;
	json_object_foreach(json_at(spec, "resources.requests"), name, value) * slot(ret, name) = amount(name, value);
	resources_add_map(ret, json_object_get(spec, "overhead"));
}

void resources_of_pod(const json_t *spec, struct resources *ret, int64_t *ret_scored_cpu_milli,
		      int64_t *ret_scored_memory_bytes)
{
	struct resources scored = {0};
	sum_containers(spec, false, ret);
	override_by_pod(spec, ret);
	ret->pods = 1;
	sum_containers(spec, true, &scored);
	override_by_pod(spec, &scored);
	*ret_scored_cpu_milli = scored.cpu_milli;
	*ret_scored_memory_bytes = scored.memory_bytes;
	resources_done(&scored);
}
