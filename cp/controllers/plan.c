/* Building plans.
 *
 * Plan functions call these in order; the runner carries the result out. Nothing can fail. Always holds: stages do not
 * decrease along the list, and a plan owns every body and text in it. */
#include "cp/controllers/plan.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/controllers/object.h"

static void note_done(struct plan_note *n)
{
	free(n->message);
	json_decref(n->involved);
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct action *a = &p->v[i];
		free(a->path);
		json_decref(a->body);
		note_done(&a->ok);
		note_done(&a->failed);
	}
	free(p->v);
	*p = (struct plan){0};
}

static struct action *add(struct plan *p, const char *method, const char *path, const char *type, json_t *take_body)
{
	p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
	struct action *a = &p->v[p->n++];
	*a = (struct action){
	    .method = method, .path = xstrdup(path), .content_type = type, .body = take_body, .stage = p->stage};
	return a;
}

struct action *plan_create(struct plan *p, const char *path, json_t *take_body)
{
	return add(p, "POST", path, "application/json", take_body);
}

struct action *plan_update(struct plan *p, const char *path, json_t *take_body)
{
	return add(p, "PUT", path, "application/json", take_body);
}

struct action *plan_merge(struct plan *p, const char *path, json_t *take_patch)
{
	return add(p, "PATCH", path, "application/merge-patch+json", take_patch);
}

struct action *plan_delete(struct plan *p, const char *path, const char *uid, int grace_s, const char *policy)
{
	json_t *options = json_pack("{s:s, s:s}", "apiVersion", "v1", "kind", "DeleteOptions");
	if (uid)
		json_set_str(options, "preconditions.uid", uid);
	if (grace_s >= 0)
		json_set_int(options, "gracePeriodSeconds", grace_s);
	if (policy)
		json_set_str(options, "propagationPolicy", policy);
	struct action *a = add(p, "DELETE", path, "application/json", options);
	a->flags |= PLAN_ABSENT_OK;
	return a;
}

struct action *plan_change(struct plan *p, const char *path, const json_t *from, const json_t *to)
{
	json_t *patch = object_merge_diff(from, to);
	return patch ? plan_merge(p, path, patch) : NULL;
}

struct action *plan_status(struct plan *p, const char *path, const json_t *from_status, const json_t *to_status)
{
	json_t *patch = object_merge_diff(from_status, to_status);
	if (!patch)
		return NULL;
	AUTO_FREE char *sub = xasprintf("%s/status", path);
	return plan_merge(p, sub, json_pack("{s:o}", "status", patch));
}

static void note_set(struct plan_note *n, const char *type, const json_t *involved, const char *reason, const char *fmt,
		     va_list ap)
{
	note_done(n);
	*n = (struct plan_note){
	    .type = type, .reason = reason, .message = xvasprintf(fmt, ap), .involved = object_reference(involved)};
}

void plan_event(struct plan *p, const json_t *involved, const char *type, const char *reason, const char *fmt, ...)
{
	struct action *a = add(p, NULL, NULL, NULL, NULL);
	va_list ap;
	va_start(ap, fmt);
	note_set(&a->ok, type, involved, reason, fmt, ap);
	va_end(ap);
}

void plan_note_ok(struct action *a, const json_t *involved, const char *reason, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	note_set(&a->ok, "Normal", involved, reason, fmt, ap);
	va_end(ap);
}

void plan_note_failed(struct action *a, const json_t *involved, const char *reason, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	note_set(&a->failed, "Warning", involved, reason, fmt, ap);
	va_end(ap);
}

void plan_next_stage(struct plan *p)
{
	p->stage++;
}

void plan_again(struct plan *p, int64_t after_ms)
{
	int64_t after = MAX(after_ms, 1);
	if (!p->again_ms || after < p->again_ms)
		p->again_ms = after;
}
