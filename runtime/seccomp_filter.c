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
#include "base/mem.h"
#include "runtime/notice.h"
#include "runtime/seccomp_bpf.h"
#include "runtime/seccomp_default.h"
#include "runtime/seccomp_listener.h"

/* To wait killably for an answer means something only where a listener answers. */
static unsigned filter_flags(const struct seccomp_profile *p)
{
	if (p->notify)
		return p->flags | SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return p->flags & (SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

static int compile_profile(const json_t *seccomp, struct seccomp_program *ret, struct err *e)
{
	AUTO_SECCOMP_PROFILE p = { 0 };
	struct seccomp_program made = { 0 };
	int r = seccomp_profile_parse(seccomp, &p, e);
	if (r == 0)
		r = seccomp_bpf_generate(&p, SECCOMP_NATIVE, &made.own, &made.n, e);
	if (r < 0)
		return r;
	made.insns = made.own;
	made.flags = filter_flags(&p);
	made.notify = p.notify;
	made.listener_path = p.listener_path;
	made.listener_metadata = p.listener_metadata;
	*ret = made;
	return 0;
}

/* As the build has compiled it, or from the table. */
static int compile_default(const json_t *capabilities, struct seccomp_program *ret, struct err *e)
{
	size_t i;
	json_t *cap;
	AUTO_STRV char **caps = NULL;
	struct seccomp_program made = { .flags = seccomp_default_flags() };
	json_array_foreach(capabilities, i, cap)
	{
		if (json_is_string(cap))
			strv_add(&caps, json_string_value(cap));
	}
	if (seccomp_default_program(seccomp_default_mask(caps), &made.insns, &made.n)) {
		*ret = made;
		return 0;
	}
	AUTO_JSON *profile = seccomp_default_profile(caps);
	int r = compile_profile(profile, &made, e);
	if (r < 0)
		return r;
	/* What it borrows of the profile, which is about to go, it has no use for. */
	made.listener_path = made.listener_metadata = NULL;
	*ret = made;
	return 0;
}

int seccomp_compile(const json_t *seccomp, struct seccomp_program *ret, struct err *e)
{
	/* Neither a default nor a rule: no filter is meant. */
	if (!json_object_get(seccomp, "defaultAction") && !json_array_size(json_object_get(seccomp, "syscalls"))) {
		*ret = (struct seccomp_program){ 0 };
		return 0;
	}
	const json_t *capabilities = json_object_get(seccomp, SECCOMP_DEFAULT_REFERENCE);
	int r = capabilities ? compile_default(capabilities, ret, e) : compile_profile(seccomp, ret, e);
	if (r == 0)
		notice_debug("seccomp filter flags: %u", ret->flags);
	return r;
}

void seccomp_program_done(struct seccomp_program *p)
{
	free(p->own);
	p->own = NULL;
	p->insns = NULL;
}

int seccomp_load(const struct seccomp_program *p, struct err *e)
{
	struct sock_fprog prog = { .len = (unsigned short)p->n, .filter = (struct sock_filter *)p->insns };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->flags, &prog);
	return r < 0 ? err_sys(e, "error loading seccomp filter into kernel") : (int)r;
}

int seccomp_apply(const struct seccomp_program *p, int sync_fd, struct err *e)
{
	if (!p->insns)
		return 0;
	if (p->notify)
		return seccomp_listener_apply(p, sync_fd, e);
	return seccomp_load(p, e);
}
