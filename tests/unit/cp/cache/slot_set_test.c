/* Sets of slots against a plain array, by addresses that fall on the same places. */
#include "tests/unit/check_main.h"

#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cp/cache/slot_set.h"

enum { SLOTS = 300 };

static char memory[SLOTS * 16];

static struct slot *nth(unsigned i)
{
	return (struct slot *)(void *)&memory[i * 16];
}

static void same(const struct map *m, const bool in[SLOTS])
{
	struct slot *got[SLOTS + 1];
	size_t want = 0, n = slot_set_len(m, "v");
	for (unsigned i = 0; i < SLOTS; i++)
		want += in[i];
	ck_assert_uint_eq(n, want);
	ck_assert_uint_eq(slot_set_copy(m, "v", got), want);
	bool seen[SLOTS] = {0};
	for (size_t i = 0; i < n; i++)
		seen[((char *)got[i] - memory) / 16] = true;
	ck_assert_int_eq(memcmp(seen, in, sizeof(seen)), 0);
	ck_assert_uint_eq(map_len(m), want > 0);
}

START_TEST(adds_and_removes)
{
	AUTO_MAP *m = map_new(slot_set_free);
	bool in[SLOTS] = {0};
	same(m, in);
	/* Mostly adding first, mostly removing then, to the end. */
	for (int i = 0; i < 4000; i++) {
		unsigned at = rand_below(SLOTS);
		in[at] = rand_below(10) < (i < 2000 ? 8U : 2U);
		(in[at] ? slot_set_add : slot_set_remove)(m, "v", nth(at));
		if (i % 100 == 0)
			same(m, in);
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		slot_set_remove(m, "v", nth(i));
		in[i] = false;
	}
	same(m, in);
}
END_TEST

START_TEST(values_apart)
{
	AUTO_MAP *m = map_new(slot_set_free);
	slot_set_add(m, "a", nth(1));
	slot_set_add(m, "a", nth(1));
	slot_set_add(m, "b", nth(1));
	slot_set_remove(m, "a", nth(2));
	slot_set_remove(m, "c", nth(1));
	ck_assert_uint_eq(slot_set_len(m, "a"), 1);
	slot_set_remove(m, "a", nth(1));
	ck_assert_uint_eq(slot_set_len(m, "a"), 0);
	ck_assert_uint_eq(slot_set_len(m, "b"), 1);
}
END_TEST

TESTS("slot_set", adds_and_removes, values_apart)
