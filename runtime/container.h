/* Containers by the OCI runtime specification, as a library: create, start, exec, kill, delete without a binary.
 *
 * One directory per container, <root>/<id>/, holds state.json (written atomically), config.json (the configuration as
 * used) and, until start, the gate "exec.fifo". Every function takes a lock on that directory, so that two callers at
 * once, or one killed half-way, leave something that the next call can work with. No function starts a thread, none
 * may be called by a process that has threads. Descriptors not named here do not reach the container. */
#ifndef KNARR_RUNTIME_CONTAINER_H
#define KNARR_RUNTIME_CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define CONTAINER_ROOT_DEFAULT "/run/knarr-oci"
#define CONTAINER_ID_MAX 1024
#define CONTAINER_SPEC_VERSION "1.3.0" /* of the OCI runtime specification */

/* Whether errors of cgroups may be ignored where the configuration asks nothing of them; AUTO looks at the caller. */
enum rootless_mode { ROOTLESS_AUTO, ROOTLESS_TRUE, ROOTLESS_FALSE };

/* What container_create() and container_exec() need. Zero is the right default for all but stdio (use
 * CONTAINER_OPTS_INIT). Strings and JSON are borrowed for the call. */
struct container_opts {
	const char *root;           /* state directory, NULL: CONTAINER_ROOT_DEFAULT */
	const char *id;             /* [A-Za-z0-9_+.-], at most CONTAINER_ID_MAX */
	const char *bundle;         /* create: NULL: "." ; root.path and relative bind sources start here */
	const json_t *config;       /* create: an already parsed config.json; NULL: <bundle>/config.json is read.
	                               exec: the container's own, NULL: <root>/<id>/config.json is read */
	const json_t *process;      /* exec: an OCI "process" object; see container_exec() for what may be absent */
	const char *pid_file;       /* gets the pid as decimal text, atomically, relative to the caller's directory */
	int stdio[3];               /* become 0, 1, 2 of the process; -1: the caller's own. Not used with a terminal */
	const char *console_socket; /* terminal: AF_UNIX path that is sent the pty master; NULL: it is in proc.console_fd */
	bool console_bare;          /* the terminal does not turn \n into \r\n: for a caller whose own terminal does */
	const char *pidfd_socket;   /* AF_UNIX path that is sent the pidfd, or NULL */
	char *const *cgroups;       /* exec: cgroups below the container's own, "path" or "controller[,controller]:path"; NULL: none */
	int preserve_fds;           /* of the caller's descriptors 3 .. 3+n-1, which must be open, those are passed on that
	                               are not close-on-exec */
	bool no_pivot;              /* MS_MOVE and chroot instead of pivot_root */
	bool no_new_keyring;
	enum rootless_mode rootless;
	bool notify_dir;            /* create: <root>/<id>/notify is made, for the caller to mount and to bind a socket in */
	bool systemd_cgroup;        /* create: cgroupsPath is slice:prefix:name, made by systemd */
	bool keep;                  /* create: state stays when it fails (knarr-oci run --keep) */
	bool detached;              /* create, run: nobody will serve a terminal that has no console_socket: it is refused */
	bool ignore_paused;         /* exec: also into a frozen container */
	bool clone_parent;          /* the process becomes a child of the caller's parent (CLONE_PARENT): a worker forked by a
	                               supervisor creates, the supervisor is the parent that waits */
};
#define CONTAINER_OPTS_INIT ((struct container_opts){ .stdio = { -1, -1, -1 } })

/* A process that was made. Descriptors are owned by the caller, close-on-exec. */
struct container_proc {
	pid_t pid;           /* as the caller's pid namespace sees it */
	int pidfd;
	int console_fd;      /* pty master, -1 without terminal or when it went to console_socket */
	uint64_t start_time; /* field 22 of /proc/<pid>/stat: with pid it names the process for ever */
};
#define CONTAINER_PROC_INIT ((struct container_proc){ .pidfd = -1, .console_fd = -1 })
void container_proc_done(struct container_proc *p); /* closes the descriptors */
#define AUTO_CONTAINER_PROC AUTO(container_proc_done) struct container_proc

/* Warnings (what is ignored, and why) and, if debug, debug lines of the calls below go to fn; NULL: nowhere, the default.
 * text is borrowed for the call. */
enum container_notice { CONTAINER_DEBUG, CONTAINER_WARNING };
typedef void container_notice_fn(void *arg, enum container_notice level, const char *text);
void container_notices_to(container_notice_fn *fn, void *arg, bool debug);

