/* Rules of the small kinds: namespaces, config maps, secrets, leases. */
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "api/pem_pair.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/schema/json_error.h"

enum { CONFIG_MAX_BYTES = 1 << 20 };
#define IMMUTABLE_TEXT "field is immutable when `immutable` is set"

/* Namespaces can be selected by name. */
static void label_with_name(json_t *ns)
{
	json_t *name = json_at(ns, "metadata.name");
	if (!str_empty(json_string_value(name)))
		json_object_set(json_object_at(ns, "metadata.labels"), "kubernetes.io/metadata.name", name);
}

static void namespace_set_defaults(json_t *ns, const json_t *old)
{
	(void)old;
	label_with_name(ns);
}

static void namespace_prepare_create(json_t *ns)
{
	json_set_str(ns, "status.phase", "Active");
	if (!json_has_text(json_at(ns, "spec.finalizers"), "kubernetes"))
		json_array_append_new(json_array_at(ns, "spec.finalizers"), json_string("kubernetes"));
	label_with_name(ns); /* a generated name is known only now */
}

static void namespace_prepare_update(json_t *ns, const json_t *old)
{
	kind_keep_status(ns, old);
	json_t *finalizers = json_at(old, "spec.finalizers");
	if (finalizers)
		json_set_at(ns, "spec.finalizers", json_incref(finalizers));
	else
		json_del_at(ns, "spec.finalizers");
}

/* Keys and total size of data-like maps. */
static size_t validate_keys(const json_t *map, const char *name, const json_t *other, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *key;
	json_t *v;
	size_t total = 0;
	json_object_foreach((json_t *)map, key, v) {
		FIELD_PATH(p, "%s[%s]", name, key);
		const char *rule = name_check_config_key(key);
		if (rule) {
			AUTO_JSON *k = json_string(key);
			field_invalid(errors, p, k, "%s", rule);
		}
		if (json_object_get(other, key)) {
			AUTO_JSON *k = json_string(key);
			field_invalid(errors, p, k, "duplicate of key present in binaryData");
		}
		total += json_string_length(v);
	}
	return total;
}

static void validate_frozen(const json_t *obj, const json_t *old, const char *const *fields, struct field_errors *errors)
{
	if (!json_bool_at(old, "immutable", false))
		return;
	if (!json_bool_at(obj, "immutable", false))
		field_forbidden(errors, "immutable", IMMUTABLE_TEXT);
	for (; *fields; fields++) {
		const json_t *a = json_object_get(obj, *fields), *b = json_object_get(old, *fields);
		if (a != b && !json_equal(a, b))
			field_forbidden(errors, *fields, IMMUTABLE_TEXT);
	}
}

static void configmap_validate(const json_t *cm, const json_t *old, struct field_errors *errors)
{
	static const char *const fields[] = { "data", "binaryData", NULL };
	if (old)
		validate_frozen(cm, old, fields, errors);
	size_t n = validate_keys(json_object_get(cm, "data"), "data", json_object_get(cm, "binaryData"), errors);
	n += validate_keys(json_object_get(cm, "binaryData"), "binaryData", NULL, errors) / 4 * 3;
	if (n > CONFIG_MAX_BYTES)
		field_too_long(errors, "[]", CONFIG_MAX_BYTES); /* the whole has no name */
}

static void secret_set_defaults(json_t *secret, const json_t *old)
{
	json_t *plain = json_object_get(secret, "stringData"), *v;
	const char *key;
	(void)old;
	set_default(secret, "type", json_string("Opaque"));
	json_object_foreach(plain, key, v) {
		AUTO_STR text = STR_INIT;
		base64_encode(&text, json_string_value(v), json_string_length(v));
		json_object_set_new(json_object_at(secret, "data"), key, json_string(str_text(&text)));
	}
	json_object_del(secret, "stringData");
}

static void require_key(const json_t *secret, const char *key, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	if (!json_object_get(json_object_get(secret, "data"), key))
		field_required(errors, FIELD_PATH(p, "data[%s]", key), NULL);
}

static void validate_docker_config(const json_t *secret, const char *name, struct field_errors *errors)
{
	const char *text = json_member(json_object_get(secret, "data"), name);
	AUTO_FREE char *key = xasprintf("data[%s]", name);
	AUTO_STR bytes = STR_INIT;
	if (!text || base64_decode(&bytes, text, strlen(text)) < 0)
		return;
	AUTO_FREE char *why = json_error_text(str_text(&bytes), bytes.len);
	if (why) {
		AUTO_JSON *hidden = json_string("<secret contents redacted>");
		field_invalid(errors, key, hidden, "%s", why);
	}
}

