/* The rules of deletion. Purpose: graceful deletion, finalizers and propagation in one pure function. Happy path: no
 * finalizer and no grace: the object goes at once. Else it is marked (deletionTimestamp, deletionGracePeriodSeconds)
 * and waits. A mark is never taken back and a grace period never grows. */
#include "cp/api/delete_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/api/traits.h"

#define FOREGROUND "foregroundDeletion"
#define ORPHAN "orphan"

void delete_options_done(struct delete_options *o)
{
	free(o->policy);
	free(o->uid);
	free(o->rv);
	*o = (struct delete_options){0};
}

static bool has_finalizer(const json_t *object, const char *name)
{
	return json_has_text(json_at(object, "metadata.finalizers"), name);
}

/* Sets or drops the garbage collector's finalizers, by what the delete says, the object has, or the kind is used to; whether
 * that changed anything. */
static bool set_gc_finalizers(const struct kind *k, json_t *object, const struct delete_options *o)
{
	bool had_orphan = has_finalizer(object, ORPHAN), had_foreground = has_finalizer(object, FOREGROUND);
	bool orphan = had_orphan, foreground = had_foreground;
	enum dependents usual = traits_of(k)->dependents;
	if (usual == DEPENDENTS_NONE) {
		orphan = foreground = false;
	} else if (o->orphan >= 0) {
		orphan = o->orphan;
		foreground = false;
	} else if (o->policy) {
		orphan = strcmp(o->policy, "Orphan") == 0;
		foreground = strcmp(o->policy, "Foreground") == 0;
	} else if (!had_orphan && !had_foreground) {
		orphan = usual == DEPENDENTS_STAY;
	}
	if (orphan == had_orphan && foreground == had_foreground)
		return false;
	json_t *list = json_array(), *v;
	size_t i;
	json_array_foreach(json_at(object, "metadata.finalizers"), i,
			   v) if (!str_eq(json_string_value(v), ORPHAN) && !str_eq(json_string_value(v), FOREGROUND))
	    json_array_append(list, v);
	if (foreground)
		json_array_append_new(list, json_string(FOREGROUND));
	if (orphan)
		json_array_append_new(list, json_string(ORPHAN));
	if (json_array_size(list))
		json_set_at(object, "metadata.finalizers", json_incref(list));
	else
		json_del_at(object, "metadata.finalizers");
	json_decref(list);
	return true;
}

static void set_time(json_t *object, int64_t at_ms)
{
	char text[RFC3339_MAX];
	json_set_str(object, "metadata.deletionTimestamp", rfc3339(at_ms, text));
}

static void mark(json_t *object, int64_t grace, int64_t now_ms)
{
	int64_t generation = json_int_at(object, "metadata.generation", 0);
	set_time(object, now_ms + grace * 1000);
	json_set_int(object, "metadata.deletionGracePeriodSeconds", grace);
	if (generation > 0)
		json_set_int(object, "metadata.generation", generation + 1);
}

/* A namespace is marked first, whatever it has, and waits for its own list of finalizers, without a grace period. */
static enum delete_step plan_namespace(const struct kind *k, json_t *object, const struct delete_options *o, int64_t now_ms)
{
	if (!json_at(object, "metadata.deletionTimestamp")) {
		set_gc_finalizers(k, object, o);
		set_time(object, now_ms);
		json_set_str(object, "status.phase", "Terminating");
		return DELETE_MARK;
	}
	if (json_array_size(json_at(object, "spec.finalizers")))
		return DELETE_NOTHING;
	bool changed = set_gc_finalizers(k, object, o);
	return !json_array_size(json_at(object, "metadata.finalizers")) ? DELETE_GO : changed ? DELETE_MARK : DELETE_NOTHING;
}

/* The grace period of a deletion runs and is not cut short: nothing changes it, nor what becomes of dependents. */
static bool is_pending(const json_t *object, const struct delete_options *o)
{
	int64_t had = json_int_at(object, "metadata.deletionGracePeriodSeconds", 0);
	return json_at(object, "metadata.deletionTimestamp") && had > 0 && (o->grace < 0 || o->grace >= had);
}

/* An object that is marked already: only a shorter grace period changes when it goes. */
static enum delete_step plan_again(json_t *object, const struct delete_options *o, bool graceful, bool changed)
{
	int64_t had = json_int_at(object, "metadata.deletionGracePeriodSeconds", 0), when_us;
	bool finalizers = json_array_size(json_at(object, "metadata.finalizers")) > 0;
	if (!graceful || !had)
		return !finalizers ? DELETE_GO : changed ? DELETE_MARK : DELETE_NOTHING;
	const char *was = json_str_at(object, "metadata.deletionTimestamp");
	if (was && rfc3339_parse(was, &when_us) == 0)
		set_time(object, when_us / 1000 - (had - o->grace) * 1000);
	json_set_int(object, "metadata.deletionGracePeriodSeconds", o->grace);
	return finalizers || o->grace > 0 ? DELETE_MARK : DELETE_MARK_GO;
}

enum delete_step delete_plan(const struct kind *k, const struct kind_ops *ops, json_t *object,
			     const struct delete_options *o, int64_t now_ms)
{
	if (strcmp(k->kind, "Namespace") == 0 && !*k->group)
		return plan_namespace(k, object, o, now_ms);
	if (ops->mark_deleted && !json_at(object, "metadata.deletionTimestamp")) {
		set_time(object, now_ms);
		ops->mark_deleted(object, now_ms);
		return DELETE_MARK;
	}
	if (ops->grace_seconds && is_pending(object, o))
		return DELETE_NOTHING;
	bool changed = set_gc_finalizers(k, object, o);
	bool finalizers = json_array_size(json_at(object, "metadata.finalizers")) > 0;
	int grace = ops->grace_seconds ? ops->grace_seconds(object, o->grace) : -1;
	if (json_at(object, "metadata.deletionTimestamp"))
		return plan_again(object, o, ops->grace_seconds != NULL, changed);
	if (grace < 0 && !finalizers)
		return DELETE_GO;
	mark(object, MAX(grace, 0), now_ms);
	return finalizers || grace > 0 ? DELETE_MARK : DELETE_MARK_GO;
}
