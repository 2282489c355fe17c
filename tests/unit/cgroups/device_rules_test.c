/* Device rules: parsing, v1 text, and the v2 program run by an interpreter of the few instructions it uses. */
#include "cgroups/device_rules.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"

static struct device_rules parse(const char *json)
{
	AUTO_JSON *j = NULL;
	struct device_rules r = { 0 };
	ck_assert_int_eq(json_parse(json, strlen(json), &j, NULL), 0);
	ck_assert_int_eq(device_rules_parse(j, &r, NULL), 0);
	return r;
}

/* What the kernel would answer: 1 allows. Fails on anything the verifier would not take. */
static int run(const struct bpf_insn *p, size_t n, uint32_t type, uint32_t access, uint32_t major, uint32_t minor)
{
	uint32_t ctx[3] = { access << 16 | type, major, minor };
	uint64_t r[11] = { 0 };
	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &p[pc];
		if (i->code == (BPF_LDX | BPF_W | BPF_MEM))
			r[i->dst_reg] = ctx[i->off / 4];
		else if (i->code == (BPF_ALU | BPF_MOV | BPF_X))
			r[i->dst_reg] = (uint32_t)r[i->src_reg];
		else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] & (uint32_t)i->imm;
		else if (i->code == (BPF_ALU | BPF_RSH | BPF_K))
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> i->imm;
		else if (i->code == (BPF_ALU64 | BPF_MOV | BPF_K))
			r[i->dst_reg] = (uint64_t)i->imm;
		else if (i->code == (BPF_JMP | BPF_JNE | BPF_K))
			pc += r[i->dst_reg] != (uint64_t)i->imm ? (size_t)i->off : 0;
		else if (i->code == (BPF_JMP | BPF_JEQ | BPF_K))
			pc += r[i->dst_reg] == (uint64_t)i->imm ? (size_t)i->off : 0;
		else if (i->code == (BPF_JMP | BPF_EXIT))
			return (int)r[0];
		else
			ck_abort_msg("instruction %#x at %zu", i->code, pc);
	}
	ck_abort_msg("ran off the end");
	return -1;
}

static int ask(const char *json, uint32_t type, uint32_t access, uint32_t major, uint32_t minor)
{
	AUTO_DEVICE_RULES r = parse(json);
	size_t n;
	AUTO_FREE struct bpf_insn *p = device_rules_program(&r, &n);
	return run(p, n, type, access, major, minor);
}

#define CHAR BPF_DEVCG_DEV_CHAR
#define BLOCK BPF_DEVCG_DEV_BLOCK
#define M BPF_DEVCG_ACC_MKNOD
#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE

START_TEST(test_program)
{
	const char *usual = "[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"access\":\"m\"},"
			    "{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"},"
			    "{\"allow\":true,\"type\":\"c\",\"major\":136,\"access\":\"rw\"}]";
	ck_assert_int_eq(ask("[]", CHAR, R, 1, 3), 0);
	ck_assert_int_eq(ask("[{\"allow\":true}]", BLOCK, R | W | M, 8, 0), 1);
	ck_assert_int_eq(ask(usual, CHAR, R | W | M, 1, 3), 1);
	ck_assert_int_eq(ask(usual, BLOCK, R, 1, 3), 0);
	ck_assert_int_eq(ask(usual, CHAR, R, 1, 11), 0);
	ck_assert_int_eq(ask(usual, CHAR, M, 1, 11), 1);
	ck_assert_int_eq(ask(usual, CHAR, M | R, 1, 11), 0);
	ck_assert_int_eq(ask(usual, CHAR, R | W, 136, 9), 1);
	ck_assert_int_eq(ask(usual, CHAR, R | W | M, 136, 9), 0);
}
END_TEST

START_TEST(test_last_rule_wins)
{
	const char *denied = "[{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,\"access\":\"w\"}]";
	ck_assert_int_eq(ask(denied, BLOCK, R, 8, 1), 1);
	ck_assert_int_eq(ask(denied, BLOCK, W, 8, 1), 0);
	ck_assert_int_eq(ask(denied, BLOCK, R | W, 8, 1), 0);
	ck_assert_int_eq(ask(denied, BLOCK, W, 9, 1), 1);
}
END_TEST

START_TEST(test_text)
{
	AUTO_DEVICE_RULES r = parse("[{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rw\"},{\"allow\":false}]");
	AUTO_STR out = STR_INIT;
	device_rule_text(&r.rules[0], &out);
	str_addc(&out, ';');
	device_rule_text(&r.rules[1], &out);
	ck_assert_str_eq(str_text(&out), "c 1:3 rw;a *:* rwm");
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[] = { "{}", "[{\"type\":\"x\"}]", "[{\"access\":\"q\"}]", "[{\"major\":-2}]", "[{\"type\":\"cc\"}]" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_JSON *j = NULL;
		AUTO_DEVICE_RULES r = { 0 };
		ck_assert_int_eq(json_parse(bad[i], strlen(bad[i]), &j, NULL), 0);
		ck_assert_int_eq(device_rules_parse(j, &r, NULL), -EINVAL);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("device_rules");
	TCase *t = tcase_create("all");
	tcase_add_test(t, test_program);
	tcase_add_test(t, test_last_rule_wins);
	tcase_add_test(t, test_text);
	tcase_add_test(t, test_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
