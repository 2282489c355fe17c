/* What the files share that check the schemas of definitions. */
#ifndef KNARR_CP_SCHEMA_CRD_INTERNAL_H
#define KNARR_CP_SCHEMA_CRD_INTERNAL_H

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/crd.h"
#include "cp/schema/internal.h"

#define PATH(name, ...) AUTO_FREE char *name = xasprintf(__VA_ARGS__)

static inline bool flag(const json_t *schema, const char *key)
{
	return json_is_true(json_object_get(schema, key));
}

/* Whether the keyword says something. */
static inline bool has(const json_t *schema, const char *key)
{
	const json_t *v = json_object_get(schema, key);

	return v && !json_is_null(v) && !((json_is_object(v) || json_is_array(v)) && value_is_empty(v));
}

static inline const char *type_of(const json_t *schema)
{
	const char *s = json_member(schema, "type");

	return s ? s : "";
}

/* Errors about a member of the schema at path. */
static inline void forbid(struct field_errors *errors, const char *path, const char *key, const char *why)
{
	PATH(at, "%s.%s", path, key);
	field_forbidden(errors, at, "%s", why);
}

static inline void require(struct field_errors *errors, const char *path, const char *key, const char *why)
{
	PATH(at, "%s.%s", path, key);
	field_required(errors, at, why);
}

static inline void refuse(struct field_errors *errors, const char *path, const char *key, const json_t *schema, const char *why)
{
	PATH(at, "%s.%s", path, key);
	field_invalid(errors, at, json_object_get(schema, key), "%s", why);
}

/* What keeps a schema from being structural, sorted; returns whether nothing does. */
bool crd_check_structure(const json_t *openapi, const char *path, struct field_errors *errors);
/* x-kubernetes-list-type, -map-type and -list-map-keys of one node. */
void crd_check_lists(const json_t *schema, const char *path, struct field_errors *errors);
/* x-kubernetes-validations of one node, but for the expressions themselves. */
void crd_check_expressions(const json_t *schema, const char *path, struct field_errors *errors);

#endif