static void secret_validate(const json_t *secret, const json_t *old, struct field_errors *errors)
{
	static const char *const fields[] = { "data", NULL };
	const char *type = json_str_or(secret, "type", "");
	if (old) {
		validate_immutable(secret, old, "type", errors);
		validate_frozen(secret, old, fields, errors);
	}
	if (validate_keys(json_object_get(secret, "data"), "data", NULL, errors) / 4 * 3 > CONFIG_MAX_BYTES)
		field_too_long(errors, "data", CONFIG_MAX_BYTES);
	if (!strcmp(type, "kubernetes.io/tls")) {
		require_key(secret, "tls.crt", errors);
		require_key(secret, "tls.key", errors);
	} else if (!strcmp(type, "kubernetes.io/dockerconfigjson")) {
		require_key(secret, ".dockerconfigjson", errors);
		validate_docker_config(secret, ".dockerconfigjson", errors);
	} else if (!strcmp(type, "kubernetes.io/dockercfg")) {
		require_key(secret, ".dockercfg", errors);
		validate_docker_config(secret, ".dockercfg", errors);
	} else if (!strcmp(type, "kubernetes.io/basic-auth")) {
		const json_t *data = json_object_get(secret, "data");
		if (!json_object_get(data, "username") && !json_object_get(data, "password")) {
			require_key(secret, "username", errors);
			require_key(secret, "password", errors);
		}
	} else if (!strcmp(type, "kubernetes.io/ssh-auth")) {
		if (str_empty(json_member(json_object_get(secret, "data"), "ssh-privatekey")))
			field_required(errors, "data[ssh-privatekey]", NULL);
	} else if (!strcmp(type, "kubernetes.io/service-account-token") &&
		   str_empty(json_member(json_at(secret, "metadata.annotations"), "kubernetes.io/service-account.name"))) {
		field_required(errors, "metadata.annotations[kubernetes.io/service-account.name]", NULL);
	}
}

/* A member of a secret's data, decoded. */
static void secret_bytes(const json_t *secret, const char *key, struct str *ret)
{
	const char *text = json_member(json_object_get(secret, "data"), key);
	if (text && base64_decode(ret, text, strlen(text)) < 0)
		ret->len = 0;
}

/* What servers that are given the pair would stumble over. */
static void secret_warn(const json_t *secret, const json_t *old, char ***warnings)
{
	AUTO_STR certificate = STR_INIT, key = STR_INIT;
	(void)old;
	if (strcmp(json_str_or(secret, "type", ""), "kubernetes.io/tls"))
		return;
	secret_bytes(secret, "tls.crt", &certificate);
	secret_bytes(secret, "tls.key", &key);
	AUTO_FREE char *problem = pem_pair_problem(str_text(&certificate), certificate.len, str_text(&key), key.len);
	if (problem)
		strv_add(warnings, problem);
	if (key.len)
		memset(key.p, 0, key.len);
}

/* Elections that the server coordinates are off by default: what only they use is dropped, unless it is there already. */
static void lease_set_defaults(json_t *lease, const json_t *old)
{
	json_t *spec = json_object_get(lease, "spec");
	if (json_at(old, "spec.strategy"))
		return;
	json_object_del(spec, "strategy");
	json_object_del(spec, "preferredHolder");
}

static void lease_validate(const json_t *lease, const json_t *old, struct field_errors *errors)
{
	const json_t *duration = json_at(lease, "spec.leaseDurationSeconds");
	(void)old;
	if (json_is_integer(duration) && json_integer_value(duration) <= 0)
		field_invalid(errors, "spec.leaseDurationSeconds", duration, "must be greater than 0");
	validate_not_negative(lease, "spec.leaseTransitions", errors);
	if (json_at(lease, "spec.holderIdentity") && !*json_str_or(lease, "spec.holderIdentity", "") && json_at(lease, "spec.strategy"))
		field_invalid(errors, "spec.holderIdentity", json_at(lease, "spec.holderIdentity"), "must not be empty");
}

/* The phase follows from whether it is being deleted. */
static void namespace_validate_status(const json_t *ns, const json_t *old, struct field_errors *errors)
{
	bool going = json_str_at(ns, "metadata.deletionTimestamp") != NULL;
	const char *phase = json_str_or(ns, "status.phase", "");
	AUTO_JSON *shown = json_string(phase);
	(void)old;
	if (going ? strcmp(phase, "Terminating") != 0 : strcmp(phase, "Active") != 0)
		field_invalid(errors, "status.Phase", shown, "may only be '%s' if `deletionTimestamp` is %s", going ? "Terminating" : "Active",
			      going ? "not empty" : "empty");
}

void namespace_finalizers_validate(const json_t *ns, bool indexes, struct field_errors *errors)
{
	static const char *const standard[] = { "kubernetes", "orphan", "foregroundDeletion", NULL };
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	json_array_foreach(json_at(ns, "spec.finalizers"), i, v) {
		const char *text = json_string_value(v);
		FIELD_PATH(p, "spec.finalizers");
		if (indexes)
			FIELD_PATH(p, "spec.finalizers[%zu]", i);
		validate_name(text, p, name_check_qualified, errors);
		if (!strchr(text, '/') && !strv_has((char *const *)standard, text))
			field_invalid(errors, p, v, "name is neither a standard finalizer name nor is it fully qualified");
	}
}

static void namespace_validate(const json_t *ns, const json_t *old, struct field_errors *errors)
{
	if (!old)
		namespace_finalizers_validate(ns, false, errors);
}

const struct kind_ops namespace_ops = { .group = "", .kind = "Namespace", .set_defaults = namespace_set_defaults,
	.prepare_create = namespace_prepare_create, .prepare_update = namespace_prepare_update, .prepare_status = kind_keep_spec,
	.validate = namespace_validate, .validate_status = namespace_validate_status, .has_status = true };
const struct kind_ops configmap_ops = { .group = "", .kind = "ConfigMap", .validate = configmap_validate };
const struct kind_ops secret_ops = { .group = "", .kind = "Secret", .set_defaults = secret_set_defaults, .validate = secret_validate, .warn = secret_warn };
const struct kind_ops serviceaccount_ops = { .group = "", .kind = "ServiceAccount", .warn = account_warn };
const struct kind_ops lease_ops = { .group = "coordination.k8s.io", .kind = "Lease", .set_defaults = lease_set_defaults, .validate = lease_validate };
