/* The last steps inside the container, common to init and exec: user, capabilities, labels, program. */
#ifndef KNARR_RUNTIME_PROCESS_RUN_H
#define KNARR_RUNTIME_PROCESS_RUN_H

#include "base/err.h"
#include "runtime/config.h"
#include "runtime/seccomp_filter.h"

struct process_run {
	const struct process_conf *process;
	const struct seccomp_program *seccomp;
	int proc_fd;	   /* a real procfs; -1 where no label is to be written */
	int sync_fd;	   /* to the creator: the seccomp listener, limits that only it may set */
	int preserve_fds;
	bool confined; /* the filter is there */
	bool refused;  /* the kernel was asked to execute the program, and did not */
	/* Set by process_become(). */
	char *path;  /* the program, owned */
	char **envp; /* with HOME, owned */
};

/* Standard descriptors; -1 keeps the one that is there. Before the terminal and the user. */
int process_stdio(const int stdio[3], struct err *e);
/* Everything irrevocable but the exec: labels, user, capabilities, directory; finds the program. Errors of the program
 * have the texts that container_error_is_exec() knows. */
int process_become(struct process_run *run, struct err *e);
/* The filter, unless it is there already. process_become() does it where no_new_privs is not set or a listener waits for
 * the creator; else process_exec(), so that as few calls as possible are under it. */
int process_confine(struct process_run *run, struct err *e);
/* Filter, descriptors, execve; comes back only with an error. */
int process_exec(struct process_run *run, struct err *e);
/* Opens /proc and checks that it is one. */
int process_open_proc(struct err *e);
/* The same inside a container, which may have put anything there: a procfs of its own that nobody else sees, or where that is
 * not allowed the container's, checked. */
int process_open_own_proc(struct err *e);

#endif
