/* A fast reader of JSON (RFC 8259) into jansson's values.
 *
 * Happy path: one walk over the bytes; names and plain strings are taken from where they stand. What it does not take, it
 * leaves to jansson, which knows how to say what is wrong: json_parse() asks here first. What always holds: what is read
 * here is what jansson would read; nesting is as bounded as there. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/eight.h"
#include "base/json_read.h"

enum { DEPTH_MAX = 2048, NUMBER_MAX = 64 };

struct reader {
	const char *p, *end;
	int depth;
	bool repeats;    /* a member stood twice in its object */
	struct str text; /* a string with escapes, decoded */
};

static json_t *read_value(struct reader *r);

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->p >= r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void skip_plain(struct reader *r)
{
	for (; r->end - r->p >= 8; r->p += 8) {
		uint64_t eight = eight_load(r->p);
		uint64_t marks = eight_has(eight, '"') | eight_has(eight, '\\') | eight_has_below(eight, 0x20) | eight_has_high(eight);
		if (!marks)
			continue;
		r->p += eight_before(marks);
		return;
	}
	while (r->p < r->end && is_plain((unsigned char)*r->p))
		r->p++;
}

/* How many bytes the UTF-8 character at p has; 0: it is none. */
static size_t utf8_len(const unsigned char *p, const unsigned char *end)
{
	static const struct {
		unsigned char mask, lead;
		unsigned min;
	} forms[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t n = 0; n < ARRAY_LEN(forms); n++) {
		if ((*p & forms[n].mask) != forms[n].lead || (size_t)(end - p) < n + 2)
			continue;
		unsigned v = *p & (unsigned char)~forms[n].mask;
		for (size_t i = 1; i < n + 2; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			v = v << 6 | (p[i] & 0x3f);
		}
		return v >= forms[n].min && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff) ? n + 2 : 0;
	}
	return 0;
}

/* An escape behind its backslash; "\u" is left to jansson: it is rare, and has rules of its own. */
static bool read_escape(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = r->p < r->end && *r->p ? strchr(from, *r->p) : NULL;
	if (!at)
		return false;
	str_addc(&r->text, to[at - from]);
	r->p++;
	return true;
}

/* The rest of a string that is not plain. */
static bool read_mixed(struct reader *r, const char *from, const char **ret, size_t *ret_len)
{
	str_reset(&r->text);
	str_addn(&r->text, from, (size_t)(r->p - from));
	while (r->p < r->end && *r->p != '"') {
		const char *run = r->p;
		skip_plain(r);
		if (r->p < r->end && (unsigned char)*r->p >= 0x80) {
			size_t n = utf8_len((const unsigned char *)r->p, (const unsigned char *)r->end);
			if (!n)
				return false;
			r->p += n;
		}
		str_addn(&r->text, run, (size_t)(r->p - run));
		if (r->p < r->end && *r->p == '\\') {
			r->p++;
			if (!read_escape(r))
				return false;
		} else if (r->p < r->end && (unsigned char)*r->p < 0x20) {
			return false;
		}
	}
	if (r->p >= r->end)
		return false;
	r->p++;
	*ret = str_text(&r->text);
	*ret_len = r->text.len;
	return true;
}

/* A string at its opening quote; what comes out is valid until the next one. */
static bool read_string(struct reader *r, const char **ret, size_t *ret_len)
{
	if (!take(r, '"'))
		return false;
	const char *from = r->p;
	skip_plain(r);
	if (r->p >= r->end)
		return false;
	if (*r->p != '"')
		return read_mixed(r, from, ret, ret_len);
	*ret = from;
	*ret_len = (size_t)(r->p++ - from);
	return true;
}

static json_t *fail(json_t *half)
{
	json_decref(half);
	return NULL;
}

