/* cp/kinds/pod_*.c: what a pod may say, a row a rule. */
#include "tests/unit/cp/kinds/rules_fixture.h"

#define POD                                                                                                                     \
	"{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i:1\","       \
	"\"resources\":{\"limits\":{\"cpu\":\"1\"}}}],\"initContainers\":[{\"name\":\"i\",\"image\":\"i\"}],"                   \
	"\"securityContext\":{},\"serviceAccountName\":\"default\","                                                           \
	"\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":\"b\",\"persistentVolumeClaim\":{\"claimName\":\"x\"}}]}}"
#define C "spec.containers[0]"
#define SUBDOMAIN "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define PORT "must be between 1 and 65535, inclusive"

static void check(const struct rule_row *rows, size_t n)
{
	fixture_rules(fixture_kind("", "v1", "Pod"), POD, rows, n, false);
}

START_TEST(containers)
{
	static const struct rule_row rows[] = {
	    {"spec.containers", "[]", "spec.containers: Required value\n"},
	    {C ".image", "\" i\"", C ".image: Invalid value: \" i\": must not have leading or trailing whitespace\n"},
	    {C ".ports", "[{\"containerPort\":0,\"name\":\"a\"},{\"containerPort\":1,\"name\":\"a\",\"hostPort\":70000}]",
	     C ".ports[0].containerPort: Required value\n" C ".ports[1].name: Duplicate value: \"a\"\n" C
	       ".ports[1].hostPort: Invalid value: 70000: " PORT "\n"},
	    {C ".ports", "[{\"containerPort\":1,\"hostPort\":5},{\"containerPort\":2,\"hostPort\":5}]",
	     C ".ports[1].hostPort: Duplicate value: \"TCP//5\"\n"},
	    {C ".restartPolicyRules", "[{\"action\":\"Restart\",\"exitCodes\":{\"operator\":\"In\",\"values\":[1]}}]",
	     C ".restartPolicy: Required value: must specify restartPolicy when restart rules are used\n"},
	    {"spec.initContainers[0].livenessProbe", "{\"exec\":{\"command\":[\"x\"]}}",
	     "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always\n"},
	    {"spec.initContainers[0].resizePolicy", "[{\"resourceName\":\"cpu\",\"restartPolicy\":\"RestartContainer\"}]",
	     "spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must not be set to 'RestartContainer' for "
	     "non-sidecar initContainers\n"},
	    {C, "{\"name\":\"c\",\"image\":\"i\",\"restartPolicy\":\"Never\",\"restartPolicyRules\":[{\"exitCodes\":{}},{\"action\":\"Restart\"}]}",
	     C ".restartPolicyRules[0].action: Unsupported value: \"\": supported values: \"Restart\", \"RestartAllContainers\"\n" C
	       ".restartPolicyRules[0].exitCodes.operator: Unsupported value: \"\": supported values: \"In\", \"NotIn\"\n" C
	       ".restartPolicyRules[1].exitCodes: Required value: must be specified\n"},
	    {"spec.initContainers[0].name", "\"c\"", "spec.initContainers[0].name: Duplicate value: \"c\"\n"},
	    {"spec.ephemeralContainers", "[{\"name\":\"e\",\"image\":\"i\"}]", "spec.ephemeralContainers: Forbidden: cannot be set on create\n"},
	    {C ".resizePolicy", "[{\"resourceName\":\"cpu\",\"restartPolicy\":\"NotRequired\"},{\"resourceName\":\"cpu\",\"restartPolicy\":\"NotRequired\"}]",
	     C ".resizePolicy[1]: Duplicate value: \"cpu\"\n"},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(environment)
{
	static const struct rule_row rows[] = {
	    {C ".env", "[{\"name\":\"A=B\"}]",
	     C ".env[0].name: Invalid value: \"A=B\": a valid environment variable name must consist only of printable ASCII characters other than '='\n"},
	    {C ".env", "[{\"name\":\"A\",\"value\":\"x\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"s\",\"key\":\"k\"}}}]",
	     C ".env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"fileKeyRef\":{\"volumeName\":\"v\",\"path\":\"/a/../b\",\"key\":\"K\"}}}]",
	     C ".env[0].valueFrom.fileKeyRef.path: Invalid value: \"/a/../b\": must not contain '..'\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"fileKeyRef\":{\"volumeName\":\"none\",\"path\":\"a\",\"key\":\"K\"}}}]",
	     C ".env[0].valueFrom.fileKeyRef.volumeName: Not found: \"none\"\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{}}]",
	     C ".env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"spec.none\"}}}]",
	     C ".env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.none\": error converting fieldPath: field label not supported: spec.none\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.labels\"}}}]",
	     C ".env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"metadata.labels\": supported values: \"metadata.name\", \"metadata.namespace\", "
	       "\"metadata.uid\", \"spec.nodeName\", \"spec.serviceAccountName\", \"status.hostIP\", \"status.hostIPs\", \"status.podIP\", \"status.podIPs\"\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.labels['a']\"}}}]", ""},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"resourceFieldRef\":{\"resource\":\"limits.none\"}}}]",
	     C ".env[0].valueFrom.resourceFieldRef.resource: Unsupported value: \"limits.none\": supported values: \"limits.cpu\", "
	       "\"limits.ephemeral-storage\", \"limits.memory\", \"requests.cpu\", \"requests.ephemeral-storage\", \"requests.memory\"\n"},
	    {C ".env", "[{\"name\":\"A\",\"valueFrom\":{\"resourceFieldRef\":{\"resource\":\"limits.cpu\",\"divisor\":\"2\"}}}]",
	     C ".env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu resource\n"},
	    {C ".envFrom", "[{\"secretRef\":{}}]", C ".envFrom[0].secretRef.name: Required value\n"},
	    {C ".envFrom", "[{}]", C ".envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`\n"},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(mounts)
{
	static const struct rule_row rows[] = {
	    {C ".volumeMounts", "[{\"name\":\"v\",\"mountPath\":\"/a\"},{\"name\":\"v\",\"mountPath\":\"/a\"}]",
	     C ".volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique\n"},
	    {C ".volumeMounts", "[{\"name\":\"none\",\"mountPath\":\"/a\"}]", C ".volumeMounts[0].name: Not found: \"none\"\n"},
	    {C ".volumeMounts", "[{\"name\":\"v\",\"mountPath\":\"/a\",\"subPath\":\"/x\"}]",
	     C ".volumeMounts.subPath: Invalid value: \"/x\": must be a relative path\n"},
	    {C ".volumeMounts", "[{\"name\":\"v\",\"mountPath\":\"/a\",\"mountPropagation\":\"Bidirectional\"}]",
	     C ".volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers\n"},
	    {C ".volumeMounts", "[{\"name\":\"v\",\"mountPath\":\"/a\",\"recursiveReadOnly\":\"Enabled\"}]",
	     C ".volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true\n"},
	    {C ".volumeDevices", "[{\"name\":\"v\",\"devicePath\":\"/dev/x\"}]",
	     C ".volumeDevices[0].name: Invalid value: \"v\": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode\n"},
	    {C ".volumeDevices", "[{\"name\":\"b\",\"devicePath\":\"/dev/x\"}]", ""},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(probes)
{
	static const struct rule_row rows[] = {
	    {C ".livenessProbe", "{}", C ".livenessProbe: Required value: must specify a handler type\n"},
	    {C ".livenessProbe", "{\"exec\":{\"command\":[\"x\"]},\"tcpSocket\":{\"port\":1}}",
	     C ".livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type\n"},
	    {C ".livenessProbe", "{\"exec\":{},\"successThreshold\":2,\"periodSeconds\":-1}",
	     C ".livenessProbe.exec.command: Required value\n" C ".livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0\n" C
	       ".livenessProbe.successThreshold: Invalid value: 2: must be 1\n"},
	    {C ".readinessProbe", "{\"httpGet\":{\"port\":0},\"terminationGracePeriodSeconds\":1}",
	     C ".readinessProbe.httpGet.port: Invalid value: 0: " PORT "\n" C
	       ".readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes\n"},
	    {C ".lifecycle", "{\"preStop\":{\"sleep\":{\"seconds\":31}}}",
	     C ".lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)\n"},
	    {C ".lifecycle", "{\"postStart\":{}}", C ".lifecycle.postStart: Required value: must specify a handler type\n"},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(resources)
{
	static const struct rule_row rows[] = {
	    {C ".resources", "{\"limits\":{\"foo\":\"1\"}}",
	     C ".resources.limits[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified\n" C
	       ".resources.limits[foo]: Invalid value: \"foo\": must be a standard resource for containers\n" C
	       ".resources.requests[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified\n" C
	       ".resources.requests[foo]: Invalid value: \"foo\": must be a standard resource for containers\n"},
	    {C ".resources", "{\"requests\":{\"cpu\":\"-1\"}}",
	     C ".resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0\n"},
	    {C ".resources", "{\"requests\":{\"example.com/gpu\":\"1\"}}",
	     C ".resources.limits: Required value: Limit must be set for non overcommitable resources\n"},
	    {C ".resources", "{\"limits\":{\"example.com/gpu\":\"500m\"}}",
	     C ".resources.limits[example.com/gpu]: Invalid value: \"500m\": must be an integer\n" C
	       ".resources.requests[example.com/gpu]: Invalid value: \"500m\": must be an integer\n"},
	    {C ".resources", "{\"limits\":{\"hugepages-2Mi\":\"4Mi\"}}", C ".resources: Forbidden: HugePages require cpu or memory\n"},
	    {C ".resources", "{\"limits\":{\"hugepages-2Mi\":\"3Mi\",\"cpu\":\"1\"}}",
	     C ".resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi\n" C
	       ".resources.requests[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi\n"},
	    {C ".resources", "{\"claims\":[{\"name\":\"x\"}]}",
	     C ".resources.claims[0]: Not found: \"x\": must be one of the names in pod.spec.resourceClaims which is empty\n"},
	    {"spec.resources", "{\"requests\":{\"cpu\":\"500m\"},\"limits\":{\"cpu\":\"500m\",\"pods\":\"1\"}}",
	     "spec.resources.limits[pods]: Unsupported value: \"pods\": supported values: \"cpu\", \"hugepages-\", \"memory\"\n"
	     "spec.resources.requests[cpu]: Invalid value: \"500m\": must be greater than or equal to aggregate container requests of 1\n"
	     "spec.resources.containers[0][cpu].limits: Invalid value: \"1\": must be less than or equal to pod limits of 500m\n"},
	    {"spec.resourceClaims", "[{\"name\":\"a\",\"resourceClaimName\":\"b\"}]", ""},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(contexts)
{
	static const struct rule_row rows[] = {
	    {C ".securityContext", "{\"runAsUser\":-1}", C ".securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive\n"},
	    {C ".securityContext", "{\"seccompProfile\":{\"type\":\"Localhost\"}}",
	     C ".securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost\n"},
	    {C ".securityContext", "{\"appArmorProfile\":{\"type\":\"RuntimeDefault\",\"localhostProfile\":\"x\"}}",
	     C ".securityContext.appArmorProfile.localhostProfile: Invalid value: \"x\": can only be set when AppArmor type is Localhost\n"},
	    {C ".securityContext", "{\"procMount\":\"Unmasked\"}",
	     C ".securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`\n"},
	    {"spec.securityContext.sysctls", "[{\"name\":\"Bad!\",\"value\":\"1\"}]",
	     "spec.securityContext.sysctls[0].name: Invalid value: \"Bad!\": must have at most 253 characters and match regex "
	     "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$\n"},
	    {"spec.securityContext.sysctls", "[{\"name\":\"net.ipv4.ip_forward\",\"value\":\"1\"}]", ""},
	    {"spec.securityContext.supplementalGroups", "[-1]",
	     "spec.securityContext.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive\n"},
	    {"spec", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"hostPID\":true,\"shareProcessNamespace\":true}",
	     "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled\n"},
	    {"spec", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"hostPID\":true,\"hostUsers\":false}",
	     "spec.HostPID: Forbidden: when `hostUsers` is false\n"},
	    {"spec", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"volumeDevices\":[{\"name\":\"v\",\"devicePath\":\"/d\"}]}],\"hostUsers\":false,"
	     "\"volumes\":[{\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"x\"}}]}",
	     C ".volumeDevices: Forbidden: when `hostUsers` is false\n"},
	    {"spec", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"hostnameOverride\":\"\",\"setHostnameAsFQDN\":true,\"hostNetwork\":true}",
	     "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true\n"
	     "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true\n"
	     "spec.hostnameOverride: Invalid value: \"\": " SUBDOMAIN "\n"},
	    {"spec.securityContext.seLinuxChangePolicy", "\"MountOption\"",
	     "spec.securityContext.seLinuxChangePolicy: Unsupported value: \"MountOption\": supported values: \"Recursive\"\n"},
	    {"spec", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"os\":{\"name\":\"windows\"},\"resources\":{\"requests\":{\"cpu\":\"1\"}}}",
	     "spec.resources: Forbidden: may not be set for a windows pod\n"},
	    {"spec", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"os\":{\"name\":\"windows\"},\"securityContext\":{\"fsGroup\":1}}",
	     "spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod\n"},
	    {"spec", "{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}],\"os\":{\"name\":\"linux\"},\"securityContext\":{\"windowsOptions\":{}}}",
	     "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod\n"},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(volumes)
{
	static const struct rule_row rows[] = {
	    {"spec.volumes[0]", "{\"name\":\"v\",\"hostPath\":{\"path\":\"/a/../b\"}}",
	     "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"hostPath\":{\"path\":\"/a..b\"}}", ""},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"configMap\":{\"name\":\"x\",\"items\":[{\"key\":\"k\",\"path\":\"..p\",\"mode\":512}]}}",
	     "spec.volumes[0].configMap.items[0].mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive\n"
	     "spec.volumes[0].configMap.items[0].path: Invalid value: \"..p\": must not start with '..'\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"downwardAPI\":{\"items\":[{\"path\":\"p\"}]}}",
	     "spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"nfs\":{\"server\":\"s\",\"path\":\"rel\"}}",
	     "spec.volumes[0].nfs.path: Invalid value: \"rel\": must be an absolute path\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"nfs\":{}}",
	     "spec.volumes[0].nfs.server: Required value\nspec.volumes[0].nfs.path: Required value\n"
	     "spec.volumes[0].nfs.path: Invalid value: \"\": must be an absolute path\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"emptyDir\":{},\"nfs\":{}}", "spec.volumes[0].nfs: Forbidden: may not specify more than 1 volume type\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"projected\":{\"sources\":[{\"serviceAccountToken\":{\"path\":\"t\",\"expirationSeconds\":1}}]}}",
	     "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"projected\":{\"sources\":[{\"secret\":{\"name\":\"s\"},\"configMap\":{\"name\":\"s\"}}]}}",
	     "spec.volumes[0].projected.sources[0]: Forbidden: may not specify more than 1 volume type per source\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"csi\":{\"driver\":\"a b\"}}",
	     "spec.volumes[0].csi.driver: Invalid value: \"a b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
	     "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
	     "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"image\":{}}", "spec.volumes[0].image.reference: Required value\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"ephemeral\":{\"volumeClaimTemplate\":{\"metadata\":{\"name\":\"n\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"]}}}}",
	     "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set\n"
	     "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value\n"},
	    {"spec.volumes[1].persistentVolumeClaim", "{\"claimName\":\"\"}", "spec.volumes[1].persistentVolumeClaim.claimName: Required value\n"},
	    {"spec.volumes[0]", "{\"name\":\"v\",\"iscsi\":{\"targetPortal\":\"t\",\"iqn\":\"x\",\"lun\":300}}",
	     "spec.volumes[0].iscsi.iqn: Invalid value: \"x\": must be valid format starting with iqn, eui, or naa\n"
	     "spec.volumes[0].iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive\n"},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

#define AFFINITY "spec.affinity"
START_TEST(placement)
{
	static const struct rule_row rows[] = {
	    {"spec.tolerations", "[{\"key\":\"a\",\"operator\":\"Exists\",\"value\":\"x\"}]",
	     "spec.tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'\n"},
	    {"spec.tolerations", "[{\"key\":\"a\",\"effect\":\"NoSchedule\",\"tolerationSeconds\":1}]",
	     "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set\n"},
	    {AFFINITY, "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"x\",\"operator\":\"In\",\"values\":[\"n\"]}]}]}}}",
	     AFFINITY ".nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key: Invalid value: \"x\": not a valid field selector key\n"},
	    {AFFINITY, "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"x\",\"operator\":\"Near\"}]}]}}}",
	     AFFINITY ".nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator: Invalid value: \"Near\": not a valid selector operator\n"},
	    {AFFINITY, "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{}}}",
	     AFFINITY ".nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term\n"},
	    {AFFINITY, "{\"podAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":101,\"podAffinityTerm\":{\"topologyKey\":\"a\",\"matchLabelKeys\":[\"b\"]}}]}}",
	     AFFINITY ".podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100\n" AFFINITY
		      ".podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set\n"},
	    {"spec.topologySpreadConstraints", "[{\"maxSkew\":1,\"topologyKey\":\"a\",\"whenUnsatisfiable\":\"ScheduleAnyway\",\"minDomains\":1},{\"maxSkew\":1,\"topologyKey\":\"a\",\"whenUnsatisfiable\":\"ScheduleAnyway\"}]",
	     "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: \"{a, ScheduleAnyway}\"\n"
	     "spec.topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway\n"},
	    {"spec.dnsPolicy", "\"None\"", "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None\n"},
	    {"spec.hostAliases", "[{\"ip\":\"10.0.0.010\"},{\"ip\":\"::ffff:10.0.0.1\"},{\"ip\":\"FD00::1\"}]",
     "spec.hostAliases[0].ip: Invalid value: \"10.0.0.010\": must not have leading 0s\n"
     "spec.hostAliases[1].ip: Invalid value: \"::ffff:10.0.0.1\": must not be an IPv4-mapped IPv6 address\n"},
    {"spec.containers[0].livenessProbe", "{\"initialDelaySeconds\":-1,\"httpGet\":{\"port\":0}}",
     "spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive\n"
     "spec.containers[0].livenessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0\n"},
    {"spec.dnsConfig", "{\"nameservers\":[\"a\"],\"options\":[{}]}",
	     "spec.dnsConfig.nameservers[0]: Invalid value: \"a\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)\n"
	     "spec.dnsConfig.options[0]: Required value: must not be empty\n"},
	    {"spec.schedulingGates", "[{\"name\":\"a\"},{\"name\":\"a\"}]", "spec.schedulingGates[1]: Duplicate value: \"a\"\n"},
	    {"spec.os", "{\"name\":\"plan9\"}", "spec.os: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\"\n"},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(annotations)
{
	static const struct rule_row rows[] = {
	    {"metadata.annotations", "{\"container.apparmor.security.beta.kubernetes.io/none\":\"runtime/default\"}",
	     "metadata.annotations[container.apparmor.security.beta.kubernetes.io/none]: Invalid value: \"none\": container not found\n"},
	    {"metadata.annotations", "{\"seccomp.security.alpha.kubernetes.io/pod\":\"x\"}",
	     "metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: \"x\": must be a valid seccomp profile\n"},
	};
	check(rows, ARRAY_LEN(rows));
}
END_TEST

/* Of an update, the one error about the whole spec shows the difference; here it is enough that there is none else. */
START_TEST(updates)
{
	static const struct rule_row rows[] = {
	    {C ".image", "\"i:2\"", ""},
	    {"spec.tolerations", "[{\"key\":\"a\",\"operator\":\"Exists\"}]", ""},
	    {"spec.activeDeadlineSeconds", "5", ""},
	    {"spec.initContainers", "[]", "spec.initContainers: Forbidden: pod updates may not add or remove containers\n"},
	    {"spec.schedulingGates", "[{\"name\":\"a\"}]", "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a'\n"},
	};
	fixture_rules(fixture_kind("", "v1", "Pod"), POD, rows, ARRAY_LEN(rows), true);
}
END_TEST

#define GATED                                                                                                                   \
	"{\"metadata\":{\"name\":\"p\",\"namespace\":\"d\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i:1\"}],"     \
	"\"schedulingGates\":[{\"name\":\"g\"}],\"nodeSelector\":{\"a\":\"b\"}}}"
START_TEST(gated_updates)
{
	static const struct rule_row rows[] = {
	    {"spec.schedulingGates", "[]", ""},
	    {"spec.nodeSelector", "{\"a\":\"b\",\"c\":\"d\"}", ""},
	    {"spec.nodeSelector", "{\"c\":\"d\"}",
	     "spec.nodeSelector: Invalid value: {\"c\":\"d\"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)\n"},
	    {"spec.affinity", "{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"x\",\"operator\":\"Exists\"}]}]}}}", ""},
	};
	fixture_rules(fixture_kind("", "v1", "Pod"), GATED, rows, ARRAY_LEN(rows), true);
}
END_TEST

TESTS("pod_rules", containers, environment, mounts, probes, resources, contexts, volumes, placement, annotations, updates, gated_updates)
