/* linux.seccomp to a BPF program: compiled before anything is cloned, loaded last. */
#ifndef KNARR_RUNTIME_SECCOMP_FILTER_H
#define KNARR_RUNTIME_SECCOMP_FILTER_H

#include <jansson.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct seccomp_program {
	const struct sock_filter *insns; /* NULL: no filter */
	size_t n;
	struct sock_filter *own; /* insns where they were made for this program, NULL where the build has made them */
	unsigned flags;             /* SECCOMP_FILTER_FLAG_ */
	bool notify;                /* some rule asks a listener */
	const char *listener_path, *listener_metadata; /* borrowed from the JSON */
};

/* OCI runtime-spec config-linux.md, Seccomp. NULL gives no filter; the
 * object of seccomp_default_reference() gives the default profile, whatever else it says. System calls that the profile's newest one precedes
 * answer -ENOSYS, so that programs fall back instead of failing. -EINVAL with the wrong field, -E2BIG. */
int seccomp_compile(const json_t *seccomp, struct seccomp_program *ret, struct err *e);
void seccomp_program_done(struct seccomp_program *p);
#define AUTO_SECCOMP AUTO(seccomp_program_done) struct seccomp_program

/* Puts it on the calling process, which has one thread. With p->notify the listener goes to the creator through sync_fd. */
int seccomp_apply(const struct seccomp_program *p, int sync_fd, struct err *e);
/* Only loads it: returns the listener, 0 without p->notify. */
int seccomp_load(const struct seccomp_program *p, struct err *e);

#endif
