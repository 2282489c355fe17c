/* The plan of the garbage collector for one object.
 *
 * An object being deleted with the finalizer "orphan" has the references to it taken out of its dependents, one with
 * "foregroundDeletion" has its dependents deleted; when that is done the finalizer goes. A living object all of whose
 * owners are absent is deleted; one with some living owner loses its references to the absent ones. Always holds:
 * every delete has the observed uid as precondition; an owner of unknown kind keeps its dependents. Nothing can fail.
 */
#include "cp/controllers/gc_plan.h"

#include <stdlib.h>

#include "base/json.h"
#include "cp/controllers/object.h"

#define FOREGROUND "foregroundDeletion"
#define ORPHAN "orphan"

static json_t *refs_without(const json_t *owners, const char *uid)
{
	json_t *left = json_array(), *ref;
	size_t i;
	json_array_foreach(owners, i, ref)
	{
		if (!str_eq(json_member(ref, "uid"), uid))
			json_array_append(left, ref);
	}
	return left;
}

static void patch_refs(const char *path, const char *uid, json_t *take_refs, struct plan *plan)
{
	if (!json_array_size(take_refs)) {
		json_decref(take_refs);
		take_refs = json_null();
	}
	struct action *a =
	    plan_merge(plan, path, json_pack("{s:{s:s, s:o}}", "metadata", "uid", uid, "ownerReferences", take_refs));
	a->flags |= PLAN_ABSENT_OK;
}

static void drop_finalizer(const struct gc_observed *o, const char *name, struct plan *plan)
{
	json_t *left = json_without_text(json_at(o->object, "metadata.finalizers"), name);
	if (!json_array_size(left)) {
		json_decref(left);
		left = json_null();
	}
	json_t *patch = json_pack("{s:{s:s, s:o}}", "metadata", "uid", object_uid(o->object), "finalizers", left);
	const char *rv = json_str_at(o->object, "metadata.resourceVersion");
	if (rv)
		json_set_str(patch, "metadata.resourceVersion", rv);
	plan_merge(plan, o->path, patch)->flags |= PLAN_ABSENT_OK;
}

static void orphan_dependents(const struct gc_observed *o, struct plan *plan)
{
	for (size_t i = 0; i < o->n_dependents; i++) {
		const struct gc_dependent *d = &o->dependents[i];
		patch_refs(d->path, d->uid, refs_without(d->owners, object_uid(o->object)), plan);
	}
	plan_next_stage(plan);
	drop_finalizer(o, ORPHAN, plan);
}

/* Dependents that another living owner may hold are planned by themselves: their own plan sees this owner waiting. */
static void delete_dependents(const struct gc_observed *o, struct plan *plan)
{
	size_t blocking = 0;
	for (size_t i = 0; i < o->n_dependents; i++) {
		const struct gc_dependent *d = &o->dependents[i];
		blocking += d->blocks;
	}
	if (!blocking)
		drop_finalizer(o, FOREGROUND, plan);
}

static const char *policy_of(const struct gc_observed *o)
{
	if (object_has_finalizer(o->object, ORPHAN))
		return "Orphan";
	return object_has_finalizer(o->object, FOREGROUND) ? "Foreground" : "Background";
}

/* One of its dependents waits for dependents, as its owner does: they may all wait for each other in a circle. */
static bool may_be_in_a_circle(const struct gc_observed *o)
{
	for (size_t i = 0; i < o->n_dependents; i++)
		if (o->dependents[i].waiting)
			return true;
	return false;
}

/* Its owners need not wait for it any more. */
static void unblock_owners(const struct gc_observed *o, struct plan *plan)
{
	json_t *refs = json_deep_copy(json_at(o->object, "metadata.ownerReferences")), *ref;
	size_t i;
	json_array_foreach(refs, i, ref) json_object_set_new(ref, "blockOwnerDeletion", json_false());
	patch_refs(o->path, object_uid(o->object), refs, plan);
	plan_next_stage(plan);
}

static void delete_object(const struct gc_observed *o, bool some_waiting, struct plan *plan)
{
	const char *policy = policy_of(o);
	if (some_waiting && o->n_dependents) {
		policy = "Foreground";
		if (may_be_in_a_circle(o))
			unblock_owners(o, plan);
	}
	plan_delete(plan, o->path, object_uid(o->object), -1, policy);
}

/* References to absent or waiting owners go, since a living one remains. */
static void keep_solid(const struct gc_observed *o, const json_t *refs, struct plan *plan)
{
	json_t *left = json_array(), *ref;
	size_t i;
	json_array_foreach(refs, i, ref)
	{
		if (o->owners[i] == GC_OWNER_SOLID)
			json_array_append(left, ref);
	}
	patch_refs(o->path, object_uid(o->object), left, plan);
}

void gc_plan(const struct gc_observed *o, struct plan *plan)
{
	const json_t *refs = json_at(o->object, "metadata.ownerReferences");
	size_t count[4] = {0};
	for (size_t i = 0; i < json_array_size(refs); i++)
		count[o->owners[i]]++;
	if (object_deleting(o->object)) {
		if (object_has_finalizer(o->object, ORPHAN))
			orphan_dependents(o, plan);
		else if (object_has_finalizer(o->object, FOREGROUND))
			delete_dependents(o, plan);
		return;
	}
	size_t gone = count[GC_OWNER_ABSENT] + count[GC_OWNER_WAITING];
	if (!gone || count[GC_OWNER_UNKNOWN])
		return;
	if (count[GC_OWNER_SOLID])
		keep_solid(o, refs, plan);
	else
		delete_object(o, count[GC_OWNER_WAITING] > 0, plan);
}
