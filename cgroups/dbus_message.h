/* D-Bus messages as bytes: the few types that systemd's manager needs, little-endian, no I/O (D-Bus specification, Marshaling). */
#ifndef KNARR_CGROUPS_DBUS_MESSAGE_H
#define KNARR_CGROUPS_DBUS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Writing: each appends one value, aligned to the start of out, which is the start of a body. */
void dbus_add_align(struct str *out, size_t to);
void dbus_add_u32(struct str *out, uint32_t v); /* also for booleans */
void dbus_add_u64(struct str *out, uint64_t v);
void dbus_add_text(struct str *out, const char *s);	 /* s and o */
void dbus_add_signature(struct str *out, const char *s); /* g; with a value behind it: v */
/* An array: begin, elements, end(what begin returned). align: that of the elements. */
size_t dbus_array_begin(struct str *out, size_t align);
void dbus_array_end(struct str *out, size_t begin, size_t align);

/* A call with flags 0; body may be empty with signature "". Adds to out. */
struct dbus_call {
	const char *destination, *path, *interface, *member, *signature;
};
void dbus_add_call(struct str *out, const struct dbus_call *c, uint32_t serial, const struct str *body);

enum dbus_type { DBUS_CALL = 1, DBUS_REPLY, DBUS_ERROR, DBUS_SIGNAL };
/* A received message; text is valid as long as the bytes. */
struct dbus_message {
	unsigned type;
	uint32_t reply_to;
	const char *member, *error, *signature; /* "" where absent */
	const uint8_t *body;
	size_t body_len, at; /* at: reading position in the body */
};
#define DBUS_HEADER 16
#define DBUS_MESSAGE_MAX (1u << 20)
/* The whole length by the first DBUS_HEADER bytes. -EBADMSG (also for big-endian ones), -E2BIG. */
int dbus_message_length(const uint8_t *bytes, size_t *ret, struct err *e);
/* bytes: a whole message. -EBADMSG. */
int dbus_message_parse(const uint8_t *bytes, size_t n, struct dbus_message *ret, struct err *e);
/* The next value of the body. -EBADMSG beyond the end. */
int dbus_read_u32(struct dbus_message *m, uint32_t *ret);
int dbus_read_text(struct dbus_message *m, const char **ret);
/* A signature ("g"), as it stands in front of a variant's value. */
int dbus_read_signature(struct dbus_message *m, const char **ret);

#endif
