/* NodeRestriction. Purpose: a stolen node certificate reaches no further than its node. Happy path: the user is no node.
 * A node writes its own Node (not its taints, owners and the labels that others rely on), its own leases, mirror pods and
 * the status of pods bound to itself, and asks for tokens of such pods and for certificates in its own name. Fails with the 403s of the original. */
#include <stdlib.h>
#include <string.h>

#include "api/pki_request.h"
#include "base/mem.h"
#include "cp/admission/node_audience.h"
#include "cp/admission/node_labels.h"
#include "cp/admission/plugin.h"

#define MIRROR "kubernetes.io/config.mirror"
#define LEASES "kube-node-lease"

static json_t *check_owner(const struct admit *a, const char *node, const json_t *owners)
{
	const json_t *o = json_array_get(owners, 0);
	if (json_array_size(owners) > 1)
		return admit_forbidden(a, "node \"%s\" can only create pods with a single owner reference set to itself", node);
	if (!o || !str_eq(json_str_at(o, "apiVersion"), "v1") || !str_eq(json_str_at(o, "kind"), "Node") ||
	    !str_eq(json_str_at(o, "name"), node))
		return admit_forbidden(a, "node \"%s\" can only create pods with an owner reference set to itself", node);
	if (!json_bool_at(o, "controller", false))
		return admit_forbidden(a, "node \"%s\" can only create pods with a controller owner reference set to itself",
				       node);
	if (json_bool_at(o, "blockOwnerDeletion", false))
		return admit_forbidden(a, "node \"%s\" must not set blockOwnerDeletion on an owner reference", node);
	AUTO_JSON *self = admission_get(a->n, "", "v1", "nodes", "", node);
	const char *uid = json_str_or(o, "uid", "");
	if (!self)
		return status_not_found("", "nodes", node);
	if (strcmp(uid, json_str_or(self, "metadata.uid", "")) != 0)
		return admit_forbidden(a, "node %s UID mismatch: expected %s got %s", node, uid,
				       json_str_or(self, "metadata.uid", ""));
	return NULL;
}

/* Whether anything below j is a member of that name. */
static bool mentions(const json_t *j, const char *key)
{
	const char *k;
	json_t *v;
	size_t i;
	if (json_is_object(j))
		json_object_foreach((json_t *)j, k, v)
		{
			if (strcmp(k, key) == 0 || mentions(v, key))
				return true;
		}
	json_array_foreach(j, i, v)
	{
		if (mentions(v, key))
			return true;
	}
	return false;
}

/* A pod that a node makes may not open it the way to other objects. */
static json_t *check_references(const struct admit *a, const char *node, const json_t *spec)
{
	static const struct {
		const char *key, *what;
	} refs[] = {
		{ "secret", "secrets" },	   { "secretRef", "secrets" },
		{ "secretKeyRef", "secrets" },	   { "imagePullSecrets", "secrets" },
		{ "configMap", "configmaps" },	   { "configMapRef", "configmaps" },
		{ "configMapKeyRef", "configmaps" }, { "clusterTrustBundle", "clustertrustbundles" },
		{ "serviceAccountToken", "serviceaccounttokens" },
		{ "persistentVolumeClaim", "persistentvolumeclaims" },
		{ "resourceClaims", "resourceclaims" },
	};
	if (!str_empty(json_str_at(spec, "serviceAccountName")))
		return admit_forbidden(a, "node \"%s\" can not create pods that reference a service account", node);
	for (size_t i = 0; i < ARRAY_LEN(refs); i++)
		if (mentions(spec, refs[i].key))
			return admit_forbidden(a, "node \"%s\" can not create pods that reference %s", node, refs[i].what);
	return NULL;
}

static const char *op_word(const struct admit *a)
{
	return a->op == ADMIT_CREATE ? "CREATE" : a->op == ADMIT_UPDATE ? "UPDATE" : a->op == ADMIT_DELETE ? "DELETE" : "CONNECT";
}

static json_t *check_pod_create(const struct admit *a, const char *node)
{
	if (!json_member(json_at(a->object, "metadata.annotations"), MIRROR))
		return admit_forbidden(a, "pod does not have \"" MIRROR "\" annotation, node \"%s\" can only create mirror pods",
				       node);
	if (!str_eq(json_str_at(a->object, "spec.nodeName"), node))
		return admit_forbidden(a, "node \"%s\" can only create pods with spec.nodeName set to itself", node);
	json_t *status = check_owner(a, node, json_at(a->object, "metadata.ownerReferences"));
	return status ? status : check_references(a, node, json_at(a->object, "spec"));
}

