/* From OCI linux.resources to the list of files to write: a pure function for each hierarchy version. */
#ifndef KNARR_CGROUPS_RESOURCES_PLAN_H
#define KNARR_CGROUPS_RESOURCES_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct resource_write {
	const char *controller; /* v1: the hierarchy; v2: only names the controller. Static text */
	char *file;             /* "memory.limit_in_bytes", owned */
	char *value;            /* owned */
	bool optional;          /* a kernel without the file does not matter */
	bool or_next;           /* the next one is only for a kernel without this file */
};

struct resources_plan {
	struct resource_write *writes; /* in the order in which they must be written */
	size_t n;
};

/* Adds the writes. -EINVAL with the field's name for wrong types and impossible values. Devices are not part of it
 * (device_rules.h). */
int resources_plan(const json_t *resources, bool v2, struct resources_plan *ret, struct err *e);
void resources_plan_done(struct resources_plan *p);
#define AUTO_RESOURCES_PLAN AUTO(resources_plan_done) struct resources_plan

/* memory.swap.max (-1: "max") from OCI's swap, which is memory and swap together; 0 is unset unless swap is above 0. -EINVAL. */
int resources_v2_swap(int64_t swap, int64_t limit, int64_t *ret, struct err *e);
/* cpu.shares 2..262144 to cpu.weight 1..10000, 1024 to 100 (0 stays 0: unset). */
uint64_t cpu_shares_to_weight(uint64_t shares);
/* blkio weight 10..1000 to io.weight 1..10000. */
uint64_t blkio_weight_to_io(uint64_t weight);

#endif
