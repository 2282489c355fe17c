/* SPDY frames.
 *
 * Happy path: eight bytes of header, then either data, passed on as it comes, or a control frame, gathered whole. Header blocks
 * are one zlib stream per direction with the protocol's dictionary. What can fail: frames of another version, streams with
 * numbers that make no sense, header blocks that are damaged or too large: -EPROTO. What always holds: no more than a control
 * frame and a header block of bounded size are kept. */
#include "io/spdy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"

enum { SYN_STREAM = 1, SYN_REPLY, RST_STREAM, SETTINGS, PING = 6, GOAWAY, HEADERS, WINDOW_UPDATE };
enum { FLAG_FIN = 1, VERSION = 3, HEAD = 8 };
enum { REPLY_MAX = 64, CONTROL_MAX = 65536, BLOCK_MAX = 65536, HEADERS_MAX = 64, DATA_MAX = 0xffffff };

/* The words of the dictionary, each with its length before it, and the text behind them. */
static const char *const words[] = {
    "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding", "accept-language",
    "accept-ranges", "age", "allow", "authorization", "cache-control", "connection", "content-base", "content-encoding",
    "content-language", "content-length", "content-location", "content-md5", "content-range", "content-type", "date", "etag",
    "expect", "expires", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
    "last-modified", "location", "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer",
    "retry-after", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning",
    "www-authenticate", "method", "get", "status", "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive",
    "origin",
};
static const char tail[] =
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

struct spdy {
	const struct spdy_ops *ops;
	void *arg;
	struct str dictionary;
	z_stream in, out;
	uint8_t head[HEAD];
	size_t head_len;
	struct str control; /* of the frame that is being gathered */
	uint32_t left;      /* bytes of the current frame that are still to come */
	uint32_t last_id;

};

static uint32_t get32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

static void add_word(struct str *out, const char *word)
{
	uint8_t n[4];
	put32(n, (uint32_t)strlen(word));
	str_addn(out, n, sizeof(n));
	str_add(out, word);
}

struct spdy *spdy_new(const struct spdy_ops *ops, void *arg)
{
	struct spdy *s = xcalloc(1, sizeof(*s));
	s->ops = ops;
	s->arg = arg;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		add_word(&s->dictionary, words[i]);
	str_addn(&s->dictionary, tail, sizeof(tail) - 1);
	if (inflateInit(&s->in) != Z_OK || deflateInit(&s->out, Z_BEST_SPEED) != Z_OK)
		abort(); /* out of memory */
	deflateSetDictionary(&s->out, (const Bytef *)s->dictionary.p, (uInt)s->dictionary.len);
	return s;
}

void spdy_free(struct spdy *s)
{
	if (!s)
		return;
	inflateEnd(&s->in);
	deflateEnd(&s->out);
	str_done(&s->dictionary);
	str_done(&s->control);
	free(s);
}

/* --- header blocks -------------------------------------------------------------------------------------------------- */

/* Adds what a block inflates to. */
static int inflate_block(struct spdy *s, const void *bytes, size_t n, struct str *ret)
{
	char piece[4096];
	s->in.next_in = (Bytef *)bytes;
	s->in.avail_in = (uInt)n;
	while (s->in.avail_in) {
		s->in.next_out = (Bytef *)piece;
		s->in.avail_out = sizeof(piece);
		int r = inflate(&s->in, Z_SYNC_FLUSH);
		if (r == Z_NEED_DICT)
			r = inflateSetDictionary(&s->in, (const Bytef *)s->dictionary.p, (uInt)s->dictionary.len);
		str_addn(ret, piece, sizeof(piece) - s->in.avail_out);
		if ((r != Z_OK && r != Z_BUF_ERROR) || ret->len > BLOCK_MAX || (r == Z_BUF_ERROR && s->in.avail_out))
			return -EPROTO;
	}
	return 0;
}

/* A length and as many bytes; the text gets its NUL where the next length stood, which was read by then. */
static char *take_text(struct str *block, size_t *at, uint32_t *length)
{
	if (*length > block->len - *at)
		return NULL;
	char *text = block->p + *at;
	*at += *length;
	bool more = block->len - *at >= 4;
	*length = more ? get32(block->p + *at) : 0;
	block->p[*at] = '\0'; /* a str has room for one behind its end */
	*at += more ? 4 : 0;
	return text;
}

static int parse_headers(struct str *block, struct spdy_header ret[HEADERS_MAX + 1])
{
	if (block->len < 4)
		return -EPROTO;
	uint32_t n = get32(block->p), length = block->len >= 8 ? get32(block->p + 4) : 0;
	size_t at = MIN(block->len, 8);
	if (n > HEADERS_MAX)
		return -EPROTO;
	for (uint32_t i = 0; i < n; i++) {
		ret[i].name = take_text(block, &at, &length);
		ret[i].value = ret[i].name ? take_text(block, &at, &length) : NULL;
		if (!ret[i].value)
			return -EPROTO;
	}
	ret[n] = (struct spdy_header){NULL, NULL};
	return 0;
}

/* --- frames in -------------------------------------------------------------------------------------------------------- */

