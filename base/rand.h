/* Randomness from the kernel: UUIDs and the suffixes of generated names. */
#ifndef KNARR_BASE_RAND_H
#define KNARR_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t n);
uint32_t rand_below(uint32_t bound); /* uniform in [0, bound), bound > 0 */
/* RFC 9562 version 4 as text; ret has room for 37. Returns ret. */
char *rand_uuid(char *ret);
/* n characters of Kubernetes' safe alphabet (no vowels, no look-alikes) plus NUL. Returns ret. */
char *rand_suffix(char *ret, size_t n);

#endif
