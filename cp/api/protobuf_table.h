/* Field numbers of messages, read from cp/api/protobuf.tbl. */
#ifndef KNARR_CP_API_PROTOBUF_TABLE_H
#define KNARR_CP_API_PROTOBUF_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum pb_shape { PB_ONE, PB_REPEATED, PB_MAP, PB_INLINE };

struct pb_field {
	char *name;
	unsigned number;
	enum pb_shape shape;
	char type;     /* 's' 'b' 'i' 'd' 'y' 'T' 'U' 'q' 'o' 'D' 'r', 'm' a message */
	char *message; /* of 'm' */
};

struct pb_message {
	struct pb_field *fields;
	size_t n;
	bool is_list;   /* a message that is a JSON list: its only field's elements */
	bool is_choice; /* a message that is one JSON value: of the first of its fields that is there */
};

/* NULL when unknown. The table is read at the first call and kept. */
const struct pb_message *pb_message_find(const char *name);
const struct pb_field *pb_field_find(const struct pb_message *m, unsigned number);

#endif
