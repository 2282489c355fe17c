/* CertificateApproval, CertificateSigning and CertificateSubjectRestriction. Purpose: who may approve or sign for a
 * signer, and nobody may ask for the masters' group of the API server's own signer. Happy path: the user has the verb on
 * the signer, or on all of its domain. Fails with 403. */
#include <string.h>

#include "api/pki_request.h"
#include "base/mem.h"
#include "cp/admission/plugin.h"

#define MASTERS "system:masters"
#define CLIENT_SIGNER "kubernetes.io/kube-apiserver-client"

static bool may(const struct admit *a, const char *verb, const char *signer)
{
	const char *slash = strchr(signer, '/');
	AUTO_FREE char *domain = xasprintf("%.*s/*", slash ? (int)(slash - signer) : (int)strlen(signer), signer);
	const char *const names[] = { signer, domain };
	for (size_t i = 0; a->n->c.may && i < ARRAY_LEN(names); i++) {
		struct auth_attributes what = { .verb = verb,
						.group = "certificates.k8s.io",
						.resource = "signers",
						.subresource = "",
						.ns = "",
						.name = names[i] };
		if (a->n->c.may(a->request, &what))
			return true;
	}
	return false;
}

static json_t *approve(struct admit *a)
{
	const char *signer = json_str_or(a->old, "spec.signerName", "");
	if (strcmp(a->subresource, "approval") != 0 || may(a, "approve", signer))
		return NULL;
	return admit_forbidden(a, "user not permitted to approve requests with signerName \"%s\"", signer);
}

static bool same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

/* Writing a certificate, or that the signer failed, is signing. */
static json_t *sign(struct admit *a)
{
	const char *signer = json_str_or(a->old, "spec.signerName", "");
	if (strcmp(a->subresource, "status") != 0)
		return NULL;
	if (same(json_at(a->object, "status.certificate"), json_at(a->old, "status.certificate")) &&
	    same(json_at(a->object, "status.conditions"), json_at(a->old, "status.conditions")))
		return NULL;
	if (may(a, "sign", signer))
		return NULL;
	return admit_forbidden(a, "user not permitted to sign requests with signerName \"%s\"", signer);
}

/* Whether a request (base64 of PEM) names the group in its subject. */
static bool asks_for_group(const char *request, const char *group)
{
	AUTO_STR pem = STR_INIT;
	if (!request || base64_decode(&pem, request, strlen(request)) < 0)
		return false;
	AUTO_PKI_REQUEST r = { 0 };
	return pki_request_read(str_text(&pem), pem.len, &r, NULL) == 0 && strv_has(r.organizations, group);
}

static json_t *restrict_subject(struct admit *a)
{
	if (!str_eq(json_str_at(a->object, "spec.signerName"), CLIENT_SIGNER) ||
	    !asks_for_group(json_str_at(a->object, "spec.request"), MASTERS))
		return NULL;
	return admit_forbidden(a, "use of " CLIENT_SIGNER " signer with " MASTERS " group is not allowed");
}

static const char *const kinds[] = { "certificates.k8s.io/CertificateSigningRequest", NULL };
const struct admit_plugin certificate_approval_plugin = {
	.name = "CertificateApproval",
	.ops = ADMIT_UPDATE,
	.kinds = kinds,
	.subresources = true,
	.validate = approve,
};
const struct admit_plugin certificate_signing_plugin = {
	.name = "CertificateSigning",
	.ops = ADMIT_UPDATE,
	.kinds = kinds,
	.subresources = true,
	.validate = sign,
};
const struct admit_plugin certificate_subject_plugin = {
	.name = "CertificateSubjectRestriction",
	.ops = ADMIT_CREATE,
	.kinds = kinds,
	.validate = restrict_subject,
};
