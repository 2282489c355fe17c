/* Device rules: parsing, the v1 text and the assembly of the v2 program.
 *
 * Happy path: the program tests the rules from the last to the first, the first that matches gives its verdict, the end
 * denies. What can fail: only parsing (-EINVAL). What always holds: an allow rule admits an access only if it covers
 * every bit asked for, a deny rule refuses it if it covers any. */
#include "cgroups/device_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define RULES_MAX 1024
#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

static int parse_access(const char *s, unsigned *ret)
{
	unsigned access = 0;
	for (; *s; s++) {
		if (*s == 'r')
			access |= BPF_DEVCG_ACC_READ;
		else if (*s == 'w')
			access |= BPF_DEVCG_ACC_WRITE;
		else if (*s == 'm')
			access |= BPF_DEVCG_ACC_MKNOD;
		else if (*s != 'a') /* names nothing, and is seen in configurations */
			return -EINVAL;
	}
	*ret = access;
	return 0;
}

static int parse_rule(const json_t *j, struct device_rule *ret)
{
	const char *type = json_str_or(j, "type", "a"), *access = json_str_or(j, "access", "rwm");
	struct device_rule r = { .allow = json_bool_at(j, "allow", false),
				 .major = json_int_at(j, "major", -1),
				 .minor = json_int_at(j, "minor", -1) };
	if (*type == '\0')
		type = "a";
	if (*access == '\0')
		access = "rwm";
	if (type[1] || !strchr("abcu", type[0]) || parse_access(access, &r.access) < 0 || r.major < -1 || r.minor < -1 ||
	    r.major > UINT32_MAX || r.minor > UINT32_MAX)
		return -EINVAL;
	r.type = type[0] == 'u' ? 'c' : type[0];
	if (r.type == 'a')
		r.major = r.minor = -1;
	*ret = r;
	return 0;
}

int device_rules_parse(const json_t *devices, struct device_rules *ret, struct err *e)
{
	AUTO_DEVICE_RULES rules = { 0 };
	size_t n = json_array_size(devices);
	if (devices && (!json_is_array(devices) || n > RULES_MAX))
		return err_set(e, -EINVAL, "linux.resources.devices is no array of at most %d rules", RULES_MAX);
	rules.rules = xcalloc(n, sizeof(*rules.rules));
	for (; rules.n < n; rules.n++)
		if (parse_rule(json_array_get(devices, rules.n), &rules.rules[rules.n]) < 0)
			return err_set(e, -EINVAL, "linux.resources.devices[%zu] is invalid", rules.n);
	*ret = rules;
	rules.rules = NULL;
	return 0;
}

void device_rules_done(struct device_rules *r)
{
	free(r->rules);
	*r = (struct device_rules){ 0 };
}

static void add_number(struct str *out, int64_t n)
{
	if (n < 0)
		str_addc(out, '*');
	else
		str_addf(out, "%lld", (long long)n);
}

void device_rule_text(const struct device_rule *r, struct str *ret)
{
	str_addf(ret, "%c ", r->type);
	add_number(ret, r->major);
	str_addc(ret, ':');
	add_number(ret, r->minor);
	str_addf(ret, " %s%s%s", r->access & BPF_DEVCG_ACC_READ ? "r" : "", r->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		 r->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

/* r1 context (then scratch), r2 type, r3 access, r4 major, r5 minor. */
static const struct bpf_insn prologue[] = {
	{ .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 2, .src_reg = 1, .off = 0 },
	{ .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = 3, .src_reg = 2 },
	{ .code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = 2, .imm = 0xffff },
	{ .code = BPF_ALU | BPF_RSH | BPF_K, .dst_reg = 3, .imm = 16 },
	{ .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 4, .src_reg = 1, .off = 4 },
	{ .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 5, .src_reg = 1, .off = 8 },
};
#define RULE_INSNS_MAX 8

/* Appends one instruction whose jump, if it is one, leads to the end of the block. */
static size_t add(struct bpf_insn *out, size_t n, struct bpf_insn i)
{
	out[n] = i;
	return n + 1;
}

static size_t add_rule(struct bpf_insn *out, const struct device_rule *r)
{
	size_t n = 0;
	const int jne = BPF_JMP | BPF_JNE | BPF_K, jeq = BPF_JMP | BPF_JEQ | BPF_K;
	if (r->type != 'a')
		n = add(out, n, (struct bpf_insn){ .code = jne, .dst_reg = 2,
						   .imm = r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR });
	if (r->access != ACCESS_ALL) {
		n = add(out, n, (struct bpf_insn){ .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 3 });
		n = add(out, n, (struct bpf_insn){ .code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = 1,
						   .imm = (int)(r->allow ? ACCESS_ALL & ~r->access : r->access) });
		n = add(out, n, (struct bpf_insn){ .code = (uint8_t)(r->allow ? jne : jeq), .dst_reg = 1 });
	}
	if (r->major >= 0)
		n = add(out, n, (struct bpf_insn){ .code = jne, .dst_reg = 4, .imm = (int)r->major });
	if (r->minor >= 0)
		n = add(out, n, (struct bpf_insn){ .code = jne, .dst_reg = 5, .imm = (int)r->minor });
	n = add(out, n, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = r->allow });
	n = add(out, n, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
	for (size_t i = 0; i < n; i++)
		if (out[i].code == jne || out[i].code == jeq)
			out[i].off = (int16_t)(n - i - 1);
	return n;
}

struct bpf_insn *device_rules_program(const struct device_rules *r, size_t *ret_n)
{
	struct bpf_insn *p = xcalloc(ARRAY_LEN(prologue) + r->n * RULE_INSNS_MAX + 2, sizeof(*p));
	memcpy(p, prologue, sizeof(prologue));
	size_t n = ARRAY_LEN(prologue);
	for (size_t i = r->n; i-- > 0;) {
		const struct device_rule *d = &r->rules[i];
		n += add_rule(p + n, d);
		if (d->type == 'a' && d->access == ACCESS_ALL) { /* nothing behind it can be reached */
			*ret_n = n;
			return p;
		}
	}
	n = add(p, n, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 });
	*ret_n = add(p, n, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
	return p;
}
