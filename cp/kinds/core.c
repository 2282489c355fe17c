/* Rules of the small kinds: namespaces, nodes, config maps, secrets, leases, events. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
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
	json_set_at(ns, "spec.finalizers", json_pack("[s]", "kubernetes"));
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

static void node_validate(const json_t *node, const json_t *old, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *t;
	json_array_foreach(json_at(node, "spec.taints"), i, t) {
		const char *key = json_str_or(t, "key", ""), *effect = json_str_or(t, "effect", "");
		AUTO_FREE char *pair = xasprintf("%s:%s", key, effect);
		validate_name(key, FIELD_PATH(p, "metadata.taints[%zu].key", i), name_check_qualified, errors);
		if (!map_has(seen, pair)) {
			map_set(seen, pair, t);
			continue;
		}
		AUTO_JSON *value = json_pack("{s:s, s:s, s:s, s:n}", "Key", key, "Value", json_str_or(t, "value", ""), "Effect", effect, "TimeAdded");
		AUTO_FREE char *shown = json_text(value);
		field_add(errors, "FieldValueDuplicate", FIELD_PATH(p, "metadata.taints[%zu]", i),
			  "Duplicate value: %s: taints must be unique by key and effect pair", shown);
	}
	json_array_foreach(json_at(node, "spec.podCIDRs"), i, t) {
		AUTO_FREE char *cidr = xstrdup(json_is_string(t) ? json_string_value(t) : "");
		char *slash = strchr(cidr, '/');
		if (slash)
			*slash = '\0';
		int family = slash ? ip_family(cidr) : 0;
		int64_t bits = -1;
		if (family)
			(void)str_to_i64(slash + 1, &bits);
		if (!family || bits < 0 || bits > (family == 4 ? 32 : 128))
			field_invalid(errors, FIELD_PATH(p, "spec.podCIDRs[%zu]", i), t, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
	}
	if (old && json_str_at(old, "spec.podCIDR") && !str_eq(json_str_at(old, "spec.podCIDR"), json_str_at(node, "spec.podCIDR")))
		field_forbidden(errors, "spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
	if (old && json_str_at(old, "spec.providerID") && !str_eq(json_str_at(old, "spec.providerID"), json_str_at(node, "spec.providerID")))
		field_forbidden(errors, "spec.providerID", "node updates may not change providerID except from \"\" to valid");
}

static void node_set_defaults(json_t *node, const json_t *old)
{
	json_t *spec = json_object_get(node, "spec");
	json_t *cidr = json_object_get(spec, "podCIDR"), *cidrs = json_object_get(spec, "podCIDRs");
	(void)old;
	if (cidr && !cidrs)
		json_object_set_new(spec, "podCIDRs", json_pack("[O]", cidr));
	else if (!cidr && json_array_size(cidrs))
		json_object_set(spec, "podCIDR", json_array_get(cidrs, 0));
	json_t *status = json_object_get(node, "status");
	if (json_object_get(status, "capacity") && !json_object_get(status, "allocatable"))
		json_object_set_new(status, "allocatable", json_deep_copy(json_object_get(status, "capacity")));
}

/* A node takes no pods before its lifecycle controller has seen it ready. */
static void node_prepare_create(json_t *node)
{
	static const char key[] = "node.kubernetes.io/not-ready";
	json_t *taints = json_array_at(node, "spec.taints"), *t;
	size_t i;
	json_array_foreach(taints, i, t)
		if (str_eq(json_member(t, "key"), key) && str_eq(json_member(t, "effect"), "NoSchedule"))
			return;
	json_array_append_new(taints, json_pack("{s:s, s:s}", "key", key, "effect", "NoSchedule"));
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
	size_t n = validate_keys(json_object_get(cm, "data"), "data", json_object_get(cm, "binaryData"), errors);
	n += validate_keys(json_object_get(cm, "binaryData"), "binaryData", NULL, errors) / 4 * 3;
	if (n > CONFIG_MAX_BYTES)
		field_too_long(errors, "", CONFIG_MAX_BYTES);
	if (old)
		validate_frozen(cm, old, fields, errors);
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
		require_key(secret, "ssh-privatekey", errors);
	} else if (!strcmp(type, "kubernetes.io/service-account-token") &&
		   !json_object_get(json_at(secret, "metadata.annotations"), "kubernetes.io/service-account.name")) {
		field_required(errors, "metadata.annotations[kubernetes.io/service-account.name]", NULL);
	}
	if (old)
		validate_immutable(secret, old, "type", errors);
	if (old)
		validate_frozen(secret, old, fields, errors);
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

static void event_validate(const json_t *event, const json_t *old, struct field_errors *errors)
{
	const char *ns = json_str_or(event, "metadata.namespace", ""), *of = json_str_or(event, "involvedObject.namespace", "");
	(void)old;
	if (*of ? strcmp(ns, of) != 0 : *ns && strcmp(ns, "default")) {
		AUTO_JSON *v = json_string(of);
		field_invalid(errors, "involvedObject.namespace", v, "does not match event.namespace");
	}
}

/* The rules of the newer version are stricter; old ones, which have no eventTime, stay writable. */
static void new_event_validate(const json_t *event, const json_t *old, struct field_errors *errors)
{
	const char *ns = json_str_or(event, "metadata.namespace", ""), *of = json_str_or(event, "regarding.namespace", "");
	const char *type = json_str_or(event, "type", "");
	AUTO_JSON *shown = json_string(type);
	if (*of ? strcmp(ns, of) != 0 : *ns && strcmp(ns, "default")) {
		AUTO_JSON *v = json_string(of);
		field_invalid(errors, "involvedObject.namespace", v, "does not match event.namespace");
	}
	if (old)
		return;
	if (!json_str_at(event, "eventTime"))
		field_required(errors, "eventTime", NULL);
	if (strcmp(type, "Normal") && strcmp(type, "Warning"))
		field_invalid(errors, "type", shown, "has invalid value: %s", type);
	if (!json_str_at(event, "eventTime"))
		return;
	static const char *const texts[] = { "reportingController", "reportingInstance", "action", "reason" };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (str_empty(json_str_or(event, texts[i], "")))
			field_required(errors, texts[i], NULL);
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

const struct kind_ops namespace_ops = { .group = "", .kind = "Namespace", .set_defaults = namespace_set_defaults,
	.prepare_create = namespace_prepare_create, .prepare_update = namespace_prepare_update, .prepare_status = kind_keep_spec,
	.validate_status = namespace_validate_status, .has_status = true };
const struct kind_ops node_ops = { .group = "", .kind = "Node", .set_defaults = node_set_defaults, .prepare_create = node_prepare_create,
	.prepare_update = kind_keep_status,
	.prepare_status = kind_keep_spec, .validate = node_validate, .has_status = true };
const struct kind_ops configmap_ops = { .group = "", .kind = "ConfigMap", .validate = configmap_validate };
const struct kind_ops secret_ops = { .group = "", .kind = "Secret", .set_defaults = secret_set_defaults, .validate = secret_validate };
const struct kind_ops serviceaccount_ops = { .group = "", .kind = "ServiceAccount" };
const struct kind_ops lease_ops = { .group = "coordination.k8s.io", .kind = "Lease", .set_defaults = lease_set_defaults, .validate = lease_validate };
const struct kind_ops event_ops = { .group = "", .kind = "Event", .validate = event_validate };
const struct kind_ops events_event_ops = { .group = "events.k8s.io", .kind = "Event", .validate = new_event_validate };
