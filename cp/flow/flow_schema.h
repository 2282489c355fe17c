/* Flow schemas: which requests belong to which priority level (flowcontrol.apiserver.k8s.io/v1, FlowSchema). Pure. */
#ifndef KNARR_CP_FLOW_FLOW_SCHEMA_H
#define KNARR_CP_FLOW_FLOW_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cp/auth/authorize.h"

/* What tells the flows of a schema apart. */
enum flow_by { FLOW_BY_NOTHING, FLOW_BY_USER, FLOW_BY_NAMESPACE };

struct flow_rule;

/* Reference-counted; immutable. */
struct flow_schema {
	int refs;
	char *name, *uid, *level;
	int64_t precedence;
	enum flow_by by;
	struct flow_rule *rules;
	size_t n_rules;
	void *rows[4]; /* the caller's: counters of its requests */
};

/* Of a FlowSchema object, which is valid. Returns owned. */
struct flow_schema *flow_schema_new(const json_t *object);
struct flow_schema *flow_schema_ref(struct flow_schema *s);
void flow_schema_unref(struct flow_schema *s); /* NULL is fine */
/* Matching precedence, then name; for qsort() over pointers. */
int flow_schema_compare(const void *a, const void *b);
bool flow_schema_matches(const struct flow_schema *s, const struct auth_user *u, const struct auth_attributes *what);
/* The first of n sorted schemas that matches; NULL where none does. */
struct flow_schema *flow_schema_find(struct flow_schema *const *v, size_t n, const struct auth_user *u,
				     const struct auth_attributes *what);
/* What tells the request's flow from others of its schema: "", a user, a namespace. */
const char *flow_distinguisher(const struct flow_schema *s, const struct auth_user *u, const struct auth_attributes *what);

#endif
