/* Services, policies of the network, storage and admission: a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define META "\"metadata\":{\"name\":\"n\",\"namespace\":\"d\"}"
#define CHECK(group, kind, text, rows, update) fixture_rules(fixture_kind(group, "v1", kind), text, rows, ARRAY_LEN(rows), update)

START_TEST(services)
{
	static const struct rule_row rows[] = {
	    {"spec.ports", "[]", "spec.ports: Required value\n"},
	    {"spec.clusterIPs", "[\"10.0.0.1\"]", "spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: must be empty when `clusterIP` is not specified\n"},
	    {"spec", "{\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.1\",\"10.0.0.2\"]}",
	     "spec.clusterIPs: Invalid value: [\"10.0.0.1\",\"10.0.0.2\"]: may specify no more than one IP for each IP family\n"},
	    {"spec", "{\"ipFamilyPolicy\":\"Both\",\"type\":\"Foo\"}",
	     "spec.ipFamilyPolicy: Unsupported value: \"Both\": supported values: \"PreferDualStack\", \"RequireDualStack\", \"SingleStack\"\n"},
	    {"spec", "{\"type\":\"ExternalName\",\"externalName\":\"a.b\",\"clusterIP\":\"10.0.0.1\"}", "spec.clusterIPs: Forbidden: may not be set for ExternalName services\n"},
	    {"spec", "{\"type\":\"Foo\",\"sessionAffinity\":\"No\",\"ports\":[{\"port\":1,\"nodePort\":3},{\"name\":\"b\",\"port\":0,\"nodePort\":3}]}",
	     "spec.ports[0].name: Required value\nspec.ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive\n"
	     "spec.ports[1].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive\n"
	     "spec.sessionAffinity: Unsupported value: \"No\": supported values: \"ClientIP\", \"None\"\n"
	     "spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"\n"
	     "spec.ports[1].nodePort: Duplicate value: 3\n"},
	    {"metadata.annotations", "{\"service.kubernetes.io/topology-mode\":\"a\",\"service.kubernetes.io/topology-aware-hints\":\"b\"}",
	     "metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: \"a\": must match "
	     "annotations[service.kubernetes.io/topology-aware-hints] when both are specified\n"},
	    {"metadata.annotations", "{\"service.beta.kubernetes.io/load-balancer-source-ranges\":\"10.0.0.0/8 , x\"}",
	     "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Forbidden: may only be used when `type` is 'LoadBalancer'\n"
	     "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: Invalid value: \"x\": must be a valid CIDR value, (e.g. "
	     "10.9.8.0/24 or 2001:db8::/64)\n"},
	    {"spec.clusterIP", "\"x\"", "spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)\n"},
	    {"spec.clusterIP", "\"10.0.0.010\"", "spec.clusterIPs[0]: Invalid value: \"10.0.0.010\": must not have leading 0s\n"},
	    {"spec.externalIPs", "[\"::ffff:1.2.3.4\"]", "spec.externalIPs[0]: Invalid value: \"::ffff:1.2.3.4\": must not be an IPv4-mapped IPv6 address\n"},
	    {"spec", "{\"type\":\"LoadBalancer\",\"ports\":[{\"port\":1}],\"loadBalancerSourceRanges\":[\"10.0.0.1/8\",\" 10.0.0.0/8 \"]}",
	     "spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.1/8\": must not have bits set beyond the prefix length\n"},
	    {"spec.ipFamilies", "[\"IPv5\"]", "spec.ipFamilies[0]: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\"\n"},
	    {"spec.externalIPs", "[\"127.0.0.1\"]", "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)\n"},
	    {"spec.loadBalancerSourceRanges", "[\"x\"]",
	     "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'\n"
	     "spec.LoadBalancerSourceRanges[0]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)\n"},
	    {"spec.loadBalancerClass", "\"a/b\"", "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'\n"},
	    {"spec.externalTrafficPolicy", "\"Local\"", "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services\n"},
	    {"spec.healthCheckNodePort", "30000", "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'\n"},
	    {"spec.trafficDistribution", "\"Near\"", "spec.trafficDistribution: Unsupported value: \"Near\": supported values: \"PreferClose\", \"PreferSameZone\", \"PreferSameNode\"\n"},
	    {"spec.sessionAffinity", "\"Sometimes\"", "spec.sessionAffinity: Unsupported value: \"Sometimes\": supported values: \"ClientIP\", \"None\"\n"},
	    {"spec", "{\"type\":\"ExternalName\",\"externalName\":\"a.b.\",\"ipFamilyPolicy\":\"SingleStack\"}", "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services\n"},
	    {"spec", "{\"sessionAffinity\":\"ClientIP\",\"sessionAffinityConfig\":{\"clientIP\":{\"timeoutSeconds\":0}},\"ports\":[{\"port\":1}]}",
	     "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400\n"},
	};
	CHECK("", "Service", "{" META ",\"spec\":{\"ports\":[{\"port\":80}]}}", rows, false);
}
END_TEST

START_TEST(network_policies)
{
	static const struct rule_row rows[] = {
	    {"spec.ingress", "[{\"ports\":[{\"endPort\":5}]}]", "spec.ingress[0].ports[0].endPort: Invalid value: 5: may not be specified when `port` is not specified\n"},
	    {"spec.ingress", "[{\"ports\":[{\"port\":\"x\",\"endPort\":5}]}]", "spec.ingress[0].ports[0].endPort: Invalid value: 5: may not be specified when `port` is non-numeric\n"},
	    {"spec.egress", "[{\"to\":[{\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":[\"11.0.0.0/16\"]}}]}]",
	     "spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`\n"},
	    {"spec.egress", "[{\"to\":[{\"ipBlock\":{\"cidr\":\"10.0.0.0/8\",\"except\":[\"10.1.0.0/16\"]}}]}]", ""},
	    {"spec.egress", "[{\"to\":[{\"podSelector\":{},\"ipBlock\":{\"cidr\":\"10.0.0.0/8\"}}]}]",
	     "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer\n"},
	};
	CHECK("networking.k8s.io", "NetworkPolicy", "{" META ",\"spec\":{\"podSelector\":{}}}", rows, false);
}
END_TEST

START_TEST(ingresses)
{
	static const struct rule_row rows[] = {
	    {"spec", "{}", "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified\n"},
	    {"spec.tls", "[{\"hosts\":[\"A\"],\"secretName\":\"s\"}]",
	     "spec.tls[0].hosts[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
	     "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
	     "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n"},
	    {"spec.rules", "[{\"http\":{\"paths\":[{\"path\":\"/a//b\",\"pathType\":\"Exact\",\"backend\":{\"service\":{\"name\":\"s\",\"port\":{\"number\":1}}}}]}}]",
	     "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'\n"},
	};
	CHECK("networking.k8s.io", "Ingress", "{" META ",\"spec\":{\"defaultBackend\":{\"service\":{\"name\":\"s\",\"port\":{\"number\":80}}}}}", rows, false);
}
END_TEST

START_TEST(endpoint_slices)
{
	static const struct rule_row rows[] = {
	    {"endpoints[0].addresses", "[]", "endpoints[0].addresses: Required value: must contain at least 1 address\n"},
	    {"endpoints[0].addresses", "[\"0.0.0.0\"]", "endpoints[0].addresses[0]: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)\n"},
	    {"ports", "[{\"port\":1},{\"port\":2}]", "ports[1].name: Duplicate value: \"\"\n"},
	    {"addressType", "\"IPv6\"", "endpoints[0].addresses: Invalid value: \"10.0.0.1\": must be an IPv6 address\n"},
	};
	CHECK("discovery.k8s.io", "EndpointSlice", "{" META ",\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}]}", rows, false);
}
END_TEST

START_TEST(volumes)
{
	static const struct rule_row rows[] = {
	    {"spec.accessModes", "[\"ReadWriteOnce\",\"ReadWriteOncePod\"]", "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes\n"},
	    {"spec.capacity", "{\"storage\":\"0\"}", "spec.capacity[storage]: Invalid value: \"0\": must be greater than zero\n"},
	    {"spec.persistentVolumeReclaimPolicy", "\"Burn\"", "spec.persistentVolumeReclaimPolicy: Unsupported value: \"Burn\": supported values: \"Delete\", \"Recycle\", \"Retain\"\n"},
	    {"spec.nfs", "{\"server\":\"s\",\"path\":\"/x\"}", "spec.nfs: Forbidden: may not specify more than 1 volume type\n"},
	    {"spec.nfs", "{}", "spec.nfs: Forbidden: may not specify more than 1 volume type\n"},
	    {"spec", "{\"accessModes\":[\"ReadWriteOnce\"],\"capacity\":{\"storage\":\"1\"},\"volumeAttributesClassName\":\"\",\"iscsi\":{\"lun\":1}}",
	     "spec.iscsi.targetPortal: Required value\nspec.iscsi.iqn: Required value\n"
	     "spec.volumeAttributesClassName: Required value: an empty string is disallowed\n"
	     "spec.csi: Required value: has to be specified when using volumeAttributesClassName\n"},
	    {"spec.hostPath", NULL, "spec: Required value: must specify a volume type\n"},
	    {"spec", "{\"accessModes\":[\"ReadWriteOnce\"],\"capacity\":{\"storage\":\"1\"},\"local\":{\"path\":\"/x\"}}", "spec.nodeAffinity: Required value: Local volume requires node affinity\n"},
	    {"spec", "{\"accessModes\":[\"ReadWriteOnce\"],\"capacity\":{\"storage\":\"1\"},\"hostPath\":{\"path\":\"/\"},\"persistentVolumeReclaimPolicy\":\"Recycle\"}",
	     "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'\n"},
	    {"spec.volumeAttributesClassName", "\"x\"", "spec.csi: Required value: has to be specified when using volumeAttributesClassName\n"},
	};
	static const struct rule_row updates[] = {
	    {"spec.volumeMode", "\"Block\"", "volumeMode: Invalid value: \"Block\": field is immutable\n"},
	    {"spec.capacity", "{\"storage\":\"2\"}", ""},
	};
#define PV "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"capacity\":{\"storage\":\"1\"},\"hostPath\":{\"path\":\"/x\"}}}"
	CHECK("", "PersistentVolume", PV, rows, false);
	CHECK("", "PersistentVolume", PV, updates, true);
}
END_TEST

START_TEST(claims)
{
	static const struct rule_row rows[] = {
	    {"spec.accessModes", "[]", "spec.accessModes: Required value: at least 1 access mode is required\n"},
	    {"spec.resources", "{}", "spec.resources[storage]: Required value\n"},
	    {"spec.resources", "{\"requests\":{\"storage\":\"0\"}}", "spec.resources[storage]: Invalid value: \"0\": must be greater than zero\n"},
	    {"spec.dataSource", "{\"kind\":\"Secret\",\"name\":\"x\"}", ""},
	    {"spec.dataSourceRef", "{\"kind\":\"Secret\",\"name\":\"x\"}",
	     "spec.dataSource: Invalid value: \"Secret\": must be 'PersistentVolumeClaim' when referencing the default apiGroup\n"
	     "spec.dataSourceRef: Invalid value: \"Secret\": must be 'PersistentVolumeClaim' when referencing the default apiGroup\n"},
	    {"spec.volumeMode", "\"Tape\"", "spec.volumeMode: Unsupported value: \"Tape\": supported values: \"Block\", \"Filesystem\"\n"},
	};
	static const struct rule_row updates[] = {
	    {"metadata.annotations", "{\"volume.beta.kubernetes.io/storage-class\":\"x\"}",
	     "metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid value: \"x\": field is immutable\n"},
	};
#define CLAIM "{" META ",\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"
	CHECK("", "PersistentVolumeClaim", CLAIM, rows, false);
	CHECK("", "PersistentVolumeClaim", CLAIM, updates, true);
}
END_TEST

START_TEST(storage_kinds)
{
	static const struct rule_row class[] = {
	    {"provisioner", "\"\"", "provisioner: Required value\n"},
	    {"reclaimPolicy", "\"Recycle\"", "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"\n"},
	    {"allowedTopologies", "[{}]", "allowedTopologies[0].matchLabelExpressions: Duplicate value: \"\"\n"},
	    {"allowedTopologies", "[{\"matchLabelExpressions\":[{\"key\":\"a\",\"values\":[\"b\",\"b\"]}]}]",
	     "allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: \"b\"\n"},
	};
	static const struct rule_row class_update[] = {{"provisioner", "\"b\"", "provisioner: Forbidden: updates to provisioner are forbidden.\n"}};
	static const struct rule_row driver[] = {
	    {"spec.tokenRequests", "[{\"audience\":\"a\",\"expirationSeconds\":1}]",
	     "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes\n"},
	    {"spec.volumeLifecycleModes", "[\"Never\"]", "spec.volumeLifecycleModes: Unsupported value: \"Never\": supported values: \"Persistent\", \"Ephemeral\"\n"},
	    {"spec.fsGroupPolicy", "\"All\"", "spec.fsGroupPolicy: Unsupported value: \"All\": supported values: \"File\", \"None\", \"ReadWriteOnceWithFSType\"\n"},
	};
	static const struct rule_row driver_update[] = {
	    {"spec.attachRequired", "false", "spec.attachedRequired: Invalid value: false: field is immutable\n"},
	    {"spec.fsGroupPolicy", "\"File\"", ""},
	    {"spec.volumeLifecycleModes", "[\"Ephemeral\"]", "spec.volumeLifecycleModes: Invalid value: [\"Ephemeral\"]: field is immutable\n"},
	};
	static const struct rule_row node[] = {
	    {"spec.drivers", "[{\"name\":\"a\",\"nodeID\":\"x\"},{\"name\":\"a\",\"nodeID\":\"x\"}]", "spec.drivers[1].name: Duplicate value: \"a\"\n"},
	    {"spec.drivers", "[{\"name\":\"a\",\"nodeID\":\"x\",\"allocatable\":{\"count\":-1}}]",
	     "spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0\n"},
	    {"spec.drivers", "[{\"name\":\"a\",\"nodeID\":\"\",\"topologyKeys\":[\"k\",\"k\"]}]",
	     "spec.drivers[0].nodeID: Required value\nspec.drivers[0]: Duplicate value: \"k\"\n"},
	};
	static const struct rule_row node_update[] = {
	    {"spec.drivers", "[{\"name\":\"a\",\"nodeID\":\"y\",\"topologyKeys\":[\"k\"]}]",
	     "spec.drivers: Invalid value: {\"Name\":\"a\",\"NodeID\":\"y\",\"TopologyKeys\":[\"k\"],\"Allocatable\":null}: field is immutable\n"},
	    {"spec.drivers", "[{\"name\":\"a\",\"nodeID\":\"x\",\"topologyKeys\":[\"k\"],\"allocatable\":{\"count\":3}}]", ""},
	    {"spec.drivers", "[]", ""},
	};
	static const struct rule_row attachment[] = {
	    {"spec.source", "{}", "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName\n"},
	};
	static const struct rule_row capacity[] = {{"capacity", "\"-1\"", "capacity: Invalid value: \"-1\": must be greater than or equal to 0\n"}};
	static const struct rule_row attributes[] = {
	    {"parameters", NULL, "parameters: Required value: must contain at least one key/value pair\n"},
	    {"driverName", "\"D_x\"", ""},
	};
	static const struct rule_row attributes_update[] = {
	    {"driverName", "\"e\"", "driverName: Forbidden: updates to driverName are forbidden.\n"},
	    {"parameters", "{\"a\":\"c\"}", "parameters: Forbidden: updates to parameters are forbidden.\n"},
	};
	CHECK("storage.k8s.io", "StorageClass", "{\"metadata\":{\"name\":\"n\"},\"provisioner\":\"a\"}", class, false);
	CHECK("storage.k8s.io", "StorageClass", "{\"metadata\":{\"name\":\"n\"},\"provisioner\":\"a\"}", class_update, true);
	CHECK("storage.k8s.io", "CSIDriver", "{\"metadata\":{\"name\":\"n\"},\"spec\":{}}", driver, false);
	CHECK("storage.k8s.io", "CSIDriver", "{\"metadata\":{\"name\":\"n\"},\"spec\":{}}", driver_update, true);
	CHECK("storage.k8s.io", "CSINode", "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"drivers\":[]}}", node, false);
	CHECK("storage.k8s.io", "VolumeAttachment", "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"attacher\":\"a\",\"nodeName\":\"n\",\"source\":{\"persistentVolumeName\":\"p\"}}}", attachment, false);
	CHECK("storage.k8s.io", "CSIStorageCapacity", "{" META ",\"storageClassName\":\"a\"}", capacity, false);
	CHECK("storage.k8s.io", "VolumeAttributesClass", "{\"metadata\":{\"name\":\"n\"},\"driverName\":\"d\",\"parameters\":{\"a\":\"b\"}}", attributes, false);
	CHECK("storage.k8s.io", "VolumeAttributesClass", "{\"metadata\":{\"name\":\"n\"},\"driverName\":\"d\",\"parameters\":{\"a\":\"b\"}}", attributes_update, true);
	CHECK("storage.k8s.io", "CSINode", "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"drivers\":[{\"name\":\"a\",\"nodeID\":\"x\",\"topologyKeys\":[\"k\"]}]}}", node_update, true);
}
END_TEST

#define HOOK "{\"name\":\"a.b.c\",\"sideEffects\":\"None\",\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":\"https://h/p\"}}"
START_TEST(webhooks)
{
	static const struct rule_row rows[] = {
	    {"webhooks[0].name", "\"a.b\"", "webhooks[0].name: Invalid value: \"a.b\": should be a domain with at least three segments separated by dots\n"},
	    {"webhooks[0].sideEffects", "\"Some\"", "webhooks[0].sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"\n"},
	    {"webhooks[0].admissionReviewVersions", "[\"v2\"]", "webhooks[0].admissionReviewVersions: Invalid value: [\"v2\"]: must include at least one of v1, v1beta1\n"},
	    {"webhooks[0].clientConfig", "{}", "webhooks[0].clientConfig: Required value: exactly one of url or service is required\n"},
	    {"webhooks[0].clientConfig", "{\"url\":\"http://h\"}",
	     "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]\n"},
	    {"webhooks[0].clientConfig", "{\"service\":{\"name\":\"a\",\"namespace\":\"b\",\"path\":\"x\"}}", "webhooks[0].clientConfig.service.path: Invalid value: \"x\": must start with a '/'\n"
	     "webhooks[0].clientConfig.service.path: Invalid value: \"x\": segment[0] may not be empty\n"},
	    {"webhooks[0].timeoutSeconds", "31", "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds\n"},
	    {"webhooks[0].rules", "[{\"operations\":[\"*\",\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"pods/*\",\"pods/log\"]}]",
	     "webhooks[0].rules[0].operations: Invalid value: [\"*\",\"CREATE\"]: if '*' is present, must not specify other operations\n"
	     "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not specify pods/log\n"},
	    {"webhooks[0].rules", "[{\"operations\":[\"MAKE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"pods\"],\"scope\":\"All\"}]",
	     "webhooks[0].rules[0].operations[0]: Unsupported value: \"MAKE\": supported values: \"*\", \"CONNECT\", \"CREATE\", \"DELETE\", \"UPDATE\"\n"
	     "webhooks[0].rules[0].scope: Unsupported value: \"All\": supported values: \"*\", \"Cluster\", \"Namespaced\"\n"},
	    {"webhooks", "[" HOOK "," HOOK "]", "webhooks[1].name: Duplicate value: \"a.b.c\"\n"},
	};
	CHECK("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "{\"metadata\":{\"name\":\"n\"},\"webhooks\":[" HOOK "]}", rows, false);
	CHECK("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "{\"metadata\":{\"name\":\"n\"},\"webhooks\":[" HOOK "]}", rows, false);
}
END_TEST

START_TEST(policies)
{
	static const struct rule_row rows[] = {
	    {"spec.matchConstraints", NULL, "spec.matchConstraints: Required value\n"},
	    {"spec.validations", "[]",
	     "spec.validations: Required value: validations or auditAnnotations must contain at least one item\n"
	     "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item\n"},
	    {"spec.validations", "[{\"expression\":\" \"}]", "spec.validations[0].expression: Required value: expression is not specified\n"},
	    {"spec.validations", "[{\"expression\":\"true\",\"message\":\"a\\nb\",\"reason\":\"Why\"}]",
	     "spec.validations[0].message: Invalid value: \"a\\nb\": message must not contain line breaks\n"
	     "spec.validations[0].reason: Unsupported value: \"Why\": supported values: \"Forbidden\", \"Invalid\", \"RequestEntityTooLarge\"\n"},
	    {"spec.variables", "[{\"name\":\"1a\",\"expression\":\"1\"}]", "spec.variables[0].name: Invalid value: \"1a\": name is not a valid CEL identifier\n"},
	    {"spec.paramKind", "{\"apiVersion\":\"a/b/c\",\"kind\":\"X\"}", "spec.paramKind.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c\n"},
	};
	static const struct rule_row binding[] = {
	    {"spec.validationActions", "[]", "spec.validationActions: Required value: at least one validation action is required\n"},
	    {"spec.validationActions", "[\"Deny\",\"Warn\"]",
	     "spec.validationActions: Invalid value: [\"Deny\",\"Warn\"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)\n"},
	    {"spec.policyName", "\"\"", "spec.policyName: Required value\n"},
	    {"spec.paramRef", "{}", "spec.paramRef: Required value: one of name or selector must be specified\nspec.paramRef.parameterNotFoundAction: Required value\n"},
	};
	CHECK("admissionregistration.k8s.io", "ValidatingAdmissionPolicy",
	      "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"matchConstraints\":{\"resourceRules\":[{\"operations\":[\"CREATE\"],\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"resources\":[\"pods\"]}]},"
	      "\"validations\":[{\"expression\":\"true\"}]}}", rows, false);
	CHECK("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding",
	      "{\"kind\":\"ValidatingAdmissionPolicyBinding\",\"metadata\":{\"name\":\"n\"},\"spec\":{\"policyName\":\"p\",\"validationActions\":[\"Deny\"]}}", binding, false);
}
END_TEST

TESTS("cluster_kinds", services, network_policies, ingresses, endpoint_slices, volumes, claims, storage_kinds, webhooks, policies)
