/* Plans of certificate signing requests. Happy path of a joining node: its request is for a node's client certificate, is
 * approved because the requester may have that done, is signed, and goes an hour later. What its signer does not issue gets
 * the condition Failed with the reason; requests of other signers are left alone but for their end. */
#include "cp/controllers/csr_plan.h"

#include <errno.h>
#include <string.h>

#include "api/pki_request.h"
#include "base/json.h"
#include "cp/controllers/object.h"

#define CLIENT "kubernetes.io/kube-apiserver-client"
#define KUBELET_CLIENT "kubernetes.io/kube-apiserver-client-kubelet"
#define KUBELET_SERVING "kubernetes.io/kubelet-serving"
#define NODE_PREFIX "system:node:"

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS, SECONDS_MIN = 600 };

static char *path_of(const json_t *csr, const char *sub)
{
	AUTO_FREE char *path = object_path("certificates.k8s.io", "v1", "", "certificatesigningrequests", object_name(csr));
	return xasprintf("%s%s", path, sub);
}

static bool has_condition(const json_t *csr, const char *type)
{
	return object_condition(json_object_get(csr, "status"), type) != NULL;
}

static const char *signer_of(const json_t *csr)
{
	return json_str_or(csr, "spec.signerName", "");
}

static int read_request(const json_t *csr, struct pki_request *ret, struct err *e)
{
	AUTO_STR pem = STR_INIT;
	const char *text = json_str_or(csr, "spec.request", "");
	if (base64_decode(&pem, text, strlen(text)) < 0)
		return err_set(e, -EINVAL, "not base64");
	return pki_request_read(str_text(&pem), pem.len, ret, e);
}

/* --- what signers issue ------------------------------------------------------------------------------------------------- */

/* Usages must hold wanted, and may hold those that go with every key. Returns the first that is wrong, "" where wanted is
 * missing, NULL when they are fine. */
static const char *wrong_usage(const json_t *csr, const char *wanted)
{
	json_t *v;
	size_t i;
	bool found = false;
	json_array_foreach(json_at(csr, "spec.usages"), i, v) {
		const char *usage = json_string_value(v);
		if (str_eq(usage, wanted))
			found = true;
		else if (!str_eq(usage, "digital signature") && !str_eq(usage, "key encipherment"))
			return usage ? usage : "";
	}
	return found ? NULL : "";
}

static bool has_usage(const json_t *csr, const char *usage)
{
	return json_has_text(json_at(csr, "spec.usages"), usage);
}

static bool client_is_wrong(const json_t *csr, const struct pki_request *r, struct str *why)
{
	const char *usage = wrong_usage(csr, "client auth");
	(void)r;
	if (usage && *usage)
		str_addf(why, "invalid usage for client certificate: %s", usage);
	else if (usage)
		str_add(why, "missing required usage for client certificate: client auth");
	return usage != NULL;
}

static bool is_node_name(const struct pki_request *r, struct str *why)
{
	if (strv_len(r->organizations) != 1 || strcmp(r->organizations[0], "system:nodes"))
		str_add(why, "subject organization is not system:nodes");
	else if (!str_has_prefix(r->common_name, NODE_PREFIX) || !r->common_name[strlen(NODE_PREFIX)])
		str_add(why, "subject common name does not begin with system:node: ");
	else
		return true;
	return false;
}

static bool kubelet_client_is_wrong(const json_t *csr, const struct pki_request *r, struct str *why)
{
	if (!is_node_name(r, why))
		return true;
	const char *not_allowed = r->dns ? "DNS" : r->has_email ? "Email" : r->ips ? "IP" : r->has_uri ? "URI" : NULL;
	if (not_allowed)
		str_addf(why, "%s subjectAltNames are not allowed", not_allowed);
	else if (wrong_usage(csr, "client auth") || !has_usage(csr, "digital signature"))
		str_add(why, "usages did not match [client auth digital signature]");
	else
		return false;
	return true;
}

