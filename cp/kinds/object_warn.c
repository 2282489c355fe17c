/* Warnings for objects other than pods: labels and annotations that others have taken over from, fields that have no effect,
 * names that make bad hostnames. Pure; nothing fails. */
#include <string.h>

#include "api/ip_form.h"
#include "api/names.h"
#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/kinds.h"

/* Takes text. */
static void take(char ***warnings, char *text)
{
	AUTO_FREE char *owned = text;

	strv_add(warnings, owned);
}

const char *node_label_deprecation(const char *label)
{
	static const struct {
		const char *label, *why;
	} gone[] = {
	    {"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
	    {"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
	    {"failure-domain.beta.kubernetes.io/region", "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
	    {"failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
	    {"beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
	};

	for (size_t i = 0; label && i < ARRAY_LEN(gone); i++)
		if (!strcmp(gone[i].label, label))
			return gone[i].why;
	return NULL;
}

void hostname_warn(const json_t *obj, const json_t *old, const char *use, char ***warnings)
{
	enum { LABEL_MAX = 63 };
	const char *name = json_str_or(obj, "metadata.name", ""), *why = *name ? name_check_label(name) : NULL;
	bool both = strlen(name) > LABEL_MAX && strchr(name, '.');

	if (!old && why)
		take(warnings, xasprintf("metadata.name: this is used in %s, which can result in surprising behavior; a DNS label is recommended: [%s%s]",
					 use, why, both ? " must not contain dots" : ""));
}

void node_term_warn(const json_t *term, const char *path, char ***warnings)
{
	const char *why;
	json_t *x;
	size_t i;

	json_array_foreach(json_object_get(term, "matchExpressions"), i, x)
	{
		const char *key = json_str_or(x, "key", "");
		why = node_label_deprecation(key);
		if (why)
			take(warnings, xasprintf("%s.matchExpressions[%zu].key: %s is %s", path, i, key, why));
	}
}

void node_terms_warn(const json_t *terms, const char *path, char ***warnings)
{
	char p[FIELD_PATH_MAX];
	json_t *term;
	size_t i;

	json_array_foreach(terms, i, term) node_term_warn(term, FIELD_PATH(p, "%s[%zu]", path, i), warnings);
}

static void warn_storage_annotations(const json_t *obj, bool mount_options, char ***warnings)
{
	const json_t *annotations = json_at(obj, "metadata.annotations");

	if (json_object_get(annotations, "volume.beta.kubernetes.io/storage-class"))
		take(warnings, xstrdup("metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use \"storageClassName\" "
				       "attribute instead"));
	if (mount_options && json_object_get(annotations, "volume.beta.kubernetes.io/mount-options"))
		take(warnings, xstrdup("metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use \"mountOptions\" "
				       "attribute instead"));
}

void volume_warn(const json_t *pv, const json_t *old, char ***warnings)
{
	static const struct {
		const char *source, *why;
	} gone[] = {
	    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
	    {"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
	    {"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
	    {"storageos", "deprecated in v1.22, non-functional in v1.25+"},
	    {"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
	    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
	};
	const json_t *spec = json_object_get(pv, "spec");

	(void)old;
	warn_storage_annotations(pv, true, warnings);
	if (str_eq(json_str_at(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		take(warnings, xstrdup("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach "
				       "is to use dynamic provisioning."));
	node_terms_warn(json_at(spec, "nodeAffinity.required.nodeSelectorTerms"), "spec.nodeAffinity.required.nodeSelectorTerms", warnings);
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		if (json_object_get(spec, gone[i].source))
			take(warnings, xasprintf("spec.%s: %s", gone[i].source, gone[i].why));
}

bool quantity_is_fraction(const char *text)
{
	int64_t milli = 0;

	return text && quantity_parse_milli(text, &milli) == 0 && milli % 1000;
}

void claim_warn(const json_t *pvc, const json_t *old, char ***warnings)
{
	(void)old;
	warn_storage_annotations(pvc, false, warnings);
	claim_spec_warn(json_object_get(pvc, "spec"), "spec", warnings);
}

void claim_spec_warn(const json_t *spec, const char *path, char ***warnings)
{
	static const char *const parts[] = {"requests", "limits"};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *size = json_member(json_object_get(json_object_get(spec, "resources"), parts[i]), "storage");
		if (quantity_is_fraction(size))
			take(warnings, xasprintf("%s.resources.%s[storage]: fractional byte value \"%s\" is invalid, must be an integer", path, parts[i], size));
	}
}

void storage_class_warn(const json_t *class, const json_t *old, char ***warnings)
{
	const char *why;
	json_t *term, *x;
	size_t i, k;

	(void)old;
	json_array_foreach(json_object_get(class, "allowedTopologies"), i, term)
	    json_array_foreach(json_object_get(term, "matchLabelExpressions"), k, x) if ((why = node_label_deprecation(json_str_or(x, "key", ""))))
		take(warnings, xasprintf("allowedTopologies[%zu].matchLabelExpressions[%zu].key: %s is %s", i, k, json_str_or(x, "key", ""), why));
}

static void service_addresses_warn(const json_t *spec, char ***warnings)
{
	static const char *const lists[] = {"clusterIPs", "externalIPs"};
	char p[FIELD_PATH_MAX];
	json_t *v;
	size_t i;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		json_array_foreach(json_object_get(spec, lists[k]), i, v)
		    ip_form_address_warn(FIELD_PATH(p, "spec.%s[%zu]", lists[k], i), json_string_value(v), warnings);
	if (!str_empty(json_str_at(spec, "loadBalancerIP")))
		ip_form_address_warn("spec.loadBalancerIP", json_str_at(spec, "loadBalancerIP"), warnings);
	json_array_foreach(json_object_get(spec, "loadBalancerSourceRanges"), i, v)
	    ip_form_range_warn(FIELD_PATH(p, "spec.loadBalancerSourceRanges[%zu]", i), json_string_value(v), warnings);
}

static void service_headless_warn(const json_t *spec, char ***warnings)
{
	if (!str_eq(json_str_at(spec, "clusterIP"), "None"))
		return;
	if (!str_empty(json_str_at(spec, "loadBalancerIP")))
		strv_add(warnings, "spec.loadBalancerIP is ignored for headless services");
	if (json_array_size(json_object_get(spec, "externalIPs")))
		strv_add(warnings, "spec.externalIPs is ignored for headless services");
	if (strcmp(json_str_or(spec, "sessionAffinity", "None"), "None"))
		strv_add(warnings, "spec.SessionAffinity is ignored for headless services");
}

void service_warn(const json_t *svc, const json_t *old, char ***warnings)
{
	static const char hints[] = "service.kubernetes.io/topology-aware-hints";
	const json_t *spec = json_object_get(svc, "spec");
	bool named = str_eq(json_str_at(spec, "type"), "ExternalName");

	(void)old;
	if (json_object_get(json_at(svc, "metadata.annotations"), hints))
		take(warnings, xasprintf("annotation %s is deprecated, please use service.kubernetes.io/topology-mode instead", hints));
	service_headless_warn(spec, warnings);
	service_addresses_warn(spec, warnings);
	if (named && json_array_size(json_object_get(spec, "externalIPs")))
		strv_add(warnings, "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
	if (!named && !str_empty(json_str_at(spec, "externalName")))
		strv_add(warnings, "spec.externalName is ignored when spec.type is not \"ExternalName\"");
	if (str_eq(json_str_at(spec, "trafficDistribution"), "PreferClose"))
		strv_add(warnings, "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
}

void ingress_warn(const json_t *ingress, const json_t *old, char ***warnings)
{
	static const char key[] = "kubernetes.io/ingress.class";

	if (!old && json_object_get(json_at(ingress, "metadata.annotations"), key) && !json_at(ingress, "spec.ingressClassName"))
		take(warnings, xasprintf("annotation \"%s\" is deprecated, please use 'spec.ingressClassName' instead", key));
}

void account_warn(const json_t *account, const json_t *old, char ***warnings)
{
	static const char key[] = "kubernetes.io/enforce-mountable-secrets";

	if (json_object_get(json_at(account, "metadata.annotations"), key) && !json_object_get(json_at(old, "metadata.annotations"), key))
		take(warnings, xasprintf("metadata.annotations[%s]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets",
					 key));
}
