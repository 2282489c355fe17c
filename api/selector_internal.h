/* The inside of a selector, shared by selector.c (objects, matching) and selector_parse.c (text). */
#ifndef KNARR_API_SELECTOR_INTERNAL_H
#define KNARR_API_SELECTOR_INTERNAL_H

#include "api/selector.h"

enum op { OP_EQUALS, OP_NOT_EQUALS, OP_IN, OP_NOT_IN, OP_EXISTS, OP_NOT_EXISTS, OP_GT, OP_LT };

struct requirement {
	char *key;
	enum op op;
	char **values; /* NULL-terminated; NULL where the operator takes none */
};

struct selector {
	struct requirement *v;
	size_t n;
	bool fields;  /* an absent field is the same as an empty one */
	bool nothing; /* made from a missing LabelSelector */
};

struct selector *selector_new(bool fields);
/* Adds a requirement and returns it, valid until the next one is added. Takes values. */
struct requirement *selector_add(struct selector *s, const char *key, size_t key_len, enum op op, char **values);
/* What the operator demands of the number and form of the values, and the label syntax of key and values. */
int selector_check_label(const struct requirement *r, struct err *e);
/* A label key; place: what the error calls it. */
int selector_check_key(const char *place, const char *key, struct err *e);

#endif
