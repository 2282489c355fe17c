/* The order in which the reference tells a pod's errors, below its spec. */
#include "cp/kinds/error_order.h"
#include "cp/kinds/kinds.h"
#include "cp/kinds/pod_rules.h"

#define CONTAINERS(list)                                                                                                                \
	list "[].name", list "[].image", list "[].terminationMessagePolicy", list "[].ports[].name", list "[].ports[].containerPort",   \
	    list "[].ports[].hostPort", list "[].ports[].protocol", list "[].env[]", list "[].envFrom", list "[].volumeMounts",           \
	    list "[].volumeDevices", list "[].imagePullPolicy", list "[].resources", list "[].resizePolicy", list "[].securityContext", \
	    list "[].lifecycle", list "[].livenessProbe", list "[].readinessProbe", list "[].startupProbe", list "[].restartPolicy",    \
	    list "[].restartPolicyRules"

static const char *const order[] = {"volumes[]",
				    "volumes[].name", /* a volume's source comes first */
				    "resourceClaims",
				    CONTAINERS("containers"),
				    CONTAINERS("initContainers"),
				    "ephemeralContainers",
				    "resources",
				    "restartPolicy",
				    "dnsPolicy",
				    "nodeSelector",
				    "securityContext",
				    "imagePullSecrets",
				    "affinity",
				    "dnsConfig",
				    "readinessGates",
				    "schedulingGates",
				    "topologySpreadConstraints",
				    "hostNetwork",
				    "HostPID",
				    "HostIPC",
				    "serviceAccountName",
				    "nodeName",
				    "activeDeadlineSeconds",
				    "hostname",
				    "subdomain",
				    "tolerations",
				    "hostAliases",
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
