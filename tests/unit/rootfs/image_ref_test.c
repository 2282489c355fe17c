/* rootfs: references and digests. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "rootfs/digest.h"
#include "rootfs/image_store.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(short_names_get_their_defaults)
{
	static const char *const rows[][2] = {
		{ "busybox", "docker.io/library/busybox:latest" },
		{ "busybox:1.36", "docker.io/library/busybox:1.36" },
		{ "a/b", "docker.io/a/b:latest" },
		{ "docker.io/busybox", "docker.io/library/busybox:latest" },
		{ "index.docker.io/a/b:x", "docker.io/a/b:x" },
		{ "localhost/a", "localhost/a:latest" },
		{ "localhost:5000/a:v1", "localhost:5000/a:v1" },
		{ "r.example/a/b/c", "r.example/a/b/c:latest" },
		{ "a@sha256:" HEX64, "docker.io/library/a@sha256:" HEX64 },
		{ "r.example:1/a:t@sha256:" HEX64, "r.example:1/a:t@sha256:" HEX64 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *full = NULL;
		struct err e = ERR_INIT;
		ck_assert_int_eq(image_ref_normalize(rows[i][0], &full, &e), 0);
		ck_assert_str_eq(full, rows[i][1]);
		AUTO_FREE char *again = NULL;
		ck_assert_int_eq(image_ref_normalize(full, &again, &e), 0);
		ck_assert_str_eq(again, full);
	}
}
END_TEST

START_TEST(bad_references_are_refused)
{
	static const char *const rows[] = { "", "UPPER", "a b", "a:", ":x", "a@sha256:12", "a//b", "/a", "a/", "a:b:c/", "-a/..", "a:" HEX64 HEX64 "x" };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *full = NULL;
		struct err e = ERR_INIT;
		ck_assert_msg(image_ref_normalize(rows[i], &full, &e) == -EINVAL, "%s gave %s", rows[i], full);
		ck_assert_ptr_nonnull(strstr(err_text(&e), "invalid reference format"));
	}
}
END_TEST

START_TEST(digest_of_known_text)
{
	char d[DIGEST_MAX];
	digest_of("abc", 3, d);
	ck_assert_str_eq(d, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert_str_eq(digest_hex(d), d + 7);
	ck_assert_ptr_null(digest_hex("sha256:xyz"));
	ck_assert_ptr_null(digest_hex("sha512:" HEX64));
	ck_assert_ptr_null(digest_hex(NULL));
}
END_TEST

TESTS("image_ref", short_names_get_their_defaults, bad_references_are_refused, digest_of_known_text)
