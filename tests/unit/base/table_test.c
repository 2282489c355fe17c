/* The table of items that know their key: what is added is found, what is removed is not, and the rest stays. */
#include "base/table.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/check_main.h"

#define ITEMS 3000

struct item {
	uint32_t key;
	bool there;
};

static const void *key_of(const void *item, size_t *ret_len)
{
	*ret_len = sizeof(uint32_t);
	return &((const struct item *)item)->key;
}

static void check_all(const struct table *t, struct item *items, size_t n)
{
	size_t there = 0, walked = 0, at = 0;
	for (size_t i = 0; i < n; i++) {
		there += items[i].there;
		ck_assert_ptr_eq(table_get(t, &items[i].key, sizeof(uint32_t)), items[i].there ? &items[i] : NULL);
	}
	while (table_next(t, &at))
		walked++;
	ck_assert_uint_eq(table_len(t), there);
	ck_assert_uint_eq(walked, there);
}

START_TEST(adds_and_removes)
{
	static struct item items[ITEMS];
	struct table *t = table_new(key_of);
	uint32_t random = 1;
	check_all(t, items, 1);
	for (uint32_t i = 0; i < ITEMS; i++)
		items[i].key = i * 7919;
	for (size_t step = 0; step < 20000; step++) {
		random = random * 1664525 + 1013904223;
		struct item *one = &items[(random >> 8) % ITEMS];
		one->there = !one->there;
		(one->there ? table_add : table_remove)(t, one);
		if (step % 500 == 0)
			check_all(t, items, ITEMS);
	}
	check_all(t, items, ITEMS);
	for (size_t i = 0; i < ITEMS; i++) {
		items[i].there = false;
		table_remove(t, &items[i]);
	}
	check_all(t, items, ITEMS);
	table_free(t);
}
END_TEST

START_TEST(keys_of_any_length)
{
	struct table *t = table_new(key_of);
	struct item one = {.key = 5};
	table_add(t, &one);
	ck_assert_ptr_null(table_get(t, &one.key, 3));
	table_clear(t);
	ck_assert_ptr_null(table_get(t, &one.key, 4));
	table_remove(t, &one);
	table_add(t, &one);
	ck_assert_ptr_eq(table_get(t, &one.key, 4), &one);
	table_free(t);
	table_free(NULL);
}
END_TEST

TESTS("table", adds_and_removes, keys_of_any_length)
