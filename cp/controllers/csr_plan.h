/* The life of certificate signing requests for the signers kubernetes.io/kube-apiserver-client, -client-kubelet and
 * kubelet-serving: which are approved by themselves, what is issued, what is removed. Pure (Kubernetes, Certificates and
 * Certificate Signing Requests). */
#ifndef KNARR_CP_CONTROLLERS_CSR_PLAN_H
#define KNARR_CP_CONTROLLERS_CSR_PLAN_H

#include "base/str.h"
#include "cp/controllers/plan.h"

/* What the requester has to be allowed to create, a subresource of certificatesigningrequests, for the request to be
 * approved by itself. The message is what the condition says. */
struct csr_approval {
	const char *subresource, *message; /* static */
};
/* Those that fit an open request, NULL subresource behind the last; ret has room for 3. */
void csr_approvals(const json_t *csr, struct csr_approval *ret);
/* Why a serving certificate for a node is nobody's to give without being asked, added to why: taken (array of texts) are
 * the addresses of others. False: it may be approved. */
bool csr_serving_is_foreign(const json_t *csr, const json_t *taken, struct str *why);
void csr_approve_plan(const json_t *csr, const struct csr_approval *a, int64_t now_ms, struct plan *plan);

/* Whether the request is approved and waits for one of our signers. */
bool csr_wants_signing(const json_t *csr);
/* What its signer would refuse it for, added to why; false: nothing. */
bool csr_is_wrong(const json_t *csr, struct str *why);
/* How long the certificate lives when up to max_s may be asked for. */
int64_t csr_seconds(const json_t *csr, int64_t max_s);
/* certificate: PEM text, or NULL with the problem. */
void csr_sign_plan(const json_t *csr, const char *certificate, const char *problem, int64_t now_ms, struct plan *plan);

/* What is old goes: decided an hour ago, open for a day, issued and over. */
void csr_clean_plan(const json_t *csr, int64_t now_ms, struct plan *plan);

#endif
