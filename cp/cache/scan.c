/* The scanner.
 *
 * Happy path: one walk over the bytes; containers are skipped by counting. What can fail: text that is not JSON, which
 * the store never holds unless it was damaged; it is not validated in full. What always holds: no byte outside of
 * [bytes, bytes+len) is read, and nesting deeper than DEPTH_MAX is refused. */
#include "cp/cache/scan.h"

#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 10000, PATH_MAX_LEN = 256, REPLACEMENT = 0xfffd, NOT_CHAR = 0x110000 };

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

/* A string with its quotes. */
static int string(struct cursor *c, struct span *ret)
{
	skip_space(c);
	const char *start = c->p;
	if (c->p >= c->end || *c->p != '"')
		return -EINVAL;
	for (c->p++; c->p < c->end; c->p++) {
		if (*c->p == '\\' && c->p + 1 < c->end) {
			c->p++;
		} else if (*c->p == '"') {
			c->p++;
			*ret = (struct span){start, (size_t)(c->p - start)};
			return 0;
		}
	}
	return -EINVAL;
}

/* Any value, raw. */
static int value(struct cursor *c, struct span *ret)
{
	skip_space(c);
	const char *start = c->p;
	struct span s;
	int depth = 0;
	if (c->p >= c->end)
		return -EINVAL;
	if (*c->p == '"')
		return string(c, ret);
	do {
		if (c->p >= c->end)
			return -EINVAL;
		if (*c->p == '"') {
			if (string(c, &s) < 0)
				return -EINVAL;
			continue;
		}
		if (*c->p == '{' || *c->p == '[') {
			if (++depth > DEPTH_MAX)
				return -E2BIG;
		} else if (*c->p == '}' || *c->p == ']') {
			if (depth == 0)
				break;
			if (--depth == 0) {
				c->p++;
				break;
			}
		} else if (depth == 0 &&
			   (*c->p == ',' || *c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t')) {
			break;
		}
		c->p++;
	} while (depth || c->p < c->end);
	*ret = (struct span){start, (size_t)(c->p - start)};
	return ret->n ? 0 : -EINVAL;
}

/* 0 when nothing but space follows. */
static int at_end(struct cursor *c)
{
	skip_space(c);
	return c->p == c->end ? 0 : -EINVAL;
}

int scan_members(struct span raw, int (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct cursor c = {raw.p, raw.p + raw.n};
	bool object = take(&c, '{');
	if (!object && !take(&c, '['))
		return -EINVAL;
	char close = object ? '}' : ']';
	if (take(&c, close))
		return at_end(&c);
	for (;;) {
		struct span key = {NULL, 0}, v;
		if (object) {
			if (string(&c, &key) < 0 || !take(&c, ':'))
				return -EINVAL;
			key = (struct span){key.p + 1, key.n - 2};
		}
		int r = value(&c, &v);
		if (r == 0)
			r = fn(arg, key, v);
		if (r)
			return r;
		if (take(&c, close))
			return at_end(&c);
		if (!take(&c, ','))
			return -EINVAL;
	}
}

static bool is(struct span s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

static struct span unquoted(struct span v)
{
	return v.n >= 2 && *v.p == '"' ? (struct span){v.p + 1, v.n - 2} : (struct span){NULL, 0};
}

struct walk {
	const char *bytes;
	const char *const *paths;
	struct scan *out;
	char path[PATH_MAX_LEN];
	size_t len;
};

static int walk_member(void *arg, struct span key, struct span v);

/* Looks into an object when a wanted path goes through it. */
static int descend(struct walk *w, struct span v)
{
	for (const char *const *p = w->paths; p && *p; p++)
		if (!strncmp(*p, w->path, w->len) && (*p)[w->len] == '.' && *v.p == '{')
			return scan_members(v, walk_member, w);
	return 0;
}

static int walk_member(void *arg, struct span key, struct span v)
{
	struct walk *w = arg;
	size_t before = w->len;
	if (w->len + key.n + 2 > sizeof(w->path))
		return 0;
	if (w->len)
		w->path[w->len++] = '.';
	memcpy(w->path + w->len, key.p, key.n);
	w->len += key.n;
	w->path[w->len] = '\0';
	for (size_t i = 0; w->paths && w->paths[i] && i < SCAN_FIELDS_MAX; i++)
		if (!strcmp(w->paths[i], w->path))
			w->out->fields[i] = v;
	int r = descend(w, v);
	w->len = before;
	w->path[before] = '\0';
	return r;
}

static int meta_member(void *arg, struct span key, struct span v)
{
	struct walk *w = arg;
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
	return 0;
}

static int top_member(void *arg, struct span key, struct span v)
{
	struct walk *w = arg;
	struct scan *s = w->out;
	int r = 0;
	if (is(key, "metadata")) {
		/* The last one counts, as for every parser. */
		s->uid = s->labels = s->owners = s->revision = (struct span){NULL, 0};
		s->deleting = s->splice_comma_before = false;
		s->splice = *v.p == '{' ? (size_t)(v.p + 1 - w->bytes) : 0;
		s->meta_empty = true;
		if (s->splice)
			r = scan_members(v, meta_member, w);
	}
	return r < 0 ? r : walk_member(w, key, v);
}

int scan_object(const char *bytes, size_t len, const char *const *paths, struct scan *ret)
{
	struct walk w = {.bytes = bytes, .paths = paths, .out = ret};
	*ret = (struct scan){0};
	int r = len && *bytes == '{' && !memchr(bytes, 0, len) ? scan_members((struct span){bytes, len}, top_member, &w)
							       : -EINVAL;
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
