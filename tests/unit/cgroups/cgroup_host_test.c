/* cgroup_host_parse() and path rules. */
#include <check.h>
#include <errno.h>

#include "base/mem.h"
#include "cgroups/cgroup.h"

#define V2 "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define CPU "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define SYSTEMD "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
#define UNIFIED "41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n"
#define OTHER "23 1 254:0 / / rw - ext4 /dev/vda rw\nbroken line\n"

START_TEST(test_modes)
{
	static const struct {
		const char *text;
		int mode;
	} cases[] = { { OTHER V2, CGROUP_V2 }, { CPU SYSTEMD, CGROUP_V1 }, { CPU UNIFIED OTHER, CGROUP_HYBRID } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_CGROUP_HOST *h = NULL;
		ck_assert_int_eq(cgroup_host_parse(cases[i].text, &h, NULL), 0);
		ck_assert_int_eq(cgroup_host_mode(h), cases[i].mode);
	}
	AUTO_CGROUP_HOST *none = NULL;
	ck_assert_int_eq(cgroup_host_parse(OTHER, &none, NULL), -ENOENT);
}
END_TEST

START_TEST(test_mounts)
{
	AUTO_CGROUP_HOST *h = NULL;
	ck_assert_int_eq(cgroup_host_parse(CPU SYSTEMD UNIFIED, &h, NULL), 0);
	ck_assert_str_eq(cgroup_host_mount(h, "cpu"), "/sys/fs/cgroup/cpu,cpuacct");
	ck_assert_str_eq(cgroup_host_mount(h, "cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
	ck_assert_str_eq(cgroup_host_mount(h, "name=systemd"), "/sys/fs/cgroup/systemd");
	ck_assert_str_eq(cgroup_host_mount(h, ""), "/sys/fs/cgroup/uni fied");
	ck_assert_ptr_null(cgroup_host_mount(h, "memory"));
	ck_assert_ptr_null(cgroup_host_mount(h, "xattr"));
}
END_TEST

START_TEST(test_paths)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "a", "/a" }, { "/a//b/", "/a/b" }, { "", NULL },	{ "/", NULL },
		      { "..", NULL }, { "/a/../b", NULL }, { "/a/./b", NULL }, { "/a\nb", NULL } };
	AUTO_CGROUP_HOST *h = NULL;
	ck_assert_int_eq(cgroup_host_parse(CPU, &h, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_CGROUP *cg = NULL;
		ck_assert_int_eq(cgroup_open(h, cases[i].in, &cg, NULL), cases[i].out ? 0 : -EINVAL);
		if (cases[i].out)
			ck_assert_str_eq(cgroup_path(cg), cases[i].out);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cgroup_host");
	TCase *t = tcase_create("all");
	tcase_add_test(t, test_modes);
	tcase_add_test(t, test_mounts);
	tcase_add_test(t, test_paths);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
