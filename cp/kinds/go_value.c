/* Internal structures of the reference as JSON. Purpose: some of its errors show a whole value, or what changed in one. Happy path:
 * the tables know the fields; their Go names follow from the JSON names by rule but for a list of exceptions; fields that nobody set
 * have Go's zero values. Nothing fails. What always holds: metadata's own types keep their JSON form, as there. */
#include "cp/kinds/go_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/text_diff.h"

/* --- names ------------------------------------------------------------------------------------------------------------ */

/* Beginnings of names that Go writes in another way than with one capital. */
static const struct {
	const char *json, *go;
} beginnings[] = {
	{ "apiVersion", "APIVersion" }, { "apiGroup", "APIGroup" }, { "apiGroups", "APIGroups" }, { "awsElastic", "AWSElastic" }, { "cephfs", "CephFS" },
	{ "csi", "CSI" }, { "dns", "DNS" }, { "fsGroup", "FSGroup" }, { "fsType", "FSType" }, { "gcePersistent", "GCEPersistent" },
	{ "grpc", "GRPC" }, { "http", "HTTP" }, { "ip", "IP" }, { "iqn", "IQN" }, { "iscsi", "ISCSI" }, { "nfs", "NFS" },
	{ "pdName", "PDName" }, { "rbd", "RBD" }, { "scaleIO", "ScaleIO" }, { "seLinux", "SELinux" }, { "storageos", "StorageOS" },
	{ "targetWWNs", "TargetWWNs" }, { "tcpSocket", "TCPSocket" }, { "tty", "TTY" }, { "uid", "UID" }, { "wwids", "WWIDs" },
	{ "targetCPU", "TargetCPU" } };
/* Whole names that are too short to be beginnings. */
static const struct {
	const char *json, *go;
} names[] = { { "os", "OS" }, { "fc", "FC" }, { "diskURI", "DataDiskURI" }, { "cidrs", "CIDRs" } };

static char *go_name(const char *json)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i].json, json))
			return xstrdup(names[i].go);
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		if (str_has_prefix(json, beginnings[i].json) && !islower((unsigned char)json[strlen(beginnings[i].json)]))
			return xasprintf("%s%s", beginnings[i].go, json + strlen(beginnings[i].json));
	char *out = xstrdup(json);
	*out = (char)toupper((unsigned char)*out);
	return out;
}

/* --- order ------------------------------------------------------------------------------------------------------------ */

/* Types whose fields stand in another order inside, by JSON name; "name=zero" is a field that the API has elsewhere,
 * "name=." a structure that is there though nobody set it. */
static const struct {
	const char *type, *fields;
} orders[] = {
	{ "core.v1.PodSpec",
	  "volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy "
	  "nodeSelector serviceAccountName automountServiceAccountToken nodeName securityContext imagePullSecrets hostname subdomain "
	  "setHostnameAsFQDN affinity schedulerName tolerations hostAliases priorityClassName priority preemptionPolicy dnsConfig "
	  "readinessGates runtimeClassName overhead enableServiceLinks topologySpreadConstraints os schedulingGates resourceClaims resources "
	  "hostnameOverride schedulingGroup" },
	{ "core.v1.PodSecurityContext",
	  "hostNetwork=false hostPID=false hostIPC=false shareProcessNamespace=null hostUsers=null seLinuxOptions windowsOptions runAsUser "
	  "runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy fsGroup fsGroupChangePolicy sysctls seccompProfile "
	  "appArmorProfile seLinuxChangePolicy" },
	{ "core.v1.Volume",
	  "name hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo secret nfs iscsi glusterfs persistentVolumeClaim rbd quobyte "
	  "flexVolume cinder cephfs flocker downwardAPI fc azureFile configMap vsphereVolume azureDisk photonPersistentDisk projected "
	  "portworxVolume scaleIO storageos csi ephemeral image" },
	{ "core.v1.VolumeMount", "name readOnly recursiveReadOnly mountPath subPath mountPropagation subPathExpr" },
	{ "core.v1.VolumeProjection", "secret downwardAPI configMap serviceAccountToken clusterTrustBundle=. podCertificate" },
	{ "core.v1.ServicePort", "name protocol appProtocol port targetPort nodePort" },
	{ "core.v1.PersistentVolumeClaimSpec",
	  "accessModes selector resources volumeName storageClassName volumeMode dataSource dataSourceRef volumeAttributesClassName" },
	{ "core.v1.PersistentVolumeSpec", /* its sources, which errors show apart */
	  "gcePersistentDisk awsElasticBlockStore hostPath glusterfs nfs rbd quobyte iscsi flexVolume cinder cephfs fc flocker azureFile "
	  "vsphereVolume azureDisk photonPersistentDisk portworxVolume scaleIO local storageos csi" },
	{ "core.v1.CSIPersistentVolumeSource",
	  "driver volumeHandle readOnly fsType volumeAttributes controllerPublishSecretRef nodeStageSecretRef nodePublishSecretRef "
	  "controllerExpandSecretRef nodeExpandSecretRef" },
	{ "core.v1.NFSVolumeSource", "server path readOnly" },
	{ "core.v1.LocalVolumeSource", "path fsType" },
	{ "core.v1.SecretReference", "name namespace" },
	{ "apps.v1.RollingUpdateStatefulSetStrategy", "partition maxUnavailable" },
	{ "apps.v1.StatefulSetUpdateStrategy", "type rollingUpdate" },
	{ "apps.v1.DaemonSetUpdateStrategy", "type rollingUpdate" },
	{ "apps.v1.RollingUpdateDaemonSet", "maxUnavailable maxSurge" },
	{ "batch.v1.PodFailurePolicyOnPodConditionsPattern", "type status" },
	{ "batch.v1.UncountedTerminatedPods", "succeeded failed" },
	{ "batch.v1.PodFailurePolicyRule", "action onExitCodes onPodConditions" },
	{ "batch.v1.SuccessPolicyRule", "succeededIndexes succeededCount" },
	{ "storage.v1.VolumeAttachmentSpec", "attacher source nodeName" },
	{ "storage.v1.CSINodeDriver", "name nodeID topologyKeys allocatable" },
	{ "storage.v1.VolumeAttachmentSource", "persistentVolumeName inlineVolumeSpec" },
	{ "policy.v1.PodDisruptionBudgetSpec", "minAvailable selector maxUnavailable unhealthyPodEvictionPolicy" },
};

