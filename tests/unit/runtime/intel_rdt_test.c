/* Intel RDT on a directory that looks like resctrl. */
#include "runtime/intel_rdt.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "tests/unit/check_main.h"

static int parse(const char *text, json_t **j, struct intel_rdt *r, struct err *e)
{
	*j = json_loads(text, JSON_DECODE_ANY, NULL);
	ck_assert_ptr_nonnull(*j);
	return intel_rdt_parse(*j, r, e);
}

START_TEST(test_parse)
{
	static const char *const bad[] = { "{\"closID\":\".\"}", "{\"closID\":\"..\"}", "{\"closID\":\"a/b\"}", "{\"schemata\":{}}",
					   "{\"schemata\":[1]}", "{\"schemata\":[\"L3:0=f\\nMB:0=1\"]}" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_JSON *j = NULL;
		struct intel_rdt r;
		ck_assert_msg(parse(bad[i], &j, &r, NULL) == -EINVAL, "%s", bad[i]);
	}
	struct intel_rdt none = { .given = true };
	ck_assert_int_eq(intel_rdt_parse(NULL, &none, NULL), 0);
	ck_assert(!none.given);
}
END_TEST

START_TEST(test_absent)
{
	static const struct {
		const char *json, *text;
	} cases[] = { { "{\"l3CacheSchema\":\"L3:0=f\"}", "but Intel RDT/CAT is not enabled" },
		      { "{\"memBwSchema\":\"MB:0=20\"}", "but Intel RDT/MBA is not enabled" },
		      { "{\"schemata\":[\"L3:0=f\"]}", "but Intel RDT is not enabled" },
		      { "{\"enableMonitoring\":true}", "but Intel RDT is not enabled" } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *j = NULL;
		struct intel_rdt r;
		struct err e = ERR_INIT;
		ck_assert_int_eq(parse(cases[i].json, &j, &r, &e), 0);
		ck_assert_int_eq(intel_rdt_check(&r, NULL, &e), -EINVAL);
		ck_assert_msg(strstr(e.text, cases[i].text), "%s", e.text);
	}
	AUTO_JSON *j = NULL;
	struct intel_rdt plain;
	ck_assert_int_eq(parse("{\"closID\":\"x\"}", &j, &plain, NULL), 0);
	ck_assert_int_eq(intel_rdt_check(&plain, NULL, NULL), 0); /* ignored, as runc does */
	ck_assert_int_eq(intel_rdt_enter(&plain, NULL, "c", 1, NULL), 0);
}
END_TEST

static void put(const char *root, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, name);
	ck_assert_int_eq(fs_write_atomic(path, "", 0, 0644, NULL), 0);
}

static void expect(const char *root, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, name);
	AUTO_STR got = STR_INIT;
	ck_assert_int_eq(fs_read_file(path, 4096, &got, NULL), 0);
	ck_assert_str_eq(str_text(&got), text);
}

static void dir(const char *root, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", root, name);
	ck_assert_int_eq(fs_mkdir_p(path, 0755, NULL), 0);
}

/* The files that the kernel would put into a new group are there already. */
START_TEST(test_group)
{
	char root[] = "/tmp/rdt-test.XXXXXX";
	AUTO_JSON *j = NULL;
	struct intel_rdt r;
	ck_assert_ptr_nonnull(mkdtemp(root));
	dir(root, "info/L3");
	dir(root, "info/MB");
	dir(root, "class/mon_groups/c");
	put(root, "class/schemata");
	put(root, "class/tasks");
	put(root, "class/mon_groups/c/tasks");
	ck_assert_int_eq(parse("{\"closID\":\"class\",\"l3CacheSchema\":\"L3:0=f\",\"memBwSchema\":\"MB:0=20\","
			       "\"schemata\":[\"L2:0=3\"],\"enableMonitoring\":true}", &j, &r, NULL), 0);
	ck_assert_int_eq(intel_rdt_check(&r, root, NULL), 0);
	ck_assert_int_eq(intel_rdt_enter(&r, root, "c", 42, NULL), 0);
	expect(root, "class/schemata", "L3:0=f\nMB:0=20\nL2:0=3\n");
	expect(root, "class/tasks", "42");
	expect(root, "class/mon_groups/c/tasks", "42");
	ck_assert_int_eq(intel_rdt_join(&r, root, "c", 43, NULL), 0);
	expect(root, "class/tasks", "43");
	const struct intel_rdt to = { .l3 = "L3:0=3" };
	ck_assert_int_eq(intel_rdt_change(&r, root, "c", 44, &to, NULL), 0);
	expect(root, "class/schemata", "L3:0=3\nMB:0=20\nL2:0=3\n"); /* of an ordinary file the rest stays */
	expect(root, "class/tasks", "43"); /* whoever is in it stays in it */
	intel_rdt_leave(&r, root, "c");
	expect(root, "class/tasks", "43"); /* somebody else's group stays */
	fs_remove_tree(root, NULL);
}
END_TEST

START_TEST(test_own_group)
{
	char root[] = "/tmp/rdt-test.XXXXXX";
	AUTO_JSON *j = NULL, *missing = NULL;
	struct intel_rdt r, m;
	struct err e = ERR_INIT;
	ck_assert_ptr_nonnull(mkdtemp(root));
	AUTO_FREE char *path = xasprintf("%s/c", root);
	ck_assert_int_eq(parse("{}", &j, &r, NULL), 0);
	ck_assert_int_eq(intel_rdt_enter(&r, root, "c", 42, &e), -ENOENT); /* made, but no kernel put "tasks" there */
	ck_assert_msg(strstr(e.text, "intelrdt: unable to write 42"), "%s", e.text);
	ck_assert(fs_exists(path));
	intel_rdt_leave(&r, root, "c");
	ck_assert(!fs_exists(path));
	ck_assert_int_eq(parse("{\"closID\":\"nobody\"}", &missing, &m, NULL), 0);
	ck_assert_int_eq(intel_rdt_enter(&m, root, "c", 42, &e), -ENOENT);
	ck_assert_msg(strstr(e.text, "clos dir not accessible"), "%s", e.text);
	fs_remove_tree(root, NULL);
}
END_TEST

TESTS("intel_rdt", test_parse, test_absent, test_group, test_own_group)
