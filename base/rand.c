/* Randomness. */
#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *p, size_t n)
{
	char *at = p;
	while (n) {
		ssize_t r = getrandom(at, n, 0);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			abort();
		at += r;
		n -= (size_t)r;
	}
}

uint32_t rand_below(uint32_t bound)
{
	uint32_t v, limit = UINT32_MAX - UINT32_MAX % bound;
	do
		rand_bytes(&v, sizeof(v));
	while (v >= limit);
	return v % bound;
}

char *rand_uuid(char *ret)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	rand_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	char *p = ret;
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[b[i] >> 4];
		*p++ = hex[b[i] & 15];
	}
	*p = '\0';
	return ret;
}

char *rand_suffix(char *ret, size_t n)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	for (size_t i = 0; i < n; i++)
		ret[i] = alphabet[rand_below(sizeof(alphabet) - 1)];
	ret[n] = '\0';
	return ret;
}
