/* Resource quantities ("100m", "1.5Gi", "2e3"; Kubernetes API conventions, Quantities). */
#ifndef KNARR_API_QUANTITY_H
#define KNARR_API_QUANTITY_H

#include <stdint.h>

/* -EINVAL for a malformed one. Values are rounded up to the unit asked for and saturate at the int64 bounds. */
int quantity_parse_milli(const char *s, int64_t *ret);
int quantity_parse(const char *s, int64_t *ret);
/* The canonical form of s ("1000m" -> "1", "1024Mi" -> "1Gi", "0.1" -> "100m"); returns owned, NULL when malformed. */
char *quantity_canonical(const char *s);
/* <0, 0, >0. Both must be well formed. */
int quantity_compare(const char *a, const char *b);
/* Text of a value: decimal milli units ("1500m", "2") or binary bytes ("64Mi", "1500"). Returns owned. */
char *quantity_from_milli(int64_t milli);
char *quantity_from_bytes(int64_t bytes);

/* The wording for a quantity that does not parse, as JSON decoding reports it. */
#define QUANTITY_FORMAT_ERROR                                                                                          \
	"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
/* -1, 0, 1. s must be well formed. */
int quantity_sign(const char *s);
/* a + b, a - b in the format of a (of b where a is zero), as canonical text. Both well formed. Returns owned. */
char *quantity_add(const char *a, const char *b);
char *quantity_sub(const char *a, const char *b);

#endif
