/* Audiences of a node's tokens. Purpose: a stolen node certificate gets no token for a service that none of its pods talks to.
 * Happy path: a projected volume of the pod names the audience, or the CSI driver of a volume does, found by way of claim and
 * persistent volume; else a role of the node allows "request-serviceaccounts-token-audience". Fails with 403; what is missing on
 * the way to a driver is told unless another volume is enough. */
#include "cp/admission/node_audience.h"

#include <string.h>

#include "base/mem.h"

struct search {
	const struct admit *a;
	const json_t *pod;
	const char *audience;
	char **missing; /* owned */
};

static const json_t *find(struct search *s, const char *group, const char *plural, const char *word, const char *ns, const char *name)
{
	const json_t *o = admission_peek(s->a->n, group, "v1", plural, ns, name);
	AUTO_FREE char *text = o ? NULL : xasprintf("%s \"%s\" not found", word, name);
	if (text && !strv_has(s->missing, text))
		strv_add(&s->missing, text);
	return o;
}

static bool has_audience(const json_t *list, const char *member, const char *audience)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		const json_t *holder = member ? json_object_get(v, member) : v;
		if (holder && strcmp(json_str_or(holder, "audience", ""), audience) == 0)
			return true;
	}
	return false;
}

/* The driver of a volume's source, NULL: none. Those of old names have become drivers, too. */
static const char *driver_of(const json_t *source)
{
	static const struct {
		const char *source, *driver;
	} migrated[] = {
		{ "awsElasticBlockStore", "ebs.csi.aws.com" },	   { "gcePersistentDisk", "pd.csi.storage.gke.io" },
		{ "azureDisk", "disk.csi.azure.com" },		   { "azureFile", "file.csi.azure.com" },
		{ "cinder", "cinder.csi.openstack.org" },	   { "vsphereVolume", "csi.vsphere.vmware.com" },
		{ "portworxVolume", "pxd.portworx.com" },
	};
	const char *driver = json_str_at(source, "csi.driver");
	for (size_t i = 0; !driver && i < ARRAY_LEN(migrated); i++)
		if (json_object_get(source, migrated[i].source))
			driver = migrated[i].driver;
	return driver;
}

/* The name of the claim that a volume uses; owned, NULL: none. */
static char *claim_of(const struct search *s, const json_t *volume)
{
	const char *name = json_str_at(volume, "persistentVolumeClaim.claimName");
	if (name)
		return xstrdup(name);
	return json_object_get(volume, "ephemeral") ? xasprintf("%s-%s", json_str_or(s->pod, "metadata.name", ""),
								json_str_or(volume, "name", ""))
						    : NULL;
}

static bool volume_asks(struct search *s, const json_t *volume)
{
	AUTO_FREE char *claim = claim_of(s, volume);
	const char *driver = driver_of(volume);
	if (has_audience(json_at(volume, "projected.sources"), "serviceAccountToken", s->audience))
		return true;
	if (claim) {
		const json_t *c = find(s, "", "persistentvolumeclaims", "persistentvolumeclaim", s->a->ns, claim);
		const json_t *v = c ? find(s, "", "persistentvolumes", "persistentvolume", "", json_str_or(c, "spec.volumeName", ""))
				    : NULL;
		driver = driver_of(json_object_get(v, "spec"));
	}
	const json_t *d = driver ? find(s, "storage.k8s.io", "csidrivers", "csidriver.storage.k8s.io", "", driver) : NULL;
	return has_audience(json_at(d, "spec.tokenRequests"), NULL, s->audience);
}

static json_t *refuse_missing(const struct search *s)
{
	AUTO_FREE char *all = str_join(s->missing, ", ");
	bool many = strv_len(s->missing) > 1;
	return admit_forbidden(s->a, "error validating audience \"%s\": %s%s%s", s->audience, many ? "[" : "", all, many ? "]" : "");
}

static json_t *ask_role(const struct admit *a, const char *audience)
{
	const struct auth_attributes what = { .verb = "request-serviceaccounts-token-audience",
					      .group = "",
					      .resource = audience,
					      .subresource = "",
					      .ns = a->ns,
					      .name = a->name };
	if (a->n->c.may && a->n->c.may(a->request, &what))
		return NULL;
	return admit_forbidden(a, "audience \"%s\" not found in pod spec volume, %s is not authorized to request tokens for this audience",
			       audience, a->user->name);
}

json_t *node_audience_check(const struct admit *a, const json_t *pod)
{
	const json_t *audiences = json_at(a->object, "spec.audiences");
	AUTO_STRV char **missing = NULL;
	struct search s = { .a = a, .pod = pod, .audience = "" };
	bool found = false;
	size_t i;
	json_t *volume;
	if (json_array_size(audiences) > 1)
		return admit_forbidden(a, "node may only request 0 or 1 audiences");
	if (json_array_size(audiences))
		s.audience = json_string_value(json_array_get(audiences, 0));
	json_array_foreach(json_at(pod, "spec.volumes"), i, volume) found = found || volume_asks(&s, volume);
	missing = s.missing;
	if (found)
		return NULL;
	return missing ? refuse_missing(&s) : ask_role(a, s.audience);
}
