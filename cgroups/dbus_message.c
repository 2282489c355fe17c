/* D-Bus marshaling.
 *
 * Happy path: a call is built in one buffer; an answer is read in place. What can fail: only reading, with -EBADMSG. What
 * always holds: no read goes beyond the given bytes, and text is terminated inside them. */
#include "cgroups/dbus_message.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum { FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR, FIELD_REPLY, FIELD_DESTINATION, FIELD_SENDER, FIELD_SIGNATURE };

void dbus_add_align(struct str *out, size_t to)
{
	while (out->len % to)
		str_addc(out, '\0');
}

void dbus_add_u32(struct str *out, uint32_t v)
{
	uint32_t le = htole32(v);
	dbus_add_align(out, 4);
	str_addn(out, &le, sizeof(le));
}

void dbus_add_u64(struct str *out, uint64_t v)
{
	uint64_t le = htole64(v);
	dbus_add_align(out, 8);
	str_addn(out, &le, sizeof(le));
}

void dbus_add_text(struct str *out, const char *s)
{
	dbus_add_u32(out, (uint32_t)strlen(s));
	str_addn(out, s, strlen(s) + 1);
}

void dbus_add_signature(struct str *out, const char *s)
{
	str_addc(out, (char)strlen(s));
	str_addn(out, s, strlen(s) + 1);
}

size_t dbus_array_begin(struct str *out, size_t align)
{
	dbus_add_u32(out, 0);
	size_t at = out->len;
	dbus_add_align(out, align);
	return at;
}

void dbus_array_end(struct str *out, size_t begin, size_t align)
{
	size_t first = (begin + align - 1) / align * align;
	uint32_t le = htole32((uint32_t)(out->len - first));
	memcpy(out->p + begin - sizeof(le), &le, sizeof(le));
}

static void add_field(struct str *out, unsigned field, const char *type, const char *text)
{
	if (!*text)
		return;
	dbus_add_align(out, 8);
	str_addc(out, (char)field);
	dbus_add_signature(out, type);
	if (*type == 'g')
		dbus_add_signature(out, text);
	else
		dbus_add_text(out, text);
}

void dbus_add_call(struct str *out, const struct dbus_call *c, uint32_t serial, const struct str *body)
{
	AUTO_STR m = STR_INIT;
	str_addn(&m, "l\1\0\1", 4);
	dbus_add_u32(&m, (uint32_t)body->len);
	dbus_add_u32(&m, serial);
	size_t fields = dbus_array_begin(&m, 8);
	add_field(&m, FIELD_PATH, "o", c->path);
	add_field(&m, FIELD_INTERFACE, "s", c->interface);
	add_field(&m, FIELD_MEMBER, "s", c->member);
	add_field(&m, FIELD_DESTINATION, "s", c->destination);
	add_field(&m, FIELD_SIGNATURE, "g", c->signature);
	dbus_array_end(&m, fields, 8);
	dbus_add_align(&m, 8);
	str_addn(out, m.p, m.len);
	if (body->len)
		str_addn(out, body->p, body->len);
}

static uint32_t u32_at(const uint8_t *p)
{
	uint32_t le;
	memcpy(&le, p, sizeof(le));
	return le32toh(le);
}

int dbus_message_length(const uint8_t *b, size_t *ret, struct err *e)
{
	size_t body = u32_at(b + 4), fields = u32_at(b + 12);
	if (b[0] != 'l' || b[3] != 1)
		return err_set(e, -EBADMSG, "D-Bus message of another byte order or version");
	if (body > DBUS_MESSAGE_MAX || fields > DBUS_MESSAGE_MAX)
		return err_set(e, -E2BIG, "D-Bus message of %zu bytes", body + fields);
	*ret = DBUS_HEADER + (fields + 7) / 8 * 8 + body;
	return 0;
}

int dbus_read_u32(struct dbus_message *m, uint32_t *ret)
{
	size_t at = (m->at + 3) / 4 * 4;
	if (at + 4 > m->body_len)
		return -EBADMSG;
	*ret = u32_at(m->body + at);
	m->at = at + 4;
	return 0;
}

int dbus_read_text(struct dbus_message *m, const char **ret)
{
	uint32_t n;
	if (dbus_read_u32(m, &n) < 0 || n >= m->body_len - m->at || m->body[m->at + n])
		return -EBADMSG;
	*ret = (const char *)m->body + m->at;
	m->at += n + 1;
	return 0;
}

int dbus_read_signature(struct dbus_message *m, const char **ret)
{
	if (m->at >= m->body_len)
		return -EBADMSG;
	size_t n = m->body[m->at];
	if (n + 1 >= m->body_len - m->at || m->body[m->at + 1 + n])
		return -EBADMSG;
	*ret = (const char *)m->body + m->at + 1;
	m->at += n + 2;
	return 0;
}

/* One header field "yv"; the values that a header has are texts, signatures and numbers. */
static int read_field(struct dbus_message *fields, struct dbus_message *ret)
{
	const char *type, *text = NULL;
	uint32_t number = 0;
	fields->at = (fields->at + 7) / 8 * 8;
	if (fields->at >= fields->body_len)
		return -EBADMSG;
	unsigned field = fields->body[fields->at++];
	int r = dbus_read_signature(fields, &type);
	if (r == 0 && str_eq(type, "u"))
		r = dbus_read_u32(fields, &number);
	else if (r == 0 && str_eq(type, "g"))
		r = dbus_read_signature(fields, &text);
	else if (r == 0)
		r = str_eq(type, "s") || str_eq(type, "o") ? dbus_read_text(fields, &text) : -EBADMSG;
	if (r < 0)
		return r;
	if (field == FIELD_REPLY)
		ret->reply_to = number;
	const char **slot = field == FIELD_MEMBER ? &ret->member : field == FIELD_ERROR ? &ret->error
			    : field == FIELD_SIGNATURE ? &ret->signature : NULL;
	if (slot && text)
		*slot = text;
	return 0;
}

int dbus_message_parse(const uint8_t *b, size_t n, struct dbus_message *ret, struct err *e)
{
	size_t whole;
	if (n < DBUS_HEADER)
		return err_set(e, -EBADMSG, "D-Bus message without header");
	int r = dbus_message_length(b, &whole, e);
	if (r < 0)
		return r;
	if (whole != n)
		return err_set(e, -EBADMSG, "D-Bus message of a wrong length");
	/* Alignment counts from the message's start; the fields begin at 16, so it counts from them as well. */
	struct dbus_message m = { .type = b[1], .member = "", .error = "", .signature = "" };
	struct dbus_message fields = { .body = b + DBUS_HEADER, .body_len = u32_at(b + 12) };
	m.body_len = u32_at(b + 4);
	m.body = b + n - m.body_len;
	while (fields.at < fields.body_len)
		if (read_field(&fields, &m) < 0)
			return err_set(e, -EBADMSG, "D-Bus message with a bad header");
	*ret = m;
	return 0;
}
