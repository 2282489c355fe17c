/* The wire form of protocol buffers: fields written and read one by one. Pure. (protobuf.dev, Encoding) */
#ifndef KNARR_BASE_PROTOBUF_H
#define KNARR_BASE_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Writing: each adds one field to out. */
void protobuf_add_number(struct str *out, unsigned field, uint64_t value); /* zero, too */
void protobuf_add_bytes(struct str *out, unsigned field, const void *bytes, size_t n);
void protobuf_add_text(struct str *out, unsigned field, const char *text);
void protobuf_add_message(struct str *out, unsigned field, const struct str *message);
void protobuf_add_double(struct str *out, unsigned field, double value);

/* Reading. Bytes are borrowed from what is read. */
struct protobuf_reader {
	const unsigned char *p, *end;
};

enum protobuf_wire { PROTOBUF_VARINT = 0, PROTOBUF_FIXED64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_FIXED32 = 5 };

struct protobuf_field {
	unsigned number;
	enum protobuf_wire wire;
	uint64_t value;    /* unless wire is PROTOBUF_BYTES */
	const char *bytes; /* a text, bytes or a message; NULL: another wire type */
	size_t n;
};

struct protobuf_reader protobuf_reader(const void *bytes, size_t n);
/* The next field: 1, 0 at the end, -EBADMSG. */
int protobuf_next(struct protobuf_reader *r, struct protobuf_field *ret);

#endif
