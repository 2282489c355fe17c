/* The filter of a profile.
 *
 * Happy path: per audit architecture, every rule becomes an entry with its number; sorted, they cut the 2^32 numbers into
 * segments of one verdict each, neighbours alike merged; a binary search over the segments' starts ends at an action or at
 * the comparisons of arguments. What can fail: too many instructions (-E2BIG). What always holds: no input but the profile;
 * verdicts on numbers alone read nothing but number and architecture, so that the kernel can remember them. */
#include "runtime/seccomp_bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runtime/seccomp_emit.h"

#ifndef AUDIT_ARCH_RISCV64
#define AUDIT_ARCH_RISCV64 (243 | __AUDIT_ARCH_64BIT | __AUDIT_ARCH_LE)
#endif
#define X86_SOCKETCALL 102
#define X86_IPC 117
#define NUMBERS ((uint64_t)1 << 32)
#define EXCEPTIONS 3

/* Architectures of one machine, as the kernel reports them. second: the one that shares the report (x32). */
struct abi {
	enum seccomp_arch machine, arch, second;
	uint32_t audit;
	bool narrow; /* arguments of 32 bits */
};

static const struct abi abis[] = {
	{ SECCOMP_X86_64, SECCOMP_X86_64, SECCOMP_X32, AUDIT_ARCH_X86_64, false },
	{ SECCOMP_X86_64, SECCOMP_X86, SECCOMP_ARCHES, AUDIT_ARCH_I386, true },
	{ SECCOMP_AARCH64, SECCOMP_AARCH64, SECCOMP_ARCHES, AUDIT_ARCH_AARCH64, false },
	{ SECCOMP_AARCH64, SECCOMP_ARM, SECCOMP_ARCHES, AUDIT_ARCH_ARM, true },
	{ SECCOMP_RISCV64, SECCOMP_RISCV64, SECCOMP_ARCHES, AUDIT_ARCH_RISCV64, false },
};

/* A rule for one number. operation: the first argument of socketcall or ipc, which stands in for the rule's own. */
struct entry {
	uint32_t nr, order;
	const struct seccomp_rule *rule;
	uint8_t operation;
	bool narrow;
};

/* The verdict from start up to the next segment: an action, or the rules of entries[first] and its n - 1 followers. */
struct segment {
	uint32_t start, action, first, n;
};

/* A place where the binary search ends: a segment, and as many single numbers in it that have verdicts of their own. */
struct leaf {
	uint32_t segment, exceptions;
};

struct generator {
	const struct seccomp_profile *p;
	struct seccomp_emit w;
	struct entry *entries;
	size_t n_entries;
	struct segment *segments;
	size_t n_segments;
	struct leaf *leaves;
	size_t n_leaves;
};

/* What a number that no rule names answers, from start on. */
struct background {
	uint64_t start;
	uint32_t action;
};

/* ---- entries ---- */

static void add_entry(struct generator *g, int32_t nr, const struct seccomp_rule *rule, int operation, bool narrow)
{
	if (nr == -1)
		return;
	size_t i = g->n_entries++;
	g->entries[i] = (struct entry){ (uint32_t)nr, (uint32_t)i, rule, (uint8_t)operation, narrow };
}

static void add_rule(struct generator *g, const struct seccomp_rule *rule, enum seccomp_arch arch, bool narrow)
{
	int32_t nr = rule->call->nr[arch];
	if (nr >= -100) {
		add_entry(g, nr, rule, 0, narrow);
		return;
	}
	if (nr > -200)
		add_entry(g, X86_SOCKETCALL, rule, -nr - 100, narrow);
	else
		add_entry(g, X86_IPC, rule, -nr - 200, narrow);
	add_entry(g, seccomp_call_direct(nr), rule, 0, narrow);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->nr != y->nr)
		return x->nr < y->nr ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void collect(struct generator *g, const struct abi *abi)
{
	bool second = abi->second < SECCOMP_ARCHES && (g->p->arches >> abi->second & 1);
	g->n_entries = 0;
	for (size_t i = 0; i < g->p->n_rules; i++) {
		add_rule(g, &g->p->rules[i], abi->arch, abi->narrow);
		if (second)
			add_rule(g, &g->p->rules[i], abi->second, true);
	}
	qsort(g->entries, g->n_entries, sizeof(*g->entries), compare_entries);
}