static bool differ(const json_t *a, const json_t *b)
{
	return (json_array_size(a) || json_array_size(b)) && !(a && b && json_equal(a, b));
}

static json_t *check_pod_status(const struct admit *a, const char *node)
{
	if (a->op != ADMIT_UPDATE)
		return admit_forbidden(a, "unexpected operation \"%s\"", op_word(a));
	if (!str_eq(json_str_at(a->old, "spec.nodeName"), node))
		return admit_forbidden(a, "node \"%s\" can only update pod status for pods with spec.nodeName set to itself",
				       node);
	const json_t *labels = json_at(a->object, "metadata.labels"), *before = json_at(a->old, "metadata.labels");
	if ((json_object_size(labels) || json_object_size(before)) && !json_equal(labels, before))
		return admit_forbidden(a, "node \"%s\" cannot update labels through pod status", node);
	if (differ(json_at(a->object, "status.resourceClaimStatuses"), json_at(a->old, "status.resourceClaimStatuses")))
		return admit_forbidden(a, "node \"%s\" cannot update resource claim statues", node);
	return NULL;
}

static json_t *check_eviction(const struct admit *a, const char *node)
{
	AUTO_JSON *pod = admission_get(a->n, "", "v1", "pods", a->ns, a->name);
	if (!pod)
		return status_not_found("", "pods", a->name);
	if (!str_eq(json_str_at(pod, "spec.nodeName"), node))
		return admit_forbidden(a, "node %s can only evict pods with spec.nodeName set to itself", node);
	return NULL;
}

static json_t *check_pod(const struct admit *a, const char *node)
{
	if (strcmp(a->subresource, "status") == 0)
		return check_pod_status(a, node);
	if (strcmp(a->subresource, "eviction") == 0)
		return check_eviction(a, node);
	if (*a->subresource)
		return admit_forbidden(a, "unexpected pod subresource \"%s\", only 'status' and 'eviction' are allowed",
				       a->subresource);
	if (a->op == ADMIT_CREATE)
		return check_pod_create(a, node);
	if (a->op != ADMIT_DELETE)
		return admit_forbidden(a, "unexpected operation \"%s\", node \"%s\" can only create and delete mirror pods",
				       op_word(a), node);
	if (!str_eq(json_str_at(a->old, "spec.nodeName"), node))
		return admit_forbidden(a, "node \"%s\" can only delete pods with spec.nodeName set to itself", node);
	return NULL;
}

static json_t *check_node(const struct admit *a, const char *node)
{
	const char *name = str_empty(a->name) ? json_str_or(a->object, "metadata.name", "") : a->name;
	AUTO_FREE char *labels = node_labels_forbidden(json_at(a->object, "metadata.labels"), json_at(a->old, "metadata.labels"));
	if (strcmp(name, node) != 0)
		return admit_forbidden(a, "node \"%s\" is not allowed to modify node \"%s\"", node, name);
	if (a->op == ADMIT_CREATE && labels)
		return admit_forbidden(a, "node \"%s\" is not allowed to set the following labels: %s", node, labels);
	if (a->op != ADMIT_UPDATE)
		return NULL;
	if (differ(json_at(a->object, "spec.taints"), json_at(a->old, "spec.taints")))
		return admit_forbidden(a, "node \"%s\" is not allowed to modify taints", node);
	if (labels)
		return admit_forbidden(a, "is not allowed to modify labels: %s", labels);
	if (differ(json_at(a->object, "metadata.ownerReferences"), json_at(a->old, "metadata.ownerReferences")))
		return admit_forbidden(a, "node \"%s\" is not allowed to modify ownerReferences", node);
	return NULL;
}

static const char *object_name(const struct admit *a)
{
	return a->op == ADMIT_CREATE ? json_str_or(a->object, "metadata.name", "") : a->name;
}

static json_t *check_lease(const struct admit *a, const char *node)
{
	if (strcmp(a->ns, LEASES) != 0)
		return admit_forbidden(a, "can only access leases in the \"" LEASES "\" system namespace");
	if (strcmp(object_name(a), node) != 0)
		return admit_forbidden(a, "can only access node lease with the same name as the requesting node");
	return NULL;
}

static json_t *check_csi_node(const struct admit *a, const char *node)
{
	if (strcmp(object_name(a), node) != 0)
		return admit_forbidden(a, "can only access CSINode with the same name as the requesting node");
	return NULL;
}

