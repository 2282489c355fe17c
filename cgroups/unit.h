/* The systemd side of a cgroup handle: its unit is started, changed and stopped; files do the rest. */
#ifndef KNARR_CGROUPS_UNIT_H
#define KNARR_CGROUPS_UNIT_H

#include "cgroups/driver.h"
#include "cgroups/unit_plan.h"

struct cgroup_unit {
	struct unit_name name;
	bool user;	     /* of the caller's own manager */
	bool begun;	     /* it was started by an earlier call */
	bool fresh;	     /* just started with its properties */
	pid_t pid;	     /* the first process, 0: none yet */
	json_t *resources;   /* for the start, owned */
	json_t *annotations; /* owned */
};
void unit_free(struct cgroup_unit *u);

/* Starts it; a failed one of the same name that is left over is reset first. */
int unit_start(const struct cgroup *cg, struct err *e);
/* SetUnitProperties from resources; around a change of devices on v1 the container stands still. */
int unit_set(struct cgroup *cg, const json_t *resources, struct err *e);
/* Moves a process into the unit by its manager. */
int unit_attach(const struct cgroup *cg, pid_t pid, struct err *e);
/* Stops it; one that is gone is fine. */
int unit_stop(const struct cgroup *cg, struct err *e);
/* The cgroup that the manager itself is in ("" for the system's). Adds to ret. */
int unit_manager_cgroup(bool user, struct str *ret, struct err *e);

#endif
