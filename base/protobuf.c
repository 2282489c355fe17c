/* Protocol buffers' fields.
 *
 * Happy path: varints and length-delimited fields, in any order. What can fail: a message that is cut off or has
 * impossible lengths (-EBADMSG). What always holds: nothing is read beyond the given bytes. */
#include "base/protobuf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static void add_varint(struct str *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		str_addc(out, (char)(v | 0x80));
	str_addc(out, (char)v);
}

void protobuf_add_number(struct str *out, unsigned field, uint64_t value)
{
	add_varint(out, (uint64_t)field << 3 | PROTOBUF_VARINT);
	add_varint(out, value);
}

void protobuf_add_bytes(struct str *out, unsigned field, const void *bytes, size_t n)
{
	add_varint(out, (uint64_t)field << 3 | PROTOBUF_BYTES);
	add_varint(out, n);
	if (n)
		str_addn(out, bytes, n);
}

void protobuf_add_text(struct str *out, unsigned field, const char *text)
{
	protobuf_add_bytes(out, field, text, strlen(text));
}

void protobuf_add_message(struct str *out, unsigned field, const struct str *message)
{
	protobuf_add_bytes(out, field, message->p, message->len);
}

void protobuf_add_double(struct str *out, unsigned field, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	add_varint(out, (uint64_t)field << 3 | PROTOBUF_FIXED64);
	for (size_t i = 0; i < sizeof(bits); i++)
		str_addc(out, (char)(bits >> 8 * i));
}

struct protobuf_reader protobuf_reader(const void *bytes, size_t n)
{
	const unsigned char *p = n ? bytes : (const void *)"";
	return (struct protobuf_reader){p, p + n};
}

static bool take_varint(struct protobuf_reader *r, uint64_t *ret)
{
	uint64_t v = 0;
	for (unsigned shift = 0; r->p < r->end && shift < 64; shift += 7) {
		unsigned char c = *r->p++;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static uint64_t little_endian(const unsigned char *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static bool take_bytes(struct protobuf_reader *r, uint64_t n, const unsigned char **ret)
{
	if (n > (uint64_t)(r->end - r->p))
		return false;
	*ret = r->p;
	r->p += n;
	return true;
}

static bool take_fixed(struct protobuf_reader *r, size_t n, uint64_t *ret)
{
	const unsigned char *p;
	if (!take_bytes(r, n, &p))
		return false;
	*ret = little_endian(p, n);
	return true;
}

static bool take_value(struct protobuf_reader *r, struct protobuf_field *f)
{
	const unsigned char *bytes;
	uint64_t n;
	switch (f->wire) {
	case PROTOBUF_VARINT:
		return take_varint(r, &f->value);
	case PROTOBUF_FIXED64:
		return take_fixed(r, 8, &f->value);
	case PROTOBUF_FIXED32:
		return take_fixed(r, 4, &f->value);
	case PROTOBUF_BYTES:
		if (!take_varint(r, &n) || !take_bytes(r, n, &bytes))
			return false;
		f->bytes = (const char *)bytes;
		f->n = (size_t)n;
		return true;
	}
	return false;
}

int protobuf_next(struct protobuf_reader *r, struct protobuf_field *ret)
{
	uint64_t key;
	if (r->p == r->end)
		return 0;
	if (!take_varint(r, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
		return -EBADMSG;
	struct protobuf_field f = {.number = (unsigned)(key >> 3), .wire = key & 7};
	if (!take_value(r, &f))
		return -EBADMSG;
	*ret = f;
	return 1;
}
