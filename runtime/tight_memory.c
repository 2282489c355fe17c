/* Starting within a small memory limit.
 *
 * Two things would take what belongs to the program. Namespaces and mounts are charged to the cgroup of whoever makes them:
 * so the process makes them first and goes in afterwards. And the kernel charges 64 pages at once where they fit, and keeps
 * what is not used for the processor it runs on; a process that then moves to another one finds its cgroup full, and is
 * killed when the first processor is too busy to give them back. They fit into an empty cgroup of 256 KiB: so the limit is
 * one page below that until something is charged. What can fail: the two writes. What always holds: the limit is never
 * above the one that was asked for, and is that one when create or run come back. */
#include "runtime/tight_memory.h"

#include "base/json.h"

#define SET_UP_BYTES (2 << 20)	     /* less than that: enter late */
#define CHARGED_AT_ONCE_BYTES (256 << 10) /* MEMCG_CHARGE_BATCH */
#define PAGE_BYTES 4096

static int64_t limit_of(const json_t *resources)
{
	return json_int_at(resources, "memory.limit", 0);
}

static bool fits_once(int64_t limit)
{
	return limit >= CHARGED_AT_ONCE_BYTES && limit < 2 * CHARGED_AT_ONCE_BYTES;
}

void tight_memory_begin(struct cgroup *cg, const json_t *resources)
{
	int64_t limit = limit_of(resources);
	if (limit > 0 && limit < SET_UP_BYTES)
		cgroup_enter_late(cg);
}

void tight_memory_first(json_t *resources)
{
	if (fits_once(limit_of(resources)))
		json_object_set_new(json_object_get(resources, "memory"), "limit", json_integer(CHARGED_AT_ONCE_BYTES - PAGE_BYTES));
}

int tight_memory_settle(struct cgroup *cg, const json_t *resources, struct err *e)
{
	if (!fits_once(limit_of(resources)))
		return 0;
	const json_t *memory = json_object_get(resources, "memory"), *swap = json_object_get(memory, "swap");
	AUTO_JSON *rest = json_pack("{s:{s:O}}", "memory", "limit", json_object_get(memory, "limit"));
	if (swap) /* on v2 it is told without the limit */
		json_object_set(json_object_get(rest, "memory"), "swap", (json_t *)swap);
	return cgroup_apply(cg, rest, e);
}
