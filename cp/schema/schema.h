/* Kinds and their fields, declared in tables, and the engine that reads them.
 *
 * A table (cp/schema/tables/<group>.tbl, compiled into the binary) declares types field by field the way a structural
 * CustomResourceDefinition schema would: type, required, default, enum, bounds, list type and keys, patch strategy,
 * immutability. Decoding, pruning, defaulting, structural validation and patches work on the same struct type, whether
 * it came from a table or from a CustomResourceDefinition. */
#ifndef KNARR_CP_SCHEMA_SCHEMA_H
#define KNARR_CP_SCHEMA_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum type_class {
	TYPE_OBJECT, /* fields */
	TYPE_MAP,    /* string keys, values of elem */
	TYPE_LIST,   /* elem */
	TYPE_STRING,
	TYPE_INTEGER,
	TYPE_NUMBER,
	TYPE_BOOLEAN,
	TYPE_INT_OR_STRING,
	TYPE_QUANTITY,
	TYPE_TIME,
	TYPE_MICROTIME,
	TYPE_DURATION,
	TYPE_BYTES, /* base64 */
	TYPE_ANY    /* kept as it is */
};
enum list_type { LIST_ATOMIC, LIST_SET, LIST_MAP };
/* Whether OpenAPI calls a field required, where the rule (required, or a plain scalar that is always there) is not what
 * the reference publishes. */
enum published { PUBLISHED_BY_RULE, PUBLISHED_REQUIRED, PUBLISHED_OPTIONAL };
enum patch_strategy { PATCH_REPLACE = 0, PATCH_MERGE = 1, PATCH_RETAIN_KEYS = 2 }; /* bits */

struct type;
struct rules;
struct custom_table;

struct field {
	const char *name;
	const struct type *type;
	bool required;  /* missing -> "Required value" */
	bool immutable; /* may not change on update */
	bool nullable;
	bool omit_empty;        /* an empty list, map or "" is the same as absent and is dropped on decode */
	const json_t *default_; /* NULL: none */
	enum list_type list_type;
	const char *const *list_keys; /* LIST_MAP */
	unsigned patch;               /* enum patch_strategy bits */
	const char *patch_key;
	const char *const *enum_; /* allowed strings, NULL: any */
	bool has_min, has_max;
	int64_t min, max;    /* integers; length of strings */
	const char *format;  /* "dns-label", "dns-subdomain", "ip", "cidr", "port", "label-key" ..., NULL: none */
	const char *pattern; /* PCRE2, NULL: none */
	bool always; /* encoded even when absent or zero: schema_default() fills in the zero value (null for lists,
			maps and times), and "required" means not zero */
	bool unique; /* two elements with equal list keys are an error */
	const json_t *fill;          /* members that a present object value gets where it lacks them */
	const char *required_detail; /* behind "Required value: ", NULL: none */
	const char *range_message;   /* instead of the general words for min and max */
	enum published published;
	bool granular;         /* the members of this field are owned one by one, though those of its type are not */
	bool patch_replaces;   /* OpenAPI says that a strategic patch replaces it, which is the rule anyway */
};

struct type {
	const char *name; /* "core.v1.PodSpec", NULL for anonymous ones */
	enum type_class class;
	int bits;                   /* integers: 32 or 64 */
	bool atomic_map;            /* replaced as a whole by apply */
	const struct field *fields; /* TYPE_OBJECT, in the order in which Kubernetes encodes them */
	size_t n_fields;
	const struct type *elem; /* TYPE_MAP, TYPE_LIST */
	const struct field *elem_field; /* what else is known of elem; NULL: nothing */
	bool preserve_unknown;
	bool has_defaults; /* something below may be filled in by schema_default() */
	bool custom; /* of a CustomResourceDefinition: fields in order of name, values are judged by rules, not by decoding */
	const json_t *published; /* the schema document of a root that is custom, for OpenAPI */
};

/* What a CustomResourceDefinition says about a kind beside its type. */
struct custom_kind {
	const struct rules *rules;
	const struct custom_table *table; /* cp/kinds/table_custom.h */
	const char *replicas, *status_replicas, *selector; /* paths of the scale subresource (".spec.replicas"), or NULL */
	const char *warning;     /* with every request (a deprecated version); NULL: none */
	bool expressions;        /* has rules in the expression language */
	bool has_status;         /* status is written apart */
};

struct kind {
	const char *group; /* "" for core */
	const char *version, *kind, *list_kind, *plural, *singular;
	const char *const *short_names, *const *categories, *const *verbs; /* NULL-terminated */
	const char *const *subresources; /* "status", "scale", "binding", "log", "exec", ... */
	bool namespaced;
	const char *storage_prefix; /* "/registry/pods/" */
	const char *storage_version_hash;
	const char *const *field_labels; /* fields that field selectors may name */
	const char *const *field_paths;  /* where each of them is in the object */
	const char *name_format;         /* "dns-subdomain" (default), "dns-label", "dns-label-1035", "path-segment" */
	bool counts_generation;          /* metadata.generation counts changes of what is wanted */
	bool counts_labels;              /* and of labels */
	bool counts_annotations;         /* and of annotations */
	bool generation_fixed;           /* it is 1 for good */
	bool generation_late;            /* a new object has none: the first change makes it 1 */
	const char *stored_version;      /* objects are stored as this version of the group; NULL: as this kind */
	const struct type *type;
	const struct custom_kind *custom; /* NULL: declared in a table */
};

struct schema;

