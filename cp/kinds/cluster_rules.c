/* Rules of what belongs to the whole cluster: priority and runtime classes, flow control. */
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"
#include "cp/kinds/resource_name.h"

/* --- priority classes --------------------------------------------------------------------------------------------------- */

enum { HIGHEST_USER_PRIORITY = 1000000000 };
static const struct {
	const char *name;
	int64_t value;
} system_classes[] = { { "system-node-critical", 2000001000 }, { "system-cluster-critical", 2000000000 } };

/* Why a class named system-... is not one of the cluster's own; NULL: it is. Owned. */
static char *not_of_system(const json_t *class, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(system_classes); i++) {
		if (strcmp(system_classes[i].name, name))
			continue;
		if (json_int_at(class, "value", 0) != system_classes[i].value)
			return xasprintf("value of %s PriorityClass must be %lld", name, (long long)system_classes[i].value);
		return json_bool_at(class, "globalDefault", false)
			       ? xasprintf("globalDefault of %s PriorityClass must be false", name)
			       : NULL;
	}
	return xasprintf("%s is not a known system priority class", name);
}

static void priority_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	const char *name = json_str_or(class, "metadata.name", "");
	if (old) {
		if (json_int_at(class, "value", 0) != json_int_at(old, "value", 0))
			field_forbidden(errors, "value", "may not be changed in an update.");
		validate_immutable(class, old, "preemptionPolicy", errors);
		return;
	}
	if (!str_has_prefix(name, "system-")) {
		if (json_int_at(class, "value", 0) > HIGHEST_USER_PRIORITY)
			field_forbidden(errors, "value", "maximum allowed value of a user defined priority is %d", HIGHEST_USER_PRIORITY);
		return;
	}
	AUTO_FREE char *why = not_of_system(class, name);
	if (why)
		field_forbidden(errors, "metadata.name", "priority class names with 'system-' prefix are reserved for system use only. error: %s",
				why);
}

const struct kind_ops priorityclass_ops = { .group = "scheduling.k8s.io", .kind = "PriorityClass", .validate = priority_validate };

static void runtime_validate(const json_t *class, const json_t *old, struct field_errors *errors)
{
	const char *handler = json_str_or(class, "handler", "");
	if (*handler)
		validate_name(handler, "handler", name_check_label, errors);
	if (old)
		validate_immutable(class, old, "handler", errors);
	const json_t *scheduling = json_object_get(class, "scheduling"), *fixed = json_at(class, "overhead.podFixed");
	AUTO_JSON *limits = json_object();
	const char *key;
	json_t *v;
	if (fixed) {
		json_object_set(limits, "limits", (json_t *)fixed);
		resource_requirements_validate(limits, "overhead.podFixed", resource_name_validate_container, errors);
	}
	json_object_foreach(json_object_get(scheduling, "nodeSelector"), key, v) {
		validate_name(key, "scheduling.nodeSelector", name_check_qualified, errors);
		validate_name(json_string_value(v), "scheduling.nodeSelector", name_check_label_value, errors);
	}
	tolerations_validate(json_object_get(scheduling, "tolerations"), "scheduling.tolerations", errors);
}

const struct kind_ops runtimeclass_ops = { .group = "node.k8s.io", .kind = "RuntimeClass", .validate = runtime_validate };

/* --- flow control --------------------------------------------------------------------------------------------------------- */

#define FLOWCONTROL "flowcontrol.apiserver.k8s.io"

static void validate_response(const json_t *response, struct field_errors *errors)
{
	static const char *const types[] = { "Queue", "Reject", NULL };
	static const char *const numbers[] = { "queues", "handSize", "queueLengthLimit" };
	const json_t *queuing = json_object_get(response, "queuing");
	const char *type = json_str_or(response, "type", "");
	AUTO_JSON *given = json_string(type);
	char p[FIELD_PATH_MAX];
	if (!strcmp(type, "Reject") && queuing)
		field_forbidden(errors, "spec.limited.limitResponse.queuing", "must be nil if limited.limitResponse.type is not Limited");
	else if (!strcmp(type, "Queue") && !queuing)
		field_required(errors, "spec.limited.limitResponse.queuing", "must not be empty if limited.limitResponse.type is Limited");
	else if (strcmp(type, "Queue") && strcmp(type, "Reject"))
		field_not_supported(errors, "spec.limited.limitResponse.type", given, types);
	for (size_t i = 0; queuing && i < ARRAY_LEN(numbers); i++) {
		const json_t *v = json_object_get(queuing, numbers[i]);
		if (json_is_integer(v) && json_integer_value(v) <= 0)
			field_invalid(errors, FIELD_PATH(p, "spec.limited.limitResponse.queuing.%s", numbers[i]), v, "must be positive");
	}
	const json_t *hand = json_object_get(queuing, "handSize");
	if (json_integer_value(hand) > json_int_at(queuing, "queues", 0))
		field_invalid(errors, "spec.limited.limitResponse.queuing.handSize", hand, "should not be greater than queues (%lld)",
			      (long long)json_int_at(queuing, "queues", 0));
}

static void validate_shares(const json_t *level, const char *part, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *shares = json_object_get(level, "nominalConcurrencyShares"), *lent = json_object_get(level, "lendablePercent");
	if (json_is_integer(shares) && json_integer_value(shares) < 0)
		field_invalid(errors, FIELD_PATH(p, "spec.%s.nominalConcurrencyShares", part), shares, "must be a non-negative integer");
	if (json_is_integer(lent) && (json_integer_value(lent) < 0 || json_integer_value(lent) > 100))
		field_invalid(errors, FIELD_PATH(p, "spec.%s.lendablePercent", part), lent, "must be between 0 and 100, inclusive");
}

