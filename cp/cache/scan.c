/* The scanner.
 *
 * Happy path: one walk over the bytes; containers are skipped by counting. What can fail: text that is not JSON, which
 * the store never holds unless it was damaged; it is not validated in full. What always holds: no byte outside of
 * [bytes, bytes+len) is read, and nesting deeper than SCAN_DEPTH_MAX is refused. */
#include "cp/cache/scan.h"

#include <errno.h>
#include <string.h>

#include "base/eight.h"
#include "cp/cache/scan_skip.h"

enum { REPLACEMENT = 0xfffd, NOT_CHAR = 0x110000 };

struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r'))
		c->p++;
}

static bool take(struct cursor *c, char ch)
{
	skip_space(c);
	if (c->p >= c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

/* The quote that ends a string, from its first character on; NULL: there is none. */
static const char *string_end(const char *p, const char *end)
{
	for (;;) {
		for (; end - p >= 8; p += 8) {
			uint64_t eight = eight_load(p);
			uint64_t marks = eight_has(eight, '"') | eight_has(eight, '\\');
			if (!marks)
				continue;
			p += eight_before(marks);
			break;
		}
		while (p < end && *p != '"' && *p != '\\')
			p++;
		if (p >= end || *p == '"')
			return p < end ? p : NULL;
		if (end - p < 2)
			return NULL;
		p += 2;
	}
}

/* A string with its quotes. */
static int string(struct cursor *c, struct span *ret)
{
	skip_space(c);
	const char *start = c->p;
	const char *quote = start < c->end && *start == '"' ? string_end(start + 1, c->end) : NULL;
	if (!quote)
		return -EINVAL;
	c->p = quote + 1;
	*ret = (struct span){start, (size_t)(c->p - start)};
	return 0;
}

/* An object or an array, by counting. */
static int container(struct cursor *c)
{
	ptrdiff_t n = scan_container(c->p, (size_t)(c->end - c->p));
	c->p += n > 0 ? n : 0;
	return n < 0 ? (int)n : 0;
}

static bool ends_scalar(char ch)
{
	return ch == ',' || ch == ' ' || ch == '\n' || ch == '\r' || ch == '\t' || ch == '}' || ch == ']';
}

/* Any value, raw. */
static int value(struct cursor *c, struct span *ret)
{
	skip_space(c);
	const char *start = c->p;
	int r = 0;
	if (c->p >= c->end)
		return -EINVAL;
	if (*c->p == '"')
		return string(c, ret);
	if (*c->p == '{' || *c->p == '[')
		r = container(c);
	else
		while (c->p < c->end && !ends_scalar(*c->p))
			c->p++;
	*ret = (struct span){start, (size_t)(c->p - start)};
	return r < 0 ? r : ret->n ? 0 : -EINVAL;
}

/* 0 when nothing but space follows. */
static int at_end(struct cursor *c)
{
	skip_space(c);
	return c->p == c->end ? 0 : -EINVAL;
}

/* Takes a member's value from the cursor; not 0: stops. */
typedef int take_member(void *arg, struct span key, struct cursor *c);

/* An object or an array at the cursor, member by member. */
static int each_member(struct cursor *c, take_member *fn, void *arg)
{
	bool object = take(c, '{');
	if (!object && !take(c, '['))
		return -EINVAL;
	char close = object ? '}' : ']';
	if (take(c, close))
		return 0;
	for (;;) {
		struct span key = {NULL, 0};
		if (object) {
			if (string(c, &key) < 0 || !take(c, ':'))
				return -EINVAL;
			key = (struct span){key.p + 1, key.n - 2};
		}
		int r = fn(arg, key, c);
		if (r)
			return r;
		if (take(c, close))
			return 0;
		if (!take(c, ','))
			return -EINVAL;
	}
}

struct give {
	int (*fn)(void *arg, struct span key, struct span value);
	void *arg;
};

static int give_member(void *arg, struct span key, struct cursor *c)
{
	const struct give *g = arg;
	struct span v;
	int r = value(c, &v);
	return r ? r : g->fn(g->arg, key, v);
}

int scan_members(struct span raw, int (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct cursor c = {raw.p, raw.p + raw.n};
	int r = each_member(&c, give_member, &(struct give){fn, arg});
	return r ? r : at_end(&c);
}

static bool is(struct span s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

static struct span unquoted(struct span v)
{
	return v.n >= 2 && *v.p == '"' ? (struct span){v.p + 1, v.n - 2} : (struct span){NULL, 0};
}

/* One walk over the bytes: what a wanted path goes through is gone into, everything else is passed over. */
struct walk {
	const char *bytes;
	const char *const *paths;
	struct scan *out;
	int depth;
	bool in_meta;
	size_t len;       /* of what was gone into, with its dots: the wanted paths that may still be met begin alike */
	unsigned possible; /* a bit for each of those */
};

/* Which of the possible paths end with this member, and which go on below it. */
struct turns {
	unsigned end, on;
};

static struct turns turns_at(const struct walk *w, struct span key)
{
	struct turns t = {0, 0};
	for (unsigned left = w->possible, i = 0; left; left >>= 1, i++) {
		const char *p = left & 1 ? w->paths[i] + w->len : "";
		if (!*p || *p != *key.p || strncmp(p, key.p, key.n))
			continue;
		if (!p[key.n])
			t.end |= 1U << i;
		else if (p[key.n] == '.')
			t.on |= 1U << i;
	}
	return t;
}

static unsigned all_paths(const char *const *paths)
{
	unsigned n = 0;
	while (paths && paths[n] && n < SCAN_FIELDS_MAX)
		n++;
	return (1U << n) - 1;
}

static void keep(struct walk *w, unsigned wanted, struct span v)
{
	for (size_t i = 0; wanted; wanted >>= 1, i++)
		if (wanted & 1)
			w->out->fields[i] = v;
}

static void meta_member(struct walk *w, struct span key, struct span v)
{
	struct scan *s = w->out;
	s->meta_empty = false;
	if (is(key, "uid")) {
		s->uid = unquoted(v);
		s->splice = (size_t)(v.p + v.n - w->bytes);
		s->splice_comma_before = true;
	} else if (is(key, "labels"))
		s->labels = v;
	else if (is(key, "ownerReferences"))
		s->owners = v;
	else if (is(key, "resourceVersion"))
		s->revision = v;
	else if (is(key, "deletionTimestamp"))
		s->deleting = *v.p == '"';
}

/* At metadata's value. The last one counts, as for every parser. */
static void begin_meta(struct walk *w, const struct cursor *c)
{
	struct scan *s = w->out;
	s->uid = s->labels = s->owners = s->revision = (struct span){NULL, 0};
	s->deleting = s->splice_comma_before = false;
	s->splice = c->p < c->end && *c->p == '{' ? (size_t)(c->p + 1 - w->bytes) : 0;
	s->meta_empty = true;
}

static int walk_member(void *arg, struct span key, struct cursor *c);

/* An object that is gone into. */
static int walk_into(struct walk *w, struct cursor *c, struct span key, bool is_meta, unsigned possible)
{
	struct walk below = *w;
	below.depth++;
	below.in_meta = is_meta;
	below.len += key.n + 1;
	below.possible = possible;
	return each_member(c, walk_member, &below);
}

static int walk_member(void *arg, struct span key, struct cursor *c)
{
	struct walk *w = arg;
	struct span v;
	bool is_meta = !w->depth && is(key, "metadata");
	struct turns t = turns_at(w, key);
	skip_space(c);
	if (is_meta)
		begin_meta(w, c);
	const char *start = c->p;
	int r;
	if (c->p < c->end && *c->p == '{' && (is_meta || t.on)) {
		r = walk_into(w, c, key, is_meta, t.on);
		v = (struct span){start, (size_t)(c->p - start)};
	} else {
		r = value(c, &v);
	}
	if (!r)
		keep(w, t.end, v);
	if (!r && w->in_meta)
		meta_member(w, key, v);
	return r;
}

int scan_object(const char *bytes, size_t len, const char *const *paths, struct scan *ret)
{
	struct walk w = {.bytes = bytes, .paths = paths, .out = ret, .possible = all_paths(paths)};
	struct cursor c = {bytes, bytes + len};
	*ret = (struct scan){0};
	int r = len && *bytes == '{' && !memchr(bytes, 0, len) ? each_member(&c, walk_member, &w) : -EINVAL;
	if (!r)
		r = at_end(&c);
	return r < 0 ? r : ret->splice ? 0 : -EINVAL;
}

/* The number behind "u" in an escape at p; NOT_CHAR where it is none. */
static unsigned hex4(const char *p, const char *end)
{
	unsigned v = 0;
	if (end - p < 5 || *p != 'u')
		return NOT_CHAR;
	for (int i = 1; i < 5; i++) {
		static const char digits[] = "0123456789abcdef";
		char c = p[i] >= 'A' && p[i] <= 'F' ? (char)(p[i] | 32) : p[i];
		const char *at = c ? strchr(digits, c) : NULL;
		if (!at)
			return NOT_CHAR;
		v = v * 16 + (unsigned)(at - digits);
	}
	return v;
}

static void add_utf8(struct str *out, unsigned v)
{
	if (v < 0x80) {
		str_addc(out, (char)v);
	} else if (v < 0x800) {
		str_addc(out, (char)(0xc0 | v >> 6));
		str_addc(out, (char)(0x80 | (v & 63)));
	} else if (v < 0x10000) {
		str_addc(out, (char)(0xe0 | v >> 12));
		str_addc(out, (char)(0x80 | (v >> 6 & 63)));
		str_addc(out, (char)(0x80 | (v & 63)));
	} else {
		str_addc(out, (char)(0xf0 | v >> 18));
		str_addc(out, (char)(0x80 | (v >> 12 & 63)));
		str_addc(out, (char)(0x80 | (v >> 6 & 63)));
		str_addc(out, (char)(0x80 | (v & 63)));
	}
}

/* One escape at p (behind the backslash); returns how many bytes it took. */
static size_t add_escape(struct str *out, const char *p, const char *end)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (*p != 'u') {
		const char *at = *p ? strchr(from, *p) : NULL;
		str_addc(out, at ? to[at - from] : *p);
		return 1;
	}
	unsigned v = hex4(p, end),
		 low = v >= 0xd800 && v < 0xdc00 && end - p > 5 && p[5] == '\\' ? hex4(p + 6, end) : 0;
	if (low >= 0xdc00 && low < 0xe000) {
		add_utf8(out, 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00));
		return 11;
	}
	add_utf8(out, v && (v < 0xd800 || (v > 0xdfff && v < NOT_CHAR)) ? v : REPLACEMENT);
	return v == NOT_CHAR ? 1 : 5;
}

void scan_add_text(struct str *out, struct span raw)
{
	if (!raw.p)
		return;
	if (*raw.p != '"') {
		str_addn(out, raw.p, raw.n);
		return;
	}
	for (const char *p = raw.p + 1, *end = raw.p + raw.n - 1; p < end;) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		str_addn(out, p, (size_t)((slash ? slash : end) - p));
		p = slash ? slash + 1 : end;
		if (slash && p < end)
			p += add_escape(out, p, end);
	}
}
