/* Names of resources in requests, limits, quotas and ranges, and the amounts that they may have. Pure. */
#ifndef KNARR_CP_KINDS_RESOURCE_NAME_H
#define KNARR_CP_KINDS_RESOURCE_NAME_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/schema.h"

bool resource_name_is_huge_page(const char *name);
/* Of a device plugin: example.com/gpu. */
bool resource_name_is_extended(const char *name);
/* Requests may be below limits. */
bool resource_name_may_overcommit(const char *name);

/* Each adds what is wrong at path. What any resource may be called; what a container, a whole pod can ask for. */
void resource_name_validate(const char *name, const char *path, struct field_errors *errors);
void resource_name_validate_container(const char *name, const char *path, struct field_errors *errors);
void resource_name_validate_pod(const char *name, const char *path, struct field_errors *errors);
/* An amount of name: not negative, whole where the resource is counted. */
void resource_amount_validate(const char *name, const json_t *amount, const char *path, struct field_errors *errors);
/* Requests and limits of {requests, limits} at path; check judges the names. */
void resource_requirements_validate(const json_t *requirements, const char *path,
				    void (*check)(const char *name, const char *path, struct field_errors *errors),
				    struct field_errors *errors);

#endif
