/* A schema document compiled: what rules.c makes and rules_check.c reads. */
#ifndef KNARR_CP_SCHEMA_RULES_INTERNAL_H
#define KNARR_CP_SCHEMA_RULES_INTERNAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cp/schema/rules.h"

struct rules_list {
	const struct rules **v;
	size_t n;
};

struct rules_property {
	const char *name;
	const struct rules *rules;
};

struct rules {
	const char *type; /* NULL: any */
	const char *format, *pattern;
	pcre2_code *compiled;
	bool nullable, int_or_string, embedded, unique, expressions;
	bool closed; /* additionalProperties: false */
	const json_t *minimum, *maximum, *multiple_of;
	bool exclusive_minimum, exclusive_maximum;
	json_int_t min_length, max_length, min_items, max_items, min_properties, max_properties; /* -1: none */
	const json_t *enum_, *required;
	const struct rules_property *properties; /* in order of name */
	size_t n_properties;
	const struct rules *additional, *items, *not_;
	struct rules_list all_of, any_of, one_of;
	enum list_type list_type;
	const json_t *list_keys;
};

/* The rules of a property; NULL: it is not declared. */
const struct rules *rules_property(const struct rules *r, const char *name);

#endif