static json_t *check_token(const struct admit *a, const char *node)
{
	const json_t *ref = json_at(a->object, "spec.boundObjectRef");
	const char *uid = json_str_or(ref, "uid", ""), *name = json_str_or(ref, "name", "");
	if (a->op != ADMIT_CREATE || strcmp(a->subresource, "token") != 0)
		return NULL;
	if (!ref || !str_eq(json_str_at(ref, "apiVersion"), "v1") || !str_eq(json_str_at(ref, "kind"), "Pod") || !*name)
		return admit_forbidden(a, "node requested token not bound to a pod");
	if (!*uid)
		return admit_forbidden(a, "node requested token with a pod binding without a uid");
	AUTO_JSON *pod = admission_get(a->n, "", "v1", "pods", a->ns, name);
	if (!pod)
		return status_not_found("", "pods", name);
	if (!str_eq(json_str_at(pod, "metadata.uid"), uid))
		return admit_forbidden(a,
				       "the UID in the bound object reference (%s) does not match the UID in record. The object might "
				       "have been deleted and then recreated",
				       uid);
	if (!str_eq(json_str_at(pod, "spec.nodeName"), node))
		return admit_forbidden(a, "node requested token bound to a pod scheduled on a different node");
	return node_audience_check(a, pod);
}

/* A claim without what a node may tell of it; owned. */
static json_t *claim_core(const json_t *claim)
{
	static const char *const told[] = { "status.capacity", "status.conditions", "status.allocatedResources",
					    "status.allocatedResourceStatuses", "metadata.managedFields", "metadata.resourceVersion" };
	json_t *core = json_deep_copy(claim);
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		json_del_at(core, told[i]);
	return core;
}

static json_t *check_claim(const struct admit *a, const char *node)
{
	if (strcmp(a->subresource, "status") != 0)
		return admit_forbidden(a, "may only update PVC status");
	if (a->op != ADMIT_UPDATE)
		return admit_forbidden(a, "unexpected operation \"%s\"", op_word(a));
	AUTO_JSON *now = claim_core(a->object), *before = claim_core(a->old);
	if (!json_equal(now, before))
		return admit_forbidden(a, "node \"%s\" is not allowed to update fields other than status.quantity and status.conditions",
				       node);
	return NULL;
}

static json_t *check_slice(const struct admit *a, const char *node)
{
	const json_t *o = a->op == ADMIT_DELETE ? a->old : a->object;
	if (!str_eq(json_str_at(o, "spec.nodeName"), node))
		return admit_forbidden(a, "can only create ResourceSlice with the same NodeName as the requesting node");
	return NULL;
}

/* A node asks for certificates in its own name only. */
static json_t *check_request(const struct admit *a, const char *node)
{
	static const char *const signers[] = { "kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet", NULL };
	const char *encoded = json_str_or(a->object, "spec.request", "");
	AUTO_PKI_REQUEST wanted = { 0 };
	AUTO_STR pem = STR_INIT;
	struct err e = ERR_INIT;
	if (a->op != ADMIT_CREATE || *a->subresource ||
	    !strv_has((char *const *)signers, json_str_or(a->object, "spec.signerName", "")))
		return NULL;
	if (base64_decode(&pem, encoded, strlen(encoded)) < 0 || !strstr(str_text(&pem), "-----BEGIN CERTIFICATE REQUEST-----"))
		return admit_forbidden(a, "unable to parse csr: PEM block type must be CERTIFICATE REQUEST");
	if (pki_request_read(str_text(&pem), pem.len, &wanted, &e) < 0)
		return admit_forbidden(a, "unable to parse csr: %s", err_text(&e));
	AUTO_FREE char *own = xasprintf("system:node:%s", node);
	return str_eq(wanted.common_name, own) ? NULL : admit_forbidden(a, "can only create a node CSR with CN=%s", own);
}

static json_t *mutate(struct admit *a)
{
	static const struct {
		const char *group, *kind;
		json_t *(*check)(const struct admit *a, const char *node);
	} rules[] = {
		{ "", "Pod", check_pod },
		{ "", "Node", check_node },
		{ "", "PersistentVolumeClaim", check_claim },
		{ "", "ServiceAccount", check_token },
		{ "certificates.k8s.io", "CertificateSigningRequest", check_request },
		{ "coordination.k8s.io", "Lease", check_lease },
		{ "storage.k8s.io", "CSINode", check_csi_node },
		{ "resource.k8s.io", "ResourceSlice", check_slice },
	};
	const char *node = a->user ? auth_node_name(a->user) : NULL;
	for (size_t i = 0; node && i < ARRAY_LEN(rules); i++)
		if (admit_is_kind(a, rules[i].group, rules[i].kind))
			return rules[i].check(a, node);
	return NULL;
}

const struct admit_plugin node_restriction_plugin = {
	.name = "NodeRestriction",
	.ops = ADMIT_CREATE | ADMIT_UPDATE | ADMIT_DELETE,
	.subresources = true,
	.mutate = mutate,
};
