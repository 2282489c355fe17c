/* Plans of bootstrap tokens. Happy path: each token that may sign and is not over has one line jws-kubeconfig-<id> in
 * cluster-info; lines of others go. Nothing fails: secrets that are not tokens are passed over. */
#include "cp/controllers/bootstrap_plan.h"

#include <string.h>

#include "api/bootstrap_secret.h"
#include "base/json.h"
#include "cp/controllers/object.h"

#define SIGNATURE "jws-kubeconfig-"

void token_cleaner_plan(const json_t *secret, int64_t now_ms, struct plan *plan)
{
	AUTO_BOOTSTRAP_SECRET s = { 0 };
	if (bootstrap_secret_read(secret, &s) < 0 || object_deleting(secret))
		return;
	int64_t end = bootstrap_secret_end_ms(&s);
	if (end > now_ms) {
		if (end != INT64_MAX)
			plan_again(plan, end - now_ms);
		return;
	}
	AUTO_FREE char *path = object_path("", "v1", object_ns(secret), "secrets", object_name(secret));
	plan_delete(plan, path, object_uid(secret), -1, NULL)->flags |= PLAN_ABSENT_OK;
}

static void drop_signatures(json_t *data)
{
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(data, next, key, value)
		if (str_has_prefix(key, SIGNATURE))
			json_object_del(data, key);
}

void bootstrap_signer_plan(const json_t *info, const json_t *secrets, int64_t now_ms, struct plan *plan)
{
	const char *kubeconfig = json_str_at(info, "data.kubeconfig");
	json_t *secret;
	size_t i;
	if (!info || object_deleting(info) || !kubeconfig)
		return;
	AUTO_JSON *to = json_deep_copy(info);
	json_t *data = json_object_get(to, "data");
	drop_signatures(data);
	json_array_foreach(secrets, i, secret) {
		AUTO_BOOTSTRAP_SECRET s = { 0 };
		if (bootstrap_secret_read(secret, &s) < 0 || !s.signing || object_deleting(secret) || bootstrap_secret_end_ms(&s) <= now_ms)
			continue;
		AUTO_FREE char *key = xasprintf(SIGNATURE "%s", s.id), *signature = bootstrap_sign(kubeconfig, s.id, s.secret);
		json_object_set_new(data, key, json_string(signature));
	}
	AUTO_FREE char *path = object_path("", "v1", object_ns(info), "configmaps", object_name(info));
	plan_change(plan, path, info, to);
}
