/* Ingresses, their classes, slices of endpoints, addresses and ranges of services: a row a rule, in the order in which they are told. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define META "\"metadata\":{\"name\":\"n\",\"namespace\":\"d\"}"
#define CHECK(group, kind, text, rows, update) fixture_rules(fixture_kind(group, "v1", kind), text, rows, ARRAY_LEN(rows), update)
#define LABEL                                                                                                                           \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric " \
	"character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN                                                                                                                       \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "    \
	"alphanumeric character (e.g. 'example.com', regex used for validation is "                                                        \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define AT "spec.rules[0].http.paths[0]"
#define PATHS(path) "[{\"http\":{\"paths\":[" path "]}}]"

START_TEST(ingresses)
{
	static const struct rule_row rows[] = {
	    {"spec.rules", PATHS("{\"path\":\"/\",\"backend\":{}}"), AT ".pathType: Required value: pathType must be specified\n"},
	    {"spec.rules", PATHS("{\"path\":\"x\",\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"port\":{}}}}"),
	     AT ".path: Invalid value: \"x\": must be an absolute path\n" AT ".backend.service.name: Required value\n" AT
		".backend: Required value: port name or number is required\n"},
	    {"spec.rules", PATHS("{\"pathType\":\"Near\",\"path\":\"x\",\"backend\":{\"service\":{\"name\":\"s\",\"port\":{\"name\":\"A\",\"number\":1}}}}"),
	     AT ".pathType: Unsupported value: \"Near\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\"\n" AT
		".backend: Invalid value: \"\": cannot set both port name & port number\n"},
	    {"spec.defaultBackend", "{\"service\":{\"name\":\"s\",\"port\":{\"number\":70000}}}",
	     "spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive\n"},
	    {"spec.defaultBackend", "{\"service\":{\"name\":\"s\",\"port\":{\"name\":\"A--\"}}}",
	     "spec.defaultBackend.service.port.name: Invalid value: \"A--\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)\n"
	     "spec.defaultBackend.service.port.name: Invalid value: \"A--\": must contain at least one letter (a-z)\n"
	     "spec.defaultBackend.service.port.name: Invalid value: \"A--\": must not contain consecutive hyphens\n"
	     "spec.defaultBackend.service.port.name: Invalid value: \"A--\": must not begin or end with a hyphen\n"},
	    {"spec.defaultBackend", "{\"resource\":{\"apiGroup\":\"A\",\"kind\":\"\",\"name\":\"a/b\"}}",
	     "spec.defaultBackend.resource.apiGroup: Invalid value: \"A\": " SUBDOMAIN "\n"
	     "spec.defaultBackend.resource.kind: Required value\n"
	     "spec.defaultBackend.resource.name: Invalid value: \"a/b\": may not contain '/'\n"},
	    {"spec.rules", "[{\"host\":\"::1\",\"http\":{}},{\"host\":\"1.2.3.4\"}]",
	     "spec.rules[0].host: Invalid value: \"::1\": must be a DNS name, not an IP address\n"
	     "spec.rules[0].host: Invalid value: \"::1\": " SUBDOMAIN "\n"
	     "spec.rules[0].http.paths: Required value\n"
	     "spec.rules[1].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address\n"},
	    {"spec", "{\"tls\":[{\"hosts\":[\"A\"]}],\"ingressClassName\":\"B\"}",
	     "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified\n"
	     "spec.tls[0].hosts[0]: Invalid value: \"A\": " SUBDOMAIN "\n"
	     "spec.ingressClassName: Invalid value: \"B\": " SUBDOMAIN "\n"},
	};
	CHECK("networking.k8s.io", "Ingress", "{" META ",\"spec\":{\"defaultBackend\":{\"service\":{\"name\":\"s\",\"port\":{\"number\":80}}}}}", rows, false);
}
END_TEST

START_TEST(ingress_classes)
{
	static const char text[] = "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"controller\":\"a.b/c\"}}";
	static const struct rule_row rows[] = {
	    {"spec.controller", NULL, "spec.controller: Required value\n"},
	    {"spec.controller", "\"a.b\"", "spec.controller: Invalid value: \"a.b\": must be a domain-prefixed path (such as \"acme.io/foo\")\n"},
	    {"spec.parameters", "{\"scope\":\"Town\",\"kind\":\"\",\"name\":\"a/b\"}",
	     "spec.parameters.kind: Required value\nspec.parameters.name: Invalid value: \"a/b\": may not contain '/'\n"
	     "spec.parameters.scope: Unsupported value: \"Town\": supported values: \"Cluster\", \"Namespace\"\n"},
	    {"spec.parameters", "{\"scope\":\"Namespace\",\"kind\":\"k\",\"name\":\"n\"}",
	     "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'\n"},
	    {"spec.parameters", "{\"namespace\":\"d\",\"kind\":\"k\",\"name\":\"n\"}",
	     "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'\n"},
	};
	static const struct rule_row updates[] = {
	    {"spec.controller", "\"a.b/d\"", "spec.controller: Invalid value: \"a.b/d\": field is immutable\n"}};
	CHECK("networking.k8s.io", "IngressClass", text, rows, false);
	CHECK("networking.k8s.io", "IngressClass", text, updates, true);
}
END_TEST

START_TEST(policies)
{
	static const struct rule_row rows[] = {
	    {"spec", "{\"podSelector\":{\"matchLabels\":{\"a\":\"?\"}},\"policyTypes\":[\"Up\"],\"egress\":[{\"ports\":[{\"protocol\":\"X\",\"port\":0}],"
		     "\"to\":[{}]}]}",
	     "spec.podSelector.matchLabels: Invalid value: \"?\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
	     "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
	     "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')\n"
	     "spec.egress[0].ports[0].protocol: Unsupported value: \"X\": supported values: \"TCP\", \"UDP\", \"SCTP\"\n"
	     "spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\n"
	     "spec.egress[0].to[0]: Required value: must specify a peer\n"
	     "spec.policyTypes[0]: Unsupported value: \"Up\": supported values: \"Ingress\", \"Egress\"\n"},
	};
	CHECK("networking.k8s.io", "NetworkPolicy", "{" META ",\"spec\":{\"podSelector\":{}}}", rows, false);
}
END_TEST

START_TEST(slices)
{
	static const char text[] = "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}]}";
	static const struct rule_row rows[] = {
	    {"addressType", NULL, "addressType: Required value\n"},
	    {"endpoints[0].addresses", "[]", "endpoints[0].addresses: Required value: must contain at least 1 address\n"},
	    {"endpoints[0].addresses", "[\"x\"]",
	     "endpoints[0].addresses[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)\n"},
	    {"endpoints[0].addresses", "[\"::1\"]",
	     "endpoints[0].addresses: Invalid value: \"::1\": must be an IPv4 address\n"
	     "endpoints[0].addresses[0]: Invalid value: \"::1\": may not be in the loopback range (127.0.0.0/8, ::1/128)\n"},
	    {"endpoints[0]", "{\"addresses\":[\"10.0.0.1\"],\"hostname\":\"A\",\"nodeName\":\"B\",\"hints\":{\"forZones\":[{\"name\":\"z\"},{\"name\":\"z\"}]}}",
	     "endpoints[0].nodeName: Invalid value: \"B\": " SUBDOMAIN "\n"
	     "endpoints[0].hostname: Invalid value: \"A\": " LABEL "\n"
	     "endpoints[0].hints.forZones[1].name: Duplicate value: \"z\"\n"},
	    {"ports", "[{\"name\":\"A\",\"protocol\":\"X\",\"port\":70000},{\"name\":\"A\"}]",
	     "ports[0].name: Invalid value: \"A\": " LABEL "\n"
	     "ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"\n"
	     "ports[1].name: Invalid value: \"A\": " LABEL "\nports[1].name: Duplicate value: \"A\"\n"},
	    {"", "{\"addressType\":\"FQDN\",\"endpoints\":[{\"addresses\":[\"a\",\"b.c.\"]}]}",
	     "endpoints[0].addresses[0]: Invalid value: \"a\": should be a domain with at least two segments separated by dots\n"},
	};
	CHECK("discovery.k8s.io", "EndpointSlice", text, rows, false);
}
END_TEST

START_TEST(topology_is_dropped)
{
	const struct kind_ops *ops = kind_ops_find(fixture_kind("discovery.k8s.io", "v1", "EndpointSlice"));
	AUTO_JSON *old = json_loads("{\"endpoints\":[{\"deprecatedTopology\":{\"kubernetes.io/hostname\":\"n1\"}}]}", 0, NULL);
	AUTO_JSON *kept = json_deep_copy(old);
	AUTO_JSON *moved = json_loads("{\"endpoints\":[{\"deprecatedTopology\":{\"kubernetes.io/hostname\":\"n1\"}},"
				      "{\"deprecatedTopology\":{\"kubernetes.io/hostname\":\"n2\"}}]}", 0, NULL);

	ops->prepare_update(kept, old);
	ck_assert(json_equal(kept, old));
	ops->prepare_update(moved, old);
	AUTO_FREE char *text = json_text(moved);
	ck_assert_str_eq(text, "{\"endpoints\":[{\"nodeName\":\"n1\"},{}]}");
}
END_TEST

START_TEST(addresses)
{
	static const char text[] = "{\"metadata\":{\"name\":\"10.0.0.1\"},\"spec\":{\"parentRef\":{\"resource\":\"services\",\"name\":\"s\"}}}";
	static const struct rule_row rows[] = {
	    {"spec.parentRef", NULL, "spec.parentRef: Required value\n"},
	    {"spec.parentRef", "{\"group\":\"A\",\"name\":\"a/b\",\"namespace\":\"..\"}",
	     "spec.parentRef.group: Invalid value: \"A\": " SUBDOMAIN "\n"
	     "spec.parentRef.resource: Required value\n"
	     "spec.parentRef.name: Invalid value: \"a/b\": may not contain '/'\n"
	     "spec.parentRef.namespace: Invalid value: \"..\": may not be '..'\n"},
	};
	static const struct rule_row updates[] = {
	    {"spec.parentRef.name", "\"t\"",
	     "spec.parentRef: Invalid value: {\"Group\":\"\",\"Resource\":\"services\",\"Namespace\":\"\",\"Name\":\"t\"}: field is immutable\n"}};
	CHECK("networking.k8s.io", "IPAddress", text, rows, false);
	CHECK("networking.k8s.io", "IPAddress", text, updates, true);
}
END_TEST

START_TEST(ranges)
{
	static const char text[] = "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"cidrs\":[\"10.0.0.0/24\"]}}";
	static const struct rule_row rows[] = {
	    {"spec.cidrs", "[]", "spec.cidrs: Required value: at least one CIDR required\n"},
	    {"spec.cidrs", "[\"10.0.0.1/24\"]", "spec.cidrs[0]: Invalid value: \"10.0.0.1/24\": must not have bits set beyond the prefix length\n"},
	    {"spec.cidrs", "[\"10.0.0.0/24\",\"x\"]",
	     "spec.cidrs[1]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)\n"},
	};
	static const struct rule_row updates[] = {
	    {"spec.cidrs", "[\"10.0.1.0/24\"]", "spec.cidrs[0]: Invalid value: \"10.0.1.0/24\": field is immutable\n"},
	    {"spec.cidrs", "[\"10.0.0.0/24\",\"fd00::/112\"]", ""},
	    {"spec.cidrs", "[\"10.0.0.0/24\",\"fd00::/112\",\"fd01::/112\"]",
	     "spec.cidrs: Invalid value: [\"10.0.0.0/24\",\"fd00::/112\",\"fd01::/112\"]: field is immutable\n"},
	};
	CHECK("networking.k8s.io", "ServiceCIDR", text, rows, false);
	CHECK("networking.k8s.io", "ServiceCIDR", text, updates, true);
}
END_TEST

START_TEST(warnings)
{
	static const struct {
		const char *group, *kind, *text, *wanted;
	} rows[] = {
	    {"networking.k8s.io", "NetworkPolicy", "{\"spec\":{\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"10.0.0.1/8\"}}]}]}}",
	     "spec.ingress[0].from[0].ipBlock.cidr: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.1/32\"?)"},
	    {"discovery.k8s.io", "EndpointSlice", "{\"addressType\":\"FQDN\",\"endpoints\":[{\"addresses\":[\"a.b\"]}]}",
	     "spec.addressType: FQDN endpoints are deprecated"},
	    {"node.k8s.io", "RuntimeClass", "{\"scheduling\":{\"nodeSelector\":{\"beta.kubernetes.io/os\":\"linux\"}}}",
	     "scheduling.nodeSelector: deprecated since v1.14; use \"kubernetes.io/os\" instead"},
	    {"apiextensions.k8s.io", "CustomResourceDefinition",
	     "{\"spec\":{\"versions\":[{\"schema\":{\"openAPIV3Schema\":{\"properties\":{\"a\":{\"type\":\"string\",\"format\":\"tea\"},"
	     "\"b\":{\"type\":\"integer\",\"format\":\"int32\"},\"c\":{\"type\":\"string\",\"format\":\"date-time\"}}}}}]}}",
	     "unrecognized format \"tea\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STRV char **got = NULL;
		AUTO_JSON *o = json_loads(rows[i].text, 0, NULL);
		kind_ops_find(fixture_kind(rows[i].group, "v1", rows[i].kind))->warn(o, NULL, &got);
		AUTO_FREE char *all = got ? str_join(got, "\n") : xstrdup("");
		ck_assert_str_eq(all, rows[i].wanted);
	}
}
END_TEST

TESTS("network_kinds", ingresses, ingress_classes, policies, slices, topology_is_dropped, addresses, ranges, warnings)
