/* LimitRanger. Purpose: a namespace's LimitRanges bound what one pod or claim may ask for. Happy path: there is none; else
 * defaults are filled in, and the validated object is within the bounds. Fails with 403. */
#include <string.h>

#include "base/mem.h"
#include "cp/admission/limit_plan.h"
#include "cp/admission/plugin.h"

/* Containers of a pod that exists change by the resize subresource only. */
static bool concerns(const struct admit *a)
{
	bool pod = admit_is_kind(a, "", "Pod");
	if (json_at(a->old, "metadata.deletionTimestamp"))
		return false;
	if (*a->subresource)
		return pod && a->op == ADMIT_UPDATE && strcmp(a->subresource, "resize") == 0;
	return !pod || a->op == ADMIT_CREATE;
}

static json_t *mutate(struct admit *a)
{
	if (!concerns(a) || !admit_is_kind(a, "", "Pod"))
		return NULL;
	AUTO_JSON *ranges = admission_list(a->n, "", "v1", "limitranges", a->ns);
	size_t i;
	json_t *r;
	json_array_foreach(ranges, i, r) limit_plan_defaults(a->object, r);
	return NULL;
}

static json_t *refuse(const struct admit *a, char *const *why)
{
	AUTO_FREE char *all = str_join(why, ", ");
	return strv_len(why) == 1 ? admit_forbidden(a, "%s", all) : admit_forbidden(a, "[%s]", all);
}

static json_t *validate(struct admit *a)
{
	if (!concerns(a))
		return NULL;
	AUTO_JSON *ranges = admission_list(a->n, "", "v1", "limitranges", a->ns);
	size_t i;
	json_t *r;
	json_array_foreach(ranges, i, r)
	{
		AUTO_STRV char **why = NULL;
		if (admit_is_kind(a, "", "Pod"))
			limit_plan_check_pod(a->object, r, &why);
		else
			limit_plan_check_claim(a->object, r, &why);
		if (why)
			return refuse(a, why);
	}
	return NULL;
}

static const char *const kinds[] = { "Pod", "PersistentVolumeClaim", NULL };
const struct admit_plugin limit_ranger_plugin = {
	.name = "LimitRanger",
	.ops = ADMIT_CREATE | ADMIT_UPDATE,
	.kinds = kinds,
	.subresources = true,
	.mutate = mutate,
	.validate = validate,
};
