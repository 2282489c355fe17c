/* Rules of network policies: ports, peers and their ranges of addresses. */
#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/rule.h"

#define NETWORKING "networking.k8s.io"

static void policy_set_defaults(json_t *policy, const json_t *old)
{
	json_t *spec = json_object_get(policy, "spec");
	(void)old;
	if (!spec || json_object_get(spec, "policyTypes"))
		return;
	json_t *types = json_pack("[s]", "Ingress");
	if (json_array_size(json_object_get(spec, "egress")))
		json_array_append_new(types, json_string("Egress"));
	json_object_set_new(spec, "policyTypes", types);
}

static void validate_policy_port(const json_t *port, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *value = json_object_get(port, "port"), *end = json_object_get(port, "endPort");
	if (json_is_integer(value) && (json_integer_value(value) < 1 || json_integer_value(value) > 65535))
		field_invalid(errors, FIELD_PATH(p, "%s.port", path), value, "must be between 1 and 65535, inclusive");
	FIELD_PATH(p, "%s.endPort", path);
	if (end && !json_is_integer(value)) {
		field_invalid(errors, p, end, "may not be specified when `port` is %s", value ? "non-numeric" : "not specified");
	} else if (end) {
		if (json_integer_value(end) < json_integer_value(value))
			field_invalid(errors, p, value, "must be greater than or equal to `port`"); /* the reference shows the port */
		rule_range(port, path, "endPort", 1, 65535, errors);
	}
	if (json_is_string(value))
		validate_name(json_string_value(value), FIELD_PATH(p, "%s.port", path), name_check_port_name, errors);
}

/* Whether inner is a part of outer, and less than it. */
static bool is_strictly_inside(const struct ip_form *outer, const struct ip_form *inner)
{
	if (outer->family != inner->family || outer->bits >= inner->bits)
		return false;
	for (int i = 0; i < outer->bits; i++) {
		unsigned char bit = (unsigned char)(0x80 >> i % 8);
		if ((outer->address[i / 8] & bit) != (inner->address[i / 8] & bit))
			return false;
	}
	return true;
}

static void validate_block(const json_t *block, const char *path, struct field_errors *errors)
{
	struct ip_form outer, inner;
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;
	if (!block || !ip_form_range(json_str_or(block, "cidr", ""), &outer))
		return; /* the table says what is wrong with it */
	json_array_foreach(json_object_get(block, "except"), i, v) {
		FIELD_PATH(p, "%s.except[%zu]", path, i);
		if (!ip_form_range(json_string_value(v), &inner))
			field_invalid(errors, p, v, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
		else if (!is_strictly_inside(&outer, &inner))
			field_invalid(errors, p, v, "must be a strict subset of `cidr`");
	}
}

static void validate_peer(const json_t *peer, const char *path, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	const json_t *pods = json_object_get(peer, "podSelector"), *namespaces = json_object_get(peer, "namespaceSelector");
	if (pods)
		label_selector_validate(pods, FIELD_PATH(p, "%s.podSelector", path), errors);
	if (namespaces)
		label_selector_validate(namespaces, FIELD_PATH(p, "%s.namespaceSelector", path), errors);
	validate_block(json_object_get(peer, "ipBlock"), FIELD_PATH(p, "%s.ipBlock", path), errors);
	if (json_object_get(peer, "ipBlock") && (pods || namespaces))
		field_forbidden(errors, path, "may not specify both ipBlock and another peer");
	else if (!json_object_get(peer, "ipBlock") && !pods && !namespaces)
		field_required(errors, path, "must specify a peer");
}

static void validate_policy_rules(const json_t *rules, const char *name, const char *peers, struct field_errors *errors)
{
	char p[FIELD_PATH_MAX];
	json_t *rule, *item;
	size_t i, k;
	json_array_foreach(rules, i, rule) {
		json_array_foreach(json_object_get(rule, "ports"), k, item)
			validate_policy_port(item, FIELD_PATH(p, "spec.%s[%zu].ports[%zu]", name, i, k), errors);
		json_array_foreach(json_object_get(rule, peers), k, item)
			validate_peer(item, FIELD_PATH(p, "spec.%s[%zu].%s[%zu]", name, i, peers, k), errors);
	}
}

#define PORTS_AND(list, peers)                                                                                                          \
	list "[].ports[].protocol", list "[].ports", list "[]." peers "[].podSelector", list "[]." peers "[].namespaceSelector",            \
	    list "[]." peers "[].ipBlock.cidr", list "[]." peers "[].ipBlock.except", list "[]." peers "[]"

static const char *const order[] = {"spec.podSelector", PORTS_AND("spec.ingress", "from"), PORTS_AND("spec.egress", "to"), "spec.policyTypes",
				    NULL};

static void validate_types(const json_t *types, struct field_errors *errors)
{
	static const char *const supported[] = {"Ingress", "Egress", NULL};
	char p[FIELD_PATH_MAX];
	json_t *type;
	size_t i;
	if (json_array_size(types) > 2) {
		field_invalid(errors, "spec.policyTypes", types, "may not specify more than two policyTypes");
		return;
	}
	json_array_foreach(types, i, type)
		if (!rule_is_one_of(json_string_value(type), supported))
			field_not_supported(errors, FIELD_PATH(p, "spec.policyTypes[%zu]", i), type, supported);
}

static void policy_validate(const json_t *policy, const json_t *old, struct field_errors *errors)
{
	label_selector_validate(json_at(policy, "spec.podSelector"), "spec.podSelector", errors);
	validate_policy_rules(json_at(policy, "spec.ingress"), "ingress", "from", errors);
	validate_policy_rules(json_at(policy, "spec.egress"), "egress", "to", errors);
	validate_types(json_at(policy, "spec.policyTypes"), errors);
	errors_order(errors, "", order);
	if (old)
		errors_repeat_body(errors); /* the reference looks at it twice */
}

/* Ranges that are not in their one form. */
static void policy_warn(const json_t *policy, const json_t *old, char ***warnings)
{
	static const struct {
		const char *rules, *peers;
	} ways[] = {{"ingress", "from"}, {"egress", "to"}};
	char p[FIELD_PATH_MAX];
	json_t *rule, *peer, *v;
	size_t i, k, n;
	(void)old;
	for (size_t w = 0; w < ARRAY_LEN(ways); w++)
		json_array_foreach(json_object_get(json_object_get(policy, "spec"), ways[w].rules), i, rule)
			json_array_foreach(json_object_get(rule, ways[w].peers), k, peer) {
				const json_t *block = json_object_get(peer, "ipBlock");
				FIELD_PATH(p, "spec.%s[%zu].%s[%zu].ipBlock.cidr", ways[w].rules, i, ways[w].peers, k);
				ip_form_range_warn(p, json_member(block, "cidr"), warnings);
				json_array_foreach(json_object_get(block, "except"), n, v) {
					FIELD_PATH(p, "spec.%s[%zu].%s[%zu].ipBlock.except[%zu]", ways[w].rules, i, ways[w].peers, k, n);
					ip_form_range_warn(p, json_string_value(v), warnings);
				}
			}
}

const struct kind_ops networkpolicy_ops = { .group = NETWORKING, .kind = "NetworkPolicy", .set_defaults = policy_set_defaults,
					    .validate = policy_validate, .warn = policy_warn };
