/* The plan of a Namespace that is being deleted.
 *
 * While there is content: delete collections of it (pods before all else), say in the conditions what remains. When there is none: finalize.
 * The end of each object brings the plan back. Always holds: a live namespace is left alone; a finalizer other than
 * "kubernetes" is left to its owner. Nothing can fail. */
#include "cp/controllers/namespace_plan.h"

#include "base/json.h"
#include "cp/controllers/object.h"

static void set_conditions(const json_t *content, int64_t now_ms, json_t *status)
{
	AUTO_STR remaining = STR_INIT;
	AUTO_JSON *finalizers = json_object();
	size_t i;
	json_t *c, *n;
	const char *name;
	json_array_foreach(content, i, c)
	{
		const char *group = json_str_or(c, "group", "");
		str_addf(&remaining, "%s%s.%s has %lld resource instances", remaining.len ? ", " : "",
			 json_str_or(c, "plural", ""), group, (long long)json_int_at(c, "count", 0));
		json_object_foreach(json_object_get(c, "finalizers"), name, n) json_object_set_new(
		    finalizers, name,
		    json_integer(json_integer_value(n) + json_integer_value(json_object_get(finalizers, name))));
	}
	AUTO_STR held = STR_INIT;
	json_object_foreach(finalizers, name, n) str_addf(&held, "%s%s in %lld resource instances",
							  held.len ? ", " : "", name, (long long)json_integer_value(n));
	AUTO_FREE char *some = xasprintf("Some resources are remaining: %s", str_text(&remaining));
	AUTO_FREE char *some_held =
	    xasprintf("Some content in the namespace has finalizers remaining: %s", str_text(&held));
	const struct {
		const char *type, *bad_reason, *bad, *good_reason, *good;
	} all[] = {
	    {"NamespaceDeletionDiscoveryFailure", NULL, NULL, "ResourcesDiscovered",
	     "All resources successfully discovered"},
	    {"NamespaceDeletionGroupVersionParsingFailure", NULL, NULL, "ParsedGroupVersions",
	     "All legacy kube types successfully parsed"},
	    {"NamespaceDeletionContentFailure", NULL, NULL, "ContentDeleted",
	     "All content successfully deleted, may be waiting on finalization"},
	    {"NamespaceContentRemaining", remaining.len ? "SomeResourcesRemain" : NULL, some, "ContentRemoved",
	     "All content successfully removed"},
	    {"NamespaceFinalizersRemaining", held.len ? "SomeFinalizersRemain" : NULL, some_held,
	     "ContentHasNoFinalizers", "All content-preserving finalizers finished"},
	};
	for (i = 0; i < ARRAY_LEN(all); i++)
		object_set_condition(status, all[i].type, all[i].bad_reason ? "True" : "False",
				     all[i].bad_reason ? all[i].bad_reason : all[i].good_reason,
				     all[i].bad_reason ? all[i].bad : all[i].good, now_ms, false);
}

static bool is_pods(const json_t *c)
{
	return !*json_str_or(c, "group", "") && str_eq(json_str_or(c, "plural", ""), "pods");
}

/* What goes now (owned): pods first, nothing that they may use goes before the last of them. */
static json_t *goes_now(const json_t *content)
{
	json_t *c, *pods = json_array();
	size_t i;
	json_array_foreach(content, i, c) if (is_pods(c)) json_array_append(pods, c);
	if (json_array_size(pods))
		return pods;
	json_decref(pods);
	return json_copy((json_t *)content);
}

static void delete_content(const struct namespace_observed *o, const json_t *content, struct plan *plan)
{
	size_t i;
	json_t *c;
	json_array_foreach(content, i, c)
	{
		if (!json_int_at(c, "undeleted", 0))
			continue;
		AUTO_FREE char *path = object_path(json_str_or(c, "group", ""), json_str_or(c, "version", "v1"),
						   object_name(o->ns), json_str_or(c, "plural", ""), NULL);
		plan_delete(plan, path, NULL, -1, "Background");
	}
}

static void finalize(const json_t *ns, struct plan *plan)
{
	json_t *to = json_deep_copy(ns), *left = json_without_text(json_at(ns, "spec.finalizers"), "kubernetes");
	json_object_set_new(json_object_at(to, "spec"), "finalizers", left);
	AUTO_FREE char *path = object_path("", "v1", NULL, "namespaces", object_name(ns));
	AUTO_FREE char *sub = xasprintf("%s/finalize", path);
	json_del_at(to, "metadata.resourceVersion"); /* the status was just written */
	plan_update(plan, sub, to)->flags |= PLAN_ABSENT_OK;
}

static bool has_ours(const json_t *ns)
{
	return json_has_text(json_at(ns, "spec.finalizers"), "kubernetes");
}

void namespace_plan(const struct namespace_observed *o, int64_t now_ms, struct plan *plan)
{
	if (!object_deleting(o->ns) || !has_ours(o->ns))
		return;
	if (!json_array_size(o->content)) {
		finalize(o->ns, plan);
		return;
	}
	AUTO_JSON *content = goes_now(o->content);
	delete_content(o, content, plan);
	plan_next_stage(plan);
	json_t *old = json_object_get(o->ns, "status");
	AUTO_JSON *status = old ? json_deep_copy(old) : json_object();
	set_conditions(content, now_ms, status);
	AUTO_FREE char *path = object_path("", "v1", NULL, "namespaces", object_name(o->ns));
	struct action *a = plan_status(plan, path, old, status);
	if (a)
		a->flags |= PLAN_ABSENT_OK;
}