/* Makes the container; its process waits at the gate, everything but the final exec has been done and checked.
 * -EEXIST: id in use. -EINVAL: configuration, id. Two codes tell why the program cannot start, with runc's text
 * (`exec: "x": executable file not found in $PATH`): -ENOENT with container_error_is_exec(), -EACCES likewise.
 * After an error nothing is left. OCI runtime-spec runtime.md, Create. */
int container_create(const struct container_opts *o, struct container_proc *ret, struct err *e);

/* Create and start in one go, which is quicker: the process does not wait at the gate. Returns when the program runs; the pid file is written
 * before it does. Errors as container_create(), poststart as container_start(); after an error nothing is left. */
int container_run(const struct container_opts *o, struct container_proc *ret, struct err *e);

/* Opens the gate and waits until the process has called exec (at most two seconds where there are no hooks). May be
 * called by any process at any later time. -ENOENT: no such container; -EINVAL: not in state created. Runs poststart. */
int container_start(const char *root, const char *id, struct err *e);

/* Signals the init process; all: every process of its cgroup. -ESRCH when it is not running. */
int container_kill(const char *root, const char *id, int sig, bool all, struct err *e);

/* Removes state and cgroup, runs poststop. -EBUSY: still running (without force; with force it is killed first and
 * absence is fine). */
int container_delete(const char *root, const char *id, bool force, struct err *e);

enum container_status { CONTAINER_CREATING, CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_PAUSED, CONTAINER_STOPPED };
const char *container_status_name(enum container_status s);

/* A snapshot. Owned texts; container_info_done() frees them. */
struct container_info {
	char *id, *bundle, *rootfs, *cgroup_path, *oci_version;
	enum container_status status;
	pid_t pid;           /* 0 once stopped */
	uint64_t start_time;
	int64_t created_us;  /* wall clock, since the epoch */
	uid_t owner_uid;
	json_t *annotations; /* object, owned */
	json_t *cgroup;      /* cgroup_save(), owned */
};
void container_info_done(struct container_info *i);
#define AUTO_CONTAINER_INFO AUTO(container_info_done) struct container_info

/* -ENOENT: no such container. */
int container_state(const char *root, const char *id, struct container_info *ret, struct err *e);
/* The state object that OCI runtime-spec runtime.md, State, defines; owned. */
json_t *container_state_json(const struct container_info *i);
/* The ids, sorted, as an owned vector (NULL when there are none). A missing root is an empty one. */
int container_list(const char *root, char ***ret, struct err *e);

/* Runs another process in the container: joins all its namespaces by one setns(pidfd), its cgroup and root. In o: root,
 * id, process, pid_file, stdio, console_socket, preserve_fds, clone_parent, cgroup, ignore_paused. In process, args is
 * required; absent user means 0:0, cwd "/"; env, capabilities, noNewPrivileges, rlimits, apparmorProfile and
 * oomScoreAdj are taken from the container's own process where absent. Returns when exec has succeeded;
 * errors as container_create(). -EBUSY: paused; -ESRCH: not running. */
int container_exec(const struct container_opts *o, struct container_proc *ret, struct err *e);

/* Freezer. -EINVAL in the wrong state. */
int container_pause(const char *root, const char *id, struct err *e);
int container_resume(const char *root, const char *id, struct err *e);
/* Applies OCI linux.resources to the running container and remembers them in its configuration. */
int container_update(const char *root, const char *id, const json_t *resources, struct err *e);
/* Intel RDT: schemata of the L3 cache and of memory bandwidth ("L3:0=f", "MB:0=50"), NULL where they stay. The container's
 * group is made when it had none. -ENOENT: no resctrl file system. */
int container_update_rdt(const char *root, const char *id, const char *l3, const char *bandwidth, struct err *e);
/* Pids in its cgroup, ended by 0; owned. */
int container_pids(const char *root, const char *id, pid_t **ret, size_t *ret_n, struct err *e);

/* True when e is about the program itself (not found, not executable), as against the container around it:
 * callers report 127 or 126 then, 128 else. */
bool container_error_is_exec(const struct err *e);

/* The config.json that `knarr-oci spec` writes; owned. */
json_t *container_spec_example(bool rootless);
/* The features object of OCI runtime-spec features.md; owned. */
json_t *container_features(void);

#endif
