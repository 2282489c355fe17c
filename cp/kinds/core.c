/* Rules of the small kinds: namespaces, nodes, config maps, secrets, leases. */
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"
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

static void validate_taint(const json_t *t, const char *path, struct field_errors *errors)
{
	static const char *const effects[] = { "NoSchedule", "PreferNoSchedule", "NoExecute", NULL };
	char p[FIELD_PATH_MAX];
	validate_name(json_str_or(t, "key", ""), FIELD_PATH(p, "%s.key", path), name_check_qualified, errors);
	validate_name(json_str_or(t, "value", ""), FIELD_PATH(p, "%s.value", path), name_check_label_value, errors);
	if (rule_required(t, path, "effect", NULL, errors))
		rule_word(t, path, "effect", effects, errors);
}

/* The reference tells them as if they were in the metadata. */
static void validate_taints(const json_t *node, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *t;
	json_array_foreach(json_at(node, "spec.taints"), i, t) {
		const char *key = json_str_or(t, "key", ""), *effect = json_str_or(t, "effect", "");
		AUTO_FREE char *pair = xasprintf("%s:%s", key, effect);
		FIELD_PATH(p, "metadata.taints[%zu]", i);
		validate_taint(t, p, errors);
		if (!map_has(seen, pair)) {
			map_set(seen, pair, t);
			continue;
		}
		AUTO_JSON *value = json_pack("{s:s, s:s, s:s, s:O?}", "Key", key, "Value", json_str_or(t, "value", ""), "Effect", effect, "TimeAdded",
					     json_object_get(t, "timeAdded"));
		AUTO_FREE char *shown = json_text(value);
		field_add(errors, "FieldValueDuplicate", p, "Duplicate value: %s: taints must be unique by key and effect pair", shown);
	}
}

