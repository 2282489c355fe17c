/* Rules of nodes: taints, the ranges of their pods, what they have and can do. */
#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"

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
static void validate_pod_cidrs(const json_t *node, const json_t *old, struct field_errors *errors)
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
		rule_cidr(t, json_at(old, "spec.podCIDRs"), FIELD_PATH(p, "spec.podCIDRs[%zu]", i), errors);
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

/* UpperCamelCase, and parts of it behind slashes: "Feature/part". */
static bool is_feature(const char *text)
{
	bool begins = true;
	if (!(*text >= 'A' && *text <= 'Z'))
		return false;
	for (; *text; text++) {
		bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z'), digit = *text >= '0' && *text <= '9';
		if (*text == '/' ? begins : !letter && (!digit || begins))
			return false;
		begins = *text == '/';
	}
	return !begins;
}

/* What the node can do, in order and once. */
static void validate_features(const json_t *node, struct field_errors *errors)
{
	enum { FEATURE_MAX = 253 };
	const json_t *list = json_at(node, "status.declaredFeatures");
	char p[FIELD_PATH_MAX];
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v) {
		const char *text = json_string_value(v), *before = i ? json_string_value(json_array_get(list, i - 1)) : "";
		FIELD_PATH(p, "status.declaredFeatures[%zu]", i);
		if (i && !strcmp(before, text))
			field_duplicate(errors, p, v);
		else if (i && strcmp(before, text) > 0)
			field_invalid(errors, p, v, "list must be sorted alphabetically");
		if (strlen(text) > FEATURE_MAX)
			field_invalid(errors, p, v, "invalid feature name \"%s\": must be no more than %d characters", text, FEATURE_MAX);
		else if (!is_feature(text))
			field_invalid(errors, p, v,
				      "invalid feature name \"%s\": must start with an UpperCamelCase segment, with subsequent segments separated by "
				      "'/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes",
				      text);
	}
}

static void node_validate_status(const json_t *node, const json_t *old, struct field_errors *errors)
{
	(void)old;
	validate_node_resources(node, errors);
	validate_features(node, errors);
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
	validate_features(node, errors);
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
	validate_features(node, errors);
	validate_pod_cidrs(node, old, errors);
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

static void node_warn(const json_t *node, const json_t *old, char ***warnings)
{
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	(void)old;
	if (json_at(node, "spec.configSource"))
		strv_add(warnings, "spec.configSource: the feature is removed");
	if (!str_empty(json_str_at(node, "spec.externalID")))
		strv_add(warnings, "spec.externalID: this field is deprecated, and is unused by Kubernetes");
	json_array_foreach(json_at(node, "spec.podCIDRs"), i, v)
		ip_form_range_warn(FIELD_PATH(p, "spec.podCIDRs[%zu]", i), json_is_string(v) ? json_string_value(v) : "", warnings);
}

const struct kind_ops node_ops = { .group = "", .kind = "Node", .set_defaults = node_set_defaults, .prepare_create = node_prepare_create,
	.prepare_update = kind_keep_status,
	.prepare_status = kind_keep_spec, .validate = node_validate, .validate_status = node_validate_status, .warn = node_warn, .has_status = true };
