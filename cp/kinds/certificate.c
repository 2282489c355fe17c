/* Rules of certificate signing requests: who asked is recorded, approval is a part of its own, decisions are final. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

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

/* A status writer cannot decide: approval and denial stay what they are. */
static void csr_prepare_status(json_t *csr, const json_t *old)
{
	json_t *kept = json_array(), *c;
	size_t i;
	kind_keep_spec(csr, old);
	json_array_foreach(json_at(csr, "status.conditions"), i, c) {
		const char *type = json_str_or(c, "type", "");
		if (strcmp(type, "Approved") && strcmp(type, "Denied"))
			json_array_append(kept, c);
	}
	json_array_foreach(json_at(old, "status.conditions"), i, c) {
		const char *type = json_str_or(c, "type", "");
		if (!strcmp(type, "Approved") || !strcmp(type, "Denied"))
			json_array_append(kept, c);
	}
	if (json_array_size(kept))
		json_set_at(csr, "status.conditions", kept);
	else
		json_decref(kept);
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
	json_array_foreach(list, i, usage) {
		const char *text = json_string_value(usage);
		FIELD_PATH(p, "spec.usages[%zu]", i);
		if (!strv_has((char *const *)usages, text))
			field_not_supported(errors, p, usage, usages);
		else if (map_has(seen, text))
			field_duplicate(errors, p, usage);
		map_set(seen, text, usage);
	}
}

static void validate_signer(const json_t *csr, struct field_errors *errors)
{
	const json_t *name = json_at(csr, "spec.signerName");
	const char *text = json_str_or(csr, "spec.signerName", ""), *slash = strchr(text, '/');
	if (!strcmp(text, "kubernetes.io/legacy-unknown"))
		field_invalid(errors, "spec.signerName", name, "the legacy signerName is not allowed via this API version");
	else if (*text && (!slash || strchr(slash + 1, '/')))
		field_invalid(errors, "spec.signerName", name,
			      "must be a fully qualified domain and path of the form 'example.com/signer-name'");
	else if (slash && !memchr(text, '.', (size_t)(slash - text)))
		field_invalid(errors, "spec.signerName", name, "should be a domain with at least two segments separated by dots");
}

static void validate_request(const json_t *csr, struct field_errors *errors)
{
	const json_t *request = json_at(csr, "spec.request");
	const char *text = json_str_or(csr, "spec.request", "");
	AUTO_STR bytes = STR_INIT;
	AUTO_JSON *none = json_string("");
	if (base64_decode(&bytes, text, strlen(text)) < 0 || !strstr(str_text(&bytes), "-----BEGIN CERTIFICATE REQUEST-----"))
		field_invalid(errors, "spec.request", request ? request : none, "PEM block type must be CERTIFICATE REQUEST");
}

static void validate_condition(const json_t *c, size_t i, struct map *seen, struct field_errors *errors)
{
	static const char *const states[] = { "False", "True", "Unknown", NULL }, *const only[] = { "True", NULL };
	char p[FIELD_PATH_MAX];
	const char *type = json_str_or(c, "type", ""), *status = json_str_or(c, "status", "");
	bool decides = strv_has((char *const *)decisions, type);
	AUTO_JSON *given = json_string(status);
	FIELD_PATH(p, "status.conditions[%zu].type", i);
	if (!*type)
		field_required(errors, p, NULL);
	else if (map_has(seen, type))
		field_duplicate(errors, p, json_object_get(c, "type"));
	else if (map_has(seen, !strcmp(type, "Approved") ? "Denied" : !strcmp(type, "Denied") ? "Approved" : ""))
		field_invalid(errors, p, json_object_get(c, "type"), "Approved and Denied conditions are mutually exclusive");
	map_set(seen, type, (void *)c);
	FIELD_PATH(p, "status.conditions[%zu].status", i);
	if (!*status)
		field_required(errors, p, NULL);
	else if (decides ? strcmp(status, "True") != 0 : !strv_has((char *const *)states, status))
		field_not_supported(errors, p, given, decides ? only : states);
}

static void validate_conditions(const json_t *csr, const json_t *old, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	json_t *c;
	size_t i;
	json_array_foreach(json_at(csr, "status.conditions"), i, c)
		validate_condition(c, i, seen, errors);
	for (i = 0; decisions[i]; i++)
		if (condition_of(old, decisions[i]) && !condition_of(csr, decisions[i]))
			field_forbidden(errors, "status.conditions", "updates may not remove a condition of type \"%s\"", decisions[i]);
}

static void csr_validate_status(const json_t *csr, const json_t *old, struct field_errors *errors)
{
	const json_t *now = json_at(csr, "status.certificate"), *before = json_at(old, "status.certificate");
	validate_conditions(csr, old, errors);
	if (before && !json_equal(now, before))
		field_forbidden(errors, "status.certificate", "updates may not modify certificate content");
}

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
}

static const struct kind_part csr_parts[] = { { "approval", approval_prepare, validate_conditions }, { 0 } };

const struct kind_ops certificatesigningrequest_ops = {
	.group = "certificates.k8s.io", .kind = "CertificateSigningRequest", .prepare_create = csr_prepare_create,
	.set_requester = csr_set_requester, .prepare_update = csr_prepare_update, .prepare_status = csr_prepare_status,
	.validate = csr_validate, .validate_status = csr_validate_status, .has_status = true, .parts = csr_parts,
};
