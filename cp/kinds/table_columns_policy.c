/* Rows of kinds whose columns are members of the object: networking, access, admission, scheduling. Nothing fails. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/kinds/table_cells.h"

enum { HOSTS_SHOWN = 3 };

/* --- networking -------------------------------------------------------------------------------------------------------- */

static void cell_parameters(json_t *row, const json_t *class, const char *path, int64_t now_ms)
{
	const json_t *p = json_at(class, path);
	const char *group = json_str_or(p, "apiGroup", "");
	AUTO_FREE char *text = xasprintf("%s%s%s/%s", json_str_or(p, "kind", ""), *group ? "." : "", group, json_str_or(p, "name", ""));

	(void)now_ms;
	row_add(row, p ? text : "<none>");
}

static const struct table_column ingressclass_columns[] = {
    COLUMN_NAME,
    {"Controller", "string", "", 0, "Who serves ingresses of the class", cell_text, "spec.controller"},
    {"Parameters", "string", "", 0, "The object with its parameters", cell_parameters, "spec.parameters"},
    COLUMN_AGE,
};
static const struct table_printer ingressclasses = {
    .group = "networking.k8s.io", .plural = "ingressclasses", COLUMNS(ingressclass_columns)};

/* Rules without a host count as more when three hosts are shown. */
static void cell_hosts(json_t *row, const json_t *ingress, const char *path, int64_t now_ms)
{
	const json_t *rules = json_at(ingress, path);
	AUTO_STR out = STR_INIT;
	json_t *rule;
	size_t i, shown = 0;

	(void)now_ms;
	json_array_foreach(rules, i, rule)
	{
		if (shown == HOSTS_SHOWN) {
			str_addf(&out, " + %zu more...", json_array_size(rules) - HOSTS_SHOWN);
			break;
		}
		if (str_empty(json_str_at(rule, "host")))
			continue;
		str_addf(&out, "%s%s", shown++ ? "," : "", json_str_at(rule, "host"));
	}
	row_add_str(row, &out, "*");
}

static void cell_addresses(json_t *row, const json_t *ingress, const char *path, int64_t now_ms)
{
	AUTO_STR out = STR_INIT;

	(void)path;
	(void)now_ms;
	str_add_balancers(&out, ingress);
	row_add(row, str_text(&out));
}

static void cell_ingress_ports(json_t *row, const json_t *ingress, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add(row, json_array_size(json_at(ingress, path)) ? "80, 443" : "80");
}

static const struct table_column ingress_columns[] = {
    COLUMN_NAME,
    {"Class", "string", "", 0, "Its class", cell_none, "spec.ingressClassName"},
    {"Hosts", "string", "", 0, "Host names that it serves", cell_hosts, "spec.rules"},
    {"Address", "string", "", 0, "Where it is reached", cell_addresses, NULL},
    {"Ports", "string", "", 0, "Ports that are open", cell_ingress_ports, "spec.tls"},
    COLUMN_AGE,
};
static const struct table_printer ingresses = {.group = "networking.k8s.io", .plural = "ingresses", COLUMNS(ingress_columns)};

/* The age is told too, though there is no column for it: the row is as long as the reference's. */
static void cell_parent(json_t *row, const json_t *address, const char *path, int64_t now_ms)
{
	const json_t *ref = json_at(address, path);
	AUTO_FREE char *text = xasprintf("%s%s%s/%s%s%s", json_str_or(ref, "resource", ""), str_empty(json_str_at(ref, "group")) ? "" : ".",
					 json_str_or(ref, "group", ""), json_str_or(ref, "namespace", ""),
					 str_empty(json_str_at(ref, "namespace")) ? "" : "/", json_str_or(ref, "name", ""));

	row_add(row, ref ? text : "<none>");
	row_add_age(row, address, now_ms);
}

static const struct table_column ipaddress_columns[] = {
    COLUMN_NAME,
    {"ParentRef", "string", "", 0, "The object that has the address", cell_parent, "spec.parentRef"},
};
static const struct table_printer ipaddresses = {
    .group = "networking.k8s.io", .plural = "ipaddresses", COLUMNS(ipaddress_columns)};

