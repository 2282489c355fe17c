/* Seccomp.
 *
 * Happy path: libseccomp builds the filter from rules, exports it as BPF, a short prefix is put before it that answers
 * -ENOSYS for system calls newer than the profile. What can fail: unknown actions, operators, architectures; names that
 * this libseccomp does not know are passed over. What always holds: the filter is complete before the first clone. */
#include "runtime/seccomp_filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct name {
	const char *name;
	uint32_t value;
};

static const struct name actions[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },	   { "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD }, { "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD }, { "SCMP_ACT_LOG", SCMP_ACT_LOG },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },	   { "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
};

static const struct name operators[] = {
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ }, { "SCMP_CMP_GE", SCMP_CMP_GE }, { "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE }, { "SCMP_CMP_LT", SCMP_CMP_LT }, { "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
};

static const struct name arches[] = {
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 }, { "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
	{ "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },	    { "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 }, { "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 }, { "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC", SCMP_ARCH_PPC },	    { "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE }, { "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
	{ "SCMP_ARCH_S390", SCMP_ARCH_S390 },	    { "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 },	    { "SCMP_ARCH_X86", SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
};

static const struct name flag_names[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", 0 }, /* there is one thread */
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

#define NAME_AT(table) return i < ARRAY_LEN(table) ? table[i].name : NULL
const char *seccomp_action_name(size_t i) { NAME_AT(actions); }
const char *seccomp_operator_name(size_t i) { NAME_AT(operators); }
const char *seccomp_arch_name(size_t i) { NAME_AT(arches); }
const char *seccomp_flag_name(size_t i) { NAME_AT(flag_names); }

static int look_up(const struct name *table, size_t n, const char *name, uint32_t *ret, struct err *e)
{
	for (size_t i = 0; name && i < n; i++) {
		if (!strcmp(table[i].name, name)) {
			*ret = table[i].value;
			return 0;
		}
	}
	return err_set(e, -EINVAL, "seccomp: \"%.64s\" is unknown", name ? name : "");
}

static int parse_action(const json_t *j, const char *key, const char *errno_key, uint32_t *ret, struct err *e)
{
	int r = look_up(actions, ARRAY_LEN(actions), json_str_at(j, key), ret, e);
	int64_t number = json_int_at(j, errno_key, EPERM);
	if (r < 0)
		return r;
	if (number < 0 || number > 0xffff)
		return err_set(e, -EINVAL, "seccomp: %s is out of range", errno_key);
	if (*ret == SCMP_ACT_ERRNO(0) || *ret == SCMP_ACT_TRACE(0))
		*ret |= (uint32_t)number;
	return 0;
}

struct compile {
	scmp_filter_ctx ctx;
	uint32_t default_action;
	uint32_t arch[ARRAY_LEN(arches)]; /* tokens in the filter */
	int newest[ARRAY_LEN(arches)];	  /* highest number that the profile names */
	size_t n_arch;
	bool notify;
};

static int add_arches(struct compile *c, const json_t *list, struct err *e)
{
	size_t i;
	json_t *a;
	c->arch[c->n_arch++] = seccomp_arch_native();
	json_array_foreach(list, i, a)
	{
		uint32_t token;
		int r = look_up(arches, ARRAY_LEN(arches), json_string_value(a), &token, e);
		if (r < 0)
			return r;
		r = seccomp_arch_add(c->ctx, token);
		if (r < 0 && r != -EEXIST)
			return err_code(e, r, "seccomp: architecture %s", json_string_value(a));
		if (r == 0 && c->n_arch < ARRAY_LEN(arches))
			c->arch[c->n_arch++] = token;
	}
	return 0;
}

static int parse_args(const json_t *list, struct scmp_arg_cmp cmp[6], unsigned *ret_n, bool *ret_repeats, struct err *e)
{
	size_t i;
	json_t *a;
	unsigned seen = 0;
	if (json_array_size(list) > 6)
		return err_set(e, -EINVAL, "seccomp: more than six arguments");
	*ret_n = 0;
	*ret_repeats = false;
	json_array_foreach(list, i, a)
	{
		uint32_t op;
		int64_t index = json_int_at(a, "index", -1);
		int r = look_up(operators, ARRAY_LEN(operators), json_str_at(a, "op"), &op, e);
		if (r < 0)
			return r;
		if (index < 0 || index > 5)
			return err_set(e, -EINVAL, "seccomp: argument index out of range");
		uint64_t value = (uint64_t)json_int_at(a, "value", 0), two = (uint64_t)json_int_at(a, "valueTwo", 0);
		*ret_repeats |= seen >> index & 1;
		seen |= 1u << index;
		cmp[(*ret_n)++] = (struct scmp_arg_cmp){ (unsigned)index, (enum scmp_compare)op, value, two };
	}
	return 0;
}

static int add_rule(struct compile *c, uint32_t action, const char *name, const struct scmp_arg_cmp *cmp, unsigned n,
		    bool repeats, struct err *e)
{
	int number = seccomp_syscall_resolve_name(name);
	for (size_t i = 0; i < c->n_arch; i++)
		c->newest[i] = MAX(c->newest[i], seccomp_syscall_resolve_name_arch(c->arch[i], name));
	if (number == __NR_SCMP_ERROR || action == c->default_action)
		return 0;
	int r = 0;
	/* Several conditions on one argument mean any of them; on different arguments all of them. */
	for (unsigned i = 0; repeats && r == 0 && i < n; i++)
		r = seccomp_rule_add_array(c->ctx, action, number, 1, &cmp[i]);
	if (!repeats)
		r = seccomp_rule_add_array(c->ctx, action, number, n, cmp);
	return r < 0 && r != -EEXIST ? err_code(e, r, "seccomp: rule for %s", name) : 0;
}

static int add_syscalls(struct compile *c, const json_t *list, struct err *e)
{
	size_t i, k;
	json_t *s, *name;
	json_array_foreach(list, i, s)
	{
		struct scmp_arg_cmp cmp[6];
		uint32_t action;
		unsigned n = 0;
		bool repeats = false;
		int r = parse_action(s, "action", "errnoRet", &action, e);
		if (r == 0)
			r = parse_args(json_object_get(s, "args"), cmp, &n, &repeats, e);
		c->notify |= r == 0 && action == SCMP_ACT_NOTIFY;
		json_array_foreach(json_object_get(s, "names"), k, name)
		{
			if (r == 0 && json_is_string(name))
				r = add_rule(c, action, json_string_value(name), cmp, n, repeats, e);
		}
		if (r < 0)
			return err_wrap(e, r, "linux.seccomp.syscalls[%zu]", i);
	}
	return 0;
}

#define PREFIX_BLOCK 6
#define X32_BIT 0x40000000u

/* Per architecture: is it this one, is the number beyond the newest, then -ENOSYS; else on to the filter. */
static size_t make_prefix(const struct compile *c, struct sock_filter *out)
{
	size_t blocks = 0, n = 0;
	uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS;
	if (c->default_action == SCMP_ACT_ALLOW || c->default_action == SCMP_ACT_LOG || c->default_action == SCMP_ACT_ERRNO(ENOSYS))
		return 0;
	for (size_t i = 0; i < c->n_arch; i++)
		blocks += c->arch[i] != SCMP_ARCH_X32 && c->newest[i] > 0;
	if (!blocks)
		return 0;
	size_t total = 1 + blocks * PREFIX_BLOCK;
	out[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4);
	for (size_t i = 0; i < c->n_arch; i++) {
		if (c->arch[i] == SCMP_ARCH_X32 || c->newest[i] <= 0)
			continue;
		out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, c->arch[i], 0, PREFIX_BLOCK - 1);
		out[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
		out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0);
		out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)c->newest[i], 0, 1);
		out[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, enosys);
		out[n] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(total - n - 1));
		n++;
	}
	return n;
}

