/* Containers are passed over by counting brackets, 64 bytes at a time.
 *
 * Happy path: of each byte one bit says whether it is a quote, one whether it opens and one whether it closes; the parity of
 * the quotes before it tells whether it is inside a string, and the parity of the backslashes before a quote whether that is
 * one (the way of simdjson: Langdale, Lemire, "Parsing Gigabytes of JSON per Second").
 * What always holds: no byte outside is read; what is left of the last block is filled up with zeros. */
#include "cp/cache/scan_skip.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 64 };

/* Between two blocks. */
struct place {
	int depth;
	bool in_string;
	uint64_t escaped; /* 1: the first byte is */
};

struct marks {
	uint64_t quotes, slashes, opens, closes;
};

#ifdef __SSE2__
static struct marks mark(const char *p)
{
	struct marks m = {0};
	const __m128i folded = _mm_set1_epi8(0x20); /* '[' and ']' are '{' and '}' but for this bit */
	for (int i = 0; i < BLOCK; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(p + i)), f = _mm_or_si128(v, folded);
		m.quotes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('"'))) << i;
		m.slashes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))) << i;
		m.opens |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(f, _mm_set1_epi8('{'))) << i;
		m.closes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(f, _mm_set1_epi8('}'))) << i;
	}
	return m;
}
#else
static struct marks mark(const char *p)
{
	struct marks m = {0};
	for (int i = 0; i < BLOCK; i++) {
		uint64_t bit = 1ULL << i;
		m.quotes |= p[i] == '"' ? bit : 0;
		m.slashes |= p[i] == '\\' ? bit : 0;
		m.opens |= p[i] == '{' || p[i] == '[' ? bit : 0;
		m.closes |= p[i] == '}' || p[i] == ']' ? bit : 0;
	}
	return m;
}
#endif

/* Bit i: whether an odd number of bits up to i is set. */
static uint64_t parity(uint64_t bits)
{
	for (int shift = 1; shift < BLOCK; shift *= 2)
		bits ^= bits << shift;
	return bits;
}

/* Where the container ends in the block, BLOCK where it goes on, or -E2BIG. */
static int count(struct place *at, uint64_t opens, uint64_t closes)
{
	int up = __builtin_popcountll(opens), down = __builtin_popcountll(closes);
	if (down < at->depth && at->depth + up <= SCAN_DEPTH_MAX) {
		at->depth += up - down;
		return BLOCK;
	}
	for (uint64_t left = opens | closes; left; left &= left - 1) {
		int i = __builtin_ctzll(left);
		at->depth += opens >> i & 1 ? 1 : -1;
		if (!at->depth)
			return i;
		if (at->depth > SCAN_DEPTH_MAX)
			return -E2BIG;
	}
	return BLOCK;
}

/* The bytes behind an odd number of backslashes. */
static uint64_t escaped(struct place *at, uint64_t slashes)
{
	static const uint64_t even = 0x5555555555555555ULL;
	unsigned long long runs; /* those that begin at an odd place, added up: a carry behind each */
	slashes &= ~at->escaped;
	uint64_t behind = slashes << 1 | at->escaped;
	at->escaped = __builtin_uaddll_overflow(slashes & ~even & ~behind, slashes, &runs);
	return (even ^ runs << 1) & behind;
}

static int block(struct place *at, const char *p)
{
	struct marks m = mark(p);
	uint64_t quotes = m.slashes | at->escaped ? m.quotes & ~escaped(at, m.slashes) : m.quotes;
	uint64_t inside = parity(quotes) ^ (at->in_string ? ~0ULL : 0);
	at->in_string = inside >> (BLOCK - 1);
	return count(at, m.opens & ~inside, m.closes & ~inside);
}

ptrdiff_t scan_container(const char *p, size_t n)
{
	struct place at = {0, false, 0};
	char last[BLOCK];
	for (size_t i = 0; i < n; i += BLOCK) {
		const char *from = p + i;
		if (n - i < BLOCK) {
			memset(last, 0, sizeof(last));
			from = memcpy(last, p + i, n - i);
		}
		int end = block(&at, from);
		if (end < 0)
			return end;
		if (end < BLOCK)
			return (ptrdiff_t)i + end + 1;
	}
	return -EINVAL;
}
