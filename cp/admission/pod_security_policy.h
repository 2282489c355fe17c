/* What a namespace's labels say about the security of its pods. Pure. */
#ifndef KNARR_CP_ADMISSION_POD_SECURITY_POLICY_H
#define KNARR_CP_ADMISSION_POD_SECURITY_POLICY_H

#include "cp/admission/pod_security_checks.h"
#include "cp/schema/schema.h"

struct pod_security_rule {
	enum pod_security_level level;
	int minor; /* of version 1; POD_SECURITY_LATEST */
};

struct pod_security_policy {
	struct pod_security_rule enforce, audit, warn;
	char *error; /* owned; labels that are malformed, NULL: none */
};
void pod_security_policy_done(struct pod_security_policy *p);

/* labels may be NULL. Malformed labels count as restricted:latest where they enforce and as privileged elsewhere; each is
 * an error in errors (NULL: not wanted). A level to warn of that is not given follows enforce, one to audit does not. */
void pod_security_policy_read(const json_t *labels, struct pod_security_policy *ret, struct field_errors *errors);
/* "restricted:latest", "baseline:v1.20"; owned. */
char *pod_security_rule_text(const struct pod_security_rule *r);
/* Whether pods that before let in may be refused by now. */
bool pod_security_is_stricter(const struct pod_security_rule *now, const struct pod_security_rule *before);
/* A quick look: whether there is a label that makes any difference. */
bool pod_security_concerns(const void *object, const char *(*label)(const void *object, const char *key));

#endif
