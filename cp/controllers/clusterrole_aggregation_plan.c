/* What an aggregated cluster role holds: the rules of all others that its selectors choose, selector by selector, each
 * rule once. A selector that is not one chooses nothing. */
#include "cp/controllers/clusterrole_aggregation_plan.h"

#include "api/selector.h"
#include "base/json.h"
#include "cp/controllers/object.h"

static bool holds(const json_t *rules, const json_t *rule)
{
	json_t *r;
	size_t i;
	json_array_foreach(rules, i, r)
	{
		if (json_equal(r, rule))
			return true;
	}
	return false;
}

static void add_rules(const json_t *role, json_t *to)
{
	json_t *rule;
	size_t i;
	json_array_foreach(json_object_get(role, "rules"), i, rule)
	{
		if (!holds(to, rule))
			json_array_append(to, rule);
	}
}

static void add_chosen(const json_t *self, const json_t *all, const struct selector *s, json_t *to)
{
	json_t *role;
	size_t i;
	json_array_foreach(all, i, role)
	{
		if (!str_eq(object_name(role), object_name(self)) && selector_match_labels(s, json_at(role, "metadata.labels")))
			add_rules(role, to);
	}
}

void clusterrole_aggregation_plan(const json_t *role, const json_t *all, struct plan *plan)
{
	const json_t *selectors = json_at(role, "aggregationRule.clusterRoleSelectors");
	json_t *one;
	size_t i;
	if (!role || !json_at(role, "aggregationRule"))
		return;
	AUTO_JSON *rules = json_array();
	json_array_foreach(selectors, i, one)
	{
		AUTO_SELECTOR *s = NULL;
		if (selector_from_json(one, &s, NULL) == 0)
			add_chosen(role, all, s, rules);
	}
	AUTO_JSON *to = json_copy((json_t *)role);
	AUTO_FREE char *path = object_path("rbac.authorization.k8s.io", "v1", "", "clusterroles", object_name(role));
	json_object_set(to, "rules", rules);
	struct action *a = plan_change(plan, path, role, to);
	if (a)
		a->flags |= PLAN_ABSENT_OK;
}
