/* The plan of a quota's status: the limits of its spec and a count of what is there; pure, nothing can fail. */
#include "cp/controllers/resourcequota_plan.h"

#include "api/quantity.h"
#include "base/json.h"
#include "cp/controllers/object.h"
#include "cp/kinds/quota_usage.h"

void resourcequota_count(const json_t *quota, const struct kind *k, const json_t *object, json_t *used)
{
	AUTO_STRV char **names = quota_resources(k, json_at(quota, "spec.hard"));
	if (!names || !quota_scopes_fit(quota, k, object))
		return;
	AUTO_JSON *usage = quota_usage(k, object);
	for (size_t i = 0; names[i]; i++) {
		const char *v = json_member(usage, names[i]), *before = json_member(used, names[i]);
		AUTO_FREE char *sum = v ? quantity_add(before ? before : "0", v) : NULL;
		if (sum)
			json_object_set_new(used, names[i], json_string(sum));
	}
}

void resourcequota_plan(const json_t *quota, const json_t *used, struct plan *plan)
{
	json_t *hard = json_at(quota, "spec.hard"), *v;
	AUTO_JSON *status = json_pack("{s:O?,s:{}}", "hard", hard, "used");
	const char *name;
	if (!json_object_size(hard))
		return;
	json_object_foreach(hard, name, v)
	{
		const char *n = json_member(used, name);
		json_object_set_new(json_object_get(status, "used"), name, json_string(n ? n : "0"));
	}
	AUTO_FREE char *path = object_path("", "v1", object_ns(quota), "resourcequotas", object_name(quota));
	struct action *a = plan_status(plan, path, json_object_get(quota, "status"), status);
	if (a)
		json_set_str(a->body, "metadata.resourceVersion", json_str_or(quota, "metadata.resourceVersion", ""));
}
