/* Rules that claims and slices of devices share. Pure. */
#ifndef KNARR_CP_KINDS_DEVICE_RULES_H
#define KNARR_CP_KINDS_DEVICE_RULES_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/schema.h"

/* "Too many"; returns whether it is not. */
bool device_size_validate(const json_t *list, size_t max, const char *path, struct field_errors *errors);
/* "Duplicate value" at each element that is there before: the text at key, or the element itself where key is NULL. */
void device_set_validate(const json_t *list, const char *key, const char *path, struct field_errors *errors);
/* A lower-case UUID in its usual form at path; NULL is fine. */
void device_uid_validate(const json_t *uid, const char *path, struct field_errors *errors);
/* A pool's name at path: subdomains with slashes between. */
void device_pool_validate(const char *name, const char *path, struct field_errors *errors);
/* An attribute's or capacity's name: an identifier, or a domain and one. */
void device_attribute_name_validate(const char *name, const char *path, struct field_errors *errors);
void device_taint_validate(const json_t *taint, const char *path, struct field_errors *errors);
/* tolerations of a request. */
void device_tolerations_validate(const json_t *request, const char *path, struct field_errors *errors);
/* bindingConditions and bindingFailureConditions: both or none, and apart. */
void device_bindings_validate(const json_t *obj, const char *path, struct field_errors *errors);

#endif
