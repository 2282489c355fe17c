/* Seccomp profiles made of foreign bytes. The first byte chooses: text that is a profile, or a profile of rules whose names,
 * actions and conditions the bytes pick; the kernel's own rules for programs are then checked on what was generated: jumps
 * that stay inside, a return at the end of every way. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "runtime/seccomp_bpf.h"
#include "runtime/seccomp_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sock_filter *insns, size_t n)
{
	if (n == 0 || n > BPF_MAXINSNS || insns[n - 1].code != (BPF_RET | BPF_K))
		abort();
	for (size_t i = 0; i < n; i++) {
		uint16_t class = BPF_CLASS(insns[i].code);
		uint64_t far = i + 1;
		if (insns[i].code == (BPF_JMP | BPF_JA))
			far += insns[i].k;
		else if (class == BPF_JMP)
			far += MAX(insns[i].jt, insns[i].jf);
		else if (class == BPF_LD && (insns[i].k % 4 || insns[i].k >= sizeof(struct seccomp_data)))
			abort();
		if (far >= n && class != BPF_RET)
			abort();
	}
}

static void profile_from_text(const uint8_t *data, size_t size)
{
	AUTO_JSON *json = NULL;
	AUTO_SECCOMP p = { 0 };
	if (json_parse((const char *)data, size, &json, NULL) == 0 && seccomp_compile(json, &p, NULL) == 0 && p.insns)
		check(p.insns, p.n);
}

/* Eight bytes a rule: call (2), action, condition: argument, operator, value (3). */
static void profile_from_bytes(const uint8_t *data, size_t size)
{
	size_t n = MIN(size / 8, 4000u), calls = 0;
	AUTO_FREE struct seccomp_rule *rules = xcalloc(n + 1, sizeof(*rules));
	AUTO_FREE struct seccomp_cond *conds = xcalloc(n + 1, sizeof(*conds));
	while (seccomp_call_at(calls))
		calls++;
	if (!calls)
		abort();
	struct seccomp_profile p = { .default_action = size ? (uint32_t)data[0] << 16 : 0, .arches = 0x3f, .rules = rules, .n_rules = n,
				     .conds = conds, .n_conds = n };
	for (size_t i = 0; i < n; i++) {
		const uint8_t *b = data + i * 8;
		conds[i] = (struct seccomp_cond){ b[3] % 6, b[4] % 7, (uint64_t)b[5] << (b[6] % 57), (uint64_t)b[7] << (b[6] % 57) };
		rules[i] = (struct seccomp_rule){ seccomp_call_at((size_t)(b[0] | b[1] << 8) % calls), SECCOMP_RET_ERRNO | b[2], (uint32_t)i,
						  b[2] & 1 };
		for (int a = 0; a < SECCOMP_ARCHES; a++)
			p.newest[a] = MAX(p.newest[a], rules[i].call->nr[a]);
	}
	static const enum seccomp_arch machines[] = { SECCOMP_X86_64, SECCOMP_AARCH64, SECCOMP_RISCV64 };
	for (size_t m = 0; m < ARRAY_LEN(machines); m++) {
		struct sock_filter *insns = NULL;
		size_t k;
		if (seccomp_bpf_generate(&p, machines[m], &insns, &k, NULL) == 0)
			check(insns, k);
		free(insns);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	(data[0] == '{' ? profile_from_text : profile_from_bytes)(data + (data[0] != '{'), size - (data[0] != '{'));
	return 0;
}
