/* Mountable secrets. Purpose: a pod reaches those secrets only that its account lists. Happy path: the account limits
 * nothing; else each volume, variable and pull secret names one of the account's. Nothing fails: the first that is not
 * listed is a text in the words of the original. */
#include "cp/admission/mountable_secrets.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

#define ANNOTATION "kubernetes.io/enforce-mountable-secrets"

bool mountable_secrets_are_limited(const json_t *account)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True", NULL };
	const char *value = json_member(json_at(account, "metadata.annotations"), ANNOTATION);
	return value && strv_has((char *const *)yes, value);
}

static bool lists(const json_t *account, const char *list, const char *name)
{
	return json_find(json_object_get(account, list), "name", name) != NULL;
}

/* A secret that the account does not list; NULL: name is none, or is listed. */
static const char *strange(const json_t *account, const char *name)
{
	return name && !lists(account, "secrets", name) ? name : NULL;
}

static char *check_container(const json_t *account, const json_t *c, const char *word)
{
	const char *own = json_str_or(account, "metadata.name", ""), *name = json_str_or(c, "name", ""), *secret;
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(c, "env"), i, v)
	{
		if ((secret = strange(account, json_str_at(v, "valueFrom.secretKeyRef.name"))))
			return xasprintf("%s %s with envVar %s referencing secret.secretName=\"%s\" is not allowed because "
					 "service account %s does not reference that secret",
					 word, name, json_str_or(v, "name", ""), secret, own);
	}
	json_array_foreach(json_object_get(c, "envFrom"), i, v)
	{
		if ((secret = strange(account, json_str_at(v, "secretRef.name"))))
			return xasprintf("%s %s with envFrom referencing secret.secretName=\"%s\" is not allowed because service "
					 "account %s does not reference that secret",
					 word, name, secret, own);
	}
	return NULL;
}

static char *check_containers(const json_t *account, const json_t *containers, const char *word)
{
	char *why = NULL;
	size_t i;
	json_t *c;
	json_array_foreach(containers, i, c)
	{
		if (!why)
			why = check_container(account, c, word);
	}
	return why;
}

static char *check_volumes(const json_t *account, const json_t *spec)
{
	const char *secret;
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(spec, "volumes"), i, v)
	{
		if ((secret = strange(account, json_str_at(v, "secret.secretName"))))
			return xasprintf("volume with secret.secretName=\"%s\" is not allowed because service account %s does not "
					 "reference that secret",
					 secret, json_str_or(account, "metadata.name", ""));
	}
	return NULL;
}

static char *check_pull_secrets(const json_t *account, const json_t *spec)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(spec, "imagePullSecrets"), i, v)
	{
		const char *name = json_str_or(v, "name", "");
		if (!lists(account, "imagePullSecrets", name))
			return xasprintf("imagePullSecrets[%zu].name=\"%s\" is not allowed because service account %s does not "
					 "reference that imagePullSecret",
					 i, name, json_str_or(account, "metadata.name", ""));
	}
	return NULL;
}

char *mountable_secrets_problem(const json_t *account, const json_t *spec)
{
	char *why = check_volumes(account, spec);
	if (!why)
		why = check_containers(account, json_object_get(spec, "initContainers"), "init container");
	if (!why)
		why = check_containers(account, json_object_get(spec, "containers"), "container");
	return why ? why : check_pull_secrets(account, spec);
}

char *mountable_secrets_ephemeral_problem(const json_t *account, const json_t *spec)
{
	return check_containers(account, json_object_get(spec, "ephemeralContainers"), "ephemeral container");
}
