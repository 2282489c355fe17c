/* What the spec of a resource claim and its status share. Pure. */
#ifndef KNARR_CP_KINDS_CLAIM_RULES_H
#define KNARR_CP_KINDS_CLAIM_RULES_H

#include <jansson.h>

#include "cp/schema/schema.h"

/* A text that names a request of {requests}, or one and one of its choices. */
void claim_request_validate(const json_t *devices, const json_t *name, const char *path, struct field_errors *errors);
/* obj's list of such names, each once. */
void claim_requests_validate(const json_t *devices, const json_t *obj, const char *path, struct field_errors *errors);
/* {opaque: {driver, parameters}} at path. */
void claim_config_validate(const json_t *config, const char *path, struct field_errors *errors);
/* A JSON object of at most max bytes. */
void claim_object_validate(const json_t *v, size_t max, const char *path, struct field_errors *errors);
/* The status of a claim (cp/kinds/claim_status.c). */
void claim_status_validate(const json_t *claim, const json_t *old, struct field_errors *errors);

#endif