static bool kubelet_serving_is_wrong(const json_t *csr, const struct pki_request *r, struct str *why)
{
	if (!is_node_name(r, why))
		return true;
	if (r->has_email)
		str_add(why, "Email subjectAltNames are not allowed");
	else if (r->has_uri)
		str_add(why, "URI subjectAltNames are not allowed");
	else if (!r->dns && !r->ips)
		str_add(why, "DNS or IP subjectAltName is required");
	else if (wrong_usage(csr, "server auth") || !has_usage(csr, "digital signature"))
		str_add(why, "usages did not match [digital signature server auth]");
	else
		return false;
	return true;
}

static const struct signer {
	const char *name;
	bool (*is_wrong)(const json_t *csr, const struct pki_request *r, struct str *why);
} signers[] = {
	{ CLIENT, client_is_wrong },
	{ KUBELET_CLIENT, kubelet_client_is_wrong },
	{ KUBELET_SERVING, kubelet_serving_is_wrong },
};

static const struct signer *find_signer(const json_t *csr)
{
	for (size_t i = 0; i < ARRAY_LEN(signers); i++)
		if (strcmp(signers[i].name, signer_of(csr)) == 0)
			return &signers[i];
	return NULL;
}

bool csr_is_wrong(const json_t *csr, struct str *why)
{
	AUTO_PKI_REQUEST r = { 0 };
	struct err e = ERR_INIT;
	const struct signer *s = find_signer(csr);
	if (read_request(csr, &r, &e) < 0) {
		str_addf(why, "unable to parse csr \"%s\": %s", object_name(csr), err_text(&e));
		return true;
	}
	return s && s->is_wrong(csr, &r, why);
}

bool csr_wants_signing(const json_t *csr)
{
	return find_signer(csr) && !object_deleting(csr) && has_condition(csr, "Approved") && !has_condition(csr, "Denied") &&
	       !has_condition(csr, "Failed") && str_empty(json_str_at(csr, "status.certificate"));
}

int64_t csr_seconds(const json_t *csr, int64_t max_s)
{
	int64_t wanted = json_int_at(csr, "spec.expirationSeconds", max_s);
	return MIN(MAX(wanted, SECONDS_MIN), MAX(max_s, SECONDS_MIN));
}

/* --- decisions ---------------------------------------------------------------------------------------------------------- */

void csr_approvals(const json_t *csr, struct csr_approval *ret)
{
	static const struct csr_approval self = { "selfnodeclient",
						  "Auto approving self kubelet client certificate after SubjectAccessReview." },
					 node = { "nodeclient",
						  "Auto approving kubelet client certificate after SubjectAccessReview." },
					 server = { "selfnodeserver",
						    "Auto approving self kubelet server certificate after SubjectAccessReview." };
	AUTO_PKI_REQUEST r = { 0 };
	AUTO_STR ignored = STR_INIT;
	size_t n = 0;
	bool decided = has_condition(csr, "Approved") || has_condition(csr, "Denied") || object_deleting(csr);
	if (!decided && str_empty(json_str_at(csr, "status.certificate")) && read_request(csr, &r, NULL) == 0) {
		bool own = str_eq(json_str_at(csr, "spec.username"), r.common_name);
		if (str_eq(signer_of(csr), KUBELET_CLIENT) && !kubelet_client_is_wrong(csr, &r, &ignored)) {
			if (own)
				ret[n++] = self;
			ret[n++] = node;
		}
		if (own && str_eq(signer_of(csr), KUBELET_SERVING) && !kubelet_serving_is_wrong(csr, &r, &ignored))
			ret[n++] = server;
	}
	ret[n] = (struct csr_approval){ 0 };
}

static bool is_server_name(const char *dns)
{
	static const char *const names[] = { "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", NULL };
	return strv_has((char *const *)names, dns) || str_has_prefix(dns, "kubernetes.default.svc.");
}

