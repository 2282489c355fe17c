#include "cp/cache/scan_skip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/check_main.h"

/* The same, as one would write it first. */
static ptrdiff_t plainly(const char *p, size_t n)
{
	int depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < n; i++) {
		if (in_string) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				in_string = false;
		} else if (p[i] == '"') {
			in_string = true;
		} else if (p[i] == '{' || p[i] == '[') {
			depth++;
		} else if ((p[i] == '}' || p[i] == ']') && !--depth) {
			return (ptrdiff_t)i + 1;
		}
	}
	return -EINVAL;
}

static ptrdiff_t skip(const char *text, size_t n)
{
	AUTO_FREE char *exact = xmemdup(text, n); /* of its own length, so that a sanitizer sees what is read behind it */
	return scan_container(exact, n);
}

START_TEST(containers_end_where_they_end)
{
	static const struct {
		const char *text;
		ptrdiff_t n;
	} cases[] = {
		{ "{}", 2 },
		{ "[] ", 2 },
		{ "{\"a\":{}},", 8 },
		{ "[[\"]\"],{\"}\":1}]]", 15 },
		{ "{\"a\\\"}\":1}}", 10 },
		{ "{\"a\\\\\":1}}", 9 },
		{ "{", -EINVAL },
		{ "{\"}", -EINVAL },
		{ "{\"\\\"}", -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_msg(skip(cases[i].text, strlen(cases[i].text)) == cases[i].n, "%s", cases[i].text);
}
END_TEST

/* Texts of many lengths, so that strings, escapes and ends fall on every side of a block's edge. */
START_TEST(as_byte_by_byte)
{
	static const char *const pieces[] = { "{", "[", "}", "]", "\"\"", "\"long enough to reach over an edge of a block {[\"", "\"\\\"\"",
					      "\"\\\\\"", "\"\\\\\\\"}\"", ",", ":", "1234567", "true", " " };
	unsigned seed = 1;
	for (int round = 0; round < 4000; round++) {
		AUTO_STR text = STR_INIT;
		str_add(&text, "{");
		for (int i = 0, n = rand_r(&seed) % 60; i < n; i++)
			str_add(&text, pieces[(unsigned)rand_r(&seed) % ARRAY_LEN(pieces)]);
		size_t len = text.len - (unsigned)rand_r(&seed) % text.len / 8;
		ck_assert_msg(skip(text.p, len) == plainly(text.p, len), "%.*s", (int)len, text.p);
	}
}
END_TEST

START_TEST(depth_has_a_bound)
{
	AUTO_STR deep = STR_INIT;
	for (int i = 0; i < SCAN_DEPTH_MAX; i++)
		str_addc(&deep, '[');
	for (int i = 0; i < SCAN_DEPTH_MAX; i++)
		str_addc(&deep, ']');
	ck_assert_int_eq(skip(deep.p, deep.len), (int)deep.len);
	deep.p[SCAN_DEPTH_MAX] = '[';
	ck_assert_int_eq(skip(deep.p, deep.len), -E2BIG);
}
END_TEST

TESTS("scan_skip", containers_end_where_they_end, as_byte_by_byte, depth_has_a_bound)
