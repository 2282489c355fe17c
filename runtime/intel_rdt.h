/* Cache and memory bandwidth of a container (OCI runtime-spec config-linux.md, IntelRdt). */
#ifndef KNARR_RUNTIME_INTEL_RDT_H
#define KNARR_RUNTIME_INTEL_RDT_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define INTEL_RDT_ROOT "/sys/fs/resctrl"

/* Strings are borrowed from the JSON. */
struct intel_rdt {
	bool given, monitoring;
	const char *clos_id; /* NULL: a group of the container's own, named as it */
	const char *l3, *bandwidth;
	const json_t *schemata;
};

/* The object linux.intelRdt, NULL: none. -EINVAL with runc's texts. Pure. */
int intel_rdt_parse(const json_t *j, struct intel_rdt *ret, struct err *e);
/* The mounted resctrl, or NULL where there is none. */
const char *intel_rdt_root(void);
/* root NULL: there is none. -EINVAL where schemas are wanted that this machine does not have, with runc's texts. */
int intel_rdt_check(const struct intel_rdt *r, const char *root, struct err *e);
/* The group below root, made where it is the container's own, its schemata, its monitoring group, and pid in them. Nothing
 * without a root. */
int intel_rdt_enter(const struct intel_rdt *r, const char *root, const char *id, pid_t pid, struct err *e);
/* A further process of the container. */
int intel_rdt_join(const struct intel_rdt *r, const char *root, const char *id, pid_t pid, struct err *e);
/* The schemas of to become those of the group, which is made, with pid in it, where there is none. root is not NULL. */
int intel_rdt_change(const struct intel_rdt *r, const char *root, const char *id, pid_t pid, const struct intel_rdt *to,
		     struct err *e);
/* Removes what intel_rdt_enter() made; absent is fine. */
void intel_rdt_leave(const struct intel_rdt *r, const char *root, const char *id);

#endif
