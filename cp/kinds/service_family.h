/* Address families of a service: what its policy, families and addresses may say together, and what follows from what was
 * not said (Kubernetes, IPv4/IPv6 dual-stack Services). Pure. */
#ifndef KNARR_CP_KINDS_SERVICE_FAMILY_H
#define KNARR_CP_KINDS_SERVICE_FAMILY_H

#include <jansson.h>
#include <stdbool.h>

#include "cp/schema/schema.h"

/* Before validation: the policy where there is none (that of old, else by kind of service); with SingleStack, what
 * old had of a second family goes as long as nothing else was said. old may be NULL. */
void service_family_prepare(json_t *svc, const json_t *old);
/* Whether policy, families and addresses (array) agree with each other and with what they were. */
void service_family_validate(const json_t *svc, const json_t *old, const json_t *addresses, struct field_errors *errors);
/* The families as they will be, for a cluster with those (its first is the default; at most 2). Returns whether there
 * was no error. */
bool service_family_complete(json_t *svc, const json_t *old, const char *const *cluster, size_t n_cluster, struct field_errors *errors);

#endif
