/* ServiceAccount. Purpose: a pod has an account, and its containers find a token of it. Happy path: the account (the
 * default one, where the pod names none) is there; a projected volume with a token, the cluster's CA and the namespace is
 * mounted into every container that has nothing at that place, unless pod or account do not want it; the account's image
 * pull secrets are the pod's where it names none. Fails with 403 for an account that is not there, and for secrets that an
 * account with limited ones does not list (mountable_secrets.c). A static pod's image in
 * the API is left alone and may refer to neither accounts nor secrets. */
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cp/admission/mountable_secrets.h"
#include "cp/admission/plugin.h"

#define MIRROR "kubernetes.io/config.mirror"
#define PLACE "/var/run/secrets/kubernetes.io/serviceaccount"
#define VOLUME "kube-api-access-"

enum { TOKEN_SECONDS = 3607, SUFFIX = 5 };

/* --- static pods -------------------------------------------------------------------------------------------------- */

/* Whether anything below j is a member of one of the names. */
static bool mentions(json_t *j, const char *const *names)
{
	const char *key;
	json_t *v;
	size_t i;
	json_object_foreach(j, key, v)
	{
		for (const char *const *n = names; *n; n++)
			if (strcmp(key, *n) == 0)
				return true;
		if (mentions(v, names))
			return true;
	}
	json_array_foreach(j, i, v)
	{
		if (mentions(v, names))
			return true;
	}
	return false;
}

static json_t *check_mirror(const struct admit *a, json_t *spec)
{
	static const char *const secrets[] = { "secretName", "secret", "secretRef", "secretKeyRef", "imagePullSecrets", NULL };
	static const char *const tokens[] = { "serviceAccountToken", NULL };
	if (!str_empty(json_str_at(spec, "serviceAccountName")))
		return admit_forbidden(a, "a mirror pod may not reference service accounts");
	if (mentions(spec, secrets))
		return admit_forbidden(a, "a mirror pod may not reference secrets");
	if (mentions(spec, tokens))
		return admit_forbidden(a, "a mirror pod may not use ServiceAccountToken volume projections");
	return NULL;
}

/* --- the token's volume ------------------------------------------------------------------------------------------- */

/* But for its name it is the same for all: made once, and copied. */
static json_t *token_volume(const char *name)
{
	static json_t *model;
	if (!model)
		model = json_pack("{s:s, s:{s:[{s:{s:i, s:s}}, {s:{s:s, s:[{s:s, s:s}]}}, {s:{s:[{s:s, s:{s:s, s:s}}]}}], s:i}}", "name",
				  "", "projected", "sources", "serviceAccountToken", "expirationSeconds", TOKEN_SECONDS, "path",
				  "token", "configMap", "name", "kube-root-ca.crt", "items", "key", "ca.crt", "path", "ca.crt",
				  "downwardAPI", "items", "path", "namespace", "fieldRef", "apiVersion", "v1", "fieldPath",
				  "metadata.namespace", "defaultMode", 0644);
	json_t *volume = json_clone(model);
	json_object_set_new(volume, "name", json_string(name));
	return volume;
}

static json_t *token_mount(const char *volume)
{
	json_t *mount = json_object();
	json_object_set_new(mount, "name", json_string(volume));
	json_object_set_new(mount, "readOnly", json_true());
	json_object_set_new(mount, "mountPath", json_string(PLACE));
	return mount;
}

/* The name of the volume that the pod has for it already; NULL: none. */
static const char *present_volume(const json_t *spec)
{
	json_t *volume;
	size_t i;
	json_array_foreach(json_object_get(spec, "volumes"), i, volume)
	{
		if (str_has_prefix(json_str_or(volume, "name", ""), VOLUME))
			return json_str_at(volume, "name");
	}
	return NULL;
}

static bool is_mounted(const json_t *container)
{
	return json_find(json_object_get(container, "volumeMounts"), "mountPath", PLACE) != NULL;
}

/* Whether a container got the mount. */
static bool mount_into(json_t *containers, const char *volume)
{
	json_t *c;
	size_t i;
	bool any = false;
	json_array_foreach(containers, i, c)
	{
		if (is_mounted(c))
			continue;
		json_array_append_new(json_array_at(c, "volumeMounts"), token_mount(volume));
		any = true;
	}
	return any;
}