static const struct table_column policy_columns[] = {
    COLUMN_NAME,
    {"Pod-Selector", "string", "", 0, "Labels of the pods that it is about", cell_selector, "spec.podSelector"},
    COLUMN_AGE,
};
static const struct table_printer networkpolicies = {
    .group = "networking.k8s.io", .plural = "networkpolicies", COLUMNS(policy_columns)};

static void cell_joined(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	AUTO_STR out = STR_INIT;
	json_t *v;
	size_t i;

	(void)now_ms;
	json_array_foreach(json_at(object, path), i, v) str_addf(&out, "%s%s", i ? "," : "", json_string_value(v));
	row_add(row, str_text(&out));
}

static const struct table_column cidr_columns[] = {
    COLUMN_NAME,
    {"CIDRs", "string", "", 0, "Ranges of addresses", cell_joined, "spec.cidrs"},
    COLUMN_AGE,
};
static const struct table_printer servicecidrs = {
    .group = "networking.k8s.io", .plural = "servicecidrs", COLUMNS(cidr_columns)};

/* --- access ------------------------------------------------------------------------------------------------------------ */

static void cell_role(json_t *row, const json_t *binding, const char *path, int64_t now_ms)
{
	const json_t *ref = json_at(binding, path);
	AUTO_FREE char *text = xasprintf("%s/%s", json_str_or(ref, "kind", ""), json_str_or(ref, "name", ""));

	(void)now_ms;
	row_add(row, text);
}

/* The subjects of one kind, which the column's path names. */
static void cell_subjects(json_t *row, const json_t *binding, const char *kind, int64_t now_ms)
{
	AUTO_STR out = STR_INIT;
	json_t *s;
	size_t i;

	(void)now_ms;
	json_array_foreach(json_object_get(binding, "subjects"), i, s)
	{
		if (!str_eq(json_member(s, "kind"), kind))
			continue;
		str_add(&out, out.len ? ", " : "");
		if (!strcmp(kind, "ServiceAccount"))
			str_addf(&out, "%s/", json_str_or(s, "namespace", ""));
		str_add(&out, json_str_or(s, "name", ""));
	}
	row_add(row, str_text(&out));
}

static const struct table_column binding_columns[] = {
    COLUMN_NAME,
    {"Role", "string", "", 0, "What is granted", cell_role, "roleRef"},
    COLUMN_AGE,
    {"Users", "string", "", 1, "Users to whom it is granted", cell_subjects, "User"},
    {"Groups", "string", "", 1, "Groups to whom it is granted", cell_subjects, "Group"},
    {"ServiceAccounts", "string", "", 1, "Accounts to whom it is granted", cell_subjects, "ServiceAccount"},
};
static const struct table_printer rolebindings = {
    .group = "rbac.authorization.k8s.io", .plural = "rolebindings", COLUMNS(binding_columns)};
static const struct table_printer clusterrolebindings = {
    .group = "rbac.authorization.k8s.io", .plural = "clusterrolebindings", COLUMNS(binding_columns)};

static bool has_type(const json_t *conditions, const char *type)
{
	return json_find(conditions, "type", type);
}

/* "Approved", "Approved,Issued", "Pending" ... */
static void cell_csr_condition(json_t *row, const json_t *csr, const char *path, int64_t now_ms)
{
	const json_t *conditions = json_at(csr, path);
	AUTO_STR out = STR_INIT;

	(void)now_ms;
	str_add(&out, has_type(conditions, "Denied")	 ? "Denied"
		      : has_type(conditions, "Approved") ? "Approved"
							 : "Pending");
	str_add(&out, has_type(conditions, "Failed") ? ",Failed" : "");
	str_add(&out, str_empty(json_str_at(csr, "status.certificate")) ? "" : ",Issued");
	row_add(row, str_text(&out));
}

static void cell_seconds(json_t *row, const json_t *csr, const char *path, int64_t now_ms)
{
	char text[24];

	(void)now_ms;
	row_add(row, json_at(csr, path) ? duration_human(json_int_at(csr, path, 0) * 1000, text) : "<none>");
}

static const struct table_column csr_columns[] = {
    COLUMN_NAME,
    COLUMN_AGE,
    {"SignerName", "string", "", 0, "Who is to sign", cell_none, "spec.signerName"},
    {"Requestor", "string", "", 0, "Who asked", cell_text, "spec.username"},
    {"RequestedDuration", "string", "", 0, "For how long", cell_seconds, "spec.expirationSeconds"},
    {"Condition", "string", "", 0, "Whether it is approved and issued", cell_csr_condition, "status.conditions"},
};
static const struct table_printer csrs = {
    .group = "certificates.k8s.io", .plural = "certificatesigningrequests", COLUMNS(csr_columns)};

