/* Reading a request. Happy path: header, one name, type and class, and perhaps an OPT record. What can fail: lengths that
 * point outside, compression in the question, more than one question. What is read never leaves the bytes given; records
 * that are no OPT are skipped. */
#include "dns/question.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TYPE_OPT = 41, LABEL_MAX = 63 };

struct reader {
	const uint8_t *p;
	size_t len, at;
};

static uint16_t peek16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static size_t text_byte(char *to, uint8_t c)
{
	c = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
	if (!is_plain(c))
		return (size_t)sprintf(to, "\\%03u", c);
	*to = (char)c;
	return 1;
}

/* The name of labels at r->at, without compression. */
static int read_name(struct reader *r, struct question *q)
{
	size_t n = 0, t = 0;
	for (;;) {
		size_t label = r->at < r->len ? r->p[r->at] : LABEL_MAX + 1;
		if (label > LABEL_MAX || r->at + 1 + label > r->len || n + 1 + label > DNS_NAME_MAX)
			return -EINVAL;
		memcpy(q->name + n, r->p + r->at, label + 1);
		if (label && t)
			q->text[t++] = '.';
		for (size_t i = 1; i <= label; i++)
			t += text_byte(q->text + t, q->name[n + i]);
		n += label + 1;
		r->at += label + 1;
		if (!label)
			break;
	}
	q->text[t] = '\0';
	q->name_len = n;
	return 0;
}

static int skip_name(struct reader *r)
{
	while (r->at < r->len) {
		uint8_t label = r->p[r->at];
		if ((label & 0xc0) == 0xc0) {
			r->at += 2;
			return 0;
		}
		if (label > LABEL_MAX)
			return -EINVAL;
		r->at += (size_t)label + 1;
		if (!label)
			return 0;
	}
	return -EINVAL;
}

static int read_record(struct reader *r, struct question *q)
{
	bool root = r->at < r->len && r->p[r->at] == 0;
	if (skip_name(r) < 0 || r->len < r->at + 10)
		return -EINVAL;
	const uint8_t *p = r->p + r->at;
	r->at += (size_t)10 + peek16(p + 8);
	if (r->at > r->len)
		return -EINVAL;
	if (peek16(p) != TYPE_OPT || !root)
		return 0;
	if (q->edns)
		return -EINVAL; /* RFC 6891 6.1.1: one at most */
	q->edns = true;
	q->edns_version = p[5];
	q->dnssec_ok = p[6] & 0x80;
	uint16_t size = peek16(p + 2);
	q->udp_size = size < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : size > DNS_UDP_MAX ? DNS_UDP_MAX : size;
	return 0;
}

int question_parse(const uint8_t *p, size_t len, struct question *ret)
{
	struct reader r = {p, len, DNS_HEADER};
	if (len < DNS_HEADER || (p[2] & 0x80)) /* an answer is never answered */
		return -EBADMSG;
	*ret = (struct question){.id = peek16(p), .opcode = (p[2] >> 3) & 15, .udp_size = DNS_UDP_PLAIN};
	ret->recursion_desired = p[2] & 1;
	ret->checking_disabled = p[3] & 0x10;
	size_t records = (size_t)peek16(p + 6) + peek16(p + 8) + peek16(p + 10);
	if (ret->opcode != 0)
		return 0;
	if (peek16(p + 4) != 1 || read_name(&r, ret) < 0 || len < r.at + 4) {
		ret->name_len = 0;
		return -EINVAL;
	}
	ret->type = peek16(p + r.at);
	ret->class = peek16(p + r.at + 2);
	r.at += 4;
	for (size_t i = 0; i < records; i++) {
		if (read_record(&r, ret) < 0)
			return -EINVAL;
	}
	return 0;
}

/* One byte of a name's text: "\DDD" or itself. */
static int unescape(const char **s, uint8_t *ret)
{
	const char *p = *s;
	unsigned v = (unsigned char)*p;
	*s += 1;
	if (*p == '\\') {
		if (p[1] < '0' || p[1] > '2' || p[2] < '0' || p[2] > '9' || p[3] < '0' || p[3] > '9')
			return -EINVAL;
		v = (unsigned)((p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0'));
		*s += 3;
	}
	*ret = (uint8_t)v;
	return v > 255 ? -EINVAL : 0;
}

int question_rename(const struct question *q, const char *text, struct question *ret)
{
	uint8_t name[DNS_NAME_MAX + 1];
	size_t n = 1, label = 0;
	for (const char *s = text; *s;) {
		if (n >= DNS_NAME_MAX)
			return -EINVAL;
		if (*s == '.') {
			if (n - label == 1)
				return -EINVAL;
			name[label] = (uint8_t)(n - label - 1);
			label = n++;
			s++;
		} else if (unescape(&s, &name[n++]) < 0 || n - label - 1 > LABEL_MAX) {
			return -EINVAL;
		}
	}
	name[label] = (uint8_t)(n - label - 1);
	if (name[label])
		name[n++] = 0;
	if (n > DNS_NAME_MAX)
		return -EINVAL;
	struct reader r = {name, n, 0};
	*ret = *q;
	return read_name(&r, ret);
}

void question_key(const struct question *q, char *ret)
{
	sprintf(ret, "%s %x %x %d%d", q->text, q->type, q->class, q->dnssec_ok, q->checking_disabled);
}
