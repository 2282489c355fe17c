/* Links in pages behind a proxy. Purpose: a page works below a path that it does not know of. Happy path: tags are
 * collected up to their end, their attributes that hold URLs rewritten; comments and the text of scripts and the like
 * are passed by. Nothing fails: what is no HTML, and a tag of more than 64 KiB, goes on as it came. */
#include "cp/api/link_rewrite.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { MAX_TAG = 65536 };

/* --- a URL -------------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *set, char c)
{
	return c && strchr(set, c);
}

/* The length of "scheme://" or "//" at the beginning; 0: none, -1: another kind of URL (mailto:, data:). */
static int lead_of(const char *url, size_t n)
{
	size_t i = 0;
	if (n >= 2 && url[0] == '/' && url[1] == '/')
		return 2;
	while (i < n && (isalnum((unsigned char)url[i]) || is_one_of("+-.", url[i])))
		i++;
	if (i == 0 || i == n || url[i] != ':')
		return 0;
	return n - i >= 3 && url[i + 1] == '/' && url[i + 2] == '/' ? (int)i + 3 : -1;
}

static bool is_text(const char *p, size_t n, const char *text)
{
	return text && strlen(text) == n && memcmp(p, text, n) == 0;
}

void link_rewrite(const struct link_base *b, const char *url, size_t n, struct str *out)
{
	int lead = lead_of(url, n);
	const char *path = url, *end = url + n;
	if (lead > 0) {
		path = url + lead;
		while (path < end && !is_one_of("/?#", *path))
			path++;
		size_t host = (size_t)(path - url - lead);
		if (!is_text(url + lead, host, b->host) && !is_text(url + lead, host, b->asked))
			path = end;
	}
	if (lead < 0 || path == end || *path != '/') {
		str_addn(out, url, n);
		return;
	}
	size_t prefix = strlen(b->prefix), left = (size_t)(end - path);
	bool below = left >= prefix && memcmp(path, b->prefix, prefix) == 0 && (left == prefix || is_one_of("/?#", path[prefix]));
	if (!below)
		str_add(out, b->prefix);
	str_addn(out, path, left);
}

/* --- a page ------------------------------------------------------------------------------------------------------- */

enum state { TEXT, OPENED, TAG, COMMENT, RAW };

struct html_rewrite {
	struct link_base base;
	enum state state;
	struct str tag;	   /* what of it has come */
	char quote;	   /* open in the tag; 0: none */
	bool after_equals; /* a quote here opens a value */
	char raw[12];	   /* the element whose text runs */
	size_t matched;	   /* of "-->" or "</element" */
};

/* Attributes that hold URLs. */
static const struct {
	const char *element, *attributes;
} links[] = {
    {"a", "href"},	     {"applet", "codebase"},	      {"area", "href"},
    {"audio", "src"},	     {"base", "href"},		      {"blockquote", "cite"},
    {"body", "background"},  {"button", "formaction"},	      {"command", "icon"},
    {"del", "cite"},	     {"embed", "src"},		      {"form", "action"},
    {"frame", "longdesc src"}, {"head", "profile"},	      {"html", "manifest"},
    {"iframe", "longdesc src"}, {"img", "longdesc src usemap"}, {"input", "src usemap formaction"},
    {"ins", "cite"},	     {"link", "href"},		      {"object", "classid codebase data usemap"},
    {"q", "cite"},	     {"script", "src"},		      {"source", "src"},
    {"video", "poster src"},
};

static const char *const raw_elements[] = {"script", "style", "textarea", "title", "xmp", "noembed", "noframes"};

static bool has_word(const char *words, const char *word, size_t n)
{
	for (const char *at = words; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strcspn(at, " ") == n && strncasecmp(at, word, n) == 0)
			return true;
	return false;
}

static const char *attributes_of(const char *element, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (strlen(links[i].element) == n && strncasecmp(links[i].element, element, n) == 0)
			return links[i].attributes;
	return NULL;
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char)*p))
		p++;
	return p;
}

/* The value that begins at p: its first byte and behind its last; returns where to go on. */
static const char *read_value(const char *p, const char *end, const char **first, const char **behind)
{
	char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : 0;
	*first = p;
	while (p < end && (quote ? *p != quote : !isspace((unsigned char)*p) && *p != '>'))
		p++;
	*behind = p;
	return p + (quote && p < end);
}

