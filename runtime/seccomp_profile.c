/* Parsing linux.seccomp.
 *
 * Happy path: words become numbers by tables, names of system calls rows of the table of calls, one rule a name. What can
 * fail: an unknown action, operator, architecture or flag; a flag that the kernel does not have; an argument's index or an
 * errno out of range; more rules than any filter could hold. What always holds: newest counts every name, also those of
 * rules that say no more than the default. */
#include "runtime/seccomp_profile.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define ARGS 6
#define MAX_ERRNO 4095
#define MAX_RULES 65536

struct word {
	char word[40];
	uint32_t value;
};

static const struct word actions[] = {
	{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
	{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
	{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
	{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
	{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	{ "SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF },
	{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
	{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
};

static const struct word operators[] = {
	{ "SCMP_CMP_EQ", SECCOMP_OP_EQ }, { "SCMP_CMP_GE", SECCOMP_OP_GE },
	{ "SCMP_CMP_GT", SECCOMP_OP_GT }, { "SCMP_CMP_LE", SECCOMP_OP_LE },
	{ "SCMP_CMP_LT", SECCOMP_OP_LT }, { "SCMP_CMP_MASKED_EQ", SECCOMP_OP_MASKED_EQ },
	{ "SCMP_CMP_NE", SECCOMP_OP_NE },
};

/* Those without a table can never be what the kernel reports: they are understood and of no effect. */
static const struct word arches[] = {
	{ "SCMP_ARCH_AARCH64", SECCOMP_AARCH64 },
	{ "SCMP_ARCH_ARM", SECCOMP_ARM },
	{ "SCMP_ARCH_LOONGARCH64", SECCOMP_ARCHES },
	{ "SCMP_ARCH_MIPS", SECCOMP_ARCHES },
	{ "SCMP_ARCH_MIPS64", SECCOMP_ARCHES },
	{ "SCMP_ARCH_MIPS64N32", SECCOMP_ARCHES },
	{ "SCMP_ARCH_MIPSEL", SECCOMP_ARCHES },
	{ "SCMP_ARCH_MIPSEL64", SECCOMP_ARCHES },
	{ "SCMP_ARCH_MIPSEL64N32", SECCOMP_ARCHES },
	{ "SCMP_ARCH_PARISC", SECCOMP_ARCHES },
	{ "SCMP_ARCH_PARISC64", SECCOMP_ARCHES },
	{ "SCMP_ARCH_PPC", SECCOMP_ARCHES },
	{ "SCMP_ARCH_PPC64", SECCOMP_ARCHES },
	{ "SCMP_ARCH_PPC64LE", SECCOMP_ARCHES },
	{ "SCMP_ARCH_RISCV64", SECCOMP_RISCV64 },
	{ "SCMP_ARCH_S390", SECCOMP_ARCHES },
	{ "SCMP_ARCH_S390X", SECCOMP_ARCHES },
	{ "SCMP_ARCH_X32", SECCOMP_X32 },
	{ "SCMP_ARCH_X86", SECCOMP_X86 },
	{ "SCMP_ARCH_X86_64", SECCOMP_X86_64 },
};

static const struct word flag_words[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

#define WORD_AT(table) return i < ARRAY_LEN(table) ? table[i].word : NULL
const char *seccomp_action_name(size_t i) { WORD_AT(actions); }
const char *seccomp_operator_name(size_t i) { WORD_AT(operators); }
const char *seccomp_arch_name(size_t i) { WORD_AT(arches); }
const char *seccomp_flag_name(size_t i) { WORD_AT(flag_words); }

static const struct word *find_word(const struct word *table, size_t n, const char *text)
{
	for (size_t i = 0; text && i < n; i++)
		if (!strcmp(table[i].word, text))
			return &table[i];
	return NULL;
}

static int look_up(const struct word *table, size_t n, const json_t *j, const char *what, uint32_t *ret, struct err *e)
{
	const char *text = json_string_value(j);
	const struct word *w = find_word(table, n, text);
	if (!w)
		return err_set(e, -EINVAL, "string %.64s is not a valid %s for seccomp", text ? text : "\"\"", what);
	*ret = w->value;
	return 0;
}

static int parse_action(const json_t *j, const char *key, const char *errno_key, uint32_t *ret, struct err *e)
{
	const json_t *number = json_object_get(j, errno_key);
	int64_t data = number ? json_integer_value(number) : EPERM;
	int r = look_up(actions, ARRAY_LEN(actions), json_object_get(j, key), "action", ret, e);
	if (r < 0)
		return r;
	if ((number && !json_is_integer(number)) || data < 0 ||
	    data > (*ret == SECCOMP_RET_ERRNO ? MAX_ERRNO : SECCOMP_RET_DATA))
		return err_set(e, -EINVAL, "%s is out of range", errno_key);
	if (*ret == SECCOMP_RET_ERRNO || *ret == SECCOMP_RET_TRACE)
		*ret |= (uint32_t)data;
	return 0;
}

/* A filter that cannot be read is refused with EFAULT, but a flag that the kernel does not know before that. */
static bool kernel_has(uint32_t flag)
{
	unsigned flags = flag | (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

/* Waiting killably means something only to filters with a listener. */
bool seccomp_flag_supported(const char *name)
{
	const struct word *w = find_word(flag_words, ARRAY_LEN(flag_words), name);
	return w && w->value != SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && kernel_has(w->value);
}

unsigned seccomp_default_flags(void)
{
	return kernel_has(SECCOMP_FILTER_FLAG_SPEC_ALLOW) ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0;
}

static int parse_flags(const json_t *seccomp, struct seccomp_profile *p, struct err *e)
{
	size_t i;
	json_t *f;
	const json_t *list = json_object_get(seccomp, "flags");
	if (!json_is_array(list)) {
		p->flags = seccomp_default_flags();
		return 0;
	}
	json_array_foreach(list, i, f)
	{
		const struct word *w = find_word(flag_words, ARRAY_LEN(flag_words), json_string_value(f));
		if (!w)
			return err_set(e, -EINVAL, "seccomp flag %.64s is not known", json_is_string(f) ? json_string_value(f) : "?");
		if (!kernel_has(w->value))
			return err_set(e, -EINVAL, "seccomp flag %s is not supported by the kernel", w->word);
		/* The process that loads the filter has one thread: nothing to synchronise. */
		if (w->value != SECCOMP_FILTER_FLAG_TSYNC)
			p->flags |= w->value;
	}
	return 0;
}

static int parse_arches(const json_t *seccomp, struct seccomp_profile *p, struct err *e)
{
	size_t i;
	json_t *a;
	p->arches = 1u << SECCOMP_NATIVE;
	json_array_foreach(json_object_get(seccomp, "architectures"), i, a)
	{
		uint32_t arch;
		int r = look_up(arches, ARRAY_LEN(arches), a, "arch", &arch, e);
		if (r < 0)
			return r;
		if (arch < SECCOMP_ARCHES)
			p->arches |= 1u << arch;
	}
	return 0;
}

/* Adds one rule's conditions; ret_repeats where two are about the same argument. */
static int parse_args(struct seccomp_profile *p, const json_t *list, bool *ret_repeats, struct err *e)
{
	size_t i;
	json_t *a;
	unsigned seen = 0;
	*ret_repeats = false;
	if (json_array_size(list) > 64)
		return err_set(e, -E2BIG, "args: more than 64");
	p->conds = xreallocarray(p->conds, p->n_conds + json_array_size(list) + 1, sizeof(*p->conds));
	json_array_foreach(list, i, a)
	{
		uint32_t op;
		int64_t index = json_int_at(a, "index", -1);
		int r = look_up(operators, ARRAY_LEN(operators), json_object_get(a, "op"), "operator", &op, e);
		if (r < 0)
			return err_wrap(e, r, "args[%zu]", i);
		if (index < 0 || index >= ARGS)
			return err_set(e, -EINVAL, "args[%zu]: index is out of range", i);
		*ret_repeats |= seen >> index & 1;
		seen |= 1u << index;
		p->conds[p->n_conds++] = (struct seccomp_cond){ .arg = (uint8_t)index,
								.op = (uint8_t)op,
								.value = (uint64_t)json_int_at(a, "value", 0),
								.value_two = (uint64_t)json_int_at(a, "valueTwo", 0) };
	}
	return 0;
}

static void count_newest(struct seccomp_profile *p, const struct seccomp_call *call)
{
	for (int a = 0; a < SECCOMP_ARCHES; a++) {
		int32_t nr = call->nr[a] < -100 ? seccomp_call_direct(call->nr[a]) : call->nr[a];
		p->newest[a] = MAX(p->newest[a], nr);
	}
}

static void add_rule(struct seccomp_profile *p, struct seccomp_rule rule)
{
	/* Room for 64, then twice as much at each power of two. */
	bool full = p->n_rules >= 64 && !(p->n_rules & (p->n_rules - 1));
	if (!p->n_rules || full)
		p->rules = xreallocarray(p->rules, p->n_rules ? p->n_rules * 2 : 64, sizeof(*p->rules));
	p->rules[p->n_rules++] = rule;
}

/* One name with its conditions. Several about one argument mean any of them: a rule each; else all must hold. */
static int add_name(struct seccomp_profile *p, const json_t *name, struct seccomp_rule rule, bool repeats, struct err *e)
{
	if (!json_string_length(name))
		return err_set(e, -EINVAL, "names: empty string is not a valid syscall");
	if (p->n_rules + rule.n_cond >= MAX_RULES)
		return err_set(e, -E2BIG, "more than %d rules", MAX_RULES);
	if (rule.action == SECCOMP_RET_USER_NOTIF && !strcmp(json_string_value(name), "write"))
		return err_set(e, -EINVAL, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
	rule.call = seccomp_call_find(json_string_value(name));
	if (!rule.call)
		return 0;
	count_newest(p, rule.call);
	if (rule.action == p->default_action)
		return 0;
	if (!repeats)
		add_rule(p, rule);
	for (uint32_t i = 0; repeats && i < rule.n_cond; i++)
		add_rule(p, (struct seccomp_rule){ rule.call, rule.action, rule.cond + i, 1 });
	return 0;
}

static int parse_syscall(struct seccomp_profile *p, const json_t *s, struct err *e)
{
	size_t i;
	json_t *name;
	bool repeats = false;
	struct seccomp_rule rule = { .cond = (uint32_t)p->n_conds };
	int r = parse_action(s, "action", "errnoRet", &rule.action, e);
	if (r == 0)
		r = parse_args(p, json_object_get(s, "args"), &repeats, e);
	if (r < 0)
		return r;
	rule.n_cond = (uint32_t)p->n_conds - rule.cond;
	p->notify |= rule.action == SECCOMP_RET_USER_NOTIF;
	json_array_foreach(json_object_get(s, "names"), i, name)
	{
		r = add_name(p, name, rule, repeats, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_syscalls(const json_t *seccomp, struct seccomp_profile *p, struct err *e)
{
	size_t i;
	json_t *s;
	json_array_foreach(json_object_get(seccomp, "syscalls"), i, s)
	{
		int r = parse_syscall(p, s, e);
		if (r < 0)
			return err_wrap(e, r, "linux.seccomp.syscalls[%zu]", i);
	}
	return 0;
}

int seccomp_profile_parse(const json_t *seccomp, struct seccomp_profile *ret, struct err *e)
{
	AUTO_SECCOMP_PROFILE p = { .listener_path = json_str_at(seccomp, "listenerPath"),
				   .listener_metadata = json_str_or(seccomp, "listenerMetadata", "") };
	int r = parse_action(seccomp, "defaultAction", "defaultErrnoRet", &p.default_action, e);
	if (r == 0 && p.default_action == SECCOMP_RET_USER_NOTIF)
		r = err_set(e, -EINVAL, "SCMP_ACT_NOTIFY cannot be used as default action");
	if (r == 0)
		r = parse_flags(seccomp, &p, e);
	if (r == 0)
		r = parse_arches(seccomp, &p, e);
	if (r < 0)
		return err_wrap(e, r, "linux.seccomp");
	r = parse_syscalls(seccomp, &p, e);
	if (r < 0)
		return r;
	if (p.notify && str_empty(p.listener_path))
		return err_set(e, -EINVAL, "linux.seccomp: listenerPath is not set, which SCMP_ACT_NOTIFY needs");
	*ret = p;
	p.rules = NULL;
	p.conds = NULL;
	return 0;
}

void seccomp_profile_done(struct seccomp_profile *p)
{
	free(p->rules);
	free(p->conds);
	p->rules = NULL;
	p->conds = NULL;
}