/* A mask without bits holds for any argument, and so does a condition that the operation's number has replaced. */
static bool is_void(const struct entry *e, const struct seccomp_cond *c)
{
	if (e->operation && c->arg == 0)
		return true;
	return c->op == SECCOMP_OP_MASKED_EQ && (e->narrow ? (uint32_t)c->value : c->value) == 0;
}

static bool is_unconditional(const struct generator *g, const struct entry *e)
{
	for (uint32_t i = 0; i < e->rule->n_cond; i++)
		if (!is_void(e, &g->p->conds[e->rule->cond + i]))
			return false;
	return !e->operation;
}

/* ---- segments ---- */

static void push(struct generator *g, struct segment s)
{
	size_t n = g->n_segments;
	if (n && g->segments[n - 1].start == s.start)
		n--;
	else if (n && !g->segments[n - 1].n && !s.n && g->segments[n - 1].action == s.action)
		return;
	g->segments[n] = s;
	g->n_segments = n + 1;
}

/* Numbers from start up to end that no rule names. */
static void push_background(struct generator *g, const struct background *bg, size_t n, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t to = i + 1 < n ? bg[i + 1].start : NUMBERS;
		if (to > start && bg[i].start < end)
			push(g, (struct segment){ .start = (uint32_t)MAX(start, bg[i].start), .action = bg[i].action });
	}
}

static struct segment verdict(const struct generator *g, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (is_unconditional(g, &g->entries[i]))
			return (struct segment){ .start = g->entries[i].nr, .action = g->entries[i].rule->action };
	return (struct segment){ .start = g->entries[first].nr, .first = (uint32_t)first, .n = (uint32_t)n };
}

/* Whether numbers beyond the newest are to answer ENOSYS: a default that lets calls through has no need of it. */
static bool wants_enosys(const struct seccomp_profile *p)
{
	uint32_t action = p->default_action & SECCOMP_RET_ACTION_FULL;
	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG && action != SECCOMP_RET_TRACE;
}

/* On x86-64, bit 30 marks the calls of x32. Without x32 in the profile they are killed, but for -1, which is what a
 * tracer leaves behind when it has skipped a call. */
static size_t fill_background(const struct seccomp_profile *p, const struct abi *abi, struct background *bg)
{
	uint32_t unnamed = p->default_action, enosys = SECCOMP_RET_ERRNO | ENOSYS;
	bool refuses = wants_enosys(p) && p->newest[abi->arch] > 0;
	uint32_t beyond = refuses ? enosys : unnamed;
	size_t n = 0;
	bg[n++] = (struct background){ 0, unnamed };
	bg[n++] = (struct background){ (uint64_t)p->newest[abi->arch] + 1, beyond };
	if (abi->second == SECCOMP_ARCHES)
		return n;
	bool x32 = p->arches >> abi->second & 1;
	uint32_t x32_beyond = wants_enosys(p) && p->newest[abi->second] > 0 ? enosys : unnamed;
	bg[n++] = (struct background){ SECCOMP_X32_BIT, x32 ? unnamed : SECCOMP_RET_KILL_THREAD };
	if (x32 && p->newest[abi->second] > 0)
		bg[n++] = (struct background){ (uint64_t)p->newest[abi->second] + 1, x32_beyond };
	bg[n++] = (struct background){ 0x80000000, refuses || x32 ? beyond : SECCOMP_RET_KILL_THREAD };
	bg[n++] = (struct background){ 0xc0000000, x32 ? x32_beyond : SECCOMP_RET_KILL_THREAD };
	if (!x32)
		bg[n++] = (struct background){ 0xffffffff, unnamed };
	return n;
}

static void cut(struct generator *g, const struct abi *abi)
{
	struct background bg[8];
	size_t n_bg = fill_background(g->p, abi, bg);
	uint64_t at = 0;
	g->n_segments = 0;
	for (size_t i = 0, n; i < g->n_entries; i += n) {
		uint32_t nr = g->entries[i].nr;
		for (n = 1; i + n < g->n_entries && g->entries[i + n].nr == nr; n++)
			;
		push_background(g, bg, n_bg, at, nr);
		push(g, verdict(g, i, n));
		at = (uint64_t)nr + 1;
	}
	push_background(g, bg, n_bg, at, NUMBERS);
}

