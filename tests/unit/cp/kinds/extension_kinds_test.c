/* Definitions, API services, admission policies, flow control, certificate requests, roles: a row a rule, in the order in which they
 * are told. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define CHECK(group, kind, text, rows, update) fixture_rules(fixture_kind(group, "v1", kind), text, rows, ARRAY_LEN(rows), update)
#define SUBDOMAIN                                                                                                                       \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "    \
	"alphanumeric character (e.g. 'example.com', regex used for validation is "                                                        \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define LABEL_1035                                                                                                                      \
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an "  \
	"alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

/* --- definitions -------------------------------------------------------------------------------------------------------- */

#define VERSION(name, storage, schema, more)                                                                                            \
	"{\"name\":\"" name "\",\"served\":true,\"storage\":" storage ",\"schema\":{\"openAPIV3Schema\":" schema "}" more "}"
#define OBJECT "{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"n\":{\"type\":\"number\"}}}}}"
#define DEFINITION                                                                                                                      \
	"{\"metadata\":{\"name\":\"as.b.c\"},\"spec\":{\"group\":\"b.c\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"as\",\"kind\":\"A\"},"  \
	"\"versions\":[" VERSION("v1", "true", OBJECT, "") "]},\"status\":{\"storedVersions\":[\"v1\"]}}"
#define ONE(more) "[" VERSION("v1", "true", OBJECT, more) "]"
#define CLIENT "spec.conversion.webhookClientConfig"