/* Reads tables from text (docs/formats/schema-tables.md). -EINVAL with "table:line: why". */
int schema_load_text(const char *text, struct schema **ret, struct err *e);
/* All built-in kinds. Errors name table and line (they can only be programming errors). */
int schema_load_builtin(struct schema **ret, struct err *e);
void schema_free(struct schema *s);
void schema_free_ptr(struct schema **s);
#define AUTO_SCHEMA AUTO(schema_free_ptr) struct schema
/* Adds or removes a kind that is not in the tables; it and its type have to live until it is removed. */
void schema_add_kind(struct schema *s, const struct kind *k);
void schema_remove_kind(struct schema *s, const struct kind *k);
const struct kind *schema_find(const struct schema *s, const char *group, const char *version, const char *plural);
const struct kind *schema_find_kind(const struct schema *s, const char *group, const char *version, const char *kind);
/* In discovery order; NULL behind the last. */
const struct kind *schema_kind_nth(const struct schema *s, size_t n);
const struct type *schema_type(const struct schema *s, const char *name);
const struct field *type_field(const struct type *t, const char *name); /* NULL when unknown */
/* The same for the members of an object one after the other: looked for from *hint (0 at first) on, since they mostly follow
 * the order of the fields. */
const struct field *type_field_from(const struct type *t, const char *name, size_t *hint);
/* The type at a path of field names below t, through lists and maps ("" is t itself); NULL when there is none. */
const struct type *type_at(const struct type *t, const char *path);

/* Problems found in an object, as they become the causes of a 422 Status. */
struct field_error {
	char *reason;  /* FieldValueRequired, FieldValueInvalid, FieldValueNotSupported, FieldValueDuplicate,
			  FieldValueForbidden, FieldValueTooLong, FieldValueTypeInvalid ... */
	char *field;   /* spec.containers[0].name */
	char *message; /* as in the Status: `Invalid value: "x": must ...`, `Required value` */
};
struct field_errors {
	struct field_error *v;
	size_t n;
	const struct schema *schema; /* of those who show whole values; may be NULL */
};
void field_errors_done(struct field_errors *f);
/* Adds any error in its final words. */
void field_add(struct field_errors *f, const char *reason, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds all of them once more, or those from an index on: causes name them twice, the message once. */
void field_errors_repeat(struct field_errors *f);
void field_errors_repeat_from(struct field_errors *f, size_t from);
/* Drops all from an index on. */
void field_errors_cut(struct field_errors *f, size_t n);
/* Adds all of more, though some of them may be there already. */
void field_errors_again(struct field_errors *f, const struct field_errors *more);
#define AUTO_FIELD_ERRORS AUTO(field_errors_done) struct field_errors
/* Each adds one, unless the very same is there already, and up to 1,000; path and detail are printf-like where marked.
 * detail may be NULL. value is borrowed. */
void field_required(struct field_errors *f, const char *path, const char *detail);
void field_invalid(struct field_errors *f, const char *path, const json_t *value, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void field_not_supported(struct field_errors *f, const char *path, const json_t *value, const char *const *supported);
void field_duplicate(struct field_errors *f, const char *path, const json_t *value);
void field_forbidden(struct field_errors *f, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void field_not_found(struct field_errors *f, const char *path, const json_t *value);
void field_too_long(struct field_errors *f, const char *path, size_t max_length);
void field_too_many(struct field_errors *f, const char *path, size_t actual, size_t max);

/* Decoding: checks JSON types against the schema, drops unknown fields, nulls, and empty values that the original's
 * encoder drops, brings known fields into a canonical form (quantities, times), in place. A wrong type gives -EINVAL
 * with the reference's wording class (`json: cannot unmarshal string into Go struct field ContainerPort.spec...`).
 * unknown gets the path of each unknown or duplicate field (`unknown field "spec.foo"`), for fieldValidation. */
int schema_decode(const struct kind *k, json_t *object, char ***unknown, struct err *e);
/* The same for a bare type (subresource bodies: Scale, Binding, DeleteOptions ...). */
int schema_decode_type(const struct type *t, json_t *object, char ***unknown, struct err *e);
/* Objects with the same member twice, which JSON parsers drop silently: adds `duplicate field "spec.replicas"` for each
 * one found in the text, and the messages of unknown (what decoding found, NULL for none) where their fields stand.
 * -EINVAL where the text is not JSON at all, -E2BIG where it is nested too deep. */
int schema_find_duplicates(const char *text, size_t len, char *const *unknown, char ***dups);
/* Such a text's value as the original decodes it into a type: maps and objects that stand twice become one, of everything
 * else the last holds. Returned owned. -EINVAL where it is no JSON. */
int schema_merge_duplicates(const struct type *t, const char *text, size_t len, json_t **ret);
/* Fills defaults declared in tables, in place. */
void schema_default(const struct kind *k, json_t *object);
/* An object of the kind that has only what is always encoded (zero.c). Returns owned. */
json_t *schema_zero(const struct kind *k);
/* Everything that a table can say: required, enums, bounds, formats, patterns, duplicates in lists that are "unique".
 * LabelSelector has no rules in its table: they need C. old: the state before, NULL on create; what a custom resource had
 * wrong and leaves as it is may stay so, and members of others that are old's own (the same value, not merely an equal one) are
 * taken as valid. */
void schema_validate(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors);
/* The same of a write of a custom resource's status: what its schema says of that. */
void schema_validate_status(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors);
/* Immutable fields, given the old state. */
void schema_validate_type(const struct type *t, const json_t *object, const char *path, struct field_errors *errors);
void schema_validate_update(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors);
/* metadata of any kind: name (or generateName), namespace, labels, annotations (256 KiB), owner references, finalizers;
 * on update also name, namespace, uid, creationTimestamp and deletion fields unchanged, generation not smaller. old
 * NULL on create. Whether an update needs a resourceVersion is the caller's to say. */
void schema_validate_meta(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors);

#endif
