/* Adoption and release by owner reference (Kubernetes: controllers, adoption and orphaning).
 *
 * A child that the owner controls and the selector matches stays; one that it controls and the selector does not match
 * is released by a patch of its owner references; an orphan that matches is adopted by one. Adopted children count at
 * once, released ones no longer. Always holds: a child with another controller is left alone. */
#include "cp/controllers/adopt.h"

#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/object.h"

int adopt_selector(const json_t *owner, struct selector **ret)
{
	const json_t *s = json_at(owner, "spec.selector");
	return str_eq(json_member(owner, "kind"), "ReplicationController") && json_object_size(s) ? selector_from_map(s, ret, NULL)
												   : selector_from_json(s, ret, NULL);
}

static void patch_refs(const struct adopt_kind *kind, const json_t *child, json_t *take_refs, struct plan *plan)
{
	AUTO_FREE char *path = object_path(kind->group, "v1", object_ns(child), kind->plural, object_name(child));
	struct action *a =
	    plan_merge(plan, path,
		       json_pack("{s:{s:s, s:o}}", "metadata", "uid", object_uid(child), "ownerReferences", take_refs));
	a->flags |= PLAN_ABSENT_OK;
}

static void adopt(const struct adopt_kind *kind, const json_t *owner, const json_t *child, struct plan *plan)
{
	json_t *old = json_at(child, "metadata.ownerReferences");
	json_t *refs = old ? json_deep_copy(old) : json_array();
	json_array_append_new(refs, object_owner_ref(owner, kind->owner_api_version, kind->owner_kind));
	patch_refs(kind, child, refs, plan);
}

static void release(const struct adopt_kind *kind, const json_t *owner, const json_t *child, struct plan *plan)
{
	size_t i;
	json_t *ref, *refs = json_array();
	json_array_foreach(json_at(child, "metadata.ownerReferences"), i, ref)
	{
		if (!str_eq(json_member(ref, "uid"), object_uid(owner)))
			json_array_append(refs, ref);
	}
	patch_refs(kind, child, refs, plan);
}

json_t *adopt_claim(const struct adopt_kind *kind, const json_t *owner, const json_t *candidates, struct plan *plan)
{
	AUTO_SELECTOR *selector = NULL;
	json_t *claimed = json_array();
	bool any = adopt_selector(owner, &selector) == 0;
	size_t i;
	json_t *child;
	json_array_foreach(candidates, i, child)
	{
		bool matches = any && selector_match_labels(selector, object_labels(child));
		if (object_controlled_by(child, object_uid(owner))) {
			if (matches)
				json_array_append(claimed, child);
			else if (!object_deleting(owner))
				release(kind, owner, child, plan);
		} else if (matches && !object_controller_ref(child) && !object_deleting(owner) &&
			   !object_deleting(child)) {
			adopt(kind, owner, child, plan);
			json_array_append(claimed, child);
		}
	}
	return claimed;
}
