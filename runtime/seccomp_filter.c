/* Seccomp.
 *
 * Happy path: the profile is parsed, the generator writes its program, the kernel takes it from the process that becomes the
 * container. What can fail: what the profile's parser refuses; a program that is too long. What always holds: the filter is
 * complete before the first clone. */
#include "runtime/seccomp_filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "runtime/seccomp_bpf.h"

int seccomp_compile(const json_t *seccomp, struct seccomp_program *ret, struct err *e)
{
	AUTO_SECCOMP_PROFILE p = { 0 };
	/* Neither a default nor a rule: no filter is meant. */
	if (!json_object_get(seccomp, "defaultAction") && !json_array_size(json_object_get(seccomp, "syscalls"))) {
		*ret = (struct seccomp_program){ 0 };
		return 0;
	}
	struct seccomp_program made = { 0 };
	int r = seccomp_profile_parse(seccomp, &p, e);
	if (r == 0)
		r = seccomp_bpf_generate(&p, SECCOMP_NATIVE, &made.insns, &made.n, e);
	if (r < 0)
		return r;
	made.flags = p.flags;
	made.notify = p.notify;
	made.listener_path = p.listener_path;
	made.listener_metadata = p.listener_metadata;
	*ret = made;
	return 0;
}

void seccomp_program_done(struct seccomp_program *p)
{
	free(p->insns);
	p->insns = NULL;
}

int seccomp_apply(const struct seccomp_program *p, int *ret_listener_fd, struct err *e)
{
	struct sock_fprog prog = { .len = (unsigned short)p->n, .filter = p->insns };
	unsigned flags = p->flags | (p->notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
	*ret_listener_fd = -1;
	if (!p->insns)
		return 0;
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (r < 0)
		return err_sys(e, "load seccomp filter");
	if (p->notify)
		*ret_listener_fd = (int)r;
	return 0;
}
