/* A check of a value against rules under way: where it is, and what is wrong there in the original's words. */
#ifndef KNARR_CP_SCHEMA_RULES_CHECKER_H
#define KNARR_CP_SCHEMA_RULES_CHECKER_H

#include "base/str.h"
#include "cp/schema/internal.h"
#include "cp/schema/rules_internal.h"

struct checker {
	struct str path;  /* from the value that is checked on */
	const char *base; /* where that is; "" at the root */
	struct str field; /* made by checker_field() */
	struct field_errors *errors;
	size_t matches; /* how many rules applied: how far an alternative got */
};

const char *checker_path(const struct checker *c);
/* The path with what leads to the value. Valid until the next call. */
const char *checker_field(struct checker *c);
/* Goes into a member; gives what checker_leave() takes to come back. */
size_t checker_enter(struct checker *c, const char *name);
void checker_leave(struct checker *c, size_t before);
/* Goes into a member as the rules of its object name it (a map's: "[key]"), and gives the member's own; NULL, and nowhere, where they have none. */
const struct rules *checker_enter_member(struct checker *c, const struct rules *r, const char *key);
/* JSON Schema's type of a value; a number without a fraction is an "integer". */
const char *checker_type_name(const json_t *v);
bool checker_is_whole(double d);
/* A number as %v of Go's fmt prints it. */
void checker_add_number(struct str *out, const json_t *n);

/* Each adds an error at the place. */
void checker_invalid(struct checker *c, const json_t *value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void checker_wrong_type(struct checker *c, const char *wanted, const char *shown);
/* What is said about a value as a whole names no field. */
void checker_composite(struct checker *c, const char *what);

/* rules_scalar.c: the keywords that hold for one value alone. */
void rules_check_type(struct checker *c, const struct rules *r, const json_t *v);
void rules_check_string(struct checker *c, const struct rules *r, const json_t *v);
void rules_check_number(struct checker *c, const struct rules *r, const json_t *v);
void rules_check_enum(struct checker *c, const struct rules *r, const json_t *v);

/* rules_lists.c: no element twice in what is a set or a map, unless there was one before. */
void rules_check_lists(struct checker *c, const struct rules *r, const json_t *v, const json_t *old);
/* The keys of an element of a list that is a map, as a text. Returns owned. */
char *rules_element_key(const struct rules *r, const json_t *element);
/* rules_embedded.c: whatever is an object of its own says what it is, and its metadata is fine. */
void rules_check_embedded(struct checker *c, const struct rules *r, const json_t *v);

#endif
