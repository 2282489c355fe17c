#include "api/kubeconfig.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static char dir[64];
static char *path;

static void setup(void)
{
	strcpy(dir, "/tmp/knarr-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("TMPDIR", dir, 1);
	path = xasprintf("%s/config", dir);
}

static void teardown(void)
{
	fs_remove_tree(dir, NULL);
	free(path);
}

static int load(const char *text, struct kubeconfig *k, struct err *e)
{
	ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), 0600, NULL), 0);
	return kubeconfig_load(path, k, e);
}

static void expect_file(const char *file, const char *want)
{
	AUTO_STR text = STR_INIT;
	ck_assert_int_eq(fs_read_file(file, 1000, &text, NULL), 0);
	ck_assert_str_eq(str_text(&text), want);
}

START_TEST(what_is_written_can_be_read)
{
	AUTO_FREE char *ca = xasprintf("%s/ca", dir), *crt = xasprintf("%s/crt", dir), *key = xasprintf("%s/key", dir);
	struct kubeconfig k;
	struct stat st;
	fs_write_atomic(ca, "CA\n", 3, 0600, NULL);
	fs_write_atomic(crt, "CRT\n", 4, 0600, NULL);
	fs_write_atomic(key, "KEY\n", 4, 0600, NULL);
	ck_assert_int_eq(kubeconfig_write(path, "knarr", "https://[::1]:6443", ca, "admin: \"x\"", crt, key, NULL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(kubeconfig_load(path, &k, NULL), 0);
	ck_assert_str_eq(k.server, "https://[::1]:6443");
	ck_assert_str_eq(k.namespace_, "default");
	ck_assert_int_eq(k.insecure, 0);
	expect_file(k.ca_file, "CA\n");
	expect_file(k.cert_file, "CRT\n");
	expect_file(k.key_file, "KEY\n");
	ck_assert_ptr_null(k.token_file);
	ck_assert_int_eq(stat(k.key_file, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	AUTO_FREE char *gone = xstrdup(k.key_file);
	kubeconfig_done(&k);
	ck_assert(!fs_exists(gone));
	ck_assert_int_eq(kubeconfig_write(path, "c", "s", "/nonexistent", "u", crt, key, NULL), -ENOENT);
}
END_TEST

#define CONTEXTS                                                                                                       \
	"current-context: b\ncontexts:\n- name: a\n- name: b\n  context: {cluster: two, user: u, namespace: ns}\n"

START_TEST(paths_tokens_and_contexts)
{
	struct kubeconfig k;
	ck_assert_int_eq(load(CONTEXTS
			      "clusters:\n- {name: one, cluster: {server: x}}\n- name: two\n  cluster:\n"
			      "    server: https://h:6443\n    insecure-skip-tls-verify: true\n    "
			      "certificate-authority: pki/ca.crt\n"
			      "users:\n- name: u\n  user: {client-certificate: /c, client-key: k, token: secret}\n",
			      &k, NULL),
			 0);
	AUTO_FREE char *ca = xasprintf("%s/pki/ca.crt", dir), *key = xasprintf("%s/k", dir);
	ck_assert_str_eq(k.server, "https://h:6443");
	ck_assert_str_eq(k.namespace_, "ns");
	ck_assert_int_eq(k.insecure, 1);
	ck_assert_str_eq(k.ca_file, ca);
	ck_assert_str_eq(k.cert_file, "/c");
	ck_assert_str_eq(k.key_file, key);
	expect_file(k.token_file, "secret");
	kubeconfig_done(&k);
	kubeconfig_done(&k);
}
END_TEST

static const struct {
	const char *text;
	int code;
	const char *says;
} bad[] = {
	{ "a: [", -EINVAL, "line" },
	{ "", -ENOENT, "current-context" },
	{ "[]", -ENOENT, "current-context" },
	{ "current-context: x\n", -ENOENT, "no context x" },
	{ CONTEXTS, -ENOENT, "no cluster two" },
	{ CONTEXTS "clusters: [{name: two, cluster: {server: s}}]\n", -ENOENT, "no user u" },
	{ CONTEXTS "clusters: [{name: two, cluster: {}}]\nusers: [{name: u, user: {}}]\n", -EINVAL, "no server" },
	{ CONTEXTS "clusters: [{name: two, cluster: {server: s}}]\nusers: [{name: u, user: {client-key-data: '*'}}]\n",
	  -EINVAL, "base64" },
	{ CONTEXTS "clusters: [{name: two, cluster: {server: s}}]\nusers: [{name: u, user: {exec: {}}}]\n", -EOPNOTSUPP,
	  "exec" },
};

START_TEST(bad_files_say_what_is_wrong)
{
	struct kubeconfig k;
	struct err e = ERR_INIT;
	ck_assert_int_eq(load(bad[_i].text, &k, &e), bad[_i].code);
	ck_assert_msg(strstr(err_text(&e), bad[_i].says), "%s", err_text(&e));
	ck_assert_ptr_nonnull(strstr(err_text(&e), path));
}
END_TEST

START_TEST(a_missing_file)
{
	struct kubeconfig k;
	ck_assert_int_eq(kubeconfig_load("/nonexistent", &k, NULL), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kubeconfig");
	TCase *t = tcase_create("kubeconfig");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_written_can_be_read);
	tcase_add_test(t, paths_tokens_and_contexts);
	tcase_add_loop_test(t, bad_files_say_what_is_wrong, 0, ARRAY_LEN(bad));
	tcase_add_test(t, a_missing_file);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