START_TEST(definitions)
{
	static const struct rule_row rows[] = {
	    {"spec.scope", NULL, "spec.scope: Required value\n"},
	    {"spec.names.kind", "\"As?\"",
	     "spec.names.singular: Invalid value: \"as?\": " LABEL_1035 "\n"
	     "spec.names.kind: Invalid value: \"As?\": may have mixed case, but should otherwise match: " LABEL_1035 "\n"
	     "spec.names.listKind: Invalid value: \"As?List\": may have mixed case, but should otherwise match: " LABEL_1035 "\n"},
	    {"spec.preserveUnknownFields", "true",
	     "spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
	     "spec.versions[*].schema instead\n"},
	    {"spec.versions", ONE(",\"deprecationWarning\":\"x\""),
	     "spec.versions[0].deprecationWarning: Invalid value: \"x\": can only be set for deprecated versions\n"},
	    {"spec.versions", ONE(",\"deprecated\":true,\"deprecationWarning\":\"\""),
	     "spec.versions[0].deprecationWarning: Invalid value: \"\": must not be an empty string\n"},
	    {"spec.versions", ONE(",\"deprecated\":true,\"deprecationWarning\":\"a\\nb\""),
	     "spec.versions[0].deprecationWarning: Invalid value: \"a\\nb\": must only contain printable UTF-8 characters; non-printable character found "
	     "at index 1\n"},
	    {"spec.versions", ONE(",\"subresources\":{\"scale\":{\"specReplicasPath\":\".x\",\"statusReplicasPath\":\"y\",\"labelSelectorPath\":\".z\"}}"),
	     "spec.subresources.scale.specReplicasPath: Invalid value: \".x\": should be a json path under .spec\n"
	     "spec.subresources.scale.statusReplicasPath: Invalid value: \"y\": must be a simple json path starting with .\n"
	     "spec.subresources.scale.labelSelectorPath: Invalid value: \".z\": should be a json path under either .spec or .status\n"},
	    {"spec.versions", ONE(",\"additionalPrinterColumns\":[{\"type\":\"text\",\"format\":\"x\",\"jsonPath\":\"a\"}]"),
	     "spec.additionalPrinterColumns[0].name: Required value\n"
	     "spec.additionalPrinterColumns[0].type: Invalid value: \"text\": must be one of boolean,date,integer,number,string\n"
	     "spec.additionalPrinterColumns[0].format: Invalid value: \"x\": must be one of byte,date,date-time,double,float,int32,int64,password\n"
	     "spec.additionalPrinterColumns[0].JSONPath: Invalid value: \"a\": must be a simple json path starting with .\n"},
	    {"spec.versions",
	     ONE(",\"selectableFields\":[{\"jsonPath\":\".spec.a\"},{\"jsonPath\":\".spec.a\"},{\"jsonPath\":\".spec.n\"},{\"jsonPath\":\"spec\"},"
		 "{\"jsonPath\":\".spec.x\"},{\"jsonPath\":\".spec['a']\"},{\"jsonPath\":\".spec.\"},{\"jsonPath\":\"\"}]"),
	     "spec.selectableFields[1].jsonPath: Duplicate value: \".spec.a\"\n"
	     "spec.selectableFields[2].jsonPath: Invalid value: \".spec.n\": must point to a field of type string, boolean or integer. Enum string fields "
	     "and strings with formats are allowed.\n"
	     "spec.selectableFields[3].jsonPath: Invalid value: \"spec\": is an invalid path: expected [ or . but got: spec\n"
	     "spec.selectableFields[4].jsonPath: Invalid value: \".spec.x\": is an invalid path: does not refer to a valid field\n"
	     "spec.selectableFields[5].jsonPath: Invalid value: \".spec['a']\": is an invalid path: array notation is not allowed\n"
	     "spec.selectableFields[6].jsonPath: Invalid value: \".spec.\": is an invalid path: unexpected end of JSON path\n"
	     "spec.selectableFields[7].jsonPath: Required value\n"},
	    {"spec.versions", "[" VERSION("v2", "true", OBJECT, "") "]",
	     "status.storedVersions: Invalid value: [\"v1\"]: must have the storage version v2\n"
	     "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a storage version, and must remain in "
	     "spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions\n"},
	    {"spec.conversion", "{\"strategy\":\"Guess\"}", "spec.conversion.strategy: Unsupported value: \"Guess\": supported values: \"None\", \"Webhook\"\n"},
	    {"spec.conversion", "{\"strategy\":\"Webhook\"}",
	     CLIENT ": Required value: required when strategy is set to Webhook\n"
		    "spec.conversion.conversionReviewVersions: Required value\n"},
	    {"spec.conversion", "{\"strategy\":\"Webhook\",\"webhook\":{\"clientConfig\":{\"service\":{\"path\":\"x/\",\"port\":0}},"
				"\"conversionReviewVersions\":[\"v2\",\"v2\"]}}",
	     CLIENT ".service.name: Required value\n" CLIENT ".service.namespace: Required value\n" CLIENT
		    ".service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive\n" CLIENT
		    ".service.path: Invalid value: \"x/\": must start with a '/'\n" CLIENT
		    ".service.path: Invalid value: \"x/\": segment[0] may not be empty\n"
		    "spec.conversion.conversionReviewVersions[1]: Invalid value: \"v2\": duplicate version\n"
		    "spec.conversion.conversionReviewVersions: Invalid value: [\"v2\",\"v2\"]: must include at least one of v1, v1beta1\n"},
	    {"spec.conversion", "{\"strategy\":\"None\",\"webhook\":{\"clientConfig\":{},\"conversionReviewVersions\":[\"v1\"]}}",
	     CLIENT ": Forbidden: should not be set when strategy is not set to Webhook\n"
		    "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook\n"},
	    {"", "{\"metadata\":{\"name\":\"as.k8s.io\",\"annotations\":{\"api-approved.kubernetes.io\":\"yes\"}},\"spec\":{\"group\":\"k8s.io\",\"scope\":\"Cluster\","
		 "\"names\":{\"plural\":\"as\",\"kind\":\"A\"},\"versions\":" ONE("") "}}",
	     "metadata.annotations[api-approved.kubernetes.io]: Invalid value: \"yes\": protected groups must have approval annotation "
	     "\"api-approved.kubernetes.io\" with either a URL or a reason starting with \"unapproved\", see "
	     "https://github.com/kubernetes/enhancements/pull/1111\n"},
	};
	static const struct rule_row updates[] = {
	    {"spec.group", "\"x.y\"", "spec.group: Invalid value: \"x.y\": field is immutable\n"},
	    {"spec.names.plural", "\"bs\"", "spec.names.plural: Invalid value: \"bs\": field is immutable\n"},
	    {"spec.scope", "\"Cluster\"", ""}, /* not established yet */
	};
	CHECK("apiextensions.k8s.io", "CustomResourceDefinition", DEFINITION, rows, false);
	CHECK("apiextensions.k8s.io", "CustomResourceDefinition", DEFINITION, updates, true);
}
END_TEST

/* --- servers, admission ---------------------------------------------------------------------------------------------------- */