static json_t *read_object(struct reader *r)
{
	json_t *out = json_object();
	const char *name;
	size_t n, members = 0;
	if (take(r, '}'))
		return out;
	do {
		if (!read_string(r, &name, &n) || memchr(name, 0, n))
			return fail(out);
		/* A name that was decoded is overwritten by what the value has. */
		AUTO_FREE char *kept = name == r->text.p ? xstrndup(name, n) : NULL;
		json_t *value = take(r, ':') ? read_value(r) : NULL;
		if (!value || json_object_setn_new_nocheck(out, kept ? kept : name, n, value) < 0)
			return fail(out);
		members++;
	} while (take(r, ','));
	r->repeats = r->repeats || members != json_object_size(out);
	return take(r, '}') ? out : fail(out);
}

static json_t *read_array(struct reader *r)
{
	json_t *out = json_array();
	if (take(r, ']'))
		return out;
	do {
		json_t *value = read_value(r);
		if (!value || json_array_append_new(out, value) < 0)
			return fail(out);
	} while (take(r, ','));
	return take(r, ']') ? out : fail(out);
}

static size_t count_digits(const char *p)
{
	size_t n = 0;
	while (p[n] >= '0' && p[n] <= '9')
		n++;
	return n;
}

/* The length of a fraction and an exponent; 0 where there is none or it is malformed. */
static size_t real_tail(const char *p)
{
	const char *at = p;
	if (*at == '.') {
		size_t n = count_digits(at + 1);
		if (!n)
			return 0;
		at += 1 + n;
	}
	if (*at == 'e' || *at == 'E') {
		const char *digits = at + 1 + (at[1] == '+' || at[1] == '-');
		size_t n = count_digits(digits);
		if (!n)
			return 0;
		at = digits + n;
	}
	return (size_t)(at - p);
}

static json_t *read_number(struct reader *r)
{
	char text[NUMBER_MAX];
	size_t n = MIN((size_t)(r->end - r->p), sizeof(text) - 1);
	memcpy(text, r->p, n);
	text[n] = '\0';
	const char *digits = text + (*text == '-');
	size_t whole = count_digits(digits);
	if (!whole || (*digits == '0' && whole > 1))
		return NULL;
	size_t len = (size_t)(digits - text) + whole, tail = real_tail(text + len);
	if (len + tail + 1 >= sizeof(text) || (!tail && text[len] && strchr(".eE", text[len])))
		return NULL;
	r->p += len + tail;
	text[len + tail] = '\0';
	if (tail) {
		double d = strtod(text, NULL);
		return isfinite(d) ? json_real(d) : NULL;
	}
	errno = 0;
	long long v = strtoll(text, NULL, 10);
	return errno ? json_real(strtod(text, NULL)) : json_integer(v); /* as the original keeps what is beyond 64 bits */
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
	size_t n = strlen(word);
	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
		return NULL;
	r->p += n;
	return value;
}

static json_t *read_nested(struct reader *r, json_t *(*read)(struct reader *r))
{
	if (++r->depth > DEPTH_MAX)
		return NULL;
	r->p++;
	json_t *out = read(r);
	r->depth--;
	return out;
}

static json_t *read_text(struct reader *r)
{
	const char *text;
	size_t n;
	return read_string(r, &text, &n) && !memchr(text, 0, n) ? json_stringn_nocheck(text, n) : NULL;
}

static json_t *read_value(struct reader *r)
{
	skip_space(r);
	if (r->p >= r->end)
		return NULL;
	switch (*r->p) {
	case '{': return read_nested(r, read_object);
	case '[': return read_nested(r, read_array);
	case '"': return read_text(r);
	case 't': return read_word(r, "true", json_true());
	case 'f': return read_word(r, "false", json_false());
	case 'n': return read_word(r, "null", json_null());
	default: return read_number(r);
	}
}

json_t *json_read_noting(const char *text, size_t len, bool *ret_repeats)
{
	struct reader r = {.p = text, .end = text + len};
	json_t *out = read_value(&r);
	skip_space(&r);
	str_done(&r.text);
	if (out && r.p != r.end)
		return fail(out);
	*ret_repeats = r.repeats;
	return out;
}

json_t *json_read(const char *text, size_t len)
{
	bool repeats;
	return json_read_noting(text, len, &repeats);
}
