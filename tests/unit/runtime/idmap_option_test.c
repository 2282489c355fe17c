/* Mappings in a mount option. */
#include "runtime/idmap_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/check_main.h"

static struct id_map uid_maps[] = { { 0, 0, 1 }, { 1, 2, 1000 } }, gid_maps[] = { { 0, 5000, 100 } };
static const struct config container = { .uid_maps = uid_maps, .n_uid_maps = 2, .gid_maps = gid_maps, .n_gid_maps = 1 };

static void is_range(const struct id_map *m, uint32_t inside, uint32_t outside, uint32_t count)
{
	ck_assert_uint_eq(m->inside, inside);
	ck_assert_uint_eq(m->outside, outside);
	ck_assert_uint_eq(m->count, count);
}

START_TEST(test_ranges)
{
	struct idmap_conf m;
	ck_assert_int_eq(idmap_option_parse("uids=0-1-10#10-11-20;gids=0-100-10", &container, &m, NULL), 0);
	ck_assert_uint_eq(m.n_uids, 2);
	ck_assert_uint_eq(m.n_gids, 1);
	is_range(&m.uids[0], 0, 1, 10);
	is_range(&m.uids[1], 10, 11, 20);
	is_range(&m.gids[0], 0, 100, 10);
	free(m.uids);
	free(m.gids);
}
END_TEST

START_TEST(test_relative)
{
	struct idmap_conf m;
	ck_assert_int_eq(idmap_option_parse("gids=@7-50-80;uids=@1-3-10#+100-100-1", &container, &m, NULL), 0);
	is_range(&m.uids[0], 1, 4, 10);
	is_range(&m.uids[1], 100, 100, 1);
	is_range(&m.gids[0], 7, 5050, 80);
	free(m.uids);
	free(m.gids);
}
END_TEST

START_TEST(test_refused)
{
	static const char *const bad[] = {
		"", "uids=0-1-10", "gids=0-1-10", "uids=0-1-10;gids=", "uids=0-1-10;gids=0-1", "uids=0-1-10;gids=0-1-2-3",
		"uids=0-1-0;gids=0-1-1", "uids=-1-1-1;gids=0-1-1", "uids=0-1-4294967296;gids=0-1-1", "uids=0-1-1;gids=0-1-1;",
		"uids=0-1-1;uids=0-1-1;gids=0-1-1", "uids=0-1-1#;gids=0-1-1", "uids=@x-0-2;gids=0-1-1", "uids=@0-1001-1;gids=0-1-1",
		"uids=@0-4294967295-1;gids=0-1-1", "both=0-0-1", "uids=0-1-1,gids=0-1-1",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct idmap_conf m;
		struct err e = ERR_INIT;
		ck_assert_msg(idmap_option_parse(bad[i], &container, &m, &e) == -EINVAL, "%s", bad[i]);
		ck_assert_msg(strstr(e.text, "invalid mapping") != NULL, "%s", e.text);
	}
}
END_TEST

TESTS("idmap_option", test_ranges, test_relative, test_refused)
