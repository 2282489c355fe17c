/* What is written about a request (audit.k8s.io/v1, Policy). Pure but for reading the file. */
#ifndef KNARR_CP_AUTH_AUDIT_POLICY_H
#define KNARR_CP_AUTH_AUDIT_POLICY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "cp/auth/authorize.h"

enum audit_level { AUDIT_NONE, AUDIT_METADATA, AUDIT_REQUEST, AUDIT_REQUEST_RESPONSE };
enum audit_stage { AUDIT_RECEIVED = 1, AUDIT_STARTED = 2, AUDIT_COMPLETE = 4, AUDIT_PANIC = 8 }; /* bits */

const char *audit_level_name(enum audit_level l);
const char *audit_stage_name(enum audit_stage s);

struct audit_policy;

/* A Policy object (borrowed). -EINVAL names the rule and field. */
int audit_policy_new(const json_t *policy, struct audit_policy **ret, struct err *e);
/* The same from a YAML file. */
int audit_policy_load(const char *file, struct audit_policy **ret, struct err *e);
void audit_policy_free(struct audit_policy *p); /* NULL is fine */

struct audit_decision {
	enum audit_level level;
	unsigned omit; /* stages that are not told */
	bool omit_managed_fields;
};
/* The first rule that fits decides; nothing is told where none does. */
struct audit_decision audit_policy_decide(const struct audit_policy *p, const struct auth_user *u, const struct auth_attributes *a);

#endif
