/* Plans of token secrets: one without its account goes, one without token, CA or namespace gets them. */
#include "cp/controllers/token_plan.h"

#include <string.h>

#include "base/json.h"
#include "cp/controllers/object.h"

#define TYPE "kubernetes.io/service-account-token"
#define NAME "kubernetes.io/service-account.name"
#define UID "kubernetes.io/service-account.uid"

static const char *annotation(const json_t *o, const char *key)
{
	return json_member(json_at(o, "metadata.annotations"), key);
}

const char *token_secret_account(const json_t *secret)
{
	const char *name = annotation(secret, NAME);
	return str_eq(json_str_at(secret, "type"), TYPE) && !str_empty(name) ? name : NULL;
}

static bool is_of(const json_t *secret, const json_t *account)
{
	const char *uid = annotation(secret, UID);
	return account && (str_empty(uid) || str_eq(uid, json_str_at(account, "metadata.uid")));
}

bool token_secret_wants(const json_t *secret, const json_t *account)
{
	return token_secret_account(secret) && is_of(secret, account) &&
	       str_empty(json_member(json_object_get(secret, "data"), "token"));
}

static void set_data(json_t *secret, const char *key, const char *text)
{
	AUTO_STR encoded = STR_INIT;
	json_t *data = json_object_at(secret, "data");
	if (!text || json_object_get(data, key))
		return;
	base64_encode(&encoded, text, strlen(text));
	json_object_set_new(data, key, json_string(str_text(&encoded)));
}

void token_secret_plan(const json_t *secret, const json_t *account, const char *token, const char *ca, struct plan *plan)
{
	if (!secret || !token_secret_account(secret))
		return;
	const char *ns = json_str_or(secret, "metadata.namespace", "");
	AUTO_FREE char *path = object_path("", "v1", ns, "secrets", object_name(secret));
	if (!is_of(secret, account)) {
		plan_delete(plan, path, json_str_at(secret, "metadata.uid"), -1, NULL)->flags |= PLAN_ABSENT_OK;
		return;
	}
	AUTO_JSON *to = json_deep_copy(secret);
	set_data(to, "token", token);
	set_data(to, "ca.crt", ca);
	set_data(to, "namespace", ns);
	json_object_set(json_object_at(to, "metadata.annotations"), UID, json_at(account, "metadata.uid"));
	struct action *a = plan_change(plan, path, secret, to);
	if (a)
		a->flags |= PLAN_ABSENT_OK | PLAN_REFUSED_OK;
}