START_TEST(api_services)
{
	static const char text[] = "{\"metadata\":{\"name\":\"v1.a.b\"},\"spec\":{\"group\":\"a.b\",\"version\":\"v1\",\"groupPriorityMinimum\":10,\"versionPriority\":10}}";
	static const struct rule_row rows[] = {
	    {"spec.version", "\"V2\"",
	     "metadata.name: Invalid value: \"v1.a.b\": must be `spec.version+\".\"+spec.group`: \"V2.a.b\"\nspec.version: Invalid value: \"V2\": " LABEL_1035 "\n"},
	    {"spec", "{\"version\":\"v2\",\"versionPriority\":2000}",
	     "metadata.name: Invalid value: \"v1.a.b\": must be `spec.version+\".\"+spec.group`: \"v2.\"\n"
	     "spec.group: Required value: only v1 may have an empty group and it better be legacy kube\n"
	     "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000\n"
	     "spec.versionPriority: Invalid value: 2000: must be positive and less than 1000\n"},
	    {"spec.caBundle", "\"YWJj\"", "spec.caBundle: Invalid value: \"3 bytes\": local APIServices may not have a caBundle\n"},
	    {"spec.service", "{\"port\":0}",
	     "spec.service.namespace: Required value\nspec.service.name: Required value\n"
	     "spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive\n"},
	};
	CHECK("apiregistration.k8s.io", "APIService", text, rows, false);
}
END_TEST

#define MATCH "{\"resourceRules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"pods\"]}]}"

START_TEST(validating_policies)
{
	static const char text[] = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"matchConstraints\":" MATCH ",\"validations\":[{\"expression\":\"true\"}]}}";
	static const struct rule_row rows[] = {
	    {"spec", "{\"failurePolicy\":\"Retry\",\"paramKind\":{\"apiVersion\":\"a/\"},\"variables\":[{\"name\":\"for\",\"expression\":\" \"},{}]}",
	     "spec.failurePolicy: Unsupported value: \"Retry\": supported values: \"Fail\", \"Ignore\"\n"
	     "spec.paramKind.apiVersion: Invalid value: \"a/\": version must be specified\n"
	     "spec.paramKind.kind: Required value\n"
	     "spec.matchConstraints: Required value\n"
	     "spec.variables[0].name: Invalid value: \"for\": name is not a valid CEL identifier\n"
	     "spec.variables[0].expression: Required value: expression is not specified\n"
	     "spec.variables[1].name: Required value: name is not specified\n"
	     "spec.variables[1].expression: Required value: expression is not specified\n"
	     "spec.validations: Required value: validations or auditAnnotations must contain at least one item\n"
	     "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item\n"},
	    {"spec.validations", "[{\"message\":\"a\\nb\",\"reason\":\"Why\",\"messageExpression\":\" \"}]",
	     "spec.validations[0].expression: Required value: expression is not specified\n"
	     "spec.validations[0].messageExpression: Invalid value: \" \": must be non-empty if specified\n"
	     "spec.validations[0].message: Invalid value: \"a\\nb\": message must not contain line breaks\n"
	     "spec.validations[0].reason: Unsupported value: \"Why\": supported values: \"Forbidden\", \"Invalid\", \"RequestEntityTooLarge\"\n"},
	    {"spec.matchConstraints.resourceRules", "[]", "spec.matchConstraints.resourceRules: Required value\n"},
	    {"spec.matchConditions", "[{\"expression\":\"\",\"name\":\"a\"},{\"expression\":\"true\",\"name\":\"a\"}]",
	     "spec.matchConditions[0].expression: Required value\nspec.matchConditions[1].name: Duplicate value: \"a\"\n"},
	    {"spec.auditAnnotations", "[{\"key\":\"k\",\"valueExpression\":\"\"},{\"key\":\"k\",\"valueExpression\":\"'a'\"}]",
	     "spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified\n"
	     "spec.auditAnnotations[1].key: Duplicate value: \"k\"\n"},
	};
	CHECK("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", text, rows, false);
}
END_TEST

