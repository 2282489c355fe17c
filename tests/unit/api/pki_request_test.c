/* Requests for certificates: what is asked for is what is read, and what is issued is no more than that. */
#include "api/pki_request.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

static char *new_dir(void)
{
	char dir[] = "/tmp/knarr-request-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(dir));
	return xstrdup(dir);
}

START_TEST(read_back)
{
	AUTO_FREE char *dir = new_dir(), *key = xasprintf("%s/key", dir), *pem = NULL, *again = NULL;
	const char *const orgs[] = { "a", "b", NULL }, *const dns[] = { "host.example", NULL };
	const char *const ips[] = { "192.0.2.1", "2001:db8::1", NULL };
	struct pki_subject s = { .common_name = "somebody", .organizations = orgs, .dns = dns, .ips = ips };
	AUTO_PKI_REQUEST r = { 0 };
	AUTO_STR first = STR_INIT, second = STR_INIT;
	ck_assert_int_eq(pki_request_make(&s, key, &pem, NULL), 0);
	ck_assert_int_eq(fs_read_file(key, 1 << 16, &first, NULL), 0);
	ck_assert_int_eq(pki_request_make(&s, key, &again, NULL), 0);
	ck_assert_int_eq(fs_read_file(key, 1 << 16, &second, NULL), 0);
	ck_assert_str_eq(str_text(&first), str_text(&second));
	ck_assert_int_eq(pki_request_read(pem, strlen(pem), &r, NULL), 0);
	ck_assert_str_eq(r.common_name, "somebody");
	ck_assert_uint_eq(strv_len(r.organizations), 2);
	ck_assert_str_eq(r.organizations[1], "b");
	ck_assert_str_eq(r.dns[0], "host.example");
	ck_assert_str_eq(r.ips[0], "192.0.2.1");
	ck_assert_str_eq(r.ips[1], "2001:db8::1");
	ck_assert(!r.has_email && !r.has_uri);
	fs_remove_tree(dir, NULL);
}
END_TEST

START_TEST(life_ends_with_the_authority)
{
	AUTO_FREE char *dir = new_dir(), *key = xasprintf("%s/key", dir), *crt = xasprintf("%s/ca.crt", dir);
	AUTO_FREE char *ca_key = xasprintf("%s/ca.key", dir), *pem = NULL, *issued = NULL;
	static const char *const usages[] = { "client auth", NULL };
	struct pki_subject s = { .common_name = "somebody" };
	AUTO_STR ca = STR_INIT;
	int64_t from, until, ca_from, ca_until;
	ck_assert_int_eq(pki_ca_ensure(dir, "ca", "test", NULL), 0);
	ck_assert_int_eq(pki_request_make(&s, key, &pem, NULL), 0);
	ck_assert_int_eq(pki_request_sign(crt, ca_key, pem, strlen(pem), usages, (int64_t)PKI_CA_DAYS * 2 * 86400, &issued, NULL), 0);
	ck_assert_int_eq(fs_read_file(crt, 1 << 16, &ca, NULL), 0);
	ck_assert_int_eq(pki_validity(ca.p, ca.len, &ca_from, &ca_until, NULL), 0);
	ck_assert_int_eq(pki_validity(issued, strlen(issued), &from, &until, NULL), 0);
	ck_assert_int_eq(until, ca_until);
	ck_assert_int_le(from, time(NULL));
	ck_assert_int_eq(pki_validity("x", 1, &from, &until, NULL), -EINVAL);
	fs_remove_tree(dir, NULL);
}
END_TEST

/* One file for certificate and key: kept while it is good, made anew for other names or when it is broken. */
START_TEST(one_file)
{
	AUTO_FREE char *dir = new_dir(), *crt = xasprintf("%s/ca.crt", dir), *key = xasprintf("%s/ca.key", dir), *pem = xasprintf("%s/n.pem", dir);
	const char *one[] = { "192.0.2.1", NULL }, *two[] = { "192.0.2.1", "fd00::1", NULL };
	struct pki_subject s = { .common_name = "system:node:n", .ips = one, .server = true };
	AUTO_STR first = STR_INIT, same = STR_INIT, other = STR_INIT, mended = STR_INIT;
	ck_assert_int_eq(pki_ca_ensure(dir, "ca", "test", NULL), 0);
	ck_assert_int_eq(pki_leaf_pem_ensure(crt, key, &s, pem, NULL), 0);
	ck_assert_int_eq(fs_read_file(pem, 1 << 16, &first, NULL), 0);
	ck_assert_int_eq(pki_leaf_pem_ensure(crt, key, &s, pem, NULL), 0);
	ck_assert_int_eq(fs_read_file(pem, 1 << 16, &same, NULL), 0);
	ck_assert_str_eq(first.p, same.p);
	s.ips = two;
	ck_assert_int_eq(pki_leaf_pem_ensure(crt, key, &s, pem, NULL), 0);
	ck_assert_int_eq(fs_read_file(pem, 1 << 16, &other, NULL), 0);
	ck_assert_str_ne(first.p, other.p);
	ck_assert_int_eq(fs_write_atomic(pem, "broken", 6, 0600, NULL), 0);
	ck_assert_int_eq(pki_leaf_pem_ensure(crt, key, &s, pem, NULL), 0);
	ck_assert_int_eq(fs_read_file(pem, 1 << 16, &mended, NULL), 0);
	ck_assert_ptr_nonnull(strstr(mended.p, "PRIVATE KEY"));
	ck_assert_ptr_nonnull(strstr(mended.p, "BEGIN CERTIFICATE"));
	fs_remove_tree(dir, NULL);
}
END_TEST

TESTS("pki_request", read_back, life_ends_with_the_authority, one_file)
