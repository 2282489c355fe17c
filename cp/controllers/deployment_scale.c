/* Sharing replicas out among the sets of a Deployment.
 *
 * When spec.replicas changes in the middle of a rollout, every set grows or shrinks in proportion to its size, so that
 * a broken new version does not get all of the growth (Kubernetes concepts, Deployment, Proportional scaling). Always
 * holds: the parts add up to replicas + maxSurge. Nothing can fail. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/controllers/deployment_internal.h"
#include "cp/controllers/object.h"

static int64_t number_annotation(const json_t *rs, const char *name, int64_t otherwise)
{
	const char *text = object_annotation(rs, name);
	int64_t n;
	return text && str_to_i64(text, &n) == 0 ? n : otherwise;
}

bool rollout_is_scaling(const struct rollout *r)
{
	size_t i;
	json_t *rs;
	json_array_foreach(r->all, i, rs)
	{
		if (rs_replicas(rs) > 0 &&
		    number_annotation(rs, DESIRED_REPLICAS, r->bounds.replicas) != r->bounds.replicas)
			return true;
	}
	return false;
}

int64_t rollout_new_replicas(const struct rollout *r, int64_t newest_replicas)
{
	if (newest_replicas >= r->bounds.replicas || str_eq(json_str_at(r->d, "spec.strategy.type"), "Recreate"))
		return r->bounds.replicas;
	int64_t room = r->bounds.replicas + r->bounds.max_surge - rollout_sum_replicas(r);
	return room <= 0 ? newest_replicas : newest_replicas + MIN(room, r->bounds.replicas - newest_replicas);
}

/* The part of to_add that a set of this size is due. */
static int64_t share(const struct rollout *r, const json_t *rs, int64_t to_add, int64_t added)
{
	int64_t size = rs_replicas(rs), before = number_annotation(rs, MAX_REPLICAS, 0);
	if (!size || to_add == added)
		return 0;
	if (!before)
		before = json_int_at(r->d, "status.replicas", 0);
	int64_t fraction = r->bounds.replicas == 0 ? -size : 0;
	if (r->bounds.replicas && before) {
		int64_t scaled = size * (r->bounds.replicas + r->bounds.max_surge);
		fraction = (2 * scaled + before) / (2 * before) - size;
	}
	return to_add > 0 ? MIN(fraction, to_add - added) : MAX(fraction, to_add - added);
}

struct part {
	const json_t *rs;
	int64_t size;
	size_t age; /* index, oldest first */
};

static int larger_newer_first(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return x->size != y->size ? (x->size > y->size ? -1 : 1) : x->age > y->age ? -1 : 1;
}

static int larger_older_first(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return x->size != y->size ? (x->size > y->size ? -1 : 1) : x->age < y->age ? -1 : 1;
}

static void share_out(struct rollout *r, struct part *parts, size_t n)
{
	int64_t allowed = r->bounds.replicas ? r->bounds.replicas + r->bounds.max_surge : 0, total = 0, added = 0;
	for (size_t i = 0; i < n; i++)
		total += parts[i].size;
	int64_t to_add = allowed - total;
	qsort(parts, n, sizeof(*parts), to_add > 0 ? larger_newer_first : larger_older_first);
	for (size_t i = 0; i < n && to_add; i++) {
		int64_t more = share(r, parts[i].rs, to_add, added);
		parts[i].size += more;
		added += more;
	}
	if (n && to_add)
		parts[0].size = MAX(parts[0].size + to_add - added, 0);
	for (size_t i = 0; i < n; i++)
		rollout_scale(r, parts[i].rs, parts[i].size);
}

static bool is_saturated(const struct rollout *r)
{
	return r->newest && rs_replicas(r->newest) == r->bounds.replicas &&
	       rs_available(r->newest) == r->bounds.replicas &&
	       number_annotation(r->newest, DESIRED_REPLICAS, -1) == r->bounds.replicas;
}

void rollout_proportional(struct rollout *r)
{
	size_t i, n = 0, count = json_array_size(r->all);
	AUTO_FREE struct part *parts = xcalloc(count + 1, sizeof(*parts));
	json_t *rs;
	json_array_foreach(r->all, i, rs)
	{
		if (rs_replicas(rs) > 0)
			parts[n++] = (struct part){rs, rs_replicas(rs), i};
	}
	if (n <= 1) {
		const json_t *only = n           ? parts[0].rs
				     : r->newest ? r->newest
						 : json_array_get(r->all, count ? count - 1 : 0);
		if (only)
			rollout_scale(r, only, r->bounds.replicas);
	} else if (is_saturated(r)) {
		for (i = 0; i < n; i++) {
			if (parts[i].rs != r->newest)
				rollout_scale(r, parts[i].rs, 0);
		}
	} else if (!str_eq(json_str_at(r->d, "spec.strategy.type"), "Recreate")) {
		share_out(r, parts, n);
	}
}