START_TEST(mutating_policies)
{
	static const char text[] = "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"reinvocationPolicy\":\"Never\",\"matchConstraints\":" MATCH
				   ",\"mutations\":[{\"patchType\":\"JSONPatch\",\"jsonPatch\":{\"expression\":\"[]\"}}]}}";
	static const struct rule_row rows[] = {
	    {"spec", "{\"matchConstraints\":" MATCH "}",
	     "spec.mutations: Required value: mutations must contain at least one item\nspec.reinvocationPolicy: Required value\n"},
	    {"spec.reinvocationPolicy", "\"Often\"", "spec.reinvocationPolicy: Unsupported value: \"Often\": supported values: \"Never\", \"IfNeeded\"\n"},
	    {"spec.mutations", "[{},{\"patchType\":\"Diff\"},{\"patchType\":\"JSONPatch\",\"applyConfiguration\":{\"expression\":\"x\"}}]",
	     "spec.mutations[0].patchType: Required value\n"
	     "spec.mutations[1].patchType: Unsupported value: \"Diff\": supported values: \"ApplyConfiguration\", \"JSONPatch\"\n"
	     "spec.mutations[2].jsonPatch: Required value: must be specified when patchType is JSONPatch\n"
	     "spec.mutations[2].applyConfiguration: Invalid value: \"{applyConfiguration}\": must not be specified when patchType is JSONPatch\n"},
	    {"spec.mutations[0].jsonPatch.expression", "\" \"", "spec.mutations[0].jsonPatch.expression: Required value\n"},
	    {"spec.matchConstraints.resourceRules[0].operations", "[\"DELETE\"]",
	     "spec.matchConstraints.resourceRules.operations: Unsupported value: \"DELETE\": supported values: \"*\", \"CONNECT\", \"CREATE\", \"UPDATE\"\n"},
	};
	CHECK("admissionregistration.k8s.io", "MutatingAdmissionPolicy", text, rows, false);
}
END_TEST

START_TEST(policy_bindings)
{
	static const char text[] = "{\"apiVersion\":\"admissionregistration.k8s.io/v1\",\"kind\":\"ValidatingAdmissionPolicyBinding\",\"metadata\":{\"name\":\"b\"},"
				   "\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}";
	static const struct rule_row rows[] = {
	    {"spec.paramRef", "{}", "spec.paramRef: Required value: one of name or selector must be specified\nspec.paramRef.parameterNotFoundAction: Required value\n"},
	    {"spec.paramRef", "{\"name\":\"a\",\"selector\":{},\"parameterNotFoundAction\":\"Wait\"}",
	     "spec.paramRef.name: Forbidden: name and selector are mutually exclusive\nspec.paramRef.selector: Forbidden: name and selector are mutually "
	     "exclusive\nspec.paramRef.parameterNotFoundAction: Unsupported value: \"Wait\": supported values: \"Deny\", \"Allow\"\n"},
	    {"spec", "{}", "spec.policyName: Required value\nspec.validationActions: Required value: at least one validation action is required\n"},
	};
	CHECK("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", text, rows, false);
}
END_TEST

/* --- who may do what, and when --------------------------------------------------------------------------------------------- */

START_TEST(flow_schemas)
{
	static const char text[] = "{\"metadata\":{\"name\":\"f\"},\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"p\"}}}";
	static const struct rule_row rows[] = {
	    {"spec.rules", "[{\"subjects\":[{\"kind\":\"Group\",\"user\":{\"name\":\"u\"}},{\"kind\":\"ServiceAccount\",\"serviceAccount\":{}},{\"kind\":\"Robot\"}]}]",
	     "spec.rules[0].subjects[0].group: Required value: group is required when subject kind is 'Group'\n"
	     "spec.rules[0].subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'\n"
	     "spec.rules[0].subjects[1].serviceAccount.name: Required value\n"
	     "spec.rules[0].subjects[1].serviceAccount.namespace: Required value: must specify namespace for service account\n"
	     "spec.rules[0].subjects[2].kind: Unsupported value: \"Robot\": supported values: \"Group\", \"ServiceAccount\", \"User\"\n"
	     "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty\n"},
	};
	CHECK("flowcontrol.apiserver.k8s.io", "FlowSchema", text, rows, false);
}
END_TEST

