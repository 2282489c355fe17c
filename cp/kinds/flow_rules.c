/* Rules of flow schemas and priority levels. Purpose: the server reads them for every request, so that what is stored can
 * be used. Happy path: each member by itself, then the four objects that every cluster has, whose specs are fixed. Nothing
 * fails. */
#include <math.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/go_value.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define FLOWCONTROL "flowcontrol.apiserver.k8s.io"

enum { PRECEDENCE_MAX = 10000, QUEUES_MAX = 10000000, HASH_BITS_MAX = 60 };

/* --- what is fixed ---------------------------------------------------------------------------------------------------- */

#define EVERYTHING                                                                                                              \
	"\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"clusterScope\":true,\"namespaces\":[\"*\"]}],"       \
	"\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]"

static const struct fixed {
	const char *name, *spec;
	const char *open; /* the member that may be anything */
} fixed_levels[] = {
	{ "catch-all",
	  "{\"type\":\"Limited\",\"limited\":{\"nominalConcurrencyShares\":5,\"limitResponse\":{\"type\":\"Reject\"},\"lendablePercent\":0}}",
	  NULL },
	{ "exempt", "{\"type\":\"Exempt\"}", "exempt" },
}, fixed_schemas[] = {
	{ "catch-all",
	  "{\"priorityLevelConfiguration\":{\"name\":\"catch-all\"},\"matchingPrecedence\":10000,\"distinguisherMethod\":{\"type\":\"ByUser\"},"
	  "\"rules\":[{\"subjects\":[{\"kind\":\"Group\",\"group\":{\"name\":\"system:unauthenticated\"}},"
	  "{\"kind\":\"Group\",\"group\":{\"name\":\"system:authenticated\"}}]," EVERYTHING "}]}",
	  NULL },
	{ "exempt",
	  "{\"priorityLevelConfiguration\":{\"name\":\"exempt\"},\"matchingPrecedence\":1,"
	  "\"rules\":[{\"subjects\":[{\"kind\":\"Group\",\"group\":{\"name\":\"system:masters\"}}]," EVERYTHING "}]}",
	  NULL },
};

static void validate_fixed(const json_t *object, const struct fixed *fixed, size_t n, const char *type, struct field_errors *errors)
{
	const char *name = json_str_or(object, "metadata.name", "");
	size_t i = 0;
	while (i < n && strcmp(fixed[i].name, name))
		i++;
	if (i == n)
		return;
	AUTO_JSON *wanted = json_loads(fixed[i].spec, 0, NULL), *given = json_copy(json_object_get(object, "spec"));
	if (fixed[i].open)
		json_object_del(given, fixed[i].open);
	if (json_equal(wanted, given))
		return;
	AUTO_JSON *shown = go_shown(errors, type, json_object_get(object, "spec"));
	if (fixed[i].open)
		field_invalid(errors, "spec", shown, "spec of '%s' except the 'spec.%s' field must equal the fixed value", name, fixed[i].open);
	else
		field_invalid(errors, "spec", shown, "spec of '%s' must equal the fixed value", name);
}

/* --- priority levels --------------------------------------------------------------------------------------------------- */

static void validate_hand(const json_t *queuing, const char *at, struct field_errors *errors)
{
	const json_t *hand = json_object_get(queuing, "handSize");
	int64_t n = json_integer_value(hand), queues = json_int_at(queuing, "queues", 0);
	int bits = queues > 0 && n > 0 ? (int)ceil(log2((double)queues) * (double)n) : 0;
	char p[FIELD_PATH_MAX];
	FIELD_PATH(p, "%s.handSize", at);
	if (n <= 0)
		field_invalid(errors, p, hand, "must be positive");
	else if (n > queues)
		field_invalid(errors, p, hand, "should not be greater than queues (%lld)", (long long)queues);
	else if (bits > HASH_BITS_MAX)
		field_invalid(errors, p, hand, "required entropy bits of deckSize %lld and handSize %lld should not be greater than %d",
			      (long long)queues, (long long)n, HASH_BITS_MAX);
}

static void validate_queuing(const json_t *queuing, const char *at, struct field_errors *errors)
{
	const json_t *length = json_object_get(queuing, "queueLengthLimit"), *queues = json_object_get(queuing, "queues");
	char p[FIELD_PATH_MAX];
	if (json_integer_value(length) <= 0)
		field_invalid(errors, FIELD_PATH(p, "%s.queueLengthLimit", at), length, "must be positive");
	FIELD_PATH(p, "%s.queues", at);
	if (json_integer_value(queues) <= 0)
		field_invalid(errors, p, queues, "must be positive");
	else if (json_integer_value(queues) > QUEUES_MAX)
		field_invalid(errors, p, queues, "must not be greater than %d", QUEUES_MAX);
	validate_hand(queuing, at, errors);
}