static int export_program(const struct compile *c, struct seccomp_program *p, struct err *e)
{
	struct sock_filter prefix[1 + ARRAY_LEN(arches) * PREFIX_BLOCK];
	size_t n = make_prefix(c, prefix);
	struct stat st;
	AUTO_FD int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : seccomp_export_bpf(c->ctx, fd);
	if (r < 0 || fstat(fd, &st) < 0)
		return err_code(e, r < 0 ? r : -errno, "seccomp: compile filter");
	p->n = n + (size_t)st.st_size / sizeof(struct sock_filter);
	p->insns = xcalloc(p->n, sizeof(struct sock_filter));
	memcpy(p->insns, prefix, n * sizeof(struct sock_filter));
	if (pread(fd, p->insns + n, (size_t)st.st_size, 0) != st.st_size)
		return err_set(e, -EIO, "seccomp: short filter");
	return p->n > BPF_MAXINSNS ? err_set(e, -E2BIG, "seccomp: filter of %zu instructions", p->n) : 0;
}

static int parse_flags(const json_t *list, unsigned *ret, struct err *e)
{
	size_t i;
	json_t *f;
	json_array_foreach(list, i, f)
	{
		uint32_t flag;
		int r = look_up(flag_names, ARRAY_LEN(flag_names), json_string_value(f), &flag, e);
		if (r < 0)
			return r;
		*ret |= flag;
	}
	return 0;
}

static void release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

int seccomp_compile(const json_t *seccomp, struct seccomp_program *ret, struct err *e)
{
	AUTO_SECCOMP p = { .listener_path = json_str_at(seccomp, "listenerPath"),
			   .listener_metadata = json_str_or(seccomp, "listenerMetadata", "") };
	struct compile c = { 0 };
	AUTO(release) scmp_filter_ctx ctx = NULL;
	if (!json_object_size(seccomp)) {
		*ret = (struct seccomp_program){ 0 };
		return 0;
	}
	int r = parse_action(seccomp, "defaultAction", "defaultErrnoRet", &c.default_action, e);
	if (r < 0)
		return r;
	c.ctx = ctx = seccomp_init(c.default_action);
	if (!ctx)
		return err_set(e, -ENOMEM, "seccomp: no filter could be made");
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	r = parse_flags(json_object_get(seccomp, "flags"), &p.flags, e);
	if (r == 0)
		r = add_arches(&c, json_object_get(seccomp, "architectures"), e);
	if (r == 0)
		r = add_syscalls(&c, json_object_get(seccomp, "syscalls"), e);
	if (r == 0)
		r = export_program(&c, &p, e);
	if (r == 0 && c.notify && !p.listener_path)
		r = err_set(e, -EINVAL, "seccomp: SCMP_ACT_NOTIFY without listenerPath");
	if (r < 0)
		return r;
	p.notify = c.notify;
	*ret = p;
	p.insns = NULL;
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
