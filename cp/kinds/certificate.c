/* Rules of certificate signing requests: who asked is recorded, approval is a part of its own, decisions are final. */
#include <string.h>

#include "api/names.h"
#include "api/pki_request.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define SIGNER "spec.signerName"

enum { EXPIRATION_MIN_SECONDS = 600 };

static const char *const usages[] = {
	"any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment", "decipher only",
	"digital signature", "email protection", "encipher only", "ipsec end system", "ipsec tunnel", "ipsec user",
	"key agreement", "key encipherment", "microsoft sgc", "netscape sgc", "ocsp signing", "s/mime", "server auth", "signing",
	"timestamping", NULL };
static const char *const decisions[] = { "Approved", "Denied", "Failed", NULL };

static void csr_prepare_create(json_t *csr)
{
	static const char *const of_requester[] = { "username", "uid", "groups", "extra" };
	for (size_t i = 0; i < ARRAY_LEN(of_requester); i++)
		json_object_del(json_object_get(csr, "spec"), of_requester[i]);
	kind_empty_status(csr);
}

static void csr_set_requester(json_t *csr, const json_t *who)
{
	json_object_update(json_object_at(csr, "spec"), (json_t *)who);
}

/* The request is as it was made; the main resource changes only metadata. */
static void csr_prepare_update(json_t *csr, const json_t *old)
{
	kind_keep_spec(csr, old);
	kind_keep_status(csr, old);
}

static json_t *condition_of(const json_t *csr, const char *type)
{
	return json_find(json_at(csr, "status.conditions"), "type", type);
}

static size_t count_of(const json_t *csr, const char *type)
{
	size_t n = 0, i;
	json_t *c;
	json_array_foreach(json_at(csr, "status.conditions"), i, c)
		n += str_eq(json_member(c, "type"), type);
	return n;
}

/* Conditions that were given without times get them. */
static void stamp_conditions(json_t *csr, const json_t *old)
{
	char now[RFC3339_MAX];
	json_t *c;
	size_t i;
	rfc3339(clock_wall_ms(), now);
	json_array_foreach(json_at(csr, "status.conditions"), i, c) {
		const json_t *before = condition_of(old, json_str_or(c, "type", ""));
		bool same = before && json_equal(json_object_get(before, "status"), json_object_get(c, "status"));
		const char *since = same ? json_str_at(before, "lastTransitionTime") : NULL;
		set_default(c, "lastUpdateTime", json_string(now));
		set_default(c, "lastTransitionTime", json_string(since ? since : now));
	}
}

static void approval_prepare(json_t *csr, const json_t *old)
{
	json_t *certificate = json_at(old, "status.certificate");
	kind_keep_spec(csr, old);
	if (certificate)
		json_set_at(csr, "status.certificate", json_incref(certificate));
	else
		json_del_at(csr, "status.certificate");
	stamp_conditions(csr, old);
}

static bool is_decision(const json_t *c)
{
	const char *type = json_str_or(c, "type", "");
	return !strcmp(type, "Approved") || !strcmp(type, "Denied");
}

/* A status writer cannot decide: approval and denial stay what they are, unless there are more of them, or fewer. */
static void csr_prepare_status(json_t *csr, const json_t *old)
{
	json_t *conditions = json_at(csr, "status.conditions"), *c;
	size_t i;
	kind_keep_spec(csr, old);
	for (size_t d = 0; d < 2; d++)
		if (count_of(csr, decisions[d]) != count_of(old, decisions[d]))
			goto stamp;
	json_array_foreach(conditions, i, c)
		if (is_decision(c))
			json_array_set_new(conditions, i, json_clone(condition_of(old, json_str_or(c, "type", ""))));
stamp:
	stamp_conditions(csr, old);
}

