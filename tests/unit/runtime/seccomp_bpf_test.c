/* The generator of filters against libseccomp: the same rules, exported by the library as BPF, must give the same verdict
 * on every call that is tried. The prefix that answers ENOSYS is the test's own few lines. */
#include "runtime/seccomp_bpf.h"

#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "runtime/seccomp_default.h"
#include "tests/unit/check_main.h"
#include "tests/unit/runtime/bpf_run.h"

/* The library loses some memory of trees that it prunes. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libseccomp";
}

struct program {
	struct sock_filter *insns;
	size_t n;
};

static void program_done(struct program *p)
{
	free(p->insns);
}
#define AUTO_PROGRAM AUTO(program_done) struct program

/* The enumeration of architectures as libseccomp and the kernel name them. */
static const struct {
	uint32_t token, audit;
} arches[] = {
	[SECCOMP_X86_64] = { SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64 }, [SECCOMP_X86] = { SCMP_ARCH_X86, AUDIT_ARCH_I386 },
	[SECCOMP_X32] = { SCMP_ARCH_X32, AUDIT_ARCH_X86_64 },	    [SECCOMP_AARCH64] = { SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64 },
	[SECCOMP_ARM] = { SCMP_ARCH_ARM, AUDIT_ARCH_ARM },	    [SECCOMP_RISCV64] = { SCMP_ARCH_RISCV64, 0xc00000f3 },
};

static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % n;
}

/* ---- the reference ---- */

static enum scmp_compare reference_op(uint8_t op)
{
	static const enum scmp_compare ops[] = { SCMP_CMP_EQ, SCMP_CMP_GE,	  SCMP_CMP_GT, SCMP_CMP_LE,
						 SCMP_CMP_LT, SCMP_CMP_MASKED_EQ, SCMP_CMP_NE };
	return ops[op];
}

static struct program reference(const struct seccomp_profile *p, enum seccomp_arch native)
{
	scmp_filter_ctx ctx = seccomp_init(p->default_action);
	ck_assert_ptr_nonnull(ctx);
	if (native != SECCOMP_NATIVE)
		ck_assert_int_eq(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), 0);
	for (int a = 0; a < SECCOMP_ARCHES; a++)
		if (p->arches >> a & 1 && !(a == (int)SECCOMP_NATIVE && native == SECCOMP_NATIVE))
			ck_assert_int_eq(seccomp_arch_add(ctx, arches[a].token), 0);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct seccomp_rule *rule = &p->rules[i];
		struct scmp_arg_cmp cmp[6];
		for (uint32_t k = 0; k < rule->n_cond; k++) {
			const struct seccomp_cond *c = &p->conds[rule->cond + k];
			cmp[k] = (struct scmp_arg_cmp){ c->arg, reference_op(c->op), c->value, c->value_two };
		}
		int nr = seccomp_syscall_resolve_name(rule->call->name);
		int r = nr == __NR_SCMP_ERROR ? 0 : seccomp_rule_add_array(ctx, rule->action, nr, rule->n_cond, cmp);
		ck_assert_msg(r == 0 || r == -EEXIST, "%s: %d", rule->call->name, r);
	}
	int fd = memfd_create("bpf", MFD_CLOEXEC);
	ck_assert_int_eq(seccomp_export_bpf(ctx, fd), 0);
	off_t size = lseek(fd, 0, SEEK_END);
	struct program ret = { malloc((size_t)size), (size_t)size / sizeof(struct sock_filter) };
	ck_assert_int_eq(pread(fd, ret.insns, (size_t)size, 0), size);
	close(fd);
	seccomp_release(ctx);
	return ret;
}

/* Whether the prefix answers, by what runc documents of it. */
static bool is_newer(const struct seccomp_profile *p, const struct seccomp_data *d)
{
	uint32_t nr = (uint32_t)d->nr, action = p->default_action & SECCOMP_RET_ACTION_FULL;
	if (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_TRACE)
		return false;
	for (int a = 0; a < SECCOMP_ARCHES; a++) {
		bool is_x32 = nr & SECCOMP_X32_BIT, wants_x32 = a == SECCOMP_X32;
		if (!(p->arches >> a & 1) || arches[a].audit != d->arch || p->newest[a] <= 0)
			continue;
		if (d->arch == AUDIT_ARCH_X86_64 && is_x32 != wants_x32)
			continue;
		return nr > (uint32_t)p->newest[a];
	}
	return false;
}

static uint32_t expected(const struct seccomp_profile *p, const struct program *ref, const struct seccomp_data *d)
{
	return is_newer(p, d) ? SECCOMP_RET_ERRNO | ENOSYS : bpf_run(ref->insns, ref->n, d);
}