/* --- disruption, scheduling ---------------------------------------------------------------------------------------------- */

static void cell_amount(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	const json_t *v = json_at(object, path);
	AUTO_FREE char *number = xasprintf("%lld", (long long)json_integer_value(v));

	(void)now_ms;
	row_add(row, !v ? "N/A" : json_is_string(v) ? json_string_value(v) : number);
}

static const struct table_column budget_columns[] = {
    COLUMN_NAME,
    {"Min Available", "string", "", 0, "Pods that have to stay", cell_amount, "spec.minAvailable"},
    {"Max Unavailable", "string", "", 0, "Pods that may be missing", cell_amount, "spec.maxUnavailable"},
    {"Allowed Disruptions", "integer", "", 0, "Pods that may be evicted now", cell_int, "status.disruptionsAllowed"},
    COLUMN_AGE,
};
static const struct table_printer budgets = {.group = "policy", .plural = "poddisruptionbudgets", COLUMNS(budget_columns)};

static const struct table_column priority_columns[] = {
    COLUMN_NAME,
    {"Value", "integer", "", 0, "The priority", cell_int, "value"},
    {"Global-Default", "boolean", "", 0, "Whether pods without a class have it", cell_bool, "globalDefault"},
    COLUMN_AGE,
    {"PreemptionPolicy", "string", "", 0, "Whether its pods displace others", cell_text, "preemptionPolicy"},
};
static const struct table_printer priorityclasses = {
    .group = "scheduling.k8s.io", .plural = "priorityclasses", COLUMNS(priority_columns)};

static const struct table_column runtimeclass_columns[] = {
    COLUMN_NAME,
    {"Handler", "string", "", 0, "What runs its containers", cell_text, "handler"},
    COLUMN_AGE,
};
static const struct table_printer runtimeclasses = {
    .group = "node.k8s.io", .plural = "runtimeclasses", COLUMNS(runtimeclass_columns)};

/* --- admission, extension ------------------------------------------------------------------------------------------------ */

static const struct table_column webhook_columns[] = {
    COLUMN_NAME,
    {"Webhooks", "integer", "", 0, "How many it has", cell_count, "webhooks"},
    COLUMN_AGE,
};
static const struct table_printer validatingwebhooks = {
    .group = "admissionregistration.k8s.io", .plural = "validatingwebhookconfigurations", COLUMNS(webhook_columns)};
static const struct table_printer mutatingwebhooks = {
    .group = "admissionregistration.k8s.io", .plural = "mutatingwebhookconfigurations", COLUMNS(webhook_columns)};

static void cell_param_kind(json_t *row, const json_t *policy, const char *path, int64_t now_ms)
{
	const json_t *p = json_at(policy, path);
	AUTO_FREE char *text = xasprintf("%s/%s", json_str_or(p, "apiVersion", ""), json_str_or(p, "kind", ""));

	(void)now_ms;
	row_add(row, p ? text : "<unset>");
}

/* A label selector as the reference's structure prints itself. Returns owned. */
static char *selector_shown(const json_t *selector)
{
	struct str out = STR_INIT;
	AUTO_JSON *labels = json_sorted(json_object_get(selector, "matchLabels"));
	const char *key;
	json_t *value, *e;
	size_t i, k;

	str_add(&out, "&LabelSelector{MatchLabels:map[string]string{");
	json_object_foreach(labels, key, value) str_addf(&out, "%s: %s,", key, json_is_string(value) ? json_string_value(value) : "");
	str_add(&out, "},MatchExpressions:[]LabelSelectorRequirement{");
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, e)
	{
		str_addf(&out, "LabelSelectorRequirement{Key:%s,Operator:%s,Values:[", json_str_or(e, "key", ""), json_str_or(e, "operator", ""));
		json_array_foreach(json_object_get(e, "values"), k, value) str_addf(&out, "%s%s", k ? " " : "", json_string_value(value));
		str_add(&out, "],},");
	}
	str_add(&out, "},}");
	return str_take(&out);
}