START_TEST(role_bindings)
{
	static const char text[] = "{\"metadata\":{\"name\":\"b\",\"namespace\":\"d\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"r\"}}";
	static const struct rule_row rows[] = {
	    {"", "{\"roleRef\":{\"apiGroup\":\"x\",\"kind\":\"Thing\",\"name\":\"\"},\"subjects\":[{\"kind\":\"User\",\"apiGroup\":\"y\"},{\"kind\":\"Robot\",\"name\":\"r\"}]}",
	     "roleRef.apiGroup: Unsupported value: \"x\": supported values: \"rbac.authorization.k8s.io\"\n"
	     "roleRef.kind: Unsupported value: \"Thing\": supported values: \"Role\", \"ClusterRole\"\n"
	     "roleRef.name: Required value\n"
	     "subjects[0].name: Required value\n"
	     "subjects[0].apiGroup: Unsupported value: \"y\": supported values: \"rbac.authorization.k8s.io\"\n"
	     "subjects[1].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", \"Group\"\n"},
	};
	static const struct rule_row updates[] = {
	    {"", "{\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"s\"},\"subjects\":[{\"kind\":\"User\"}]}",
	     "subjects[0].name: Required value\nsubjects[0].name: Required value\n"
	     "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"s\"}: cannot change roleRef\n"},
	};
	CHECK("rbac.authorization.k8s.io", "RoleBinding", text, rows, false);
	CHECK("rbac.authorization.k8s.io", "RoleBinding", text, updates, true);
}
END_TEST

static char *status_errors(const struct kind *k, const char *text, const char *before)
{
	const struct kind_ops *ops = kind_ops_find(k);
	AUTO_JSON *obj = json_loads(text, 0, NULL), *old = json_loads(before, 0, NULL);
	AUTO_FIELD_ERRORS f = {.schema = fixture_schema};
	struct str s = STR_INIT;

	ck_assert(obj && old);
	if (ops->prepare_status)
		ops->prepare_status(obj, old);
	ops->validate_status(obj, old, &f);
	for (size_t i = 0; i < f.n; i++)
		str_addf(&s, "%s: %s\n", f.v[i].field, f.v[i].message);
	return str_take(&s);
}

