/* Visits of webhooks. Purpose: one webhook sees the request and says what it thinks. Happy path: the objects are brought into the
 * version that its rules name (hook_convert.c), it is called (hook_client.c) and allows; a patch changes the request's object,
 * brought back into the request's own version. A refusal is the visit's status; a webhook that cannot be called refuses
 * (500) or is passed over, as its failurePolicy says. What always holds: hook_run_visit_over() is told once. */
#include "cp/admission/hook_visit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cp/admission/hook_convert.h"
#include "cp/admission/hook_match.h"
#include "cp/admission/hook_metrics.h"
#include "cp/schema/patch.h"

static void visit_free(struct visit *v)
{
	hook_call_cancel(v->call);
	hook_convert_cancel(v->convert);
	json_decref(v->hook);
	json_decref(v->forms);
	json_decref(v->status);
	free(v->config);
	free(v->id);
	free(v);
}

void hook_visits_clear(struct hook_run *r)
{
	for (size_t i = 0; i < r->n; i++)
		visit_free(r->visits[i]);
	free(r->visits);
	r->visits = NULL;
	r->n = r->running = 0;
}

static const char *kind_word(const struct hook_run *r)
{
	return r->validating ? "validating" : "admit";
}

/* --- outcomes ------------------------------------------------------------------------------------------------------ */

static void annotate_failed_open(struct visit *v)
{
	AUTO_FREE char *key = xasprintf("failed-open.%s.webhook.admission.k8s.io/round_%d_index_%zu",
					v->run->validating ? "validation" : "mutation", v->run->round, v->index);
	admit_annotate(v->run->a, key, hook_name(v->hook));
}

static json_t *call_failed(struct visit *v, const struct err *e)
{
	const char *name = hook_name(v->hook);
	struct admission *n = v->run->a->n;
	if (str_eq(json_str_at(v->hook, "failurePolicy"), "Ignore")) {
		hook_metrics_failed_open(n->hook_metrics, name, kind_word(v->run));
		annotate_failed_open(v);
		return NULL;
	}
	hook_metrics_rejected(n->hook_metrics, name, kind_word(v->run), hook_op_word(v->run->a->op), "calling_webhook_error", 0);
	AUTO_FREE char *why = xasprintf("failed calling webhook \"%s\": %s", name, err_text(e));
	json_t *s = status_new(500, "InternalError", "Internal error occurred: %s", why);
	status_add_cause(s, NULL, why, NULL);
	return s;
}

static void tell(struct visit *v, const struct hook_answer *answer)
{
	size_t i;
	json_t *text;
	const char *key;
	json_array_foreach(answer->warnings, i, text)
	{
		if (json_is_string(text))
			admit_warn(v->run->a, json_string_value(text));
	}
	if (json_is_object(answer->annotations))
		json_object_foreach(answer->annotations, key, text)
		{
			AUTO_FREE char *full = xasprintf("%s/%s", hook_name(v->hook), key);
			admit_annotate(v->run->a, full, json_string_value(text) ? json_string_value(text) : "");
		}
}

/* Brings a patched object into the form that a decoded one has. */
static json_t *adopt(struct admit *a, json_t *object)
{
	struct err e = ERR_INIT;
	bool whole = str_eq(json_str_at(object, "kind"), a->kind->kind);
	if (whole && schema_decode(a->kind, object, NULL, &e) < 0)
		return status_new(500, "InternalError", "Internal error occurred: %s", err_text(&e));
	if (whole && a->set_defaults)
		a->set_defaults(a->request, object);
	json_decref(a->object);
	a->object = json_incref(object);
	return NULL;
}

static void annotate_mutation(struct visit *v, bool changed)
{
	AUTO_FREE char *key = xasprintf("mutation.webhook.admission.k8s.io/round_%d_index_%zu", v->run->round, v->index);
	AUTO_JSON *value = json_pack("{s:s,s:s,s:b}", "configuration", v->config, "webhook", hook_name(v->hook), "mutated", changed);
	AUTO_FREE char *text = json_text(value);
	admit_annotate(v->run->a, key, text);
}

static void note_change(struct hook_run *r)
{
	for (char **id = r->seen; id && *id; id++)
		if (!strv_has(r->again, *id))
			strv_add(&r->again, *id);
	free_strv(&r->seen);
	r->a->reinvoke = true;
}

/* The object as the webhook has left it, in the request's own version. */
static json_t *take_patched(struct visit *v, json_t *changed)
{
	struct hook_run *r = v->run;
	AUTO_JSON *before = json_incref(r->a->object);
	json_t *status = json_equal(changed, before) ? NULL : adopt(r->a, changed);
	if (status)
		return status;
	annotate_mutation(v, r->a->object != before);
	if (r->a->object != before)
		note_change(r);
	return NULL;
}

