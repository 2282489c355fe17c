/* AdmissionReview (admission.k8s.io/v1, v1beta1): the request that a webhook gets and the response that it gives. Pure. */
#ifndef KNARR_CP_ADMISSION_HOOK_REVIEW_H
#define KNARR_CP_ADMISSION_HOOK_REVIEW_H

#include "cp/admission/plugin.h"

/* The version that both sides know, the webhook's favourite; NULL when there is none. Static. */
const char *hook_review_version(const json_t *hook);
/* A request in the version that a webhook wants to see. */
struct hook_form {
	const struct kind *kind;
	json_t *object;	   /* NULL: a delete */
	const json_t *old; /* NULL: a create */
};
/* Returns owned. */
json_t *hook_review_request(const struct admit *a, const struct hook_form *form, const char *version, const char *uid);

struct hook_answer {
	bool allowed;
	json_t *patch;	     /* owned, NULL: none */
	json_t *status;	     /* owned, of a refusal; NULL: none was given */
	json_t *warnings;    /* owned array or NULL */
	json_t *annotations; /* owned object or NULL */
};
void hook_answer_done(struct hook_answer *r);
/* Reads the body of a webhook's 200. -EPROTO with what is wrong with it. */
int hook_review_response(const char *body, size_t len, const char *version, const char *uid, struct hook_answer *ret,
			 struct err *e);
/* The Status of a refusal: admission webhook "x" denied the request: ... Returns owned. */
json_t *hook_review_denial(const char *webhook, const struct hook_answer *r);

#endif