/* ---- code ---- */

/* One 32-bit word of an argument (high: the upper one) under a mask. */
static struct seccomp_target compare(struct generator *g, uint32_t offset, uint32_t mask, uint16_t op, uint32_t k,
				     struct seccomp_target yes, struct seccomp_target no)
{
	seccomp_emit_jump(&g->w, op, k, yes, no);
	if (mask != UINT32_MAX)
		seccomp_emit_and(&g->w, mask);
	seccomp_emit_load(&g->w, offset);
	return seccomp_emit_here(&g->w);
}

static struct seccomp_target equal(struct generator *g, const struct seccomp_cond *c, uint64_t mask, uint64_t value, bool narrow,
				   struct seccomp_target yes, struct seccomp_target no)
{
	uint32_t low = (uint32_t)offsetof(struct seccomp_data, args[c->arg]);
	value &= mask;
	struct seccomp_target t = yes;
	if ((uint32_t)mask)
		t = compare(g, low, (uint32_t)mask, BPF_JEQ, (uint32_t)value, t, no);
	if (!narrow && mask >> 32)
		t = compare(g, low + 4, (uint32_t)(mask >> 32), BPF_JEQ, (uint32_t)(value >> 32), t, no);
	return t;
}

/* op: BPF_JGT or BPF_JGE. */
static struct seccomp_target above(struct generator *g, const struct seccomp_cond *c, uint16_t op, bool narrow,
				   struct seccomp_target yes, struct seccomp_target no)
{
	uint32_t low = (uint32_t)offsetof(struct seccomp_data, args[c->arg]), high_value = (uint32_t)(c->value >> 32);
	struct seccomp_target t = compare(g, low, UINT32_MAX, op, (uint32_t)c->value, yes, no);
	if (narrow)
		return t;
	seccomp_emit_jump(&g->w, BPF_JEQ, high_value, t, no);
	return compare(g, low + 4, UINT32_MAX, BPF_JGT, high_value, yes, seccomp_emit_here(&g->w));
}

static struct seccomp_target condition(struct generator *g, const struct seccomp_cond *c, bool narrow, struct seccomp_target yes,
				       struct seccomp_target no)
{
	switch ((enum seccomp_op)c->op) {
	case SECCOMP_OP_EQ:
		return equal(g, c, UINT64_MAX, c->value, narrow, yes, no);
	case SECCOMP_OP_NE:
		return equal(g, c, UINT64_MAX, c->value, narrow, no, yes);
	case SECCOMP_OP_MASKED_EQ:
		return equal(g, c, c->value, c->value_two, narrow, yes, no);
	case SECCOMP_OP_GT:
		return above(g, c, BPF_JGT, narrow, yes, no);
	case SECCOMP_OP_GE:
		return above(g, c, BPF_JGE, narrow, yes, no);
	case SECCOMP_OP_LE:
		return above(g, c, BPF_JGT, narrow, no, yes);
	case SECCOMP_OP_LT:
		return above(g, c, BPF_JGE, narrow, no, yes);
	}
	return no;
}

static struct seccomp_target rule_code(struct generator *g, const struct entry *e, struct seccomp_target no)
{
	struct seccomp_target t = SECCOMP_RETURN(e->rule->action);
	for (uint32_t i = e->rule->n_cond; i-- > 0;) {
		const struct seccomp_cond *c = &g->p->conds[e->rule->cond + i];
		if (!is_void(e, c))
			t = condition(g, c, e->narrow, t, no);
	}
	struct seccomp_cond operation = { .arg = 0, .op = SECCOMP_OP_EQ, .value = e->operation };
	return e->operation ? condition(g, &operation, true, t, no) : t;
}

static struct seccomp_target segment_code(struct generator *g, const struct segment *s)
{
	struct seccomp_target t = SECCOMP_RETURN(s->n ? g->p->default_action : s->action);
	for (uint32_t i = s->n; i-- > 0;)
		t = rule_code(g, &g->entries[s->first + i], t);
	return t;
}

