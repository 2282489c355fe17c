/* The parts of a CustomResourceDefinition's rules, in the order in which they are told. Pure. */
#ifndef KNARR_CP_KINDS_CRD_RULES_H
#define KNARR_CP_KINDS_CRD_RULES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/mem.h"
#include "cp/schema/schema.h"

/* A field's path, owned. */
#define PATH(name, ...) AUTO_FREE char *name = xasprintf(__VA_ARGS__)

/* Each version by itself, and all together: names, which one is stored. */
void crd_versions_validate(const json_t *spec, struct field_errors *errors);
/* What all versions say in the same words, which the reference keeps, and tells, as the definition's own. */
void crd_shared_validate(const json_t *spec, struct field_errors *errors);
/* old: the spec before of a definition that is served already, NULL: it is not. */
void crd_conversion_validate(const json_t *spec, const json_t *old, struct field_errors *errors);

#endif
