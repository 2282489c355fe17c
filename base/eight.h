/* Eight bytes of text at a time, in one register: which of them are worth a look. */
#ifndef KNARR_BASE_EIGHT_H
#define KNARR_BASE_EIGHT_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define EIGHT_ONES 0x0101010101010101ULL
#define EIGHT_HIGH (EIGHT_ONES * 0x80)

/* The first byte is the lowest. */
static inline uint64_t eight_load(const char *p)
{
	uint64_t eight;
	memcpy(&eight, p, sizeof(eight));
	return le64toh(eight);
}

/* Marks of the bytes that are c (below 0x80), or less than bound (up to 0x80), or have their high bit set; 0: none. Only the
 * first mark is certain. Marks of several questions may be joined. */
static inline uint64_t eight_has(uint64_t eight, char c)
{
	return ((eight ^ (EIGHT_ONES * (unsigned char)c)) - EIGHT_ONES) & ~eight & EIGHT_HIGH;
}

static inline uint64_t eight_has_below(uint64_t eight, unsigned char bound)
{
	return (eight - EIGHT_ONES * bound) & ~eight & EIGHT_HIGH;
}

static inline uint64_t eight_has_high(uint64_t eight)
{
	return eight & EIGHT_HIGH;
}

/* How many bytes stand before the first that is marked; there is one. */
static inline unsigned eight_before(uint64_t marks)
{
	return (unsigned)__builtin_ctzll(marks) / 8;
}

#endif
