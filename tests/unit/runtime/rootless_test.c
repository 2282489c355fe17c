/* Ordinary users: the words of --rootless, what a uid_map tells, and configurations that cannot work without privilege. */
#include "runtime/rootless.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/unit/check_main.h"

START_TEST(test_mode)
{
	static const struct {
		const char *text;
		int mode; /* -1: refused */
	} words[] = { { "auto", ROOTLESS_AUTO }, { "AUTO", ROOTLESS_AUTO }, { "", ROOTLESS_AUTO },
		      { "true", ROOTLESS_TRUE }, { "1", ROOTLESS_TRUE },    { "T", ROOTLESS_TRUE },
		      { "false", ROOTLESS_FALSE }, { "0", ROOTLESS_FALSE }, { "yes", -1 },
		      { "tRUE", -1 },		 { "2", -1 } };
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		enum rootless_mode mode = ROOTLESS_AUTO;
		struct err e = ERR_INIT;
		int r = rootless_mode_parse(words[i].text, &mode, &e);
		ck_assert_msg((r == 0 ? (int)mode : -1) == words[i].mode, "%s", words[i].text);
		ck_assert(r == 0 || (r == -EINVAL && strstr(e.text, words[i].text)));
	}
	ck_assert(rootless_cgroups(ROOTLESS_TRUE) && !rootless_cgroups(ROOTLESS_FALSE));
}
END_TEST

START_TEST(test_uid_map)
{
	ck_assert(!rootless_is_mapped("         0          0 4294967295\n"));
	ck_assert(rootless_is_mapped("         0       1000          1\n"));
	ck_assert(rootless_is_mapped("         0          0       1000\n"));
	ck_assert(rootless_is_mapped("         1          1 4294967295\n"));
	ck_assert(rootless_is_mapped("0 0 4294967295\n 1 2 3\n"));
	ck_assert(rootless_is_mapped(""));
}
END_TEST

START_TEST(test_state_root)
{
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	setenv("USER", "root", 1);
	const char *root = rootless_state_root();
	ck_assert_str_eq(root, geteuid() ? "/run/user/7/knarr-oci" : CONTAINER_ROOT_DEFAULT);
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_str_eq(rootless_state_root(), CONTAINER_ROOT_DEFAULT);
}
END_TEST

/* The rootless example with one change, and what must be said of it; NULL: it is fine. */
static const struct {
	const char *path, *json, *says;
} changes[] = {
	{ "annotations", "{}", NULL },
	{ "linux.namespaces", "[{\"type\":\"mount\"},{\"type\":\"uts\"}]", "rootless container requires user namespaces" },
	{ "linux.namespaces", "[{\"type\":\"mount\"},{\"type\":\"uts\"},{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]", NULL },
	{ "process.user.additionalGids", "[5]", "cannot set any additional groups in a rootless container" },
	{ "mounts", "[{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"uid=0\",\"gid=0\"]}]", NULL },
	{ "mounts", "[{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"uid=x\"]}]", NULL },
	{ "mounts", "[{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"uid=1\"]}]",
	  "cannot specify uid=1 mount option for rootless container" },
	{ "mounts", "[{\"destination\":\"/a\",\"type\":\"devpts\",\"options\":[\"mode=1\",\"gid=5\"]}]",
	  "cannot specify gid=5 mount option for rootless container" },
};

START_TEST(test_check)
{
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		AUTO_JSON *j = container_spec_example(true);
		AUTO_CONFIG c = { 0 };
		json_t *value = NULL;
		struct err e = ERR_INIT;
		ck_assert_int_eq(json_parse(changes[i].json, strlen(changes[i].json), &value, NULL), 0);
		json_set_at(j, changes[i].path, value);
		if (strstr(changes[i].json, "uts")) { /* mappings belong to a user namespace of one's own */
			json_del_at(j, "linux.uidMappings");
			json_del_at(j, "linux.gidMappings");
		}
		ck_assert_msg(config_parse(j, "/b", &c, &e) == 0, "%s", e.text);
		int r = rootless_check(&c, &e);
		ck_assert_msg((r == 0) == !changes[i].says, "%s: %s", changes[i].json, e.text);
		ck_assert_msg(r == 0 || strstr(e.text, changes[i].says), "%s", e.text);
	}
}
END_TEST

TESTS("runtime/rootless", test_mode, test_uid_map, test_state_root, test_check)
