/* A short name for a long text; not against forgers. */
#ifndef KNARR_CNI_HASH_H
#define KNARR_CNI_HASH_H

#include <stdint.h>

static inline uint64_t cni_hash(const char *text)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 1099511628211u;
	return h;
}

#endif
