/* Flow control, events, quotas, nodes, roles, ingress classes: a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define CHECK(group, kind, text, rows, update) fixture_rules(fixture_kind(group, "v1", kind), text, rows, ARRAY_LEN(rows), update)
#define META "\"metadata\":{\"name\":\"n\",\"namespace\":\"d\"}"
#define LABEL "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define FLOWCONTROL "flowcontrol.apiserver.k8s.io"

START_TEST(flow_schemas)
{
#define RULE "spec.rules[0].resourceRules[0]"
#define URL "spec.rules[0].nonResourceRules[0]"
#define VERBS "supported values: \"create\", \"delete\", \"deletecollection\", \"get\", \"list\", \"patch\", \"proxy\", \"update\", \"watch\"\n"
	static const struct rule_row rows[] = {
	    {"spec.matchingPrecedence", "10001", "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000\n"},
	    {"spec.distinguisherMethod", "{\"type\":\"ByMood\"}",
	     "spec.distinguisherMethod.type: Unsupported value: {\"Type\":\"ByMood\"}: supported values: \"ByNamespace\", \"ByUser\"\n"},
	    {"spec.priorityLevelConfiguration.name", "\"A\"", "spec.priorityLevelConfiguration.name: Invalid value: \"A\": " SUBDOMAIN "\n"},
	    {RULE ".verbs", "[]", RULE ".verbs: Required value: verbs must contain at least one value\n"},
	    {RULE ".verbs", "[\"*\",\"get\"]", RULE ".verbs: Invalid value: [\"*\",\"get\"]: if '*' is present, must not specify other verbs\n"},
	    {RULE ".verbs", "[\"eat\"]", RULE ".verbs: Unsupported value: [\"eat\"]: " VERBS},
	    {RULE ".apiGroups", "[]", RULE ".apiGroups: Required value: resource rules must supply at least one api group\n"},
	    {RULE ".apiGroups", "[\"\",\"*\"]", RULE ".apiGroups: Invalid value: [\"\",\"*\"]: if '*' is present, must not specify other api groups\n"},
	    {RULE ".resources", "[]", RULE ".resources: Required value: resource rules must supply at least one resource\n"},
	    {RULE ".resources", "[\"*\",\"pods\"]", RULE ".resources: Invalid value: [\"*\",\"pods\"]: if '*' is present, must not specify other resources\n"},
	    {RULE ".namespaces", "[]", RULE ".namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace\n"},
	    {RULE ".namespaces", "[\"A\"]",
	     RULE ".namespaces[0]: Invalid value: \"A\": each member of this list must be '*' or a DNS-1123 label; " LABEL "\n"},
	    {URL ".nonResourceURLs", "[]", URL ".nonResourceURLs: Required value: nonResourceURLs must contain at least one value\n"},
	    {URL ".nonResourceURLs", "[\"a\",\"/a b\",\"/a//b\",\"/a*\",\"/a/*\",\"/\"]",
	     URL ".nonResourceURLs[0]: Invalid value: \"a\": must start with slash\n" URL
		 ".nonResourceURLs[1]: Invalid value: \"/a b\": must not contain white-space\n" URL
		 ".nonResourceURLs[2]: Invalid value: \"/a//b\": must not contain double slash\n" URL
		 ".nonResourceURLs[3]: Invalid value: \"/a*\": wildcard can only do suffix matching\n"},
	    {"spec.rules[0].subjects[0]", "{\"kind\":\"ServiceAccount\",\"serviceAccount\":{\"name\":\"*\",\"namespace\":\"A\"}}",
	     "spec.rules[0].subjects[0].serviceAccount.namespace: Invalid value: \"A\": " LABEL "\n"},
	    {"metadata.name", "\"exempt\"", "spec: Invalid value: {\"PriorityLevelConfiguration\":{\"Name\":\"x\"},\"MatchingPrecedence\":1000,\"DistinguisherMethod\":null,"
	     "\"Rules\":[{\"Subjects\":[{\"Kind\":\"User\",\"User\":{\"Name\":\"u\"},\"Group\":null,\"ServiceAccount\":null}],\"ResourceRules\":[{\"Verbs\":[\"get\"],"
	     "\"APIGroups\":[\"\"],\"Resources\":[\"pods\"],\"ClusterScope\":false,\"Namespaces\":[\"*\"]}],\"NonResourceRules\":[{\"Verbs\":[\"get\"],"
	     "\"NonResourceURLs\":[\"/x\"]}]}]}: spec of 'exempt' must equal the fixed value\n"},
	    {"status", "{\"conditions\":[{\"type\":\"A\"},{\"type\":\"A\"},{}]}",
	     "status.conditions[1].type: Duplicate value: \"A\"\nstatus.conditions[2].type: Required value: must not be empty\n"},
	};
	CHECK(FLOWCONTROL, "FlowSchema",
	      "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"x\"},\"rules\":[{\"subjects\":[{\"kind\":\"User\",\"user\":{\"name\":\"u\"}}],"
	      "\"resourceRules\":[{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"namespaces\":[\"*\"]}],"
	      "\"nonResourceRules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/x\"]}]}]}}", rows, false);
}
END_TEST

START_TEST(priority_levels)
{
#define QUEUING "spec.limited.limitResponse.queuing"
	static const struct rule_row rows[] = {
	    {"metadata.name", "\"exempt\"", "spec.type: Invalid value: \"Limited\": type must be 'Exempt' if and only if name is 'exempt'\n"
	     "spec: Invalid value: {\"Type\":\"Limited\",\"Limited\":{\"NominalConcurrencyShares\":30,\"LimitResponse\":{\"Type\":\"Queue\",\"Queuing\":{\"Queues\":64,"
	     "\"HandSize\":8,\"QueueLengthLimit\":50}},\"LendablePercent\":0,\"BorrowingLimitPercent\":null},\"Exempt\":null}: spec of 'exempt' except the 'spec.exempt' field must equal the fixed value\n"},
	    {QUEUING ".queueLengthLimit", "0", QUEUING ".queueLengthLimit: Invalid value: 0: must be positive\n"},
	    {QUEUING ".queues", "10000001", QUEUING ".queues: Invalid value: 10000001: must not be greater than 10000000\n"
	     QUEUING ".handSize: Invalid value: 8: required entropy bits of deckSize 10000001 and handSize 8 should not be greater than 60\n"},
	    {QUEUING ".handSize", "65", QUEUING ".handSize: Invalid value: 65: should not be greater than queues (64)\n"},
	    {QUEUING ".handSize", "11", QUEUING ".handSize: Invalid value: 11: required entropy bits of deckSize 64 and handSize 11 should not be greater than 60\n"},
	    {QUEUING ".handSize", "10", ""},
	    {"spec.limited.borrowingLimitPercent", "-1", "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer\n"},
	};
	CHECK(FLOWCONTROL, "PriorityLevelConfiguration",
	      "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"type\":\"Limited\",\"limited\":{\"limitResponse\":{\"type\":\"Queue\",\"queuing\":{}}}}}", rows, false);
	static const struct rule_row exempt[] = {{"spec.exempt.lendablePercent", "7", ""}};
	CHECK(FLOWCONTROL, "PriorityLevelConfiguration", "{\"metadata\":{\"name\":\"exempt\"},\"spec\":{\"type\":\"Exempt\",\"exempt\":{}}}", exempt, false);
}
END_TEST

#define QUALIFIED "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
START_TEST(events)
{
	static const struct rule_row core[] = {
	    {"involvedObject.namespace", "\"x\"", "involvedObject.namespace: Invalid value: \"x\": does not match event.namespace\n"},
	    {"eventTime", "\"2020-01-01T00:00:00.000000Z\"",
	     "reportingComponent: Required value\nreportingComponent: Invalid value: \"\": name part must be non-empty\n"
	     "reportingComponent: Invalid value: \"\": " QUALIFIED "\nreportingInstance: Required value\naction: Required value\nreason: Required value\n"},
	};
	CHECK("", "Event", "{" META ",\"involvedObject\":{\"namespace\":\"d\",\"name\":\"p\"}}", core, false);
	static const struct rule_row new[] = {
	    {"eventTime", NULL, "eventTime: Required value\n"},
	    {"type", "\"Odd\"", "type: Invalid value: \"\": has invalid value: Odd\n"},
	    {"deprecatedCount", "1", "count: Invalid value: \"\": needs to be unset\n"},
	    {"deprecatedSource", "{\"host\":\"h\"}", "source: Invalid value: \"\": needs to be unset\n"},
	    {"series", "{\"count\":1}", "series.count: Invalid value: \"\": should be at least 2\nseries.lastObservedTime: Required value\n"},
	    {"regarding", "{}", "involvedObject.namespace: Invalid value: \"\": does not match event.namespace\n"},
	    {"action", "\"" "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" "\"",
	     "action: Invalid value: \"\": can have at most 128 characters\n"},
	    {"reportingController", "\"a/b/c\"", "reportingController: Invalid value: \"a/b/c\": a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must "
	     "start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an "
	     "optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')\n"},
	};
	static const struct rule_row updates[] = {
	    {"note", "\"other\"", "message: Invalid value: \"other\": field is immutable\n"},
	    {"reason", "\"other\"", "reason: Invalid value: \"other\": field is immutable\n"},
	    {"series", "{\"count\":2,\"lastObservedTime\":\"2020-01-01T00:00:00.000000Z\"}", ""},
	};
#define EVENT "{" META ",\"regarding\":{\"namespace\":\"d\",\"name\":\"p\"},\"eventTime\":\"2020-01-01T00:00:00.000000Z\",\"type\":\"Normal\",\"note\":\"n\"," \
	      "\"reason\":\"r\",\"action\":\"a\",\"reportingController\":\"c\",\"reportingInstance\":\"i\"}"
	CHECK("events.k8s.io", "Event", EVENT, new, false);
	CHECK("events.k8s.io", "Event", EVENT, updates, true);
}
END_TEST

START_TEST(quotas)
{
#define X "spec.scopeSelector.matchExpressions"
	static const struct rule_row rows[] = {
	    {"spec.hard", "{\"example.com/gpu\":\"500m\"}", "spec.hard[example.com/gpu]: Invalid value: \"500m\": must be an integer\n"},
	    {"spec", "{\"hard\":{\"limits.ephemeral-storage\":\"1\"},\"scopes\":[\"Terminating\"]}",
	     "spec.scopes: Invalid value: [\"Terminating\"]: unsupported scope applied to resource\n"},
	    {"spec.scopeSelector", "{\"matchExpressions\":[{\"scopeName\":\"Odd\",\"operator\":\"Exists\"}]}", X ".scopeName: Invalid value: \"Odd\": unsupported scope\n"},
	    {"spec.scopeSelector", "{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"In\"}]}",
	     X ".values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector\n"},
	    {"spec.scopeSelector", "{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"Exists\",\"values\":[\"a\"]}]}",
	     X ".values: Invalid value: [\"a\"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector\n"},
	    {"spec.scopeSelector", "{\"matchExpressions\":[{\"scopeName\":\"PriorityClass\",\"operator\":\"Near\"}]}", X ".operator: Invalid value: \"Near\": not a valid selector operator\n"},
	    {"spec.scopeSelector", "{\"matchExpressions\":[{\"scopeName\":\"Terminating\",\"operator\":\"DoesNotExist\"}]}",
	     X ".operator: Invalid value: \"DoesNotExist\": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
	     "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity\n"},
	    {"spec.scopeSelector", "{\"matchExpressions\":[{\"scopeName\":\"BestEffort\",\"operator\":\"Exists\"},{\"scopeName\":\"NotBestEffort\",\"operator\":\"Exists\"}]}",
	     X ": Invalid value: null: conflicting scopes\n"},
	};
	CHECK("", "ResourceQuota", "{" META ",\"spec\":{\"hard\":{\"pods\":\"1\"}}}", rows, false);
	static const struct rule_row limits[] = {
	    {"spec.limits[0].max", "{\"frob\":\"1\"}", "spec.limits[0].max[frob]: Invalid value: \"frob\": must be a standard resource type or fully qualified\n"
	     "spec.limits[0].max[frob]: Invalid value: \"frob\": must be a standard resource for containers\n"
	     "spec.limits[0].default[frob]: Invalid value: \"frob\": must be a standard resource type or fully qualified\n"
	     "spec.limits[0].default[frob]: Invalid value: \"frob\": must be a standard resource for containers\n"
	     "spec.limits[0].defaultRequest[frob]: Invalid value: \"frob\": must be a standard resource type or fully qualified\n"
	     "spec.limits[0].defaultRequest[frob]: Invalid value: \"frob\": must be a standard resource for containers\n"},
	    {"spec.limits[0].maxLimitRequestRatio", "{\"cpu\":\"5\"}", "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"5\": ratio 5 is greater than max/min = 4.000000\n"},
	    {"spec.limits[0].maxLimitRequestRatio", "{\"cpu\":\"4\"}", ""},
	    {"spec.limits[0]", "{\"type\":\"Container\",\"default\":{\"example.com/gpu\":\"2\"},\"defaultRequest\":{\"example.com/gpu\":\"1\"}}",
	     "spec.limits[0].defaultRequest[example.com/gpu]: Invalid value: \"1\": default value 2 must equal to defaultRequest value 1 in example.com/gpu\n"},
	};
	CHECK("", "LimitRange", "{" META ",\"spec\":{\"limits\":[{\"type\":\"Container\",\"min\":{\"cpu\":\"500m\"},\"max\":{\"cpu\":\"2\"}}]}}", limits, false);
}
END_TEST

START_TEST(nodes)
{
	static const struct rule_row rows[] = {
	    {"spec.podCIDRs", "[\"10.0.0.0/24\",\"10.0.1.0/24\"]",
	     "spec.podCIDRs: Invalid value: [\"10.0.0.0/24\",\"10.0.1.0/24\"]: may specify no more than one CIDR for each IP family\n"},
	    {"spec.podCIDRs", "[\"10.0.0.0/24\",\"fd00::/64\"]", ""},
	    {"status.capacity", "{\"cpu\":\"-1\"}", "status.capacity.cpu: Invalid value: \"-1\": must be greater than or equal to 0\n"
	     "status.allocatable.cpu: Invalid value: \"-1\": must be greater than or equal to 0\n"},
	};
	static const struct rule_row updates[] = {
	    {"status.addresses", "[{\"type\":\"InternalIP\",\"address\":\"1.2.3.4\"},{\"type\":\"InternalIP\",\"address\":\"1.2.3.4\"}]",
	     "status.addresses[1]: Duplicate value: {\"Type\":\"InternalIP\",\"Address\":\"1.2.3.4\"}\n"},
	    {"spec.externalID", "\"x\"", "spec.externalID: Forbidden: may not be updated\n"},
	};
	CHECK("", "Node", "{\"metadata\":{\"name\":\"n\"},\"spec\":{},\"status\":{}}", rows, false);
	CHECK("", "Node", "{\"metadata\":{\"name\":\"n\"},\"spec\":{},\"status\":{}}", updates, true);
}
END_TEST

START_TEST(roles)
{
	static const struct rule_row rows[] = {
	    {"subjects", "[{\"kind\":\"ServiceAccount\",\"name\":\"A\",\"namespace\":\"d\"}]", "subjects[0].name: Invalid value: \"A\": " SUBDOMAIN "\n"},
	    {"roleRef.name", "\"a/b\"", "roleRef.name: Invalid value: \"a/b\": may not contain '/'\n"},
	};
	CHECK("rbac.authorization.k8s.io", "RoleBinding", "{" META ",\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"}}", rows, false);
}
END_TEST

START_TEST(ingress_classes)
{
	static const struct rule_row rows[] = {
	    {"spec.controller", "\"\"", "spec.controller: Required value\n"},
	    {"spec.controller", "\"nginx\"", "spec.controller: Invalid value: \"nginx\": must be a domain-prefixed path (such as \"acme.io/foo\")\n"},
	    {"spec.controller", "\"A/b\"", "spec.controller: Invalid value: \"A\": " SUBDOMAIN "\n"},
	    {"spec.controller", "\"a/b c\"", "spec.controller: Invalid value: \"b c\": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')\n"},
	    {"spec.parameters", "{\"kind\":\"K\",\"name\":\"n\",\"namespace\":\"x\"}", "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'\n"},
	    {"spec.parameters", "{\"kind\":\"K\",\"name\":\"a/b\",\"apiGroup\":\"A\"}",
	     "spec.parameters.apiGroup: Invalid value: \"A\": " SUBDOMAIN "\nspec.parameters.name: Invalid value: \"a/b\": may not contain '/'\n"},
	    {"spec.parameters", "{\"kind\":\"K\",\"name\":\"n\",\"scope\":\"Namespace\"}", "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'\n"},
	};
	CHECK("networking.k8s.io", "IngressClass", "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"controller\":\"example.com/a\"}}", rows, false);
}
END_TEST

TESTS("small_kinds", flow_schemas, priority_levels, events, quotas, nodes, roles, ingress_classes)