static void level_validate(const json_t *level, const json_t *old, struct field_errors *errors)
{
	static const char *const types[] = { "Exempt", "Limited", NULL };
	const json_t *limited = json_at(level, "spec.limited"), *exempt = json_at(level, "spec.exempt");
	const char *type = json_str_or(level, "spec.type", "");
	AUTO_JSON *given = json_string(type);
	(void)old;
	if (!strcmp(type, "Exempt")) {
		if (limited)
			field_forbidden(errors, "spec.limited", "must be nil if the type is not Limited");
		validate_shares(exempt, "exempt", errors);
	} else if (!strcmp(type, "Limited")) {
		if (exempt)
			field_forbidden(errors, "spec.exempt", "must be nil if the type is Limited");
		if (!limited) {
			field_required(errors, "spec.limited", "must not be empty when type is Limited");
			return;
		}
		validate_shares(limited, "limited", errors);
		validate_response(json_object_get(limited, "limitResponse"), errors);
	} else {
		field_not_supported(errors, "spec.type", given, types);
	}
}

static void level_set_defaults(json_t *level, const json_t *old)
{
	json_t *exempt = json_at(level, "spec.exempt");
	(void)old;
	if (!exempt)
		return;
	set_default(exempt, "nominalConcurrencyShares", json_integer(0));
	set_default(exempt, "lendablePercent", json_integer(0));
}

const struct kind_ops prioritylevel_ops = {
	.group = FLOWCONTROL, .kind = "PriorityLevelConfiguration", .set_defaults = level_set_defaults, .prepare_create = kind_empty_status,
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = level_validate, .has_status = true };

static void validate_flow_subject(const json_t *subject, const char *at, struct field_errors *errors)
{
	static const char *const kinds[] = { "Group", "ServiceAccount", "User", NULL };
	static const struct {
		const char *kind, *member;
	} members[] = { { "ServiceAccount", "serviceAccount" }, { "User", "user" }, { "Group", "group" } };
	const char *kind = json_str_or(subject, "kind", "");
	AUTO_JSON *given = json_string(kind);
	char p[FIELD_PATH_MAX];
	bool known = false;
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		bool own = !strcmp(kind, members[i].kind);
		known |= own;
		FIELD_PATH(p, "%s.%s", at, members[i].member);
		if (own && !json_object_get(subject, members[i].member)) {
			AUTO_FREE char *why = xasprintf("%s is required when subject kind is '%s'", members[i].member, kind);
			field_required(errors, p, why);
		} else if (!own && json_object_get(subject, members[i].member)) {
			field_forbidden(errors, p, "%s is forbidden when subject kind is not '%s'", members[i].member, members[i].kind);
		}
	}
	if (!known)
		field_not_supported(errors, FIELD_PATH(p, "%s.kind", at), given, kinds);
}

static void validate_flow_rule(const json_t *rule, const char *at, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *subject;
	size_t i;
	if (!json_array_size(json_object_get(rule, "subjects")))
		field_required(errors, FIELD_PATH(p, "%s.subjects", at), "subjects must contain at least one value");
	json_array_foreach(json_object_get(rule, "subjects"), i, subject)
		validate_flow_subject(subject, FIELD_PATH(p, "%s.subjects[%zu]", at, i), errors);
	if (!json_array_size(json_object_get(rule, "resourceRules")) && !json_array_size(json_object_get(rule, "nonResourceRules")))
		field_required(errors, at, "at least one of resourceRules and nonResourceRules has to be non-empty");
}

static void flow_validate(const json_t *flow, const json_t *old, struct field_errors *errors)
{
	static const char *const methods[] = { "ByNamespace", "ByUser", NULL };
	const json_t *precedence = json_at(flow, "spec.matchingPrecedence"), *method = json_at(flow, "spec.distinguisherMethod");
	const char *type = json_str_or(flow, "spec.distinguisherMethod.type", "");
	int64_t n = json_int_at(flow, "spec.matchingPrecedence", 0);
	char p[FIELD_PATH_MAX];
	json_t *rule;
	size_t i;
	(void)old;
	if (n <= 0)
		field_invalid(errors, "spec.matchingPrecedence", precedence, "must be a positive value");
	if (n > 10000)
		field_invalid(errors, "spec.matchingPrecedence", precedence, "must not be greater than 10000");
	if (n == 1 && strcmp(json_str_or(flow, "metadata.name", ""), "exempt"))
		field_invalid(errors, "spec.matchingPrecedence", precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
	if (method && strcmp(type, "ByNamespace") && strcmp(type, "ByUser"))
		field_not_supported(errors, "spec.distinguisherMethod", method, methods);
	if (str_empty(json_str_at(flow, "spec.priorityLevelConfiguration.name")))
		field_required(errors, "spec.priorityLevelConfiguration.name", "must reference a priority level");
	json_array_foreach(json_at(flow, "spec.rules"), i, rule)
		validate_flow_rule(rule, FIELD_PATH(p, "spec.rules[%zu]", i), errors);
}

const struct kind_ops flowschema_ops = {
	.group = FLOWCONTROL, .kind = "FlowSchema", .prepare_create = kind_empty_status, .prepare_update = kind_keep_status,
	.prepare_status = kind_keep_spec, .validate = flow_validate, .has_status = true };