static void cell_param_ref(json_t *row, const json_t *binding, const char *path, int64_t now_ms)
{
	const json_t *p = json_at(binding, path), *selector = json_object_get(p, "selector");
	const char *ns = json_str_or(p, "namespace", ""), *name = json_str_or(p, "name", "");
	AUTO_FREE char *text = *name ? xasprintf("%s/%s", *ns ? ns : "*", name) : selector ? selector_shown(selector) : NULL;

	(void)now_ms;
	row_add_or(row, text, "<unset>");
}

static const struct table_column validating_columns[] = {
    COLUMN_NAME,
    {"Validations", "integer", "", 0, "How many rules it has", cell_count, "spec.validations"},
    {"ParamKind", "string", "", 0, "The kind of its parameters", cell_param_kind, "spec.paramKind"},
    COLUMN_AGE,
};
static const struct table_printer validatingpolicies = {
    .group = "admissionregistration.k8s.io", .plural = "validatingadmissionpolicies", COLUMNS(validating_columns)};
static const struct table_column mutating_columns[] = {
    COLUMN_NAME,
    {"Mutations", "integer", "", 0, "How many changes it makes", cell_count, "spec.mutations"},
    {"ParamKind", "string", "", 0, "The kind of its parameters", cell_param_kind, "spec.paramKind"},
    COLUMN_AGE,
};
static const struct table_printer mutatingpolicies = {
    .group = "admissionregistration.k8s.io", .plural = "mutatingadmissionpolicies", COLUMNS(mutating_columns)};
static const struct table_column policybinding_columns[] = {
    COLUMN_NAME,
    {"PolicyName", "string", "", 0, "The policy", cell_text, "spec.policyName"},
    {"ParamRef", "string", "", 0, "Its parameters", cell_param_ref, "spec.paramRef"},
    COLUMN_AGE,
};
static const struct table_printer validatingbindings = {
    .group = "admissionregistration.k8s.io", .plural = "validatingadmissionpolicybindings", COLUMNS(policybinding_columns)};
static const struct table_printer mutatingbindings = {
    .group = "admissionregistration.k8s.io", .plural = "mutatingadmissionpolicybindings", COLUMNS(policybinding_columns)};

static void cell_service(json_t *row, const json_t *service, const char *path, int64_t now_ms)
{
	const json_t *ref = json_at(service, path);
	AUTO_FREE char *text = xasprintf("%s/%s", json_str_or(ref, "namespace", ""), json_str_or(ref, "name", ""));

	(void)now_ms;
	row_add(row, ref ? text : "Local");
}

static void cell_available(json_t *row, const json_t *service, const char *path, int64_t now_ms)
{
	json_t *c;
	size_t i;

	(void)now_ms;
	json_array_foreach(json_at(service, path), i, c)
	{
		const char *status = json_str_or(c, "status", "");
		AUTO_FREE char *text = xasprintf("%s (%s)", status, json_str_or(c, "reason", ""));

		if (!str_eq(json_member(c, "type"), "Available"))
			continue;
		row_add(row, strcmp(status, "True") ? text : status);
		return;
	}
	row_add(row, "Unknown");
}

static const struct table_column apiservice_columns[] = {
    COLUMN_NAME,
    {"Service", "string", "", 0, "Who serves it", cell_service, "spec.service"},
    {"Available", "string", "", 0, "Whether it can be reached", cell_available, "status.conditions"},
    COLUMN_AGE,
};
static const struct table_printer apiservices = {
    .group = "apiregistration.k8s.io", .plural = "apiservices", COLUMNS(apiservice_columns)};

/* --- flow control, devices ------------------------------------------------------------------------------------------------ */

static void cell_number(json_t *row, const json_t *object, const char *path, int64_t now_ms)
{
	const json_t *v = json_at(object, path);

	(void)now_ms;
	if (v)
		row_add_int(row, json_integer_value(v));
	else
		row_add(row, "<none>");
}

static void cell_missing_level(json_t *row, const json_t *schema, const char *path, int64_t now_ms)
{
	(void)now_ms;
	row_add(row, json_str_or(json_find(json_at(schema, path), "type", "Dangling"), "status", "?"));
}

