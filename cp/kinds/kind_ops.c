/* The table of kinds with rules of their own, and the rules of all others. */
#include "cp/kinds/kind_ops.h"

#include <string.h>

#include "base/json.h"
#include "cp/kinds/kinds.h"

static void keep_status(json_t *obj, const json_t *old)
{
	json_t *status = json_object_get(old, "status");
	if (status)
		json_object_set(obj, "status", status);
	else
		json_object_del(obj, "status");
}

static void drop_status(json_t *obj)
{
	json_object_del(obj, "status");
}

void kind_keep_spec(json_t *obj, const json_t *old)
{
	json_t *spec = json_object_get(old, "spec");
	if (spec)
		json_object_set(obj, "spec", spec);
	else
		json_object_del(obj, "spec");
}

void kind_empty_status(json_t *obj)
{
	json_object_set_new(obj, "status", json_object());
}

void kind_keep_status(json_t *obj, const json_t *old)
{
	keep_status(obj, old);
}

static const struct kind_ops plain = { .group = "", .kind = "" };
static const struct kind_ops with_status = { .group = "", .kind = "", .prepare_create = drop_status, .prepare_update = keep_status,
					     .prepare_status = kind_keep_spec, .has_status = true };

static const struct kind_ops *const special[] = {
	&pod_ops, &service_ops, &deployment_ops, &replicaset_ops, &namespace_ops, &node_ops, &configmap_ops, &secret_ops,
	&endpoints_ops, &endpointslice_ops, &lease_ops, &event_ops, &events_event_ops, &serviceaccount_ops,
	&job_ops, &cronjob_ops, &statefulset_ops, &daemonset_ops, &replicationcontroller_ops, &controllerrevision_ops,
	&podtemplate_ops, &role_ops, &clusterrole_ops, &rolebinding_ops, &clusterrolebinding_ops, &networkpolicy_ops, &ingress_ops,
	&ingressclass_ops, &poddisruptionbudget_ops, &persistentvolume_ops, &persistentvolumeclaim_ops, &storageclass_ops,
	&horizontalpodautoscaler_ops, &certificatesigningrequest_ops, &crd_ops, &resourcequota_ops, &limitrange_ops,
	&priorityclass_ops, &runtimeclass_ops, &prioritylevel_ops, &flowschema_ops, &apiservice_ops, &volumeattributesclass_ops, &csidriver_ops,
	&csinode_ops, &csistoragecapacity_ops, &volumeattachment_ops, &validatingwebhooks_ops, &mutatingwebhooks_ops, &validatingpolicy_ops,
	&mutatingpolicy_ops, &validatingpolicybinding_ops, &mutatingpolicybinding_ops, &resourceclaim_ops, &resourceclaimtemplate_ops,
	&resourceslice_ops, &deviceclass_ops, &ipaddress_ops, &servicecidr_ops,
};

static bool has_word(const char *const *words, const char *word)
{
	for (; words && *words; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

const struct kind_ops *kind_ops_find(const struct kind *k)
{
	if (k->custom)
		return k->custom->has_status ? &custom_status_ops : &custom_ops;
	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		if (!strcmp(special[i]->kind, k->kind) && !strcmp(special[i]->group, k->group))
			return special[i];
	return has_word(k->subresources, "status") ? &with_status : &plain;
}

const struct kind_part *kind_part_find(const struct kind_ops *ops, const char *subresource)
{
	for (const struct kind_part *p = ops->parts; p && p->subresource; p++)
		if (!strcmp(p->subresource, subresource))
			return p;
	return NULL;
}