/* ---- the meaning, word by word ---- */

static bool holds(const struct seccomp_cond *c, uint64_t arg, bool narrow)
{
	uint64_t m = narrow ? UINT32_MAX : UINT64_MAX, a = arg & m, v = c->value & m;
	bool is[] = { a == v, a >= v, a > v, a <= v, a < v, (a & v) == (c->value_two & v), a != v };
	return is[c->op];
}

/* first: the argument that conditions start at. */
static bool all_hold(const struct seccomp_profile *p, const struct seccomp_rule *r, const struct seccomp_data *d, int first,
		     bool narrow)
{
	for (uint32_t i = 0; i < r->n_cond; i++) {
		const struct seccomp_cond *c = &p->conds[r->cond + i];
		if (c->arg >= first && !holds(c, d->args[c->arg], narrow))
			return false;
	}
	return true;
}

static bool matches(const struct seccomp_profile *p, const struct seccomp_rule *r, enum seccomp_arch a, const struct seccomp_data *d)
{
	bool narrow = a == SECCOMP_X86 || a == SECCOMP_X32 || a == SECCOMP_ARM;
	int32_t nr = r->call->nr[a];
	if (nr == -1)
		return false;
	if (nr > -100)
		return d->nr == nr && all_hold(p, r, d, 0, narrow);
	int32_t operation = nr > -200 ? -nr - 100 : -nr - 200;
	if (d->nr == (nr > -200 ? 102 : 117) && (uint32_t)d->args[0] == (uint32_t)operation)
		return all_hold(p, r, d, 1, narrow);
	return d->nr >= 0 && d->nr == seccomp_call_direct(nr) && all_hold(p, r, d, 0, narrow);
}

static uint32_t meaning(const struct seccomp_profile *p, const struct seccomp_data *d)
{
	bool is_x32 = (uint32_t)d->nr >= SECCOMP_X32_BIT, known = false;
	if (is_newer(p, d))
		return SECCOMP_RET_ERRNO | ENOSYS;
	for (int a = 0; a < SECCOMP_ARCHES; a++) {
		if (!(p->arches >> a & 1) || arches[a].audit != d->arch)
			continue;
		known |= d->arch != AUDIT_ARCH_X86_64 || is_x32 == (a == SECCOMP_X32) || d->nr == -1 ||
			 (p->arches >> SECCOMP_X32 & 1);
		for (size_t i = 0; i < p->n_rules; i++)
			if (matches(p, &p->rules[i], (enum seccomp_arch)a, d))
				return p->rules[i].action;
	}
	return known ? p->default_action : SECCOMP_RET_KILL_THREAD;
}

/* libseccomp 2.5 loses the upper half of an order comparison on 64 bits that is not the last of its rule's arguments. */
static bool library_errs(const struct seccomp_profile *p)
{
	for (size_t i = 0; i < p->n_rules; i++)
		for (uint32_t k = 0; k < p->rules[i].n_cond; k++) {
			uint8_t op = p->conds[p->rules[i].cond + k].op;
			if (p->rules[i].n_cond > 1 && op != SECCOMP_OP_EQ && op != SECCOMP_OP_MASKED_EQ && op != SECCOMP_OP_NE)
				return true;
		}
	return false;
}

/* ---- calls to try ---- */

static const uint32_t garbage[] = { 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xbfffffff,
				    0xc0000000, 0xfffffffe, 0xffffffff, 0xf0000,    0xf0001,
				    0xf0005,	1000,	    0x40001000 };

static uint64_t some_value(void)
{
	static const uint64_t values[] = { 0, 1, 2, 5, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x100000001,
					   0x500000005, UINT64_MAX, 0x7E020000 };
	return values[random_below(ARRAY_LEN(values))];
}

static void random_call(enum seccomp_arch native, const struct seccomp_profile *p, struct seccomp_data *ret)
{
	enum seccomp_arch a = (enum seccomp_arch)random_below(SECCOMP_ARCHES);
	if (random_below(10))
		a = native == SECCOMP_X86_64  ? (enum seccomp_arch)(SECCOMP_X86_64 + random_below(3)) :
		    native == SECCOMP_AARCH64 ? (enum seccomp_arch)(SECCOMP_AARCH64 + random_below(2)) :
						native;
	uint32_t nr = random_below(480) | (a == SECCOMP_X32 ? SECCOMP_X32_BIT : 0);
	if (p->n_rules && random_below(8)) {
		int32_t named = p->rules[random_below((uint32_t)p->n_rules)].call->nr[a];
		nr = named < -200 ? 117 : named < -100 ? 102 : (uint32_t)named;
	}
	*ret = (struct seccomp_data){ .nr = (int)nr, .arch = arches[a].audit };
	for (int i = 0; i < 6; i++)
		ret->args[i] = random_below(3) ? some_value() : random_below(30);
}