static int on_syn_stream(struct spdy *s, uint8_t flags, const uint8_t *p, size_t n)
{
	struct spdy_header headers[HEADERS_MAX + 1];
	AUTO_STR block = STR_INIT;
	if (n < 10)
		return -EPROTO;
	uint32_t id = get32(p) & 0x7fffffff;
	if (!(id & 1) || id <= s->last_id || inflate_block(s, p + 10, n - 10, &block) < 0 || parse_headers(&block, headers) < 0)
		return -EPROTO;
	s->last_id = id;
	s->ops->on_open(s->arg, id, headers, flags & FLAG_FIN);
	return 0;
}

/* Headers that follow are of no interest, but belong to the same zlib stream. */
static int skip_headers(struct spdy *s, const uint8_t *p, size_t n)
{
	AUTO_STR block = STR_INIT;
	return n < 4 ? -EPROTO : inflate_block(s, p + 4, n - 4, &block);
}

static void send_control(struct spdy *s, uint16_t type, uint8_t flags, const void *body, size_t n)
{
	uint8_t head[HEAD] = {0x80, VERSION, (uint8_t)(type >> 8), (uint8_t)type};
	put32(head + 4, (uint32_t)n | (uint32_t)flags << 24);
	s->ops->send(s->arg, head, sizeof(head));
	s->ops->send(s->arg, body, n);
}

static int on_control(struct spdy *s)
{
	uint16_t type = (uint16_t)(s->head[2] << 8 | s->head[3]);
	const uint8_t *p = (const uint8_t *)str_text(&s->control);
	size_t n = s->control.len;
	switch (type) {
	case SYN_STREAM:
		return on_syn_stream(s, s->head[4], p, n);
	case HEADERS:
	case SYN_REPLY:
		return skip_headers(s, p, n);
	case RST_STREAM:
		if (n != 8)
			return -EPROTO;
		s->ops->on_reset(s->arg, get32(p) & 0x7fffffff);
		return 0;
	case PING:
		if (n != 4)
			return -EPROTO;
		if (p[3] & 1) /* those of the client are odd */
			send_control(s, PING, 0, p, n);
		return 0;
	case GOAWAY:
		if (s->ops->on_goaway)
			s->ops->on_goaway(s->arg);
		return 0;
	default: /* SETTINGS, WINDOW_UPDATE, and what is to be ignored by the protocol */
		return 0;
	}
}

static int begin_frame(struct spdy *s)
{
	bool control = s->head[0] & 0x80;
	s->left = get32(s->head + 4) & DATA_MAX;
	str_reset(&s->control);
	if (control && ((s->head[0] & 0x7f) != 0 || s->head[1] != VERSION || s->left > CONTROL_MAX))
		return -EPROTO;
	if (!control && !s->left)
		s->ops->on_data(s->arg, get32(s->head), NULL, 0, s->head[4] & FLAG_FIN);
	return control && !s->left ? on_control(s) : 0;
}

static int take_body(struct spdy *s, const uint8_t *p, size_t n)
{
	s->left -= (uint32_t)n;
	if (s->head[0] & 0x80) {
		str_addn(&s->control, p, n);
		return s->left ? 0 : on_control(s);
	}
	s->ops->on_data(s->arg, get32(s->head), p, n, !s->left && (s->head[4] & FLAG_FIN));
	return 0;
}

int spdy_feed(struct spdy *s, const void *bytes, size_t n, struct err *e)
{
	const uint8_t *p = bytes;
	while (n) {
		bool body = s->head_len == HEAD;
		size_t take = MIN(n, body ? s->left : HEAD - s->head_len);
		int r = 0;
		if (body) {
			r = take_body(s, p, take);
		} else {
			memcpy(s->head + s->head_len, p, take);
			s->head_len += take;
			if (s->head_len == HEAD)
				r = begin_frame(s);
		}
		if (r < 0)
			return err_set(e, r, "SPDY: a frame makes no sense");
		if (s->head_len == HEAD && !s->left)
			s->head_len = 0;
		p += take;
		n -= take;
	}
	return 0;
}

/* --- frames out -------------------------------------------------------------------------------------------------------- */

void spdy_reply(struct spdy *s, uint32_t id)
{
	static const uint8_t none[4] = {0};
	uint8_t body[4 + REPLY_MAX];
	put32(body, id);
	s->out.next_in = (Bytef *)none;
	s->out.avail_in = sizeof(none);
	s->out.next_out = body + 4;
	s->out.avail_out = REPLY_MAX;
	deflate(&s->out, Z_SYNC_FLUSH);
	send_control(s, SYN_REPLY, 0, body, sizeof(body) - s->out.avail_out);
}

void spdy_data(struct spdy *s, uint32_t id, const void *bytes, size_t n, bool fin)
{
	const uint8_t *p = bytes;
	do {
		size_t take = MIN(n, DATA_MAX);
		uint8_t head[HEAD];
		put32(head, id);
		put32(head + 4, (uint32_t)take | (fin && take == n ? (uint32_t)FLAG_FIN << 24 : 0));
		s->ops->send(s->arg, head, sizeof(head));
		if (!take)
			break;
		s->ops->send(s->arg, p, take);
		p += take;
		n -= take;
	} while (n);
}

void spdy_reset(struct spdy *s, uint32_t id, uint32_t status)
{
	uint8_t body[8];
	put32(body, id);
	put32(body + 4, status);
	send_control(s, RST_STREAM, 0, body, sizeof(body));
}