bool csr_serving_is_foreign(const json_t *csr, const json_t *taken, struct str *why)
{
	AUTO_PKI_REQUEST r = { 0 };
	struct err e = ERR_INIT;
	if (read_request(csr, &r, &e) < 0) {
		str_add(why, err_text(&e));
		return true;
	}
	const char *node = str_has_prefix(r.common_name, NODE_PREFIX) ? r.common_name + strlen(NODE_PREFIX) : "";
	for (char **d = r.dns; d && *d; d++)
		if (strcmp(*d, node) || is_server_name(*d)) {
			str_addf(why, "\"%s\" is not the node's name", *d);
			return true;
		}
	for (char **ip = r.ips; ip && *ip; ip++)
		if (!**ip || str_has_prefix(*ip, "127.") || !strcmp(*ip, "::1") || json_has_text(taken, *ip)) {
			str_addf(why, "address \"%s\" is somebody else's", *ip);
			return true;
		}
	return false;
}

static void add_condition(const json_t *csr, const char *sub, const char *type, const char *reason, const char *message,
			  int64_t now_ms, struct plan *plan)
{
	AUTO_JSON *to = json_deep_copy(csr);
	AUTO_FREE char *path = path_of(csr, sub);
	json_t *status = json_object_at(to, "status");
	object_set_condition(status, type, "True", reason, message, now_ms, true);
	struct action *a = plan_merge(plan, path, json_pack("{s:{s:O}}", "status", "conditions", json_object_get(status, "conditions")));
	a->flags |= PLAN_ABSENT_OK;
}

void csr_approve_plan(const json_t *csr, const struct csr_approval *a, int64_t now_ms, struct plan *plan)
{
	add_condition(csr, "/approval", "Approved", "AutoApproved", a->message, now_ms, plan);
}

void csr_sign_plan(const json_t *csr, const char *certificate, const char *problem, int64_t now_ms, struct plan *plan)
{
	AUTO_FREE char *path = path_of(csr, "/status");
	AUTO_STR encoded = STR_INIT;
	if (!certificate) {
		add_condition(csr, "/status", "Failed", "SignerValidationFailure", problem, now_ms, plan);
		return;
	}
	base64_encode(&encoded, certificate, strlen(certificate));
	plan_merge(plan, path, json_pack("{s:{s:s}}", "status", "certificate", str_text(&encoded)))->flags |= PLAN_ABSENT_OK;
}

/* --- the end ------------------------------------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

/* When a condition of the type was decided, and an hour; -1 without it. */
static int64_t hour_after(const json_t *csr, const char *type)
{
	const json_t *c = object_condition(json_object_get(csr, "status"), type);
	int64_t at = c ? object_time_ms(c, "lastUpdateTime") : -1;
	return at < 0 ? -1 : at + HOUR_MS;
}

static int64_t end_of_certificate(const json_t *csr)
{
	AUTO_STR pem = STR_INIT;
	int64_t from = 0, until = 0;
	const char *text = json_str_or(csr, "status.certificate", "");
	if (!*text || base64_decode(&pem, text, strlen(text)) < 0 || pki_validity(str_text(&pem), pem.len, &from, &until, NULL) < 0)
		return -1;
	return until * 1000;
}

void csr_clean_plan(const json_t *csr, int64_t now_ms, struct plan *plan)
{
	static const char *const decisions[] = { "Denied", "Failed" };
	bool issued = !str_empty(json_str_at(csr, "status.certificate")), open = !json_array_size(json_at(csr, "status.conditions"));
	int64_t end = open ? object_time_ms(csr, "metadata.creationTimestamp") + DAY_MS : -1;
	for (size_t i = 0; i < ARRAY_LEN(decisions); i++)
		end = earlier(end, hour_after(csr, decisions[i]));
	if (issued)
		end = earlier(earlier(end, hour_after(csr, "Approved")), end_of_certificate(csr));
	if (end < 0 || object_deleting(csr))
		return;
	if (end > now_ms) {
		plan_again(plan, end - now_ms);
		return;
	}
	AUTO_FREE char *path = path_of(csr, "");
	plan_delete(plan, path, object_uid(csr), -1, NULL)->flags |= PLAN_ABSENT_OK;
}
