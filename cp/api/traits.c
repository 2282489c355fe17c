/* Traits of kinds. Purpose: keep differences that are plain facts in one table. A kind that is not listed has none. */
#include "cp/api/traits.h"

#include <string.h>

#include "base/mem.h"

static const struct traits table[] = {
    {"", "pods", true, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"", "services", true, true, false, true, NULL, DEPENDENTS_GO, NULL},
    {"", "serviceaccounts", true, false, false, false, NULL, DEPENDENTS_GO, NULL},
    {"", "endpoints", false, true, false, true,
     "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice", DEPENDENTS_GO, NULL},
    {"", "componentstatuses", false, false, false, false, "v1 ComponentStatus is deprecated in v1.19+", DEPENDENTS_GO, NULL},
    {"", "events", false, true, false, false, NULL, DEPENDENTS_NONE, NULL},
    {"events.k8s.io", "events", false, true, false, false, NULL, DEPENDENTS_NONE, NULL},
    {"", "limitranges", false, true, false, false, NULL, DEPENDENTS_GO, NULL},
    {"", "resourcequotas", true, false, false, false, NULL, DEPENDENTS_GO, NULL},
    {"", "podtemplates", true, true, false, false, NULL, DEPENDENTS_GO, NULL},
    {"", "persistentvolumes", true, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"", "persistentvolumeclaims", true, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"coordination.k8s.io", "leases", false, true, true, true, NULL, DEPENDENTS_GO, NULL},
    {"", "nodes", false, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"apps", "deployments", false, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"apps", "replicasets", false, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"apps", "statefulsets", false, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"apps", "daemonsets", false, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"", "replicationcontrollers", false, false, false, false, NULL, DEPENDENTS_STAY, NULL},
    {"batch", "jobs", false, false, false, true, NULL, DEPENDENTS_STAY,
     "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
     "propagationPolicy=Orphan to suppress this warning"},
    {"discovery.k8s.io", "endpointslices", false, false, false, true, NULL, DEPENDENTS_GO, NULL},
    {"storage.k8s.io", "storageclasses", true, false, false, false, NULL, DEPENDENTS_GO, NULL},
    {"storage.k8s.io", "csidrivers", true, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"storage.k8s.io", "csinodes", true, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"storage.k8s.io", "volumeattachments", true, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"storage.k8s.io", "volumeattributesclasses", true, false, false, false, NULL, DEPENDENTS_GO, NULL},
    {"storage.k8s.io", "csistoragecapacities", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"node.k8s.io", "runtimeclasses", false, true, true, false, NULL, DEPENDENTS_GO, NULL},
    {"policy", "poddisruptionbudgets", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"admissionregistration.k8s.io", "validatingwebhookconfigurations", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"admissionregistration.k8s.io", "mutatingwebhookconfigurations", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"admissionregistration.k8s.io", "validatingadmissionpolicies", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"admissionregistration.k8s.io", "validatingadmissionpolicybindings", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"admissionregistration.k8s.io", "mutatingadmissionpolicies", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"admissionregistration.k8s.io", "mutatingadmissionpolicybindings", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"apiregistration.k8s.io", "apiservices", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"apiextensions.k8s.io", "customresourcedefinitions", false, false, true, false, NULL, DEPENDENTS_GO, NULL},
    {"rbac.authorization.k8s.io", "roles", false, true, false, false, NULL, DEPENDENTS_GO, NULL},
    {"rbac.authorization.k8s.io", "rolebindings", false, true, false, false, NULL, DEPENDENTS_GO, NULL},
    {"rbac.authorization.k8s.io", "clusterroles", false, true, false, false, NULL, DEPENDENTS_GO, NULL},
    {"rbac.authorization.k8s.io", "clusterrolebindings", false, true, false, false, NULL, DEPENDENTS_GO, NULL},
};

const struct traits *traits_of(const struct kind *k)
{
	static const struct traits none = {"", "", false, false, false, false, NULL, DEPENDENTS_GO, NULL}, custom = {"", "", false, false, true, false, NULL, DEPENDENTS_GO, NULL};
	if (k->custom)
		return &custom;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].plural, k->plural) == 0 && strcmp(table[i].group, k->group) == 0)
			return &table[i];
	return &none;
}

/* Both groups of events have one structure. */
char *traits_package(const struct kind *k)
{
	bool core = !*k->group || strcmp(k->group, "events.k8s.io") == 0;
	return core ? xstrdup("core") : xstrndup(k->group, strcspn(k->group, "."));
}
