/* From an OCI configuration to a systemd unit: its name, its place in the tree and its properties. Pure. */
#ifndef KNARR_CGROUPS_UNIT_PLAN_H
#define KNARR_CGROUPS_UNIT_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct unit_name {
	char *name;  /* "prefix-name.scope", or "name.slice"; owned */
	char *slice; /* the slice that it lies in; owned */
	char *path;  /* "/system.slice/prefix-name.scope" below the manager's own cgroup; owned */
};
/* From "slice:prefix:name" (empty slice: the default one), or from the id where cgroups_path is NULL or empty. user: of the
 * user's manager. -EINVAL for another form and for names that cannot be units. */
int unit_name_parse(const char *cgroups_path, const char *id, bool user, struct unit_name *ret, struct err *e);
void unit_name_done(struct unit_name *n);
#define AUTO_UNIT_NAME AUTO(unit_name_done) struct unit_name
bool unit_is_slice(const char *name);

/* Properties as the body of a D-Bus array a(sv) that starts in out; each adds entries. */
/* What every new unit has: description, slice, accounting, Delegate=, no default dependencies; pid 0: no process. */
void unit_add_basics(struct str *out, const char *name, const char *slice, pid_t pid, bool v2);
/* linux.resources; idle_known: the manager takes a weight of 0 (252 and later). -EINVAL. */
int unit_add_resources(struct str *out, const json_t *resources, bool v2, bool idle_known, struct err *e);
/* Annotations org.systemd.property.NAME with values in GVariant's text form; NAMESec becomes NAMEUSec. -EINVAL. */
int unit_add_annotations(struct str *out, const json_t *annotations, struct err *e);

/* A copy of the resources with cpu.quota rounded up to whole percents, as systemd will set it. Returns owned. */
json_t *unit_round_quota(const json_t *resources);

#endif
