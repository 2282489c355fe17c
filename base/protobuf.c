/* Protocol buffers' fields.
 *
 * Happy path: varints and length-delimited fields, in any order. What can fail: a message that is cut off or has impossible
 * lengths (-EBADMSG). What always holds: nothing is read beyond the given bytes. */
#include "base/protobuf.h"

#include <errno.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void add_varint(struct str *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		str_addc(out, (char)(v | 0x80));
	str_addc(out, (char)v);
}

void protobuf_add_number(struct str *out, unsigned field, uint64_t value)
{
	add_varint(out, (uint64_t)field << 3 | VARINT);
	add_varint(out, value);
}

void protobuf_add_bytes(struct str *out, unsigned field, const void *bytes, size_t n)
{
	add_varint(out, (uint64_t)field << 3 | BYTES);
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

int protobuf_next(struct protobuf_reader *r, struct protobuf_field *ret)
{
	struct protobuf_field f = {0};
	uint64_t key, n;
	if (r->p == r->end)
		return 0;
	if (!take_varint(r, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff)
		return -EBADMSG;
	f.number = (unsigned)(key >> 3);
	unsigned type = key & 7;
	if (type == VARINT) {
		if (!take_varint(r, &f.value))
			return -EBADMSG;
		*ret = f;
		return 1;
	}
	f.has_bytes = type == BYTES;
	n = type == FIXED64 ? 8 : 4;
	if ((type != BYTES && type != FIXED64 && type != FIXED32) || (f.has_bytes && !take_varint(r, &n)) ||
	    n > (uint64_t)(r->end - r->p))
		return -EBADMSG;
	if (f.has_bytes) {
		f.bytes = (const char *)r->p;
		f.n = (size_t)n;
	} else {
		f.value = little_endian(r->p, (size_t)n);
	}
	r->p += n;
	*ret = f;
	return 1;
}