static void mount_token(json_t *spec)
{
	char suffix[SUFFIX + 1];
	const char *present = present_volume(spec);
	AUTO_FREE char *name = present ? xstrdup(present) : xasprintf(VOLUME "%s", rand_suffix(suffix, SUFFIX));
	bool init = mount_into(json_object_get(spec, "initContainers"), name);
	bool any = mount_into(json_object_get(spec, "containers"), name) || init;
	if (any && !present)
		json_array_append_new(json_array_at(spec, "volumes"), token_volume(name));
}

static bool wants_token(const json_t *account, const json_t *spec)
{
	const json_t *pod = json_object_get(spec, "automountServiceAccountToken");
	return pod ? json_is_true(pod) : json_bool_at(account, "automountServiceAccountToken", true);
}

static void add_pull_secrets(const json_t *account, json_t *spec)
{
	json_t *secret;
	size_t i;
	if (json_array_size(json_object_get(spec, "imagePullSecrets")))
		return;
	json_array_foreach(json_object_get(account, "imagePullSecrets"), i, secret)
	{
		json_array_append_new(json_array_at(spec, "imagePullSecrets"),
				      json_pack("{s:s}", "name", json_str_or(secret, "name", "")));
	}
}

/* --- the plugin --------------------------------------------------------------------------------------------------- */

static json_t *find_account(const struct admit *a, const json_t *spec, const json_t **ret)
{
	const char *name = json_str_or(spec, "serviceAccountName", "");
	const json_t *account = *name ? admission_peek(a->n, "", "v1", "serviceaccounts", a->ns, name) : NULL;
	if (!*name)
		return admit_forbidden(a, "no service account specified for pod %s/%s", a->ns, admit_name(a));
	if (!account)
		return admit_forbidden(a, "error looking up service account %s/%s: serviceaccount \"%s\" not found", a->ns, name, name);
	*ret = account;
	return NULL;
}

static json_t *check_secrets(const struct admit *a, const json_t *account, const json_t *spec)
{
	AUTO_FREE char *why = mountable_secrets_are_limited(account) ? mountable_secrets_problem(account, spec) : NULL;
	return why ? admit_forbidden(a, "%s", why) : NULL;
}

static json_t *check_ephemeral(const struct admit *a, const json_t *spec)
{
	const json_t *account = NULL;
	json_t *status = find_account(a, spec, &account);
	if (status || !mountable_secrets_are_limited(account))
		return status;
	AUTO_FREE char *why = mountable_secrets_ephemeral_problem(account, spec);
	return why ? status_plain_500("%s", why) : NULL;
}

static bool is_mirror(const struct admit *a)
{
	return json_object_get(json_at(a->object, "metadata.annotations"), MIRROR) != NULL;
}

static json_t *mutate(struct admit *a)
{
	json_t *spec = json_object_get(a->object, "spec");
	const json_t *account = NULL;
	if (a->op != ADMIT_CREATE || *a->subresource)
		return NULL;
	if (!spec || is_mirror(a))
		return spec ? check_mirror(a, spec) : NULL;
	if (str_empty(json_str_at(spec, "serviceAccountName")))
		json_set_str(spec, "serviceAccountName", "default");
	json_object_set(spec, "serviceAccount", json_object_get(spec, "serviceAccountName"));
	json_t *status = find_account(a, spec, &account);
	if (status)
		return status;
	if (wants_token(account, spec))
		mount_token(spec);
	add_pull_secrets(account, spec);
	return check_secrets(a, account, spec);
}

/* Webhooks may have changed the account. */
static json_t *validate(struct admit *a)
{
	json_t *spec = json_object_get(a->object, "spec");
	const json_t *account = NULL;
	bool debugging = a->op == ADMIT_UPDATE && strcmp(a->subresource, "ephemeralcontainers") == 0;
	if (spec && debugging)
		return check_ephemeral(a, spec);
	if (a->op != ADMIT_CREATE || *a->subresource)
		return NULL;
	if (!spec || is_mirror(a))
		return spec ? check_mirror(a, spec) : NULL;
	json_t *status = find_account(a, spec, &account);
	return status ? status : check_secrets(a, account, spec);
}

static const char *const kinds[] = { "Pod", NULL };
const struct admit_plugin service_account_plugin = {
	.name = "ServiceAccount",
	.ops = ADMIT_CREATE | ADMIT_UPDATE,
	.kinds = kinds,
	.subresources = true,
	.mutate = mutate,
	.validate = validate,
};
