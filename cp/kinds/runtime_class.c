/* Rules of runtime classes: a handler, what it costs, and where it is. Pure; nothing fails. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"
#include "cp/kinds/rule.h"

/* No two tolerations say the same. */
static void validate_distinct(const json_t *tolerations, struct field_errors *errors)
{
	static const char *const keys[] = { "key", "operator", "value", "effect" };
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *t;
	size_t i;
	json_array_foreach(tolerations, i, t) {
		AUTO_STR text = STR_INIT;
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			str_add_json(&text, json_str_or(t, keys[k], ""));
		AUTO_JSON *shown = go_shown(errors, "core.v1.Toleration", t);
		if (map_has(seen, str_text(&text)))
			field_duplicate(errors, FIELD_PATH(p, "scheduling.tolerations[%zu]", i), shown);
		map_set(seen, str_text(&text), t);
	}
}

static void validate_scheduling(const json_t *scheduling, struct field_errors *errors)
{
	const json_t *tolerations = json_object_get(scheduling, "tolerations");
	const char *key;
	json_t *v;
	json_object_foreach(json_object_get(scheduling, "nodeSelector"), key, v) {
		validate_name(key, "scheduling.nodeSelector", name_check_qualified, errors);
		validate_name(json_string_value(v), "scheduling.nodeSelector", name_check_label_value, errors);
	}
	tolerations_validate(tolerations, "scheduling.tolerations", errors);
	validate_distinct(tolerations, errors);
}

static void runtime_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	static const char *const order[] = { "handler", "overhead", "scheduling.nodeSelector", "scheduling.tolerations", NULL };
	const json_t *fixed = json_at(class, "overhead.podFixed");
	AUTO_JSON *limits = json_object();
	if (rule_required(class, "", "handler", NULL, errors))
		validate_name(json_str_or(class, "handler", ""), "handler", name_check_label, errors);
	if (fixed) {
		json_object_set(limits, "limits", (json_t *)fixed);
		resource_requirements_validate(limits, "overhead", resource_name_validate_container, errors);
	}
	validate_scheduling(json_object_get(class, "scheduling"), errors);
	errors_order(errors, "", order);
	if (old)
		validate_immutable(class, old, "handler", errors);
}

static void runtime_warn(const json_t *class, const json_t *old, char ***warnings)
{
	const char *key, *why;
	json_t *v;
	(void)old;
	json_object_foreach(json_at(class, "scheduling.nodeSelector"), key, v)
		if ((why = node_label_deprecation(key))) {
			AUTO_FREE char *text = xasprintf("scheduling.nodeSelector: %s", why);
			strv_add(warnings, text);
		}
}

const struct kind_ops runtimeclass_ops = { .group = "node.k8s.io", .kind = "RuntimeClass", .validate = runtime_validate, .warn = runtime_warn };