static void validate_usages(const json_t *csr, struct field_errors *errors)
{
	const json_t *list = json_at(csr, "spec.usages");
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *usage;
	size_t i;
	if (!json_array_size(list))
		field_required(errors, "spec.usages", NULL);
	json_array_foreach(list, i, usage)
		if (!rule_is_one_of(json_string_value(usage), usages))
			field_not_supported(errors, FIELD_PATH(p, "spec.usages[%zu]", i), usage, usages);
	json_array_foreach(list, i, usage) {
		if (map_has(seen, json_string_value(usage)))
			field_duplicate(errors, FIELD_PATH(p, "spec.usages[%zu]", i), usage);
		map_set(seen, json_string_value(usage), usage);
	}
}

/* The labels of one half of a signer's name, with dots between. */
static void validate_signer_half(const char *half, const char *(*check)(const char *), struct field_errors *errors)
{
	AUTO_STRV char **labels = str_split(half, '.');
	AUTO_JSON *shown = json_string(half);
	const char *why = !*half ? check("") : NULL, *label = "";
	for (size_t i = 0; !why && labels && labels[i]; i++)
		why = check(label = labels[i]);
	if (why)
		field_invalid(errors, SIGNER, shown, "validating label \"%s\": %s", label, why);
}

static void validate_signer(const json_t *csr, struct field_errors *errors)
{
	enum { DOMAIN_MAX = 253, SIGNER_MAX = 571 };
	const json_t *name = json_at(csr, SIGNER);
	const char *text = json_str_or(csr, SIGNER, ""), *slash = strchr(text, '/');
	if (!strcmp(text, "kubernetes.io/legacy-unknown")) {
		field_invalid(errors, SIGNER, name, "the legacy signerName is not allowed via this API version");
		return;
	}
	if (!*text)
		return; /* the table asks for it */
	if (!slash || strchr(slash + 1, '/')) {
		field_invalid(errors, SIGNER, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
		return;
	}
	AUTO_FREE char *domain = xstrndup(text, (size_t)(slash - text));
	AUTO_JSON *shown = json_string(domain);
	if (strlen(domain) > DOMAIN_MAX)
		field_too_long(errors, SIGNER, DOMAIN_MAX);
	validate_signer_half(domain, name_check_label, errors);
	if (!strchr(domain, '.'))
		field_invalid(errors, SIGNER, shown, "should be a domain with at least two segments separated by dots");
	validate_signer_half(slash + 1, name_check_subdomain, errors);
	if (strlen(text) > SIGNER_MAX)
		field_too_long(errors, SIGNER, SIGNER_MAX);
}

static void validate_request(const json_t *csr, struct field_errors *errors)
{
	const json_t *request = json_at(csr, "spec.request");
	const char *text = json_str_or(csr, "spec.request", "");
	AUTO_STR bytes = STR_INIT;
	AUTO_PKI_REQUEST asked = {0};
	AUTO_JSON *none = json_string("");
	struct err e = ERR_INIT;
	if (base64_decode(&bytes, text, strlen(text)) < 0 || !strstr(str_text(&bytes), "-----BEGIN CERTIFICATE REQUEST-----"))
		field_invalid(errors, "spec.request", request ? request : none, "PEM block type must be CERTIFICATE REQUEST");
	else if (pki_request_read(bytes.p, bytes.len, &asked, &e) < 0)
		field_invalid(errors, "spec.request", request, "%s", err_text(&e));
}

/* --- conditions and the certificate -------------------------------------------------------------------------------------- */

static void validate_condition_status(const json_t *c, const char *path, struct field_errors *errors)
{
	static const char *const states[] = { "False", "True", "Unknown", NULL }, *const only[] = { "True", NULL };
	const char *const *allowed = rule_is_one_of(json_member(c, "type"), decisions) ? only : states;
	if (rule_required(c, path, "status", NULL, errors))
		rule_word(c, path, "status", allowed, errors);
}

static void validate_conditions(const json_t *csr, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *c;
	size_t i;
	json_array_foreach(json_at(csr, "status.conditions"), i, c) {
		const char *type = json_str_or(c, "type", "");
		const json_t *shown = json_object_get(c, "type");
		FIELD_PATH(p, "status.conditions[%zu]", i);
		rule_required(c, p, "type", NULL, errors);
		validate_condition_status(c, p, errors);
		if (is_decision(c) && map_has(seen, !strcmp(type, "Approved") ? "Denied" : "Approved"))
			field_invalid(errors, "status.conditions", shown, "Approved and Denied conditions are mutually exclusive");
		if (map_has(seen, type))
			field_duplicate(errors, FIELD_PATH(p, "status.conditions[%zu].type", i), shown);
		map_set(seen, type, c);
	}
}

/* Decisions are final; only the approval adds some. */
static void validate_changes(const json_t *csr, const json_t *old, bool may_decide, struct field_errors *errors)
{
	for (size_t i = 0; decisions[i]; i++)
		if (count_of(csr, decisions[i]) < count_of(old, decisions[i]))
			field_forbidden(errors, "status.conditions", "updates may not remove a condition of type \"%s\"", decisions[i]);
	for (size_t i = 0; i < 2 && !may_decide; i++)
		if (count_of(csr, decisions[i]) > count_of(old, decisions[i]))
			field_forbidden(errors, "status.conditions", "updates may not add a condition of type \"%s\"", decisions[i]);
}

static void approval_validate(const json_t *csr, const json_t *old, struct field_errors *errors)
{
	validate_conditions(csr, errors);
	validate_changes(csr, old, true, errors);
}

/* Why PEM text is not the certificates that it should be; NULL: it is. Owned. */
static char *certificate_problem(const char *pem, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	size_t blocks = 0;
	struct err e = ERR_INIT;
	int64_t from, until;
	for (const char *at = pem; (at = strstr(at, begin)); blocks++) {
		at += strlen(begin);
		size_t n = strcspn(at, "-\n");
		if (strncmp(at, "CERTIFICATE-", n + 1))
			return xasprintf("only CERTIFICATE PEM blocks are allowed, found \"%.*s\"", (int)n, at);
	}
	if (!blocks)
		return xstrdup("must contain at least one CERTIFICATE PEM block");
	return pki_validity(pem, len, &from, &until, &e) < 0 ? xstrdup(err_text(&e)) : NULL;
}

static void validate_certificate(const json_t *csr, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_at(csr, "status.certificate"), *before = json_at(old, "status.certificate");
	const char *text = json_string_value(now);
	AUTO_STR pem = STR_INIT;
	AUTO_JSON *hidden = json_string("<certificate data>");
	if (now == before || json_equal(now, before) || !text)
		return;
	base64_decode(&pem, text, strlen(text));
	AUTO_FREE char *why = pem.len ? certificate_problem(str_text(&pem), pem.len) : NULL;
	if (why)
		field_invalid(errors, "status.certificate", hidden, "%s", why);
}

static void csr_validate_status(const json_t *csr, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_at(csr, "status.certificate"), *before = json_at(old, "status.certificate");
	validate_conditions(csr, errors);
	validate_certificate(csr, old, errors);
	validate_changes(csr, old, false, errors);
	if (before && !json_equal(now, before))
		field_forbidden(errors, "status.certificate", "updates may not modify existing certificate content");
}

static const char *const order[] = { "spec.request", "spec.usages", "spec.signerName", "spec.expirationSeconds", NULL };

static void csr_validate(const json_t *csr, const json_t *old, struct field_errors *errors)
{
	const json_t *seconds = json_at(csr, "spec.expirationSeconds");
	if (old)
		return;
	validate_request(csr, errors);
	validate_usages(csr, errors);
	validate_signer(csr, errors);
	if (seconds && json_integer_value(seconds) < EXPIRATION_MIN_SECONDS)
		field_invalid(errors, "spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)");
	errors_order(errors, "", order);
}

static const struct kind_part csr_parts[] = { { "approval", approval_prepare, approval_validate }, { 0 } };

const struct kind_ops certificatesigningrequest_ops = {
	.group = "certificates.k8s.io", .kind = "CertificateSigningRequest", .prepare_create = csr_prepare_create,
	.set_requester = csr_set_requester, .prepare_update = csr_prepare_update, .prepare_status = csr_prepare_status,
	.validate = csr_validate, .validate_status = csr_validate_status, .has_status = true, .parts = csr_parts,
};
