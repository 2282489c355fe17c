/* Lists of CPUs and memory nodes as text ("0-3,7") and as the bit masks that system calls take. */
#ifndef KNARR_RUNTIME_NUMBER_SET_H
#define KNARR_RUNTIME_NUMBER_SET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define NUMBER_SET_MAX 1024 /* as many as the C library's cpu_set_t has */

struct number_set {
	bool given; /* false: there was no list */
	unsigned long bits[NUMBER_SET_MAX / (CHAR_BIT * sizeof(long))];
};

/* text NULL or empty: a set that is not given. -EINVAL, -ERANGE from NUMBER_SET_MAX on. cpuset(7), List format. */
int number_set_parse(const char *text, struct number_set *ret, struct err *e);
void number_set_fill(struct number_set *s);
/* The set as one hexadecimal number; ret has room for NUMBER_SET_MAX / 4 + 1 bytes. Returns ret. */
char *number_set_hex(const struct number_set *s, char *ret);

#endif