static void note_called(struct visit *v)
{
	if (str_eq(json_str_at(v->hook, "reinvocationPolicy"), "IfNeeded") && !strv_has(v->run->seen, v->id))
		strv_add(&v->run->seen, v->id);
}

static void on_brought_back(void *arg, json_t *status, json_t *objects)
{
	struct visit *v = arg;
	v->convert = NULL;
	if (!status)
		status = take_patched(v, json_array_get(objects, 0));
	if (!status)
		note_called(v);
	hook_run_visit_over(v, status);
}

/* What was patched in another version is completed there, and comes back. */
static json_t *bring_back(struct visit *v, json_t *changed)
{
	const struct admit *a = v->run->a;
	struct err e = ERR_INIT;
	if (!v->kind->custom && schema_decode(v->kind, changed, NULL, &e) < 0)
		return status_new(500, "InternalError", "Internal error occurred: %s", err_text(&e));
	schema_default(v->kind, changed);
	v->convert = hook_convert_start(a, v->kind, a->kind, json_pack("[O]", changed), on_brought_back, v);
	return NULL;
}

static json_t *apply_patch(struct visit *v, const json_t *patch)
{
	json_t *seen = v->forms ? json_array_get(v->forms, 0) : v->run->a->object, *status = NULL;
	AUTO_JSON *changed = NULL;
	struct err e = ERR_INIT;
	if (!patch || !v->run->a->object)
		annotate_mutation(v, false);
	else if (patch_json(seen, patch, &changed, &e) < 0)
		return status_new(500, "InternalError", "Internal error occurred: %s", err_text(&e));
	else if (v->forms && !json_equal(changed, seen))
		return bring_back(v, changed);
	else
		status = take_patched(v, v->forms ? v->run->a->object : changed);
	if (!status)
		note_called(v);
	return status;
}

static json_t *outcome(struct visit *v, int r, struct hook_answer *answer, const struct err *e)
{
	struct hook_run *run = v->run;
	const char *op = hook_op_word(run->a->op);
	bool allowed = r == 0 && answer->allowed;
	hook_metrics_called(run->a->n->hook_metrics, hook_name(v->hook), kind_word(run), op, !allowed, clock_mono_ms() - v->started_ms);
	if (r < 0)
		return call_failed(v, e);
	tell(v, answer);
	if (!allowed) {
		json_t *s = hook_review_denial(hook_name(v->hook), answer);
		hook_metrics_rejected(run->a->n->hook_metrics, hook_name(v->hook), kind_word(run), op, "no_error", status_code(s));
		return s;
	}
	if (!run->validating)
		return apply_patch(v, answer->patch);
	if (!answer->patch)
		return NULL;
	struct err bad = ERR_INIT;
	err_set(&bad, -EPROTO, "received invalid webhook response: webhook returned response.patch in a validating webhook");
	return call_failed(v, &bad);
}

/* --- the call ------------------------------------------------------------------------------------------------------ */

static void on_done(void *arg, struct hook_call *call, int code, struct hook_answer *answer, const struct err *e)
{
	struct visit *v = arg;
	(void)call;
	v->call = NULL;
	json_t *status = outcome(v, code, answer, e);
	if (!v->convert) /* else it goes on in on_brought_back() */
		hook_run_visit_over(v, status);
}

static void visit_call(struct visit *v)
{
	struct admit *a = v->run->a;
	struct hook_form form = { v->kind, a->object, a->old };
	if (v->forms && a->object)
		form.object = json_array_get(v->forms, 0);
	if (v->forms && a->old)
		form.old = json_array_get(v->forms, a->object ? 1 : 0);
	v->call = hook_call_start(a, &form, v->hook, on_done, v);
}

static void on_shown(void *arg, json_t *status, json_t *objects)
{
	struct visit *v = arg;
	v->convert = NULL;
	v->forms = json_incref(objects);
	if (status)
		hook_run_visit_over(v, status);
	else
		visit_call(v);
}

void hook_visit_start(struct hook_run *r, const json_t *entry, const struct kind *kind)
{
	struct visit *v = xcalloc(1, sizeof(*v));
	const struct admit *a = r->a;
	*v = (struct visit){ .run = r,
			     .hook = json_incref(json_object_get(entry, "hook")),
			     .config = xstrdup(json_str_or(entry, "config", "")),
			     .id = xstrdup(json_str_or(entry, "id", "")),
			     .index = r->called++,
			     .kind = kind,
			     .started_ms = clock_mono_ms() };
	r->visits = xreallocarray(r->visits, r->n + 1, sizeof(*r->visits));
	r->visits[r->n++] = v;
	r->running++;
	if (!hook_convert_is_needed(a, kind)) {
		visit_call(v);
		return;
	}
	json_t *objects = json_array();
	if (a->object)
		json_array_append_new(objects, json_clone(a->object));
	if (a->old)
		json_array_append_new(objects, json_clone(a->old));
	v->convert = hook_convert_start(a, a->kind, kind, objects, on_shown, v);
}