static const struct table_column flowschema_columns[] = {
    COLUMN_NAME,
    {"PriorityLevel", "string", "", 0, "The level that its requests get", cell_text, "spec.priorityLevelConfiguration.name"},
    {"MatchingPrecedence", "string", "", 0, "Lower ones are tried first", cell_int, "spec.matchingPrecedence"},
    {"DistinguisherMethod", "string", "", 0, "What its flows are told apart by", cell_none, "spec.distinguisherMethod.type"},
    COLUMN_AGE,
    {"MissingPL", "string", "", 0, "Whether its level is missing", cell_missing_level, "status.conditions"},
};
static const struct table_printer flowschemas = {
    .group = "flowcontrol.apiserver.k8s.io", .plural = "flowschemas", COLUMNS(flowschema_columns)};

static const struct table_column level_columns[] = {
    COLUMN_NAME,
    {"Type", "string", "", 0, "Whether it is limited", cell_text, "spec.type"},
    {"NominalConcurrencyShares", "string", "", 0, "Its share", cell_number, "spec.limited.nominalConcurrencyShares"},
    {"Queues", "string", "", 0, "Its queues", cell_number, "spec.limited.limitResponse.queuing.queues"},
    {"HandSize", "string", "", 0, "Queues that a flow may choose from", cell_number, "spec.limited.limitResponse.queuing.handSize"},
    {"QueueLengthLimit", "string", "", 0, "How long a queue may be", cell_number,
     "spec.limited.limitResponse.queuing.queueLengthLimit"},
    COLUMN_AGE,
};
static const struct table_printer levels = {
    .group = "flowcontrol.apiserver.k8s.io", .plural = "prioritylevelconfigurations", COLUMNS(level_columns)};

static const struct table_column age_columns[] = {COLUMN_NAME, COLUMN_AGE};
static const struct table_printer deviceclasses = {.group = "resource.k8s.io", .plural = "deviceclasses", COLUMNS(age_columns)};
static const struct table_printer claimtemplates = {
    .group = "resource.k8s.io", .plural = "resourceclaimtemplates", COLUMNS(age_columns)};

/* "pending", "allocated,reserved", with "deleted" in front (or instead of pending). */
static void cell_claim_state(json_t *row, const json_t *claim, const char *path, int64_t now_ms)
{
	bool deleted = json_at(claim, "metadata.deletionTimestamp"), allocated = json_at(claim, "status.allocation");
	bool reserved = allocated && json_array_size(json_at(claim, "status.reservedFor"));
	AUTO_FREE char *text = xasprintf("%s%s%s", deleted ? "deleted" : "", deleted && allocated ? "," : "",
					 allocated ? "allocated" : deleted ? "" : "pending");
	AUTO_FREE char *all = xasprintf("%s%s", text, reserved ? ",reserved" : "");

	(void)path;
	(void)now_ms;
	row_add(row, all);
}

static const struct table_column claim_columns[] = {
    COLUMN_NAME,
    {"State", "string", "", 0, "Whether it has its devices", cell_claim_state, NULL},
    COLUMN_AGE,
};
static const struct table_printer resourceclaims = {
    .group = "resource.k8s.io", .plural = "resourceclaims", COLUMNS(claim_columns)};

static const struct table_column slice_columns[] = {
    COLUMN_NAME,
    {"Node", "string", "", 0, "The node that has the devices", cell_none, "spec.nodeName"},
    {"Driver", "string", "", 0, "Their driver", cell_text, "spec.driver"},
    {"Pool", "string", "", 0, "Their pool", cell_text, "spec.pool.name"},
    COLUMN_AGE,
};
static const struct table_printer resourceslices = {
    .group = "resource.k8s.io", .plural = "resourceslices", COLUMNS(slice_columns)};

const struct table_printer *const table_plain_policy[] = {
    &ingressclasses,	 &ingresses,	     &ipaddresses,	&networkpolicies, &servicecidrs,
    &rolebindings,	 &clusterrolebindings, &csrs,		&budgets,	  &priorityclasses,
    &runtimeclasses,	 &validatingwebhooks, &mutatingwebhooks, &validatingpolicies, &mutatingpolicies,
    &validatingbindings, &mutatingbindings,  &apiservices,	&flowschemas,	  &levels,
    &deviceclasses,	 &claimtemplates,    &resourceclaims,	&resourceslices,  NULL,
};
