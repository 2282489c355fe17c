/* What the makers of OpenAPI documents share: a document being made and the dialect that it is written in. */
#ifndef KNARR_CP_SCHEMA_OPENAPI_INTERNAL_H
#define KNARR_CP_SCHEMA_OPENAPI_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/map.h"
#include "cp/schema/openapi.h"

struct openapi_parameter {
	const char *name, *in, *type;
};

/* A group, version and kind as "x-kubernetes-group-version-kind" names them. */
struct openapi_gvk {
	const char *group, *version, *kind;
};

/* How one version of OpenAPI writes what both know. Arguments of type json_t * are taken, results owned. */
struct openapi_dialect {
	const char *definitions; /* where references point: "#/definitions/" */
	bool with_defaults;
	bool only_closed; /* schemas of custom resources name no fields where others may be, nor alternatives */
	/* A reference that has something beside it (an object, perhaps empty). */
	json_t *(*reference)(json_t *reference, json_t *beside);
	/* A value that is both an integer or number and a text; format may be NULL. */
	json_t *(*text_or)(const char *other, const char *format);
	json_t *(*parameter)(const struct openapi_parameter *p);
	/* The body of an operation, in these media types. */
	void (*add_body)(json_t *operation, json_t *schema, bool required, const char *media_types);
	/* What an operation answers with: the code, its description, a schema (NULL: none) and the media types. */
	void (*add_response)(json_t *operation, const char *code, const char *description, const json_t *schema,
			     const char *media_types);
	/* Media types, where they belong to the operation as a whole. */
	void (*add_media_types)(json_t *operation, const char *consumes, const char *produces);
};

struct openapi_document {
	const struct schema *schema;
	const struct openapi_dialect *dialect;
	json_t *definitions, *paths;
	struct map *parameters; /* name -> json_t *: each is made once and shared */
};

void openapi_document_init(struct openapi_document *d, const struct schema *s, const struct openapi_dialect *dialect);
void openapi_document_done(struct openapi_document *d);

/* {"$ref": ...} of a type, which is added to the definitions with all that it refers to. Returns owned. */
json_t *openapi_type_ref(struct openapi_document *d, const struct type *t);
/* The same of a type by its name in the tables; any object where there is no such type. */
json_t *openapi_named_ref(struct openapi_document *d, const char *name);
/* The schema of a custom resource; owned. */
json_t *openapi_custom_value(struct openapi_document *d, const struct type *t);
json_t *openapi_list_ref(struct openapi_document *d, const struct kind *k);
json_t *openapi_gvk_json(const struct openapi_gvk *g);

/* The paths of a kind: collection, object and subresources. */
void openapi_add_paths(struct openapi_document *d, const struct kind *k);
/* "apps" "rbac.authorization.k8s.io" "" -> "apps" "rbacAuthorization" "core". Returns owned. */
char *openapi_group_word(const char *group);
void openapi_add_capital(struct str *out, const char *word);

/* openapi_index.c: every page that leads to resources; one of them by its path ("apis", "apis/apps", "version"); the
 * resources of a group and version. false: there is no such page. */
void openapi_add_pages(struct openapi_document *d);
bool openapi_add_page(struct openapi_document *d, const char *path);
bool openapi_add_resources_page(struct openapi_document *d, const char *group, const char *version);

#endif
