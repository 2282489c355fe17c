/* Growable strings and helpers on C strings. */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/eight.h"
#include "base/format.h"
#include "base/mem.h"

void str_done(struct str *s)
{
	free(s->p);
	*s = STR_INIT;
}

void str_reset(struct str *s)
{
	s->len = 0;
	if (s->p)
		s->p[0] = '\0';
}

void str_reserve(struct str *s, size_t more)
{
	size_t need = s->len + more + 1;
	if (need <= s->cap)
		return;
	size_t cap = s->cap ? s->cap : 64;
	while (cap < need)
		cap *= 2;
	s->p = xrealloc(s->p, cap);
	s->cap = cap;
	s->p[s->len] = '\0';
}

void str_addn(struct str *s, const void *bytes, size_t n)
{
	if (s->len + n + 1 > s->cap)
		str_reserve(s, n);
	if (n)
		memcpy(s->p + s->len, bytes, n);
	s->len += n;
	s->p[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_vaddf(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	str_reserve(s, 64);
	int n = format_vto(s->p + s->len, s->cap - s->len, fmt, ap);
	if (n > 0 && (size_t)n >= s->cap - s->len) {
		str_reserve(s, (size_t)n);
		format_vto(s->p + s->len, s->cap - s->len, fmt, again);
	}
	va_end(again);
	if (n > 0)
		s->len += (size_t)n;
	s->p[s->len] = '\0';
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	str_vaddf(s, fmt, ap);
	va_end(ap);
}

static bool is_plain_json(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void add_escape(struct str *s, unsigned char c)
{
	static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
	const char *at = strchr(from, c);
	if (!at) {
		str_addf(s, "\\u%04x", c);
		return;
	}
	str_addc(s, '\\');
	str_addc(s, to[at - from]);
}

/* Copies what stands for itself, as far as it goes; there is room for n bytes. Returns how many. */
static size_t copy_plain(char *to, const char *from, size_t n)
{
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		uint64_t eight = eight_load(from + i);
		uint64_t marks = eight_has(eight, '"') | eight_has(eight, '\\') | eight_has_below(eight, 0x20);
		memcpy(to + i, from + i, 8);
		if (marks)
			return i + eight_before(marks);
	}
	for (; i < n && is_plain_json((unsigned char)from[i]); i++)
		to[i] = from[i];
	return i;
}

void str_add_json(struct str *s, const char *text)
{
	size_t left = strlen(text);
	str_reserve(s, left + 2);
	s->p[s->len++] = '"';
	while (true) {
		size_t n = copy_plain(s->p + s->len, text, left);
		s->len += n;
		if (n == left)
			break;
		add_escape(s, (unsigned char)text[n]);
		text += n + 1;
		left -= n + 1;
		str_reserve(s, left + 1);
	}
	s->p[s->len++] = '"';
	s->p[s->len] = '\0';
}

void str_consume(struct str *s, size_t n)
{
	if (n >= s->len) {
		str_reset(s);
		return;
	}
	memmove(s->p, s->p + n, s->len - n);
	s->len -= n;
	s->p[s->len] = '\0';
}

char *str_take(struct str *s)
{
	char *p = s->p ? s->p : xstrdup("");
	*s = STR_INIT;
	return p;
}

const char *str_text(const struct str *s)
{
	return s->p ? s->p : "";
}

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && !strcmp(s + n - m, suffix);
}

const char *str_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

char **str_split(const char *s, char sep)
{
	size_t n = 0, cap = 4;
	char **v = xcalloc(cap + 1, sizeof(*v));
	if (!*s)
		return v;
	for (;;) {
		const char *end = strchrnul(s, sep);
		if (n == cap) {
			cap *= 2;
			v = xreallocarray(v, cap + 1, sizeof(*v));
		}
		v[n++] = xstrndup(s, (size_t)(end - s));
		v[n] = NULL;
		if (!*end)
			return v;
		s = end + 1;
	}
}

char *str_join(char *const *strv, const char *sep)
{
	struct str s = STR_INIT;
	for (size_t i = 0; strv && strv[i]; i++) {
		if (i)
			str_add(&s, sep);
		str_add(&s, strv[i]);
	}
	return str_take(&s);
}

int str_to_i64(const char *s, int64_t *ret)
{
	char *end;
	if (!s || !*s || isspace((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	if (errno || *end)
		return -EINVAL;
	*ret = v;
	return 0;
}

int str_to_u32(const char *s, uint32_t *ret)
{
	int64_t v;
	int r = str_to_i64(s, &v);
	if (r < 0)
		return r;
	if (v < 0 || v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int url_decode(char *s, bool plus)
{
	char *out = s;
	for (; *s; s++) {
		if (*s == '%') {
			int hi = hex_digit(s[1]), lo = hi < 0 ? -1 : hex_digit(s[2]);
			if (lo < 0)
				return -EINVAL;
			*out++ = (char)(hi * 16 + lo);
			s += 2;
		} else {
			*out++ = plus && *s == '+' ? ' ' : *s;
		}
	}
	*out = '\0';
	return 0;
}

void str_add_url(struct str *out, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
			str_addc(out, *s);
		else
			str_addf(out, "%%%02X", (unsigned char)*s);
	}
}

static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode64(struct str *out, const void *bytes, size_t n, const char *abc, bool pad)
{
	const unsigned char *b = bytes;
	str_reserve(out, (n + 2) / 3 * 4);
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned v = (unsigned)b[i] << 16 | (left > 1 ? (unsigned)b[i + 1] << 8 : 0) | (left > 2 ? b[i + 2] : 0);
		char quad[4] = { abc[v >> 18], abc[v >> 12 & 63], left > 1 ? abc[v >> 6 & 63] : '=',
				 left > 2 ? abc[v & 63] : '=' };
		str_addn(out, quad, pad || left > 2 ? 4 : left + 1);
	}
}

static int decode64(struct str *out, const char *text, size_t n, const char *abc, bool pad)
{
	if (pad) {
		if (n % 4)
			return -EINVAL;
		for (int i = 0; i < 2 && n && text[n - 1] == '='; i++)
			n--;
	}
	if (n % 4 == 1)
		return -EINVAL;
	size_t start = out->len;
	unsigned acc = 0, bits = 0;
	str_reserve(out, n / 4 * 3 + 3);
	for (size_t i = 0; i < n; i++) {
		const char *at = text[i] ? strchr(abc, text[i]) : NULL;
		if (!at) {
			out->len = start;
			out->p[start] = '\0';
			return -EINVAL;
		}
		acc = acc << 6 | (unsigned)(at - abc);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			str_addc(out, (char)(acc >> bits & 0xff));
		}
	}
	return 0;
}

void base64_encode(struct str *out, const void *bytes, size_t n)
{
	encode64(out, bytes, n, std_alphabet, true);
}

int base64_decode(struct str *out, const char *text, size_t n)
{
	return decode64(out, text, n, std_alphabet, true);
}

void base64url_encode(struct str *out, const void *bytes, size_t n)
{
	encode64(out, bytes, n, url_alphabet, false);
}

int base64url_decode(struct str *out, const char *text, size_t n)
{
	return decode64(out, text, n, url_alphabet, false);
}
