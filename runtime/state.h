/* A container's directory below the state root: names, lock, state.json. */
#ifndef KNARR_RUNTIME_STATE_H
#define KNARR_RUNTIME_STATE_H

#include <stdbool.h>

#include "base/str.h"
#include "runtime/container.h"
#include "runtime/hooks.h"

struct cgroup;
struct config;

#define STATE_GATE "exec.fifo"

struct state_dir {
	char *path; /* <root>/<id>, owned */
	int fd;	    /* locked exclusively while open, or -1 */
};
void state_dir_done(struct state_dir *d);
#define AUTO_STATE_DIR AUTO(state_dir_done) struct state_dir

/* -EINVAL for an id with other characters than [A-Za-z0-9_+.-], "." or "..". */
int state_check_id(const char *id, struct err *e);
/* Makes the directory and locks it. -EEXIST: the id is in use. What a killed creator left is taken over. */
int state_dir_make(const char *root, const char *id, struct state_dir *ret, struct err *e);
/* Locks an existing one; -ENOENT "container does not exist". */
int state_dir_lock(const char *root, const char *id, struct state_dir *ret, struct err *e);
/* Removes it with all files. */
int state_dir_remove(struct state_dir *d, struct err *e);

/* <dir>/notify, for the socket of sd_notify(3). */
int state_make_notify_dir(const struct state_dir *d, struct err *e);

/* What is recorded of a container that is being made. */
struct container_info state_of_new(const char *id, const struct config *c, const struct cgroup *cg);
/* Atomically. */
int state_write(const struct state_dir *d, const struct container_info *i, struct err *e);
/* Reads state.json and looks at the process, gate and freezer to find the status. -ENOENT. */
int state_read(const char *root, const char *id, struct container_info *ret, struct err *e);
/* The configuration as used; owned. */
int state_read_config(const char *root, const char *id, json_t **ret, struct err *e);
/* Locks a container that has not ended and reads both: -EINVAL "container not running". The caller frees all three,
 * also after an error. */
int state_lock_running(const char *root, const char *id, struct state_dir *ret_dir, struct container_info *ret_info,
		       json_t **ret_config, struct err *e);
/* state_read_config(), but NULL where its text has neither hooks nor intelRdt, which spares the parsing. */
int state_read_hooked_config(const char *root, const char *id, json_t **ret, struct err *e);
int state_write_config_text(const struct state_dir *d, const struct str *text, struct err *e);
int state_write_config(const struct state_dir *d, const json_t *config, struct err *e);

/* A pidfd of the init process, checked to be the recorded one. -ESRCH. */
int state_open_init(const struct container_info *i, struct err *e);
/* The container's cgroup as it was recorded. Returns owned. */
int state_open_cgroup(const struct container_info *i, struct cgroup **ret, struct err *e);
/* Runs hooks of the kind with i as their state: state_run_hooks() those of the runtime's namespaces, in the bundle. */
int state_run_hooks(const json_t *config, const char *kind, const struct container_info *i, struct err *e);
int state_run_hooks_as(const json_t *config, const char *kind, const struct container_info *i, const struct hooks_opts *o,
		       struct err *e);

#endif
