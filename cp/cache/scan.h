/* A one-pass scanner of an object's JSON bytes: finds the few members the cache needs, builds nothing. Pure. */
#ifndef KNARR_CP_CACHE_SCAN_H
#define KNARR_CP_CACHE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum { SCAN_FIELDS_MAX = 16 };

struct span {
	const char *p; /* NULL: absent */
	size_t n;
};

struct scan {
	struct span uid;            /* of metadata, without quotes; escapes as they stand */
	struct span labels, owners; /* the raw object and array */
	struct span revision;       /* metadata.resourceVersion's value with its quotes */
	bool deleting;
	size_t splice;            /* where in the bytes a resourceVersion member goes */
	bool splice_comma_before; /* it needs a comma before (else, unless metadata is empty, behind it) */
	bool meta_empty;
	struct span fields[SCAN_FIELDS_MAX]; /* raw values at the wanted paths, quotes kept */
};

/* Scans an object; where a member stands twice the last counts. paths: NULL-terminated dotted paths of at most
 * SCAN_FIELDS_MAX wanted fields (NULL: none). -EINVAL: not a JSON object, no metadata object in it, or a NUL byte.
 * Depth is bounded (-E2BIG). */
int scan_object(const char *bytes, size_t len, const char *const *paths, struct scan *ret);

/* Calls fn for each member of a raw JSON object (or each element of an array, key.p NULL) with raw values. Stops and
 * returns when fn returns non-zero; -EINVAL for malformed text. */
int scan_members(struct span raw, int (*fn)(void *arg, struct span key, struct span value), void *arg);
/* Adds the decoded text of a raw string value (with quotes), or the raw text of anything else. Escaped NULs and halves
 * of surrogate pairs become U+FFFD, so that no NUL comes out where none went in. */
void scan_add_text(struct str *out, struct span raw);

#endif
