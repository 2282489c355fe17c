/* Where a request goes: path and method to group, version, resource, namespace, name, subresource and verb (Kubernetes
 * API conventions; the shape of request info). */
#ifndef KNARR_CP_API_ROUTE_H
#define KNARR_CP_API_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The parameters of a query string, decoded, in their order. */
struct query {
	struct query_param {
		char *name, *value;
	} * v;
	size_t n;
};
/* A pair that does not decode is left out. */
void query_parse(const char *raw, struct query *ret);
void query_done(struct query *q);
const char *query_get(const struct query *q, const char *name); /* the first value; NULL when absent */
const char *query_nth(const struct query *q, const char *name, size_t n);
/* As Kubernetes reads booleans: absent, "0" and "false" are false, anything else is true. */
bool query_bool(const struct query *q, const char *name);

/* Texts are "" where the path has none; all point into text, which route_done() frees. */
struct route {
	bool is_resource;         /* /api/VERSION/... or /apis/GROUP/VERSION/..., at least a resource in it */
	bool is_deprecated_watch; /* /api/v1/watch/... */
	bool tail_slash;          /* the rest of a proxy path ends in or is a slash */
	const char *prefix;       /* "api" or "apis" */
	const char *group, *version, *resource, *ns, *name, *subresource;
	const char *rest; /* what follows the subresource, without its leading slash */
	const char *verb; /* get list watch create update patch delete deletecollection; of other paths the method in
			     lower case */
	char *path;
	char *text;
};
/* path is decoded. watch and a metadata.name selector turn list into watch; HEAD reads as GET. */
void route_parse(const char *method, const char *path, bool watch, struct route *ret);
void route_done(struct route *r);

#endif
