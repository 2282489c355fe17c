/* A growable byte string, always NUL-terminated, and small helpers on C strings. */
#ifndef KNARR_BASE_STR_H
#define KNARR_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct str {
	char *p; /* NUL-terminated once anything was added; NULL while empty and unused */
	size_t len;
	size_t cap;
};

#define STR_INIT ((struct str){ 0 })
#define AUTO_STR AUTO(str_done) struct str

void str_done(struct str *s);
void str_reset(struct str *s); /* length 0, keeps the memory */
void str_reserve(struct str *s, size_t more);
void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const void *bytes, size_t n);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_vaddf(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Adds text as a JSON string with quotes. */
void str_add_json(struct str *s, const char *text);
/* Drops the first n bytes. */
void str_consume(struct str *s, size_t n);
/* Returns owned NUL-terminated text ("" when empty), leaves s empty. */
char *str_take(struct str *s);
const char *str_text(const struct str *s); /* never NULL */

static inline void str_addc(struct str *s, char c)
{
	if (s->len + 2 > s->cap)
		str_reserve(s, 1);
	s->p[s->len++] = c;
	s->p[s->len] = '\0';
}

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
/* NULL or "" */
static inline bool str_empty(const char *s)
{
	return !s || !*s;
}
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
/* What is behind the last '/' of a path, all of it where there is none. Valid as long as path. */
const char *str_base_name(const char *path);
/* Splits at every sep, empty pieces kept; "" gives no piece. Returns an owned vector. */
char **str_split(const char *s, char sep);
char *str_join(char *const *strv, const char *sep);
/* Whole-string numbers: 0, -EINVAL or -ERANGE. */
int str_to_i64(const char *s, int64_t *ret);
int str_to_u32(const char *s, uint32_t *ret);

/* %XX decoding in place; '+' becomes a space when plus is set. -EINVAL on a bad escape. */
int url_decode(char *s, bool plus);
/* Adds s percent-encoded as one path segment or query value. */
void str_add_url(struct str *out, const char *s);

/* Base64 (RFC 4648). Encoding adds to out; decoding accepts padded standard alphabet only, -EINVAL otherwise. */
void base64_encode(struct str *out, const void *bytes, size_t n);
int base64_decode(struct str *out, const char *text, size_t n);
void base64url_encode(struct str *out, const void *bytes, size_t n); /* without padding */
int base64url_decode(struct str *out, const char *text, size_t n);

#endif
