/* Plans of the per-namespace ServiceAccount and CA ConfigMap; pure, nothing can fail. */
#include "cp/controllers/serviceaccount_plan.h"

#include "base/json.h"
#include "cp/controllers/object.h"

void serviceaccount_plan(const json_t *ns, const json_t *have, struct plan *plan)
{
	if (!ns || have)
		return;
	AUTO_FREE char *path = object_path("", "v1", object_name(ns), "serviceaccounts", NULL);
	struct action *a =
	    plan_create(plan, path,
			json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "ServiceAccount", "metadata",
				  "name", "default", "namespace", object_name(ns)));
	a->flags |= PLAN_EXISTS_OK | PLAN_REFUSED_OK | PLAN_ABSENT_OK;
}

void root_ca_plan(const json_t *ns, const json_t *have, const char *ca, struct plan *plan)
{
	if (!ns || !ca)
		return;
	AUTO_JSON *data = json_pack("{s:s}", "ca.crt", ca);
	AUTO_FREE char *all = object_path("", "v1", object_name(ns), "configmaps", NULL);
	AUTO_FREE char *path = object_path("", "v1", object_name(ns), "configmaps", ROOT_CA_NAME);
	struct action *a = NULL;
	if (!have) {
		a = plan_create(plan, all,
				json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:O}", "apiVersion", "v1", "kind",
					  "ConfigMap", "metadata", "name", ROOT_CA_NAME, "namespace", object_name(ns),
					  "annotations", "kubernetes.io/description",
					  "The certificate authority that signed the API server's certificate, for "
					  "pods to verify it with.",
					  "data", data));
	} else {
		AUTO_JSON *to = json_copy((json_t *)have);
		json_object_set(to, "data", data);
		a = plan_change(plan, path, have, to);
	}
	if (a)
		a->flags |= PLAN_EXISTS_OK | PLAN_REFUSED_OK | PLAN_ABSENT_OK;
}