/* ---- profiles to try ---- */

static const uint32_t actions[] = { SECCOMP_RET_ALLOW,	     SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_TRAP,
				    SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_PROCESS,	SECCOMP_RET_LOG,	    SECCOMP_RET_TRACE | 7 };

static const struct seccomp_call *random_known_call(void)
{
	for (;;) {
		const struct seccomp_call *c = seccomp_call_at(random_below(485));
		static const char *const favourites[] = { "socket", "bind", "semget", "clone", "accept", "msgctl" };
		if (!random_below(4))
			c = seccomp_call_find(favourites[random_below(ARRAY_LEN(favourites))]);
		bool known = c != NULL;
		for (int a = 0; c && a < SECCOMP_ARCHES; a++) {
			int nr = seccomp_syscall_resolve_name_arch(arches[a].token, c->name);
			known &= c->nr[a] == -1 ? nr < 0 : nr == c->nr[a];
		}
		if (known)
			return c;
	}
}

/* Rules of one call have one action: where several with different actions match, libseccomp's order is its own. */
static uint32_t action_of(const struct seccomp_profile *p, const struct seccomp_call *call)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].call == call)
			return p->rules[i].action;
	for (;;) {
		uint32_t a = actions[random_below(ARRAY_LEN(actions))];
		if (a != p->default_action)
			return a;
	}
}

static bool is_multiplexed(const struct seccomp_call *c)
{
	return c->nr[SECCOMP_X86] < -100;
}

static void random_profile(enum seccomp_arch native, struct seccomp_profile *p)
{
	static struct seccomp_rule rules[400];
	static struct seccomp_cond conds[400 * 3];
	uint32_t mux_action = 0;
	bool has_mux = false;
	*p = (struct seccomp_profile){ .rules = rules, .conds = conds };
	p->default_action = actions[random_below(ARRAY_LEN(actions))];
	p->arches = 1u << native;
	if (native == SECCOMP_X86_64)
		p->arches |= random_below(4) << SECCOMP_X86;
	if (native == SECCOMP_AARCH64)
		p->arches |= random_below(2) << SECCOMP_ARM;
	uint32_t want = random_below(6) ? random_below(30) : random_below(400);
	while (p->n_rules < want) {
		const struct seccomp_call *call = random_known_call();
		struct seccomp_rule *rule = &p->rules[p->n_rules++];
		rule->call = NULL;
		*rule = (struct seccomp_rule){ .call = call, .action = action_of(p, call), .cond = (uint32_t)p->n_conds };
		if (is_multiplexed(call) || str_eq(call->name, "socketcall") || str_eq(call->name, "ipc")) {
			mux_action = has_mux ? mux_action : rule->action;
			rule->action = mux_action;
			has_mux = true;
		}
		uint32_t n = random_below(2) ? 0 : random_below(4), seen = 0;
		while (rule->n_cond < n) {
			uint8_t arg = (uint8_t)random_below(6);
			if (seen >> arg & 1)
				continue;
			seen |= 1u << arg;
			p->conds[p->n_conds++] =
				(struct seccomp_cond){ arg, (uint8_t)random_below(7), some_value(), some_value() };
			rule->n_cond++;
		}
		for (int a = 0; a < SECCOMP_ARCHES; a++) {
			int32_t nr = call->nr[a] < -100 ? seccomp_call_direct(call->nr[a]) : call->nr[a];
			p->newest[a] = MAX(p->newest[a], nr);
		}
	}
}

static void tell(const struct seccomp_profile *p, const struct seccomp_data *d, uint32_t want, uint32_t got)
{
	fprintf(stderr, "default %#x arches %#x\n", p->default_action, p->arches);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct seccomp_rule *r = &p->rules[i];
		fprintf(stderr, "  %s -> %#x:", r->call->name, r->action);
		for (uint32_t k = 0; k < r->n_cond; k++) {
			const struct seccomp_cond *c = &p->conds[r->cond + k];
			fprintf(stderr, " a%u op%u %#lx %#lx;", c->arg, c->op, (unsigned long)c->value, (unsigned long)c->value_two);
		}
		fprintf(stderr, "\n");
	}
	ck_abort_msg("arch %#x nr %#x (%lx %lx %lx %lx %lx %lx): libseccomp says %#x, the generator %#x", d->arch, (unsigned)d->nr,
		     (unsigned long)d->args[0], (unsigned long)d->args[1], (unsigned long)d->args[2], (unsigned long)d->args[3],
		     (unsigned long)d->args[4], (unsigned long)d->args[5], want, got);
}

