/* Helpers on jansson values: paths, typed getters with defaults, cleanup. */
#ifndef KNARR_BASE_JSON_H
#define KNARR_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

void json_unref_ptr(json_t **j);
#define AUTO_JSON AUTO(json_unref_ptr) json_t

/* A member found by a dotted path of object keys ("spec.template.metadata"); keys that hold dots need
 * json_object_get(). NULL where anything on the way is missing or not an object. Borrowed. */
json_t *json_at(const json_t *j, const char *path);
/* As json_at(), NULL or the default where the value is of another type. Text is valid as long as j. */
const char *json_str_at(const json_t *j, const char *path);
const char *json_str_or(const json_t *j, const char *path, const char *otherwise);
int64_t json_int_at(const json_t *j, const char *path, int64_t otherwise);
bool json_bool_at(const json_t *j, const char *path, bool otherwise);
/* The value of a string member with any characters in its key. */
const char *json_member(const json_t *object, const char *key);

/* Of an array: the first object with this text as its member, NULL where there is none or text is NULL. Borrowed. */
json_t *json_find(const json_t *array, const char *key, const char *text);
bool json_has_text(const json_t *array, const char *text);
/* An array of the texts of a vector that ends with NULL; NULL is an empty one. Returns owned. */
json_t *json_texts(char *const *strv);
/* A new array with the elements that are not this text. Returns owned. */
json_t *json_without_text(const json_t *array, const char *text);

/* Sets a member at a dotted path, making objects on the way. Takes value. */
void json_set_at(json_t *j, const char *path, json_t *value);
void json_set_str(json_t *j, const char *path, const char *value);
void json_set_int(json_t *j, const char *path, int64_t value);
void json_del_at(json_t *j, const char *path);
/* An object at path, made when missing. Borrowed. */
json_t *json_object_at(json_t *j, const char *path);
json_t *json_array_at(json_t *j, const char *path);

/* Parses text; -EINVAL with position in e. Bounded depth (jansson's own limit). Returns owned. */
int json_parse(const char *text, size_t len, json_t **ret, struct err *e);
/* Also tells whether some object may have a member twice, of which the last one holds. */
int json_parse_noting(const char *text, size_t len, json_t **ret, bool *ret_repeats, struct err *e);
/* Sets object[key] as it is in from: a reference to the same value, or gone where it is not there. */
void json_take_member(json_t *object, const json_t *from, const char *key);
/* Compact, keys in insertion order. Returns owned text. */
char *json_text(const json_t *j);
/* A deep copy. In place of json_deep_copy(), which looks at each step whether it goes in a circle. Returns owned. */
json_t *json_clone(const json_t *j);
/* A copy whose objects have their keys in order. Returns owned. */
json_t *json_sorted(const json_t *j);
/* By jansson's flags. In place of json_dumps(), whose memory is not always free()'s (base/json_pool.h). */
char *json_format(const json_t *j, size_t flags);
void str_add_jsonv(struct str *out, const json_t *j);
/* Reads a whole JSON file; -ENOENT, -EINVAL ... */
int json_read_file(const char *path, json_t **ret, struct err *e);
/* Writes it atomically (fs_write_atomic()). */
int json_write_file(const char *path, const json_t *j, unsigned mode, struct err *e);

#endif
