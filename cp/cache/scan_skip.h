/* Passing over JSON that nobody asked for. */
#ifndef KNARR_CP_CACHE_SCAN_SKIP_H
#define KNARR_CP_CACHE_SCAN_SKIP_H

#include <stddef.h>

enum { SCAN_DEPTH_MAX = 10000 };

/* The length of the object or array that begins at p, of whose text no more than n bytes are read. -EINVAL: it does not end
 * there; -E2BIG: it is nested deeper than SCAN_DEPTH_MAX. Only strings and brackets are looked at. */
ptrdiff_t scan_container(const char *p, size_t n);

#endif
