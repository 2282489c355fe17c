/* Seccomp: the compiled program run by an interpreter of classic BPF. */
#include "runtime/seccomp_filter.h"

#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/json.h"
#include "runtime/seccomp_default.h"
#include "tests/unit/runtime/bpf_run.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static uint32_t ask(const struct seccomp_program *p, int nr, uint64_t arg0)
{
	struct seccomp_data d = { .nr = nr, .arch = NATIVE, .args = { arg0 } };
	return bpf_run(p->insns, p->n, &d);
}

static int compile(const char *json, struct seccomp_program *ret)
{
	AUTO_JSON *j = NULL;
	ck_assert_int_eq(json_parse(json, strlen(json), &j, NULL), 0);
	return seccomp_compile(j, ret, NULL);
}

START_TEST(test_actions_and_args)
{
	AUTO_SECCOMP p = { 0 };
	ck_assert_int_eq(
		compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
			"{\"names\":[\"mkdirat\",\"not_a_call\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":28},"
			"{\"names\":[\"unshare\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},"
			"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_EQ\"},"
			"{\"index\":0,\"value\":41,\"op\":\"SCMP_CMP_EQ\"}]}]}",
			&p),
		0);
	ck_assert_uint_eq(ask(&p, SYS_getpid, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&p, SYS_mkdirat, 0), SECCOMP_RET_ERRNO | ENOSPC);
	ck_assert_uint_eq(ask(&p, SYS_unshare, 0), SECCOMP_RET_KILL_PROCESS);
	ck_assert_uint_eq(ask(&p, SYS_socket, 40), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_socket, 41), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_socket, 2), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&p, 5000, 0), SECCOMP_RET_ALLOW);
}
END_TEST

START_TEST(test_default_profile)
{
	AUTO_JSON *plain = seccomp_default_profile(NULL);
	AUTO_JSON *admin = seccomp_default_profile((char *[]){ "CAP_SYS_ADMIN", NULL });
	AUTO_SECCOMP p = { 0 }, a = { 0 };
	ck_assert_int_eq(seccomp_compile(plain, &p, NULL), 0);
	ck_assert_int_eq(seccomp_compile(admin, &a, NULL), 0);
	ck_assert_uint_eq(ask(&p, SYS_read, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&p, SYS_execve, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&p, SYS_mount, 0), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_unshare, 0), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_keyctl, 0), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_io_uring_setup, 0), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_clone3, 0), SECCOMP_RET_ERRNO | ENOSYS);
	ck_assert_uint_eq(ask(&p, SYS_clone, 0x11), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&p, SYS_clone, 0x10000011), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_socket, 40), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, SYS_socket, 2), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&p, SYS_personality, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&p, SYS_personality, 0x40000), SECCOMP_RET_ERRNO | EPERM);
	ck_assert_uint_eq(ask(&p, 5000, 0), SECCOMP_RET_ERRNO | ENOSYS);
	ck_assert_uint_eq(ask(&a, SYS_mount, 0), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&a, SYS_clone, 0x10000011), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(ask(&a, SYS_clone3, 0), SECCOMP_RET_ALLOW);
#if defined(__x86_64__)
	struct seccomp_data x32 = { .nr = 0x40000000 | 240 /* mq_open */, .arch = NATIVE };
	ck_assert_uint_eq(bpf_run(p.insns, p.n, &x32), SECCOMP_RET_ALLOW);
	x32.nr = 0x40000000 | SYS_mount;
	ck_assert_uint_ne(bpf_run(p.insns, p.n, &x32), SECCOMP_RET_ALLOW);
#endif
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[] = {
		"{\"defaultAction\":\"X\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"X\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\","
		"\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\","
		"\"errnoRet\":4096}]}",
		"{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/x\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\",\"syscalls\":[{\"names\":[\"write\"],"
		"\"action\":\"SCMP_ACT_NOTIFY\"}]}",
		"{\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_SECCOMP p = { 0 };
		ck_assert_int_eq(compile(bad[i], &p), -EINVAL);
	}
	AUTO_SECCOMP none = { 0 };
	ck_assert_int_eq(seccomp_compile(NULL, &none, NULL), 0);
	ck_assert_ptr_null(none.insns);
	ck_assert_int_eq(compile("{\"listenerPath\":\"/x\"}", &none), 0);
	ck_assert_ptr_null(none.insns);
}
END_TEST

/* By reference, compiled by the build or now: the same program as from the table spelt out. */
START_TEST(test_default_reference)
{
	static char *sets[][3] = { { "CAP_SYS_CHROOT", "CAP_NET_RAW", NULL }, { "CAP_SYS_BOOT", "CAP_BPF", NULL }, { NULL } };
	static const bool made_by_build[] = { true, false, true };
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		AUTO_JSON *profile = seccomp_default_profile(sets[i]);
		AUTO_JSON *reference = seccomp_default_reference(sets[i]);
		AUTO_SECCOMP p = { 0 }, r = { 0 };
		ck_assert_int_eq(seccomp_compile(profile, &p, NULL), 0);
		ck_assert_int_eq(seccomp_compile(reference, &r, NULL), 0);
		ck_assert_int_eq(!r.own, made_by_build[i]);
		ck_assert_uint_eq(p.n, r.n);
		ck_assert_mem_eq(p.insns, r.insns, p.n * sizeof(*p.insns));
		ck_assert_uint_eq(p.flags, r.flags);
	}
}
END_TEST

START_TEST(test_flags)
{
	static const struct {
		const char *list;
		unsigned flags;
	} cases[] = {
		{ "", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "\"flags\":[],", 0 },
		{ "\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"],", 0 },
		{ "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"],",
		  SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_SECCOMP p = { 0 };
		AUTO_FREE char *json = xasprintf("{%s\"defaultAction\":\"SCMP_ACT_ALLOW\"}", cases[i].list);
		ck_assert_int_eq(compile(json, &p), 0);
		ck_assert_uint_eq(p.flags, cases[i].flags);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seccomp_filter");
	TCase *t = tcase_create("all");
	tcase_add_test(t, test_actions_and_args);
	tcase_add_test(t, test_default_profile);
	tcase_add_test(t, test_refused);
	tcase_add_test(t, test_flags);
	tcase_add_test(t, test_default_reference);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