static void same_verdict(const struct seccomp_profile *p, const struct program *ref, const struct program *ours,
			 const struct seccomp_data *d)
{
	uint32_t got = bpf_run(ours->insns, ours->n, d), means = meaning(p, d), library = expected(p, ref, d);
	if (got != means || (got != library && !library_errs(p)))
		tell(p, d, library, got);
}

static void compare_profile(enum seccomp_arch native, const struct seccomp_profile *p, int calls)
{
	AUTO_PROGRAM ref = reference(p, native);
	AUTO_PROGRAM ours = { 0 };
	struct seccomp_data d;
	ck_assert_int_eq(seccomp_bpf_generate(p, native, &ours.insns, &ours.n, NULL), 0);
	for (int i = 0; i < calls; i++) {
		random_call(native, p, &d);
		same_verdict(p, &ref, &ours, &d);
	}
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
		for (int a = 0; a < SECCOMP_ARCHES; a++) {
			d = (struct seccomp_data){ .nr = (int)garbage[i], .arch = arches[a].audit };
			same_verdict(p, &ref, &ours, &d);
		}
}

START_TEST(test_random_x86)
{
	struct seccomp_profile p;
	for (int i = 0; i < 150; i++) {
		random_profile(SECCOMP_X86_64, &p);
		compare_profile(SECCOMP_X86_64, &p, 300);
	}
}
END_TEST

START_TEST(test_random_others)
{
	static const enum seccomp_arch natives[] = { SECCOMP_AARCH64, SECCOMP_RISCV64 };
	struct seccomp_profile p;
	for (int i = 0; i < 60; i++) {
		random_profile(natives[i & 1], &p);
		compare_profile(natives[i & 1], &p, 200);
	}
}
END_TEST

/* Every row that the installed libseccomp knows as well. */
START_TEST(test_table)
{
	size_t known = 0;
	const struct seccomp_call *c;
	for (size_t i = 0; (c = seccomp_call_at(i)); i++) {
		ck_assert_ptr_eq(seccomp_call_find(c->name), c);
		if (i)
			ck_assert_int_lt(strcmp(seccomp_call_at(i - 1)->name, c->name), 0);
		if (seccomp_syscall_resolve_name(c->name) == __NR_SCMP_ERROR)
			continue;
		known++;
		for (int a = 0; a < SECCOMP_ARCHES; a++) {
			int nr = seccomp_syscall_resolve_name_arch(arches[a].token, c->name);
			if (nr >= 0 || c->nr[a] >= 0)
				ck_assert_msg(nr == c->nr[a] || (nr < 0 && c->nr[a] >= 0), "%s: %d is %d", c->name, nr, c->nr[a]);
		}
	}
	ck_assert_uint_gt(known, 400);
	ck_assert_ptr_null(seccomp_call_find("no_such_call"));
}
END_TEST

/* Every number of every architecture, garbage, and the conditions' arguments. */
START_TEST(test_default_profile)
{
	static char *sets[][4] = { { NULL }, { "CAP_SYS_ADMIN", NULL }, { "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_TIME", NULL } };
	for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
		AUTO_JSON *json = seccomp_default_profile(sets[s]);
		AUTO_SECCOMP_PROFILE p = { 0 };
		ck_assert_int_eq(seccomp_profile_parse(json, &p, NULL), 0);
		/* libseccomp may be older than the table. */
		size_t kept = 0;
		for (size_t i = 0; i < p.n_rules; i++)
			if (seccomp_syscall_resolve_name(p.rules[i].call->name) != __NR_SCMP_ERROR)
				p.rules[kept++] = p.rules[i];
		p.n_rules = kept;
		AUTO_PROGRAM ref = reference(&p, SECCOMP_NATIVE);
		AUTO_PROGRAM ours = { 0 };
		ck_assert_int_eq(seccomp_bpf_generate(&p, SECCOMP_NATIVE, &ours.insns, &ours.n, NULL), 0);
		ck_assert_uint_lt(ours.n, ref.n);
		for (int a = 0; a < SECCOMP_ARCHES; a++)
			for (uint32_t nr = 0; nr <= 600; nr++)
				for (int arg = 0; arg < 12; arg++) {
					static const uint64_t values[] = { 0,	8,	    40,		0x20000,    0x20008,  0xffffffff,
									   0x11, 0x10000011, 0x02000000, 0x100000028, 1ul << 31, UINT64_MAX };
					struct seccomp_data d = { .nr = (int)(nr | (a == SECCOMP_X32 ? SECCOMP_X32_BIT : 0)),
								  .arch = arches[a].audit,
								  .args = { values[arg], values[arg] } };
					same_verdict(&p, &ref, &ours, &d);
				}
		for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
			struct seccomp_data d = { .nr = (int)garbage[i], .arch = arches[SECCOMP_NATIVE].audit };
			same_verdict(&p, &ref, &ours, &d);
		}
	}
}
END_TEST

