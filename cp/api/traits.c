/* Traits of kinds. Purpose: keep differences that are plain facts in one table. A kind that is not listed has none. */
#include "cp/api/traits.h"

#include <string.h>

#include "base/mem.h"

static const struct traits table[] = {
    {"", "pods", true, false, false, NULL},
    {"", "services", true, true, false, NULL},
    {"", "serviceaccounts", true, false, false, NULL},
    {"", "endpoints", false, true, false,
     "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"},
    {"", "componentstatuses", false, false, false, "v1 ComponentStatus is deprecated in v1.19+"},
    {"", "events", false, true, false, NULL},
    {"events.k8s.io", "events", false, true, false, NULL},
    {"", "limitranges", false, true, false, NULL},
    {"", "resourcequotas", true, false, false, NULL},
    {"", "podtemplates", true, true, false, NULL},
    {"", "persistentvolumes", true, false, false, NULL},
    {"", "persistentvolumeclaims", true, false, false, NULL},
    {"coordination.k8s.io", "leases", false, true, true, NULL},
    {"storage.k8s.io", "storageclasses", true, false, false, NULL},
    {"storage.k8s.io", "csidrivers", true, false, false, NULL},
    {"rbac.authorization.k8s.io", "roles", false, true, false, NULL},
    {"rbac.authorization.k8s.io", "rolebindings", false, true, false, NULL},
    {"rbac.authorization.k8s.io", "clusterroles", false, true, false, NULL},
    {"rbac.authorization.k8s.io", "clusterrolebindings", false, true, false, NULL},
};

const struct traits *traits_of(const struct kind *k)
{
	static const struct traits none = {"", "", false, false, false, NULL}, custom = {"", "", false, false, true, NULL};
	if (k->custom)
		return &custom;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].plural, k->plural) == 0 && strcmp(table[i].group, k->group) == 0)
			return &table[i];
	return &none;
}
