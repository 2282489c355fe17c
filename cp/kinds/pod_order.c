/* The order in which the reference tells a pod's errors, below its spec. */
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

#define SECURITY(list)                                                                                                                  \
	list "[].securityContext.privileged", list "[].securityContext.runAsUser", list "[].securityContext.runAsGroup",                \
	    list "[].securityContext.procMount", list "[].securityContext.seccompProfile", list "[].securityContext",                   \
	    list "[].securityContext.windowsOptions", list "[].securityContext.appArmorProfile"
#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"
#define PREFERRED "preferredDuringSchedulingIgnoredDuringExecution"

#define PROBE(probe)                                                                                                                    \
	probe, probe ".initialDelaySeconds", probe ".timeoutSeconds", probe ".periodSeconds", probe ".successThreshold",                \
	    probe ".failureThreshold", probe ".terminationGracePeriodSeconds"

#define CONTAINERS(list)                                                                                                                \
	list "[].name", list "[].image", list "[].terminationMessagePolicy", list "[].ports[].name", list "[].ports[].containerPort",   \
	    list "[].ports[].hostPort", list "[].ports[].protocol", list "[].env[]", list "[].envFrom", list "[].volumeMounts",         \
	    list "[].volumeDevices", list "[].imagePullPolicy", list "[].resources", list "[].resizePolicy", SECURITY(list),                \
	    list "[].lifecycle", PROBE(list "[].livenessProbe"), PROBE(list "[].readinessProbe"), PROBE(list "[].startupProbe"), list "[].restartPolicy",    \
	    list "[].restartPolicyRules"

static const char *const order[] = {"volumes[]",
				    "volumes[].nfs.server",
				    "volumes[].nfs.path",
				    "volumes[].iscsi.targetPortal",
				    "volumes[].iscsi.iqn",
				    "volumes[].iscsi.lun",
				    "volumes[].iscsi.secretRef",
				    "volumes[].iscsi.initiatorname",
				    "volumes[].rbd.monitors",
				    "volumes[].rbd.image",
				    "volumes[].configMap.name",
				    "volumes[].configMap.defaultMode",
				    "volumes[].configMap.items",
				    "volumes[].name", /* a volume's source comes first */
				    "resourceClaims[]",
				    CONTAINERS("containers"),
				    CONTAINERS("initContainers"),
				    "ephemeralContainers",
				    "resources",
				    "restartPolicy",
				    "dnsPolicy",
				    "nodeSelector",
				    "securityContext.fsGroup",
				    "securityContext.runAsUser",
				    "securityContext.runAsGroup",
				    "securityContext.supplementalGroups",
				    "securityContext.shareProcessNamespace",
				    "securityContext.sysctls",
				    "securityContext.fsGroupChangePolicy",
				    "securityContext.seccompProfile",
				    "securityContext.windowsOptions",
				    "securityContext.appArmorProfile",
				    "securityContext",
				    "imagePullSecrets",
				    "affinity.nodeAffinity." REQUIRED,
				    "affinity.nodeAffinity." PREFERRED "[]",
				    "affinity.podAffinity." REQUIRED "[]",
				    "affinity.podAffinity." PREFERRED "[]",
				    "affinity.podAntiAffinity." REQUIRED "[]",
				    "affinity.podAntiAffinity." PREFERRED "[]",
				    "affinity",
				    "dnsConfig",
				    "readinessGates",
				    "schedulingGates",
				    "topologySpreadConstraints[].maxSkew",
				    "topologySpreadConstraints[].topologyKey",
				    "topologySpreadConstraints[].whenUnsatisfiable",
				    "topologySpreadConstraints[].{topologyKey, whenUnsatisfiable}",
				    "topologySpreadConstraints[].minDomains",
				    "topologySpreadConstraints[].nodeAffinityPolicy",
				    "topologySpreadConstraints[].nodeTaintsPolicy",
				    "topologySpreadConstraints[]",
				    "hostNetwork",
				    "HostPID",
				    "HostIPC",
				    "hostnameOverride",
				    "serviceAccountName",
				    "nodeName",
				    "activeDeadlineSeconds",
				    "hostname",
				    "subdomain",
				    "tolerations[].key",
				    "tolerations[]",
				    "hostAliases[]",
				    "priorityClassName",
				    "runtimeClassName",
				    "preemptionPolicy",
				    "overhead",
				    "os",
				    NULL};

void pod_errors_order(struct field_errors *errors, const char *path)
{
	errors_order(errors, path, order);
}
