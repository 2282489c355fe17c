/* config.json: the example parses, broken ones name their field, large numbers and duplicate variables. */
#include "runtime/config.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "runtime/config_read.h"
#include "runtime/container.h"

START_TEST(test_example)
{
	for (int rootless = 0; rootless < 2; rootless++) {
		AUTO_JSON *j = container_spec_example(rootless);
		AUTO_CONFIG c = { 0 };
		struct err e = ERR_INIT;
		ck_assert_ptr_nonnull(j);
		ck_assert_msg(config_parse(j, "/b", &c, &e) == 0, "%s", e.text);
		ck_assert_str_eq(c.rootfs, "/b/rootfs");
		ck_assert(c.rootfs_readonly && c.ns[NS_MNT].wanted && c.ns[NS_USER].wanted == rootless);
		ck_assert_uint_eq(c.n_mounts, 7);
		ck_assert_uint_eq(c.n_devices, 6);
		ck_assert_uint_eq(c.process.caps.bounding, 1ull << 29 | 1ull << 5 | 1ull << 10);
	}
}
END_TEST

/* One change to the example that must be refused. */
static const struct {
	const char *path, *json;
} broken[] = {
	{ "ociVersion", "\"2.0\"" },
	{ "root", "{}" },
	{ "process.args", "[]" },
	{ "process.args", "[1]" },
	{ "process.args", "[\"a\\u0000b\"]" },
	{ "process.cwd", "\"relative\"" },
	{ "process.user", "{\"uid\":-1}" },
	{ "process.user", "{\"uid\":0,\"gid\":0,\"additionalGids\":[-3]}" },
	{ "process.rlimits", "[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]" },
	{ "process.rlimits", "[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1},{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1}]" },
	{ "process.capabilities", "{\"bounding\":[1]}" },
	{ "process.ioPriority", "{\"class\":\"X\"}" },
	{ "process.scheduler", "{\"policy\":\"SCHED_X\"}" },
	{ "process.execCPUAffinity", "{\"initial\":\"x\"}" },
	{ "process.execCPUAffinity", "{\"final\":\"3-1\"}" },
	{ "process.env", "[\"A\"]" },
	{ "process.env", "[\"=A\"]" },
	{ "linux.personality", "{\"domain\":\"X\"}" },
	{ "linux.memoryPolicy", "{\"nodes\":\"0\"}" },
	{ "mounts", "[{\"type\":\"tmpfs\"}]" },
	{ "mounts", "{}" },
	{ "linux.namespaces", "[{\"type\":\"x\"}]" },
	{ "linux.namespaces", "[{\"type\":\"mount\"},{\"type\":\"mount\"}]" },
	{ "linux.namespaces", "[{\"type\":\"pid\"}]" },
	{ "linux.namespaces", "[{\"type\":\"mount\"}]" }, /* a host name without uts */
	{ "linux.uidMappings", "[{\"containerID\":0,\"hostID\":0,\"size\":1}]" },
	{ "linux.devices", "[{\"path\":\"relative\",\"type\":\"c\"}]" },
	{ "linux.devices", "[{\"path\":\"/dev/x\",\"type\":\"q\"}]" },
	{ "linux.rootfsPropagation", "\"sideways\"" },
	{ "linux.timeOffsets", "{\"boottime\":{\"secs\":1}}" },
};

START_TEST(test_broken)
{
	AUTO_JSON *j = container_spec_example(false);
	AUTO_CONFIG c = { 0 };
	json_t *value = json_loads(broken[_i].json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	ck_assert_ptr_nonnull(value);
	json_set_at(j, broken[_i].path, value);
	ck_assert_msg(config_parse(j, "/b", &c, NULL) == -EINVAL, "%s", broken[_i].path);
}
END_TEST

START_TEST(test_environment)
{
	AUTO_JSON *j = json_pack("{s:[s], s:s, s:[s,s,s,s]}", "args", "x", "cwd", "/", "env", "A=1", "B=2", "A=3", "AB=4");
	AUTO_PROCESS_CONF p = { 0 };
	ck_assert_int_eq(process_parse(j, &p, NULL), 0);
	ck_assert_str_eq(p.envp[0], "B=2");
	ck_assert_str_eq(p.envp[1], "A=3");
	ck_assert_str_eq(p.envp[2], "AB=4");
	ck_assert_ptr_null(p.envp[3]);
	ck_assert_int_eq(p.umask, -1);
}
END_TEST

START_TEST(test_large_numbers)
{
	char text[] = "{\"a\":18446744073709551615,\"b\":\"18446744073709551615\",\"c\":9223372036854775807,\"d\":[9223372036854775808]}";
	AUTO_JSON *j = NULL;
	ck_assert_int_eq(config_read_text(text, strlen(text), &j, NULL), 0);
	ck_assert_int_eq(json_int_at(j, "a", 0), INT64_MAX);
	ck_assert_str_eq(json_str_at(j, "b"), "18446744073709551615");
	ck_assert_int_eq(json_int_at(j, "c", 0), INT64_MAX);
	char args[] = "{\"value\":18446744073709551614, \"valueTwo\": 9223372036854775809}", tight[] = "{\"value\":9223372036854775809}";
	AUTO_JSON *operands = NULL;
	ck_assert_int_eq(config_read_text(args, strlen(args), &operands, NULL), 0);
	ck_assert_uint_eq((uint64_t)json_int_at(operands, "value", 0), UINT64_MAX - 1);
	ck_assert_uint_eq((uint64_t)json_int_at(operands, "valueTwo", 0), ((uint64_t)1 << 63) + 1);
	ck_assert_int_eq(config_read_text(tight, strlen(tight), &operands, NULL), -EINVAL);
	AUTO_JSON *p = json_pack("{s:[s], s:s, s:[{s:s, s:I, s:i}]}", "args", "x", "cwd", "/", "rlimits", "type", "RLIMIT_CORE", "hard",
				 (json_int_t)INT64_MAX, "soft", 4);
	AUTO_PROCESS_CONF c = { 0 };
	ck_assert_int_eq(process_parse(p, &c, NULL), 0);
	ck_assert(c.rlimits[0].limit.rlim_max == RLIM_INFINITY && c.rlimits[0].limit.rlim_cur == 4);
}
END_TEST

START_TEST(test_exec_errors)
{
	struct err e = ERR_INIT;
	err_set(&e, -ENOENT, "unable to start container process: exec: \"x\": executable file not found in $PATH");
	ck_assert(container_error_is_exec(&e));
	err_set(&e, -ENOENT, "container does not exist");
	ck_assert(!container_error_is_exec(&e));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("all");
	tcase_add_test(t, test_example);
	tcase_add_loop_test(t, test_broken, 0, (int)ARRAY_LEN(broken));
	tcase_add_test(t, test_environment);
	tcase_add_test(t, test_large_numbers);
	tcase_add_test(t, test_exec_errors);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