/* Whether the segment is one number between two of the same action. */
static bool is_exception(const struct generator *g, size_t i)
{
	const struct segment *s = &g->segments[i];
	if (i == 0 || i + 1 >= g->n_segments || s[1].start != s->start + 1)
		return false;
	return !s[-1].n && !s[1].n && s[-1].action == s[1].action;
}

/* An exception costs one comparison, a border of the search one for each side. */
static void find_leaves(struct generator *g)
{
	g->n_leaves = 0;
	for (size_t i = 0; i < g->n_segments;) {
		struct leaf *leaf = &g->leaves[g->n_leaves++];
		*leaf = (struct leaf){ .segment = (uint32_t)i++ };
		while (leaf->exceptions < EXCEPTIONS && is_exception(g, i)) {
			leaf->exceptions++;
			i += 2;
		}
	}
}

static struct seccomp_target leaf_code(struct generator *g, const struct leaf *leaf)
{
	const struct segment *s = &g->segments[leaf->segment];
	struct seccomp_target t = segment_code(g, s);
	for (uint32_t i = leaf->exceptions; i-- > 0;) {
		const struct segment *x = &s[2 * i + 1];
		seccomp_emit_jump(&g->w, BPF_JEQ, x->start, segment_code(g, x), t);
		t = seccomp_emit_here(&g->w);
	}
	return t;
}

/* Binary search; the accumulator holds the number. */
static struct seccomp_target search(struct generator *g, size_t low, size_t high)
{
	if (high - low == 1)
		return leaf_code(g, &g->leaves[low]);
	size_t middle = (low + high) / 2;
	struct seccomp_target right = search(g, middle, high), left = search(g, low, middle);
	seccomp_emit_jump(&g->w, BPF_JGE, g->segments[g->leaves[middle].segment].start, right, left);
	return seccomp_emit_here(&g->w);
}

static struct seccomp_target abi_code(struct generator *g, const struct abi *abi)
{
	collect(g, abi);
	cut(g, abi);
	find_leaves(g);
	struct seccomp_target t = search(g, 0, g->n_leaves);
	if (t.is_action)
		return t;
	seccomp_emit_load(&g->w, offsetof(struct seccomp_data, nr));
	return seccomp_emit_here(&g->w);
}

static void write_program(struct generator *g, enum seccomp_arch machine)
{
	struct seccomp_target code[ARRAY_LEN(abis)], t = SECCOMP_RETURN(SECCOMP_RET_KILL_THREAD);
	bool has[ARRAY_LEN(abis)] = { false };
	for (size_t i = ARRAY_LEN(abis); i-- > 0;) {
		has[i] = abis[i].machine == machine && (g->p->arches >> abis[i].arch & 1);
		if (has[i])
			code[i] = abi_code(g, &abis[i]);
	}
	for (size_t i = ARRAY_LEN(abis); i-- > 0;) {
		if (!has[i])
			continue;
		seccomp_emit_jump(&g->w, BPF_JEQ, abis[i].audit, code[i], t);
		t = seccomp_emit_here(&g->w);
	}
	seccomp_emit_load(&g->w, offsetof(struct seccomp_data, arch));
}

int seccomp_bpf_generate(const struct seccomp_profile *p, enum seccomp_arch native, struct sock_filter **ret, size_t *ret_n,
			 struct err *e)
{
	AUTO_FREE struct sock_filter *insns = xmalloc(BPF_MAXINSNS * sizeof(*insns));
	/* A rule gives at most two numbers in each of two architectures; each cuts the numbers at most twice. */
	AUTO_FREE struct entry *entries = xmalloc((p->n_rules * 4 + 1) * sizeof(*entries));
	AUTO_FREE struct segment *segments = xmalloc((p->n_rules * 8 + 17) * sizeof(*segments));
	AUTO_FREE struct leaf *leaves = xmalloc((p->n_rules * 8 + 17) * sizeof(*leaves));
	struct generator g = { .p = p, .w = { .insns = insns }, .entries = entries, .segments = segments, .leaves = leaves };
	write_program(&g, native);
	if (g.w.overflow)
		return err_set(e, -E2BIG, "seccomp filter of more than %d instructions", BPF_MAXINSNS);
	*ret = xmemdup(insns + BPF_MAXINSNS - g.w.n, g.w.n * sizeof(*insns));
	*ret_n = g.w.n;
	return 0;
}
