/* JSON values as protocol buffer messages, by tables of the messages (Protocol Buffers encoding, proto3). */
#ifndef KNARR_CP_SCHEMA_OPENAPI_PROTO_H
#define KNARR_CP_SCHEMA_OPENAPI_PROTO_H

#include <jansson.h>

#include "base/str.h"

enum proto_form {
	PROTO_TEXT,
	PROTO_BOOL,
	PROTO_INTEGER,
	PROTO_DOUBLE,
	PROTO_MESSAGE,
	PROTO_EACH, /* an object's members, each as a message of name (1) and value (2) */
	PROTO_YAML, /* any value, as a message with its text in YAML (2) */
};

struct proto_message;

/* A member of an object. Arrays become repeated fields, but for PROTO_YAML of x-... members, which are whole.
 * key: "*" are all members that no other row names, "x-*" those that begin with x-: each named, as PROTO_EACH. */
struct proto_field {
	const char *key;
	unsigned number;
	enum proto_form form;
	const struct proto_message *of; /* of PROTO_MESSAGE and PROTO_EACH */
};

/* A message that holds one of several: the first row that fits the value wins. */
struct proto_choice {
	const char *key, *value;  /* the member that it has, with that text; NULL: any */
	int type;                 /* the JSON type that it has, -1: any */
	struct proto_field field; /* key unused */
};

struct proto_message {
	const struct proto_field *fields;   /* ended by key NULL */
	const struct proto_choice *choices; /* instead of fields; ended by number 0 */
};

/* Adds the message's fields to out, without tag or length. */
void proto_encode(struct str *out, const struct proto_message *m, const json_t *value);

#endif
