/* Containers are passed over by counting brackets, 64 bytes at a time.
 *
 * Happy path: of each byte one bit says whether it is a quote, one whether it opens and one whether it closes; the parity of
 * the quotes before it tells whether it is inside a string (the way of simdjson: Langdale, Lemire, "Parsing Gigabytes of JSON
 * per Second"). Backslashes are rare: a block with one is read byte by byte.
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
	bool in_string, escaped;
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

static struct marks unescaped(struct place *at, const char *p)
{
	struct marks m = {0};
	for (int i = 0; i < BLOCK; i++) {
		uint64_t bit = 1ULL << i;
		char fold = (char)(p[i] | 0x20);
		if (at->escaped)
			at->escaped = false;
		else if (at->in_string && p[i] == '\\')
			at->escaped = true;
		else if (p[i] == '"')
			at->in_string = !at->in_string;
		else if (!at->in_string)
			m.opens |= fold == '{' ? bit : 0, m.closes |= fold == '}' ? bit : 0;
	}
	return m;
}

static int block(struct place *at, const char *p)
{
	struct marks m = mark(p);
	if (m.slashes || at->escaped) {
		m = unescaped(at, p);
		return count(at, m.opens, m.closes);
	}
	uint64_t inside = parity(m.quotes) ^ (at->in_string ? ~0ULL : 0);
	at->in_string = inside >> (BLOCK - 1);
	return count(at, m.opens & ~inside, m.closes & ~inside);
}

ptrdiff_t scan_container(const char *p, size_t n)
{
	struct place at = {0, false, false};
	for (size_t i = 0; i < n; i += BLOCK) {
		char last[BLOCK] = {0};
		const char *from = p + i;
		if (n - i < BLOCK)
			from = memcpy(last, p + i, n - i);
		int end = block(&at, from);
		if (end < 0)
			return end;
		if (end < BLOCK)
			return (ptrdiff_t)i + end + 1;
	}
	return -EINVAL;
}