/* More comparisons than one conditional jump reaches over, and more than the kernel takes. */
START_TEST(test_long)
{
	static struct seccomp_rule rules[3000];
	static struct seccomp_cond conds[3000];
	struct seccomp_profile p = { .default_action = SECCOMP_RET_ALLOW, .arches = 1u << SECCOMP_X86_64, .rules = rules, .conds = conds };
	for (uint32_t i = 0; i < ARRAY_LEN(rules); i++) {
		conds[i] = (struct seccomp_cond){ .arg = 1, .op = SECCOMP_OP_EQ, .value = (uint64_t)i << 32 | i };
		rules[i] = (struct seccomp_rule){ seccomp_call_find(i % 3 ? "read" : "write"), SECCOMP_RET_ERRNO | (i % 50), i, 1 };
	}
	AUTO_PROGRAM ours = { 0 };
	p.n_rules = 600;
	ck_assert_int_eq(seccomp_bpf_generate(&p, SECCOMP_X86_64, &ours.insns, &ours.n, NULL), 0);
	for (uint32_t i = 0; i < p.n_rules; i++) {
		struct seccomp_data d = { .nr = i % 3 ? 0 : 1, .arch = AUDIT_ARCH_X86_64, .args = { 0, (uint64_t)i << 32 | i } };
		ck_assert_uint_eq(bpf_run(ours.insns, ours.n, &d), SECCOMP_RET_ERRNO | (i % 50));
		d.args[1]++;
		ck_assert_uint_eq(bpf_run(ours.insns, ours.n, &d), SECCOMP_RET_ALLOW);
	}
	struct program none = { 0 };
	p.n_rules = ARRAY_LEN(rules);
	ck_assert_int_eq(seccomp_bpf_generate(&p, SECCOMP_X86_64, &none.insns, &none.n, NULL), -E2BIG);
	ck_assert_ptr_null(none.insns);
}
END_TEST

/* Of rules with different actions the first that matches decides; one without conditions decides wherever it stands. */
START_TEST(test_order)
{
	struct seccomp_cond conds[] = { { 0, SECCOMP_OP_EQ, 5, 0 }, { 0, SECCOMP_OP_GE, 3, 0 } };
	struct seccomp_rule rules[] = { { seccomp_call_find("read"), SECCOMP_RET_ERRNO | 1, 0, 1 },
					{ seccomp_call_find("read"), SECCOMP_RET_ERRNO | 2, 1, 1 },
					{ seccomp_call_find("read"), SECCOMP_RET_TRAP, 0, 0 },
					{ seccomp_call_find("read"), SECCOMP_RET_LOG, 0, 0 } };
	struct seccomp_profile p = { .default_action = SECCOMP_RET_ALLOW, .arches = 1u << SECCOMP_X86_64, .rules = rules, .n_rules = 2,
				     .conds = conds };
	AUTO_PROGRAM two = { 0 }, four = { 0 };
	struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64, .args = { 5 } };
	ck_assert_int_eq(seccomp_bpf_generate(&p, SECCOMP_X86_64, &two.insns, &two.n, NULL), 0);
	ck_assert_uint_eq(bpf_run(two.insns, two.n, &d), SECCOMP_RET_ERRNO | 1);
	d.args[0] = 4;
	ck_assert_uint_eq(bpf_run(two.insns, two.n, &d), SECCOMP_RET_ERRNO | 2);
	d.args[0] = 2;
	ck_assert_uint_eq(bpf_run(two.insns, two.n, &d), SECCOMP_RET_ALLOW);
	p.n_rules = 4;
	ck_assert_int_eq(seccomp_bpf_generate(&p, SECCOMP_X86_64, &four.insns, &four.n, NULL), 0);
	ck_assert_uint_eq(bpf_run(four.insns, four.n, &d), SECCOMP_RET_TRAP);
}
END_TEST

TESTS("seccomp_bpf", test_random_x86, test_random_others, test_table, test_default_profile, test_long, test_order)