/* One range of each family at most. */
static void validate_pod_cidrs(const json_t *node, struct field_errors *errors)
{
	const json_t *list = json_at(node, "spec.podCIDRs");
	char p[FIELD_PATH_MAX];
	int fours = 0, sixes = 0;
	size_t i;
	json_t *t;
	json_array_foreach(list, i, t) {
		const char *text = json_is_string(t) ? json_string_value(t) : "";
		fours += is_cidr(text) && !strchr(text, ':');
		sixes += is_cidr(text) && strchr(text, ':');
		if (!is_cidr(text))
			field_invalid(errors, FIELD_PATH(p, "spec.podCIDRs[%zu]", i), t, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
	}
	if (json_array_size(list) > 2 || fours > 1 || sixes > 1)
		field_invalid(errors, "spec.podCIDRs", list, "may specify no more than one CIDR for each IP family");
	json_array_foreach(list, i, t) {
		for (size_t k = 0; k < i; k++)
			if (json_equal(json_array_get(list, k), t)) {
				field_duplicate(errors, FIELD_PATH(p, "spec.podCIDRs[%zu]", i), t);
				break;
			}
	}
}

static void validate_node_resources(const json_t *node, struct field_errors *errors)
{
	static const char *const lists[] = { "capacity", "allocatable" };
	char p[FIELD_PATH_MAX];
	const char *name;
	json_t *v;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_object_foreach(json_object_get(json_object_get(node, "status"), lists[i]), name, v)
			resource_amount_validate(name, v, FIELD_PATH(p, "status.%s.%s", lists[i], name), errors);
}

static void validate_addresses(const json_t *node, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *v;
	json_array_foreach(json_at(node, "status.addresses"), i, v) {
		const char *type = json_str_or(v, "type", ""), *address = json_str_or(v, "address", "");
		AUTO_FREE char *pair = xasprintf("%s %s", type, address);
		AUTO_JSON *shown = json_pack("{s:s, s:s}", "Type", type, "Address", address);
		if (map_has(seen, pair))
			field_duplicate(errors, FIELD_PATH(p, "status.addresses[%zu]", i), shown);
		map_set(seen, pair, v);
	}
}

static void node_validate_status(const json_t *node, const json_t *old, struct field_errors *errors)
{
	(void)old;
	validate_node_resources(node, errors);
	validate_addresses(node, errors);
}

static bool same_cidrs(const json_t *now, const json_t *was)
{
	return json_array_size(now) == json_array_size(was) && (!now || json_equal(now, was));
}

/* The reference looks at an update in two rounds; some things it sees in both. */
static void node_validate_update(const json_t *node, const json_t *old, struct field_errors *errors)
{
	AUTO_FIELD_ERRORS first = { .schema = errors->schema };
	const json_t *cidrs = json_at(old, "spec.podCIDRs");
	validate_node_resources(node, errors);
	validate_addresses(node, errors);
	if (json_array_size(cidrs) && !same_cidrs(json_at(node, "spec.podCIDRs"), cidrs))
		field_forbidden(errors, "spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
	if (json_str_at(old, "spec.providerID") && !str_eq(json_str_at(old, "spec.providerID"), json_str_at(node, "spec.providerID")))
		field_forbidden(errors, "spec.providerID", "node updates may not change providerID except from \"\" to valid");
	validate_taints(node, &first);
	field_errors_again(errors, &first);
	if (strcmp(json_str_or(old, "spec.externalID", ""), json_str_or(node, "spec.externalID", "")))
		field_forbidden(errors, "spec.externalID", "may not be updated");
}

static void node_validate(const json_t *node, const json_t *old, struct field_errors *errors)
{
	validate_taints(node, errors);
	validate_node_resources(node, errors);
	validate_pod_cidrs(node, errors);
	if (old)
		node_validate_update(node, old, errors);
}

static void node_set_defaults(json_t *node, const json_t *old)
{
	json_t *spec = json_object_get(node, "spec");
	json_t *cidr = json_object_get(spec, "podCIDR"), *cidrs = json_object_get(spec, "podCIDRs");
	if (!json_at(old, "spec.configSource"))
		json_object_del(spec, "configSource");
	if (cidr && !cidrs)
		json_object_set_new(spec, "podCIDRs", json_pack("[O]", cidr));
	else if (!cidr && json_array_size(cidrs))
		json_object_set(spec, "podCIDR", json_array_get(cidrs, 0));
	json_t *status = json_object_get(node, "status");
	if (json_object_get(status, "capacity") && !json_object_get(status, "allocatable"))
		json_object_set_new(status, "allocatable", json_clone(json_object_get(status, "capacity")));
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
	if (old)
		validate_frozen(cm, old, fields, errors);
	size_t n = validate_keys(json_object_get(cm, "data"), "data", json_object_get(cm, "binaryData"), errors);
	n += validate_keys(json_object_get(cm, "binaryData"), "binaryData", NULL, errors) / 4 * 3;
	if (n > CONFIG_MAX_BYTES)
		field_too_long(errors, "", CONFIG_MAX_BYTES);
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

void namespace_finalizers_validate(const json_t *ns, struct field_errors *errors)
{
	static const char *const standard[] = { "kubernetes", "orphan", "foregroundDeletion", NULL };
	const char *rules[NAME_CHECK_MAX];
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	json_array_foreach(json_at(ns, "spec.finalizers"), i, v) {
		const char *text = json_string_value(v);
		FIELD_PATH(p, "spec.finalizers[%zu]", i);
		validate_name(text, p, name_check_qualified, errors);
		if (!name_check_qualified_all(text, rules) && !strchr(text, '/') && !strv_has((char *const *)standard, text))
			field_invalid(errors, p, v, "name is neither a standard finalizer name nor is it fully qualified");
	}
}

static void namespace_validate(const json_t *ns, const json_t *old, struct field_errors *errors)
{
	if (!old)
		namespace_finalizers_validate(ns, errors);
}

const struct kind_ops namespace_ops = { .group = "", .kind = "Namespace", .set_defaults = namespace_set_defaults,
	.prepare_create = namespace_prepare_create, .prepare_update = namespace_prepare_update, .prepare_status = kind_keep_spec,
	.validate = namespace_validate, .validate_status = namespace_validate_status, .has_status = true };
const struct kind_ops node_ops = { .group = "", .kind = "Node", .set_defaults = node_set_defaults, .prepare_create = node_prepare_create,
	.prepare_update = kind_keep_status,
	.prepare_status = kind_keep_spec, .validate = node_validate, .validate_status = node_validate_status, .has_status = true };
const struct kind_ops configmap_ops = { .group = "", .kind = "ConfigMap", .validate = configmap_validate };
const struct kind_ops secret_ops = { .group = "", .kind = "Secret", .set_defaults = secret_set_defaults, .validate = secret_validate };
const struct kind_ops serviceaccount_ops = { .group = "", .kind = "ServiceAccount", .warn = account_warn };
const struct kind_ops lease_ops = { .group = "coordination.k8s.io", .kind = "Lease", .set_defaults = lease_set_defaults, .validate = lease_validate };