START_TEST(statuses)
{
	static const struct {
		const char *group, *kind, *text, *old, *errors;
	} rows[] = {
	    {"certificates.k8s.io", "CertificateSigningRequest", "{\"status\":{\"conditions\":[{\"type\":\"Approved\",\"status\":\"True\"}]}}", "{}",
	     "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"\n"},
	    {"certificates.k8s.io", "CertificateSigningRequest", "{\"status\":{}}", "{\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":\"True\"}]}}",
	     "status.conditions: Forbidden: updates may not remove a condition of type \"Failed\"\n"},
	    {"certificates.k8s.io", "CertificateSigningRequest", "{\"status\":{\"conditions\":[{\"type\":\"\",\"status\":\"x\"},{\"type\":\"A\"}]}}", "{}",
	     "status.conditions[0].type: Required value\nstatus.conditions[0].status: Unsupported value: \"x\": supported values: \"False\", \"True\", \"Unknown\"\n"
	     "status.conditions[1].status: Required value\n"},
	    {"certificates.k8s.io", "CertificateSigningRequest", "{\"status\":{\"certificate\":\"YWJj\"}}", "{}",
	     "status.certificate: Invalid value: \"<certificate data>\": must contain at least one CERTIFICATE PEM block\n"},
	    {"certificates.k8s.io", "CertificateSigningRequest", "{\"status\":{\"certificate\":\"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCg==\"}}", "{}",
	     "status.certificate: Invalid value: \"<certificate data>\": only CERTIFICATE PEM blocks are allowed, found \"PRIVATE KEY\"\n"},
	    {"certificates.k8s.io", "CertificateSigningRequest", "{\"status\":{}}", "{\"status\":{\"certificate\":\"YWJj\"}}",
	     "status.certificate: Forbidden: updates may not modify existing certificate content\n"},
	    {"apiregistration.k8s.io", "APIService", "{\"status\":{\"conditions\":[{\"type\":\"Available\",\"status\":\"Maybe\"}]}}", "{}",
	     "status.conditions[0].status: Unsupported value: \"Maybe\": supported values: \"True\", \"False\", \"Unknown\"\n"},
	    {"admissionregistration.k8s.io", "ValidatingAdmissionPolicy",
	     "{\"status\":{\"typeChecking\":{\"expressionWarnings\":[{}]},\"conditions\":[{\"type\":\"a\",\"status\":\"True\",\"reason\":\"?\"},"
	     "{\"type\":\"a\",\"status\":\"No\",\"observedGeneration\":-1}]}}",
	     "{}",
	     "status.typeChecking.expressionWarnings[0].warning: Required value\nstatus.typeChecking.expressionWarnings[0].fieldRef: Required value\n"
	     "status.conditions[0].lastTransitionTime: Required value: must be set\n"
	     "status.conditions[0].reason: Invalid value: \"?\": a condition reason must start with alphabetic character, optionally followed by a string of "
	     "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or "
	     "'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')\n"
	     "status.conditions[1].type: Duplicate value: \"a\"\n"
	     "status.conditions[1].status: Unsupported value: \"No\": supported values: \"False\", \"True\", \"Unknown\"\n"
	     "status.conditions[1].observedGeneration: Invalid value: -1: must be greater than or equal to zero\n"
	     "status.conditions[1].lastTransitionTime: Required value: must be set\nstatus.conditions[1].reason: Required value: must be set\n"},
	    {"resource.k8s.io", "ResourceClaim",
	     "{\"status\":{\"reservedFor\":[{\"resource\":\"pods\",\"name\":\"p\",\"uid\":\"u\"},{\"name\":\"q\",\"uid\":\"u\"}],"
	     "\"devices\":[{\"driver\":\"d\",\"pool\":\"p\",\"device\":\"x\",\"networkData\":{\"ips\":[\"10.0.0.1\"]}}]}}",
	     "{}",
	     "status.reservedFor[1].resource: Required value\nstatus.reservedFor[1]: Duplicate value: \"u\"\n"
	     "status.devices[0]: Invalid value: \"d/p/x\": must be an allocated device in the claim\n"
	     "status.devices[0].networkData.ips[0]: Invalid value: \"10.0.0.1\": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)\n"
	     "status.reservedFor: Forbidden: may not be specified when `allocated` is not set\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *got = status_errors(fixture_kind(rows[i].group, "v1", rows[i].kind), rows[i].text, rows[i].old);
		ck_assert_msg(!strcmp(got, rows[i].errors), "%s\ngot:\n%swant:\n%s", rows[i].text, got, rows[i].errors);
	}
}
END_TEST

START_TEST(signers)
{
	static const char text[] =
	    "{\"metadata\":{\"name\":\"c\"},\"spec\":{\"signerName\":\"a.b/c\",\"usages\":[\"client auth\"],\"request\":\"\"}}";
	static const struct {
		const char *signer, *error;
	} rows[] = {
	    {"", "spec.signerName: Required value\n"},
	    {"kubernetes.io/legacy-unknown",
	     "spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the legacy signerName is not allowed via this API version\n"},
	    {"a.b", "spec.signerName: Invalid value: \"a.b\": must be a fully qualified domain and path of the form 'example.com/signer-name'\n"},
	    {"a/b", "spec.signerName: Invalid value: \"a\": should be a domain with at least two segments separated by dots\n"},
	    {"a.B/c",
	     "spec.signerName: Invalid value: \"a.B\": validating label \"B\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters "
	     "or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
	     "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')\n"},
	    {"a.b/", "spec.signerName: Invalid value: \"\": validating label \"\": " SUBDOMAIN "\n"},
	    {"a.b/c", ""},
	};
	const struct kind *k = fixture_kind("certificates.k8s.io", "v1", "CertificateSigningRequest");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *obj = json_loads(text, 0, NULL);
		json_set_str(obj, "spec.signerName", rows[i].signer);
		json_set_at(obj, "spec.usages", json_pack("[s,s,s]", "tea", "any", "any"));
		AUTO_FREE char *got = fixture_errors(k, obj, NULL);
		AUTO_FREE char *usages = xasprintf("%s", strstr(got, "spec.usages[0]: Unsupported value: \"tea\""));
		ck_assert_ptr_nonnull(strstr(usages, "spec.usages[2]: Duplicate value: \"any\"\n"));
		ck_assert(str_has_prefix(got, "spec.request: Invalid value: \"\": PEM block type must be CERTIFICATE REQUEST\n"));
		ck_assert_str_eq(strstr(usages, "\"any\"\n") + strlen("\"any\"\n"), rows[i].error);
	}
}
END_TEST

TESTS("extension_kinds", definitions, api_services, validating_policies, mutating_policies, policy_bindings, flow_schemas, role_bindings, statuses, signers)