static void validate_response(const json_t *response, struct field_errors *errors)
{
	static const char *const types[] = { "Queue", "Reject", NULL };
	const json_t *queuing = json_object_get(response, "queuing");
	const char *type = json_str_or(response, "type", "");
	AUTO_JSON *given = json_string(type);
	if (!strcmp(type, "Reject") && queuing)
		field_forbidden(errors, "spec.limited.limitResponse.queuing", "must be nil if limited.limitResponse.type is not Limited");
	else if (!strcmp(type, "Queue") && !queuing)
		field_required(errors, "spec.limited.limitResponse.queuing", "must not be empty if limited.limitResponse.type is Limited");
	else if (!strcmp(type, "Queue"))
		validate_queuing(queuing, "spec.limited.limitResponse.queuing", errors);
	else if (strcmp(type, "Reject"))
		field_not_supported(errors, "spec.limited.limitResponse.type", given, types);
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

static void validate_limited(const json_t *limited, struct field_errors *errors)
{
	const json_t *borrowed = json_object_get(limited, "borrowingLimitPercent");
	if (!limited) {
		field_required(errors, "spec.limited", "must not be empty when type is Limited");
		return;
	}
	validate_shares(limited, "limited", errors);
	if (json_is_integer(borrowed) && json_integer_value(borrowed) < 0)
		field_invalid(errors, "spec.limited.borrowingLimitPercent", borrowed, "if specified, must be a non-negative integer");
	validate_response(json_object_get(limited, "limitResponse"), errors);
}

/* Conditions of a status: each type once. */
static void status_validate(const json_t *object, const json_t *old, struct field_errors *errors)
{
	AUTO_MAP *seen = map_new(NULL);
	char p[FIELD_PATH_MAX];
	json_t *condition;
	size_t i;
	(void)old;
	json_array_foreach(json_at(object, "status.conditions"), i, condition) {
		const char *type = json_str_or(condition, "type", "");
		FIELD_PATH(p, "status.conditions[%zu].type", i);
		if (map_has(seen, type))
			field_duplicate(errors, p, json_object_get(condition, "type"));
		map_set(seen, type, condition);
		if (!*type)
			field_required(errors, p, "must not be empty");
	}
}

static const char *const level_order[] = { "spec.type", "spec.limited.nominalConcurrencyShares", "spec.limited.limitResponse",
					   "spec.limited.lendablePercent", "spec.limited.borrowingLimitPercent", NULL };

static void level_validate(const json_t *level, const json_t *old, struct field_errors *errors)
{
	static const char *const types[] = { "Exempt", "Limited", NULL };
	const json_t *limited = json_at(level, "spec.limited"), *exempt = json_at(level, "spec.exempt");
	const char *type = json_str_or(level, "spec.type", "");
	bool is_exempt = !strcmp(type, "Exempt");
	AUTO_JSON *given = json_string(type);
	if (is_exempt != str_eq(json_str_at(level, "metadata.name"), "exempt"))
		field_invalid(errors, "spec.type", given, "type must be 'Exempt' if and only if name is 'exempt'");
	if (is_exempt) {
		if (limited)
			field_forbidden(errors, "spec.limited", "must be nil if the type is not Limited");
		validate_shares(exempt, "exempt", errors);
	} else if (!strcmp(type, "Limited")) {
		if (exempt)
			field_forbidden(errors, "spec.exempt", "must be nil if the type is Limited");
		validate_limited(limited, errors);
	} else {
		field_not_supported(errors, "spec.type", given, types);
	}
	errors_order(errors, "", level_order);
	validate_fixed(level, fixed_levels, ARRAY_LEN(fixed_levels), "flowcontrol.v1.PriorityLevelConfigurationSpec", errors);
	status_validate(level, old, errors);
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
	.prepare_update = kind_keep_status, .prepare_status = kind_keep_spec, .validate = level_validate, .validate_status = status_validate,
	.has_status = true, .status_keeps_meta = true };

/* --- flow schemas ------------------------------------------------------------------------------------------------------- */

static void validate_account(const json_t *account, const char *at, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const char *name = json_str_or(account, "name", ""), *ns = json_str_or(account, "namespace", "");
	if (*name && strcmp(name, "*"))
		validate_name(name, FIELD_PATH(p, "%s.name", at), name_check_subdomain, errors);
	if (*ns)
		validate_name(ns, FIELD_PATH(p, "%s.namespace", at), name_check_label, errors);
}

static const struct subject_member {
	const char *kind, *member;
} subject_members[] = { { "ServiceAccount", "serviceAccount" }, { "User", "user" }, { "Group", "group" } };

/* What the subject's own kind asks for. Returns whether it is known. */
static bool validate_own_member(const json_t *subject, const char *kind, const char *at, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	size_t i = 0;
	while (i < ARRAY_LEN(subject_members) && strcmp(kind, subject_members[i].kind))
		i++;
	if (i == ARRAY_LEN(subject_members))
		return false;
	const json_t *own = json_object_get(subject, subject_members[i].member);
	AUTO_FREE char *why = xasprintf("%s is required when subject kind is '%s'", subject_members[i].member, kind);
	FIELD_PATH(p, "%s.%s", at, subject_members[i].member);
	if (!own)
		field_required(errors, p, why);
	else if (i == 0)
		validate_account(own, p, errors);
	return true;
}

static void validate_subject(const json_t *subject, const char *at, struct field_errors *errors)
{
	static const char *const kinds[] = { "Group", "ServiceAccount", "User", NULL };
	const char *kind = json_str_or(subject, "kind", "");
	AUTO_JSON *given = json_string(kind);
	char p[FIELD_PATH_MAX];
	if (!validate_own_member(subject, kind, at, errors)) {
		field_not_supported(errors, FIELD_PATH(p, "%s.kind", at), given, kinds);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(subject_members); i++) {
		const struct subject_member *m = &subject_members[i];
		if (strcmp(kind, m->kind) && json_object_get(subject, m->member))
			field_forbidden(errors, FIELD_PATH(p, "%s.%s", at, m->member), "%s is forbidden when subject kind is not '%s'", m->member,
					m->kind);
	}
}

/* A list with something in it, and nothing beside a star. Returns whether its members are names. */
static bool validate_words(const json_t *rule, const char *at, const char *key, const char *none, const char *others,
			   struct field_errors *errors)
{
	const json_t *list = json_object_get(rule, key);
	char p[FIELD_PATH_MAX];
	FIELD_PATH(p, "%s.%s", at, key);
	if (!json_array_size(list))
		field_required(errors, p, none);
	else if (!json_has_text(list, "*"))
		return true;
	else if (json_array_size(list) > 1)
		field_invalid(errors, p, list, "if '*' is present, must not specify other %s", others);
	return false;
}

static void validate_verbs(const json_t *rule, const char *at, struct field_errors *errors)
{
	static const char *const verbs[] = { "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch", NULL };
	const json_t *list = json_object_get(rule, "verbs");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	if (!validate_words(rule, at, "verbs", "verbs must contain at least one value", "verbs", errors))
		return;
	json_array_foreach(list, i, v)
		if (!rule_is_one_of(json_string_value(v), verbs)) {
			field_not_supported(errors, FIELD_PATH(p, "%s.verbs", at), list, verbs);
			return;
		}
}

/* Why a path of a non-resource rule is none; NULL: it is one. */
static const char *path_problem(const char *path)
{
	const char *star = strchr(path, '*');
	size_t n = strlen(path);
	if (!*path)
		return "must not be empty";
	if (*path != '/')
		return "must start with slash";
	if (strchr(path, ' '))
		return "must not contain white-space";
	if (strstr(path, "//"))
		return "must not contain double slash";
	return star && (star != path + n - 1 || star[-1] != '/') ? "wildcard can only do suffix matching" : NULL;
}

static void validate_url_rule(const json_t *rule, const char *at, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *url;
	size_t i;
	validate_verbs(rule, at, errors);
	if (!validate_words(rule, at, "nonResourceURLs", "nonResourceURLs must contain at least one value", "non-resource URLs", errors))
		return;
	json_array_foreach(json_object_get(rule, "nonResourceURLs"), i, url) {
		const char *why = path_problem(json_string_value(url));
		if (why)
			field_invalid(errors, FIELD_PATH(p, "%s.nonResourceURLs[%zu]", at, i), url, "%s", why);
	}
}

static void validate_resource_rule(const json_t *rule, const char *at, struct field_errors *errors)
{
	const json_t *namespaces = json_object_get(rule, "namespaces");
	char p[FIELD_PATH_MAX];
	json_t *ns;
	size_t i;
	validate_verbs(rule, at, errors);
	validate_words(rule, at, "apiGroups", "resource rules must supply at least one api group", "api groups", errors);
	validate_words(rule, at, "resources", "resource rules must supply at least one resource", "resources", errors);
	if (!json_array_size(namespaces) && json_bool_at(rule, "clusterScope", false))
		return;
	if (!validate_words(rule, at, "namespaces", "resource rules that are not cluster scoped must supply at least one namespace", "namespaces",
			    errors))
		return;
	json_array_foreach(namespaces, i, ns) {
		const char *why = name_check_label(json_string_value(ns));
		if (why)
			field_invalid(errors, FIELD_PATH(p, "%s.namespaces[%zu]", at, i), ns,
				      "each member of this list must be '*' or a DNS-1123 label; %s", why);
	}
}

static void validate_rule(const json_t *rule, const char *at, struct field_errors *errors)
{
	const json_t *resources = json_object_get(rule, "resourceRules"), *urls = json_object_get(rule, "nonResourceRules");
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	if (!json_array_size(json_object_get(rule, "subjects")))
		field_required(errors, FIELD_PATH(p, "%s.subjects", at), "subjects must contain at least one value");
	json_array_foreach(json_object_get(rule, "subjects"), i, v)
		validate_subject(v, FIELD_PATH(p, "%s.subjects[%zu]", at, i), errors);
	if (!json_array_size(resources) && !json_array_size(urls))
		field_required(errors, at, "at least one of resourceRules and nonResourceRules has to be non-empty");
	json_array_foreach(resources, i, v)
		validate_resource_rule(v, FIELD_PATH(p, "%s.resourceRules[%zu]", at, i), errors);
	json_array_foreach(urls, i, v)
		validate_url_rule(v, FIELD_PATH(p, "%s.nonResourceRules[%zu]", at, i), errors);
}

static void validate_precedence(const json_t *flow, struct field_errors *errors)
{
	static const char at[] = "spec.matchingPrecedence";
	const json_t *precedence = json_at(flow, at);
	int64_t n = json_int_at(flow, at, 0);
	if (n <= 0)
		field_invalid(errors, at, precedence, "must be a positive value");
	if (n > PRECEDENCE_MAX)
		field_invalid(errors, at, precedence, "must not be greater than %d", PRECEDENCE_MAX);
	if (n == 1 && strcmp(json_str_or(flow, "metadata.name", ""), "exempt"))
		field_invalid(errors, at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
}

#define ACCOUNT "spec.rules[].subjects[].serviceAccount"
static const char *const flow_order[] = { "spec.matchingPrecedence", "spec.distinguisherMethod", "spec.priorityLevelConfiguration", ACCOUNT ".name",
					  ACCOUNT ".namespace", "spec.rules[].subjects", "spec.rules[]", NULL };

static void flow_validate(const json_t *flow, const json_t *old, struct field_errors *errors)
{
	static const char *const methods[] = { "ByNamespace", "ByUser", NULL };
	const json_t *method = json_at(flow, "spec.distinguisherMethod");
	char p[FIELD_PATH_MAX];
	json_t *rule;
	size_t i;
	validate_precedence(flow, errors);
	if (method && !rule_is_one_of(json_str_or(method, "type", ""), methods)) {
		AUTO_JSON *shown = go_shown(errors, "flowcontrol.v1.FlowDistinguisherMethod", method);
		field_not_supported(errors, "spec.distinguisherMethod.type", shown, methods);
	}
	const char *level = json_str_or(flow, "spec.priorityLevelConfiguration.name", "");
	if (*level)
		validate_name(level, "spec.priorityLevelConfiguration.name", name_check_subdomain, errors);
	else
		field_required(errors, "spec.priorityLevelConfiguration.name", "must reference a priority level");
	json_array_foreach(json_at(flow, "spec.rules"), i, rule)
		validate_rule(rule, FIELD_PATH(p, "spec.rules[%zu]", i), errors);
	errors_order(errors, "", flow_order);
	validate_fixed(flow, fixed_schemas, ARRAY_LEN(fixed_schemas), "flowcontrol.v1.FlowSchemaSpec", errors);
	status_validate(flow, old, errors);
}

const struct kind_ops flowschema_ops = {
	.group = FLOWCONTROL, .kind = "FlowSchema", .prepare_create = kind_empty_status, .prepare_update = kind_keep_status,
	.prepare_status = kind_keep_spec, .validate = flow_validate, .validate_status = status_validate, .has_status = true, .status_keeps_meta = true };
