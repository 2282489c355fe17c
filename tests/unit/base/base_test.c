/* base: errors, strings, maps, lists, clocks, JSON helpers. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "base/str.h"

START_TEST(err_grows_by_layer)
{
	struct err e = ERR_INIT;
	ck_assert_int_eq(err_set(&e, -ENOENT, "no %s", "file"), -ENOENT);
	ck_assert_int_eq(err_wrap(&e, -ENOENT, "pod %d", 7), -ENOENT);
	ck_assert_str_eq(err_text(&e), "pod 7: no file");
	ck_assert_int_eq(err_set(NULL, -EIO, "x"), -EIO);
	struct err empty = ERR_INIT;
	err_wrap(&empty, -EACCES, "open");
	ck_assert_str_eq(err_text(&empty), "open: permission denied");
	char big[3000];
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, -EIO, "%s", big);
	err_wrap(&e, -EIO, "%s", big);
	ck_assert_uint_lt(strlen(e.text), sizeof(e.text));
}
END_TEST

START_TEST(str_builds_and_consumes)
{
	AUTO_STR s = STR_INIT;
	str_add(&s, "ab");
	str_addf(&s, "%d-%s", 12, "cd");
	str_addc(&s, '!');
	ck_assert_str_eq(s.p, "ab12-cd!");
	str_consume(&s, 3);
	ck_assert_str_eq(s.p, "2-cd!");
	str_consume(&s, 99);
	ck_assert_uint_eq(s.len, 0);
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%04d", i);
	ck_assert_uint_eq(s.len, 4000);
	str_reset(&s);
	str_add_json(&s, "a\"b\\\n\x01");
	ck_assert_str_eq(s.p, "\"a\\\"b\\\\\\n\\u0001\"");
}
END_TEST

START_TEST(split_keeps_empty_pieces)
{
	AUTO_STRV char **v = str_split("a,,b,", ',');
	ck_assert_uint_eq(strv_len(v), 4);
	ck_assert_str_eq(v[1], "");
	ck_assert_str_eq(v[3], "");
	AUTO_FREE char *joined = str_join(v, ",");
	ck_assert_str_eq(joined, "a,,b,");
	AUTO_STRV char **none = str_split("", ',');
	ck_assert_uint_eq(strv_len(none), 0);
}
END_TEST

START_TEST(numbers_are_whole)
{
	int64_t v;
	uint32_t u;
	ck_assert_int_eq(str_to_i64("-12", &v), 0);
	ck_assert_int_eq(v, -12);
	ck_assert_int_eq(str_to_i64("12x", &v), -EINVAL);
	ck_assert_int_eq(str_to_i64("", &v), -EINVAL);
	ck_assert_int_eq(str_to_i64(" 1", &v), -EINVAL);
	ck_assert_int_eq(str_to_i64("99999999999999999999", &v), -ERANGE);
	ck_assert_int_eq(str_to_u32("4294967295", &u), 0);
	ck_assert_int_eq(str_to_u32("4294967296", &u), -ERANGE);
	ck_assert_int_eq(str_to_u32("-1", &u), -ERANGE);
}
END_TEST

START_TEST(base64_round_trip)
{
	unsigned char bytes[256];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		AUTO_STR text = STR_INIT, back = STR_INIT, url = STR_INIT;
		base64_encode(&text, bytes, n);
		ck_assert_int_eq(base64_decode(&back, str_text(&text), text.len), 0);
		ck_assert_uint_eq(back.len, n);
		ck_assert_int_eq(n ? memcmp(back.p, bytes, n) : 0, 0);
		str_reset(&back);
		base64url_encode(&url, bytes, n);
		ck_assert_int_eq(base64url_decode(&back, str_text(&url), url.len), 0);
		ck_assert_uint_eq(back.len, n);
	}
	AUTO_STR out = STR_INIT;
	ck_assert_int_eq(base64_decode(&out, "ab!=", 4), -EINVAL);
	ck_assert_int_eq(base64_decode(&out, "abc", 3), -EINVAL);
	ck_assert_int_eq(base64_decode(&out, "a===", 4), -EINVAL);
}
END_TEST

START_TEST(url_decoding)
{
	char a[] = "a%2Fb+c", b[] = "a+b", c[] = "%zz", d[] = "%4";
	ck_assert_int_eq(url_decode(a, false), 0);
	ck_assert_str_eq(a, "a/b+c");
	ck_assert_int_eq(url_decode(b, true), 0);
	ck_assert_str_eq(b, "a b");
	ck_assert_int_eq(url_decode(c, false), -EINVAL);
	ck_assert_int_eq(url_decode(d, false), -EINVAL);
	AUTO_STR s = STR_INIT;
	str_add_url(&s, "a b/=~");
	ck_assert_str_eq(s.p, "a%20b%2F%3D~");
}
END_TEST

static int freed;
static void count_free(void *p)
{
	free(p);
	freed++;
}

START_TEST(map_against_model)
{
	AUTO_MAP *m = map_new(NULL);
	static bool model[500];
	unsigned state = 1;
	memset(model, 0, sizeof(model));
	size_t live = 0;
	for (int i = 0; i < 20000; i++) {
		char key[16];
		state = state * 1103515245 + 12345;
		unsigned k = (state >> 8) % 500;
		snprintf(key, sizeof(key), "key%u", k);
		ck_assert_int_eq(map_has(m, key), model[k]);
		if (state & 0x40000000) {
			live += !model[k];
			model[k] = true;
			map_set(m, key, &model[k]);
		} else {
			live -= model[k];
			model[k] = false;
			map_remove(m, key);
		}
		ck_assert_uint_eq(map_len(m), live);
	}
	size_t at = 0, seen = 0;
	const char *key;
	void *value;
	while (map_next(m, &at, &key, &value)) {
		ck_assert_ptr_eq(map_get(m, key), value);
		seen++;
	}
	ck_assert_uint_eq(seen, live);
}
END_TEST

START_TEST(map_owns_values)
{
	freed = 0;
	struct map *m = map_new(count_free);
	map_set(m, "a", xstrdup("1"));
	map_set(m, "a", xstrdup("2"));
	ck_assert_int_eq(freed, 1);
	AUTO_FREE char *two = map_steal(m, "a");
	ck_assert_str_eq(two, "2");
	map_set(m, "b", xstrdup("3"));
	map_remove(m, "b");
	map_set(m, "c", xstrdup("4"));
	map_free(m);
	ck_assert_int_eq(freed, 3);
}
END_TEST

struct item {
	struct list link;
	int n;
};

START_TEST(list_survives_removal)
{
	struct list head;
	struct item items[4];
	list_init(&head);
	for (int i = 0; i < 4; i++) {
		items[i].n = i;
		list_add(&head, &items[i].link);
	}
	int sum = 0;
	LIST_FOR_EACH(it, &head, struct item, link) {
		sum = sum * 10 + it->n;
		if (it->n % 2)
			list_remove(&it->link);
	}
	ck_assert_int_eq(sum, 123);
	list_remove(&items[1].link);
	LIST_FOR_EACH(it, &head, struct item, link)
		list_remove(&it->link);
	ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(rfc3339_both_ways)
{
	char text[RFC3339_MAX];
	int64_t us;
	ck_assert_str_eq(rfc3339(1767323045000, text), "2026-01-02T03:04:05Z");
	ck_assert_str_eq(rfc3339_micro(1767323045123456, text), "2026-01-02T03:04:05.123456Z");
	ck_assert_str_eq(rfc3339_nano(1767323045, 7, text), "2026-01-02T03:04:05.000000007Z");
	ck_assert_int_eq(rfc3339_parse("2026-01-02T03:04:05.123456789Z", &us), 0);
	ck_assert_int_eq(us, 1767323045123456);
	ck_assert_int_eq(rfc3339_parse("2026-01-02T05:04:05+02:00", &us), 0);
	ck_assert_int_eq(us, 1767323045000000);
	static const char *const bad[] = { "", "2026", "2026-13-02T03:04:05Z", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(rfc3339_parse(bad[i], &us), -EINVAL);
}
END_TEST

START_TEST(durations)
{
	int64_t ns;
	char text[24];
	ck_assert_int_eq(duration_parse("1h30m", &ns), 0);
	ck_assert_int_eq(ns, 5400LL * 1000000000);
	ck_assert_int_eq(duration_parse("1.5s", &ns), 0);
	ck_assert_int_eq(ns, 1500000000);
	ck_assert_int_eq(duration_parse("-2m", &ns), 0);
	ck_assert_int_eq(ns, -120LL * 1000000000);
	static const char *const bad[] = { "", "1", "h", "1x", "1h 2m" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(duration_parse(bad[i], &ns), -EINVAL);
	static const struct {
		int64_t s;
		const char *text;
	} ages[] = { { 0, "0s" }, { 119, "119s" }, { 120, "2m" }, { 135, "2m15s" }, { 600, "10m" }, { 7200, "120m" }, { 3 * 3600, "3h" },
		     { 3 * 3600 + 300, "3h5m" }, { 47 * 3600, "47h" }, { 49 * 3600, "2d1h" }, { 10 * 86400, "10d" }, { 800 * 86400LL, "2y70d" } };
	for (size_t i = 0; i < ARRAY_LEN(ages); i++)
		ck_assert_str_eq(duration_human(ages[i].s * 1000, text), ages[i].text);
}
END_TEST

START_TEST(json_paths)
{
	AUTO_JSON *j = NULL;
	struct err e = ERR_INIT;
	const char *text = "{\"a\":{\"b\":{\"s\":\"x\",\"n\":5,\"t\":true}}}";
	ck_assert_int_eq(json_parse(text, strlen(text), &j, &e), 0);
	ck_assert_str_eq(json_str_at(j, "a.b.s"), "x");
	ck_assert_int_eq(json_int_at(j, "a.b.n", 0), 5);
	ck_assert(json_bool_at(j, "a.b.t", false));
	ck_assert_ptr_null(json_at(j, "a.c.s"));
	ck_assert_str_eq(json_str_or(j, "a.b.n", "no"), "no");
	json_set_str(j, "a.c.d", "new");
	json_del_at(j, "a.b");
	AUTO_FREE char *out = json_text(j);
	ck_assert_str_eq(out, "{\"a\":{\"c\":{\"d\":\"new\"}}}");
	json_del_at(j, "x.y.z");
	json_t *broken = NULL;
	ck_assert_int_eq(json_parse("{", 1, &broken, &e), -EINVAL);
}
END_TEST

START_TEST(random_names_are_safe)
{
	char uuid[37], suffix[6];
	rand_uuid(uuid);
	ck_assert_uint_eq(strlen(uuid), 36);
	ck_assert_int_eq(uuid[14], '4');
	for (int i = 0; i < 200; i++) {
		rand_suffix(suffix, 5);
		ck_assert_uint_eq(strspn(suffix, "bcdfghjklmnpqrstvwxz2456789"), 5);
		ck_assert_uint_lt(rand_below(7), 7);
	}
}
END_TEST

START_TEST(buf_is_shared)
{
	struct buf *b = buf_new("abc", 3);
	AUTO_BUF *second = buf_ref(b);
	buf_unref(b);
	ck_assert_str_eq(second->data, "abc");
}
END_TEST

TESTS("base", err_grows_by_layer, str_builds_and_consumes, split_keeps_empty_pieces, numbers_are_whole, base64_round_trip,
      url_decoding, map_against_model, map_owns_values, list_survives_removal, rfc3339_both_ways, durations, json_paths,
      random_names_are_safe, buf_is_shared)
