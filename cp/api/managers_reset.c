/* A table of what writes reset. Purpose: whoever sends a whole object to /status does not come to own its spec. Happy path: the
 * object itself leaves the status alone, /status the spec, of some resources more. Nothing fails. Each set is read once. */
#include "cp/api/managers_reset.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

#define SPEC_AND_METADATA "{\"f:spec\":{},\"f:metadata\":{}}"

static struct reset {
	const char *group, *plural, *fields; /* of a write to /status */
	json_t *set;
} resets[] = {
	{"", "pods", "{\"f:spec\":{},\"f:metadata\":{\"f:deletionTimestamp\":{},\"f:ownerReferences\":{}}}", NULL},
	{"apps", "deployments", "{\"f:spec\":{},\"f:metadata\":{\"f:labels\":{}}}", NULL},
	{"admissionregistration.k8s.io", "validatingadmissionpolicies", SPEC_AND_METADATA, NULL},
	{"apiextensions.k8s.io", "customresourcedefinitions", SPEC_AND_METADATA, NULL},
	{"apiregistration.k8s.io", "apiservices", SPEC_AND_METADATA, NULL},
	{"flowcontrol.apiserver.k8s.io", "flowschemas", SPEC_AND_METADATA, NULL},
	{"flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", SPEC_AND_METADATA, NULL},
	{"storage.k8s.io", "volumeattachments", SPEC_AND_METADATA, NULL},
};

static struct reset status_of_any = {"", "", "{\"f:spec\":{}}", NULL}, object_with_status = {"", "", "{\"f:status\":{}}", NULL};

static struct reset *find(const struct kind *k, const char *subresource)
{
	if (!*subresource)
		return strv_has((char *const *)k->subresources, "status") ? &object_with_status : NULL;
	if (strcmp(subresource, "status") != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(resets); i++)
		if (!strcmp(resets[i].plural, k->plural) && !strcmp(resets[i].group, k->group))
			return &resets[i];
	return &status_of_any;
}

const json_t *managers_reset(const struct kind *k, const char *subresource)
{
	struct reset *r = find(k, subresource);

	if (r && !r->set)
		json_parse(r->fields, strlen(r->fields), &r->set, NULL);
	return r ? r->set : NULL;
}