static const char *order_of(const struct type *t)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++)
		if (str_eq(orders[i].type, t->name))
			return orders[i].fields;
	return NULL;
}

/* What a pod's spec says at its top and the server keeps in the security context. */
static json_t *moved(const struct type *t, const json_t *value)
{
	static const char *const members[] = { "hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers" };
	json_t *copy = json_copy((json_t *)value);
	if (!str_eq(t->name, "core.v1.PodSpec"))
		return copy;
	json_t *context = json_copy(json_object_get(copy, "securityContext"));
	for (size_t i = 0; context && i < ARRAY_LEN(members); i++)
		if (json_object_get(copy, members[i]))
			json_object_set(context, members[i], json_object_get(copy, members[i]));
	if (context)
		json_object_set_new(copy, "securityContext", context);
	return copy;
}

/* --- values ----------------------------------------------------------------------------------------------------------- */

static json_t *go_object(const struct type *t, const json_t *value);

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go encodes maps by key. */
static json_t *go_map(const struct type *t, const json_t *value)
{
	AUTO_STRV char **keys = NULL;
	json_t *out = json_object(), *below;
	const char *key;
	json_object_foreach((json_t *)value, key, below)
		strv_add(&keys, key);
	if (keys)
		qsort(keys, strv_len(keys), sizeof(*keys), by_key);
	for (size_t i = 0; keys && keys[i]; i++)
		json_object_set_new(out, keys[i], go_value(t->elem, json_object_get(value, keys[i])));
	return out;
}

json_t *go_value(const struct type *t, const json_t *value)
{
	json_t *out, *below;
	size_t i;
	if (!value || json_is_null(value))
		return json_null();
	if (t->class == TYPE_MAP)
		return go_map(t, value);
	if (t->class == TYPE_OBJECT && !str_has_prefix(t->name, "meta."))
		return go_object(t, value);
	if (t->class != TYPE_LIST)
		return json_incref((json_t *)value);
	out = json_array();
	json_array_foreach(value, i, below)
		json_array_append_new(out, go_value(t->elem, below));
	return out;
}

/* A field that is not set. Optional ones with a meaning of their zero value are pointers. */
static json_t *go_zero(const struct field *f)
{
	bool pointer = !f->always && !f->omit_empty;
	switch (f->type->class) {
	case TYPE_STRING:
		return pointer && !f->required ? json_null() : json_string("");
	case TYPE_INTEGER:
		return pointer ? json_null() : json_integer(0);
	case TYPE_BOOLEAN:
		return pointer ? json_null() : json_false();
	case TYPE_OBJECT:
		return f->always ? go_object(f->type, NULL) : json_null();
	default:
		return json_null();
	}
}

static void add_field(json_t *out, const struct type *t, const char *name, const char *zero, const json_t *value)
{
	const struct field *f = type_field(t, name);
	const json_t *v = json_object_get(value, name);
	AUTO_FREE char *key = go_name(name);
	if (f && str_eq(f->type->name, "meta.v1.ObjectMeta")) /* embedded: its members are the object's own */
		json_object_update(out, (json_t *)v);
	else if (f && !v && str_eq(zero, "."))
		json_object_set_new(out, key, go_object(f->type, NULL));
	else if (f)
		json_object_set_new(out, key, v ? go_value(f->type, v) : go_zero(f));
	else
		json_object_set_new(out, key, v ? json_incref((json_t *)v) : json_loads(zero ? zero : "null", JSON_DECODE_ANY, NULL));
}

static json_t *go_object(const struct type *t, const json_t *value)
{
	AUTO_JSON *from = value ? moved(t, value) : NULL;
	const char *order = order_of(t);
	json_t *out = json_object();
	if (order) {
		AUTO_STRV char **words = str_split(order, ' ');
		for (size_t i = 0; words[i]; i++) {
			char *zero = strchr(words[i], '=');
			if (zero)
				*zero++ = '\0';
			add_field(out, t, words[i], zero, from);
		}
	} else {
		for (size_t i = 0; i < t->n_fields; i++)
			add_field(out, t, t->fields[i].name, NULL, from);
	}
	return out;
}

char *go_diff(const struct type *t, const json_t *a, const json_t *b)
{
	AUTO_JSON *x = go_value(t, a), *y = go_value(t, b);
	AUTO_FREE char *before = json_format(x, JSON_INDENT(1)), *after = json_format(y, JSON_INDENT(1));
	return text_diff(before, after);
}

json_t *go_shown(const struct field_errors *errors, const char *type, const json_t *value)
{
	const struct type *t = errors->schema ? schema_type(errors->schema, type) : NULL;
	return t ? go_value(t, value) : json_incref((json_t *)value);
}
