/* The secrets that pods of a service account may name, where the account limits them (its annotation
 * kubernetes.io/enforce-mountable-secrets). Pure. */
#ifndef KNARR_CP_ADMISSION_MOUNTABLE_SECRETS_H
#define KNARR_CP_ADMISSION_MOUNTABLE_SECRETS_H

#include <jansson.h>
#include <stdbool.h>

bool mountable_secrets_are_limited(const json_t *account);
/* What a pod's spec names that the account does not; owned text, NULL when nothing. */
char *mountable_secrets_problem(const json_t *account, const json_t *spec);
/* The same of its ephemeral containers alone. */
char *mountable_secrets_ephemeral_problem(const json_t *account, const json_t *spec);

#endif