/* The tag with its links rewritten. */
static void write_tag(struct html_rewrite *h, struct str *out)
{
	const char *p = h->tag.p + 1, *end = h->tag.p + h->tag.len, *done = h->tag.p;
	size_t name = 0;
	while (p + name < end && !isspace((unsigned char)p[name]) && !is_one_of("/>", p[name]))
		name++;
	const char *wanted = attributes_of(p, name);
	for (p += name; wanted && p < end;) {
		const char *attribute, *first, *behind;
		while (p < end && (isspace((unsigned char)*p) || *p == '/'))
			p++;
		attribute = p;
		while (p < end && !isspace((unsigned char)*p) && !is_one_of("=/>", *p))
			p++;
		size_t n = (size_t)(p - attribute);
		p = skip_space(p, end);
		if (p >= end || *p != '=') {
			p += p < end && *p == '>';
			continue;
		}
		p = read_value(skip_space(p + 1, end), end, &first, &behind);
		if (!n || !has_word(wanted, attribute, n))
			continue;
		str_addn(out, done, (size_t)(first - done));
		link_rewrite(&h->base, first, (size_t)(behind - first), out);
		done = behind;
	}
	str_addn(out, done, (size_t)(end - done));
}

/* Whose text is not HTML begins now. */
static void after_tag(struct html_rewrite *h)
{
	h->state = TEXT;
	for (size_t i = 0; i < ARRAY_LEN(raw_elements); i++) {
		size_t n = strlen(raw_elements[i]);
		if (h->tag.len <= n + 1 || strncasecmp(h->tag.p + 1, raw_elements[i], n) != 0 ||
		    isalnum((unsigned char)h->tag.p[n + 1]))
			continue;
		h->state = RAW;
		h->matched = 0;
		snprintf(h->raw, sizeof(h->raw), "</%s", raw_elements[i]);
	}
}

static void flush_tag(struct html_rewrite *h, struct str *out, enum state next)
{
	str_addn(out, h->tag.p, h->tag.len);
	str_reset(&h->tag);
	h->state = next;
	h->matched = 0;
}

/* Behind "<": a tag, a comment, or nothing that matters. */
static void on_opened(struct html_rewrite *h, char c, struct str *out)
{
	static const char comment[] = "<!--";
	str_addc(&h->tag, c);
	if (h->tag.len == 2 && isalpha((unsigned char)c)) {
		h->state = TAG;
		h->quote = 0;
		h->after_equals = false;
	} else if (memcmp(h->tag.p, comment, h->tag.len) != 0) {
		flush_tag(h, out, TEXT);
	} else if (h->tag.len == strlen(comment)) {
		flush_tag(h, out, COMMENT);
	}
}

static void on_tag(struct html_rewrite *h, char c, struct str *out)
{
	str_addc(&h->tag, c);
	if (h->quote) {
		h->quote = c == h->quote ? 0 : h->quote;
	} else if (h->after_equals && (c == '"' || c == '\'')) {
		h->quote = c;
	} else if (c == '>') {
		write_tag(h, out);
		after_tag(h);
		str_reset(&h->tag);
		return;
	}
	if (!isspace((unsigned char)c))
		h->after_equals = !h->quote && c == '=';
	if (h->tag.len > MAX_TAG)
		flush_tag(h, out, TEXT);
}

/* Whether the end that is waited for is complete with c. */
static bool matches(struct html_rewrite *h, const char *end, char c)
{
	if (tolower((unsigned char)c) == end[h->matched])
		h->matched++;
	else if (!(c == '-' && h->state == COMMENT && h->matched == 2)) /* "--->" */
		h->matched = tolower((unsigned char)c) == end[0];
	return !end[h->matched];
}

void html_rewrite_feed(struct html_rewrite *h, const char *bytes, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++) {
		char c = bytes[i];
		if (h->state == OPENED) {
			on_opened(h, c, out);
		} else if (h->state == TAG) {
			on_tag(h, c, out);
		} else if (h->state == TEXT && c == '<') {
			str_addc(&h->tag, c);
			h->state = OPENED;
		} else {
			str_addc(out, c);
			if (h->state != TEXT && matches(h, h->state == COMMENT ? "-->" : h->raw, c))
				h->state = TEXT;
		}
	}
}

void html_rewrite_end(struct html_rewrite *h, struct str *out)
{
	flush_tag(h, out, TEXT);
}

struct html_rewrite *html_rewrite_new(const struct link_base *b)
{
	struct html_rewrite *h = xcalloc(1, sizeof(*h));
	h->base = (struct link_base){xstrdup(b->prefix), xstrdup(b->host), xstrdup(b->asked)};
	return h;
}

void html_rewrite_free(struct html_rewrite *h)
{
	if (!h)
		return;
	free((char *)h->base.prefix);
	free((char *)h->base.host);
	free((char *)h->base.asked);
	str_done(&h->tag);
	free(h);
}
