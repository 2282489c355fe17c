/* MutatingAdmissionWebhook and ValidatingAdmissionWebhook. Purpose: programs outside look at requests. Happy path: no
 * configuration, or none that fits. Mutating webhooks are called one after the other, by the name of their configuration
 * and their place in it, each with what the one before has made; validating ones all at once, and the first refusal in that
 * order counts. A webhook that cannot be called refuses (500) or is passed over, as its failurePolicy says; one with side
 * effects is not called for a dry run (400). When a patch has changed the object, the chain runs once more, and those
 * webhooks that want to see it again (reinvocationPolicy IfNeeded) are called again. A webhook whose rules name another
 * version of the resource gets the objects in that one, and its patch is brought back (hook_convert.c). Webhooks with CEL
 * conditions cannot be written, and count as failing where they are found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cp/admission/hook_client.h"
#include "cp/admission/hook_convert.h"
#include "cp/admission/hook_match.h"
#include "cp/admission/hook_metrics.h"
#include "cp/admission/plugin.h"
#include "cp/schema/patch.h"

#define GROUP "admissionregistration.k8s.io"
#define NO_CEL "CEL expressions are not supported by this server yet"

/* One webhook that is to be called, or was. */
struct visit {
	struct hook_run *run;
	json_t *hook; /* referenced */
	char *config, *id;
	size_t index; /* of those called in this round */
	int64_t started_ms;
	const struct kind *kind;     /* in whose version it sees the request */
	json_t *forms;		     /* object and old in that version; NULL: as they are */
	struct hook_convert *convert; /* at work for it */
	struct hook_call *call;
	json_t *status; /* what it refused with */
};

/* The webhooks' part of one request, over all its rounds. */
struct hook_run {
	struct admit *a;
	bool validating;
	json_t *hooks; /* of the round: [{config, hook}] in order */
	size_t at, called;
	int round;
	char **seen, **again; /* ids: called and willing to be called again; to be called in the next round */
	struct visit **visits; /* running or over; of a mutating round at most one */
	size_t n, running;
};

static const char *name_of(const json_t *hook)
{
	return json_str_or(hook, "name", "");
}

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

static void visits_clear(struct hook_run *r)
{
	for (size_t i = 0; i < r->n; i++)
		visit_free(r->visits[i]);
	free(r->visits);
	r->visits = NULL;
	r->n = r->running = 0;
}

static void run_free(struct hook_run *r)
{
	if (!r)
		return;
	visits_clear(r);
	json_decref(r->hooks);
	free_strv(&r->seen);
	free_strv(&r->again);
	free(r);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(json_str_or(*(json_t *const *)a, "metadata.name", ""), json_str_or(*(json_t *const *)b, "metadata.name", ""));
}

/* The entries of all configurations in order. */
static json_t *all_hooks(const struct admit *a, const char *plural)
{
	AUTO_JSON *configs = admission_list(a->n, GROUP, "v1", plural, "");
	size_t n = json_array_size(configs), i, k;
	json_t **sorted = xcalloc(n ? n : 1, sizeof(json_t *)), *hook, *list = json_array();
	for (i = 0; i < n; i++)
		sorted[i] = json_array_get(configs, i);
	qsort(sorted, n, sizeof(json_t *), by_name);
	for (i = 0; i < n; i++)
		json_array_foreach(json_object_get(sorted[i], "webhooks"), k, hook)
		{
			AUTO_FREE char *id = xasprintf("%s/%s/%zu", json_str_or(sorted[i], "metadata.name", ""), name_of(hook), k);
			json_array_append_new(list, json_pack("{s:s,s:s,s:O}", "id", id, "config",
							      json_str_or(sorted[i], "metadata.name", ""), "hook", hook));
		}
	free(sorted);
	return list;
}

/* The kind in which a webhook wants to see the request; NULL: it does not. */
static const struct kind *wanted_kind(const struct admit *a, const json_t *hook)
{
	const struct kind *k = hook_rules_kind(a, json_object_get(hook, "rules"), hook_is_equivalent(hook));
	return k && hook_selects(a, hook) ? k : NULL;
}

static const char *kind_word(const struct hook_run *r)
{
	return r->validating ? "validating" : "admit";
}

/* Whether it may be called at all; a Status where the request cannot go on without. */
static json_t *check_callable(struct hook_run *r, const json_t *hook, bool *ret_skip)
{
	const char *effects = json_str_or(hook, "sideEffects", "");
	*ret_skip = false;
	if (r->a->dry_run && strcmp(effects, "None") != 0 && strcmp(effects, "NoneOnDryRun") != 0)
		return status_bad_request("admission webhook \"%s\" does not support dry run", name_of(hook));
	if (!json_array_size(json_object_get(hook, "matchConditions")))
		return NULL;
	*ret_skip = str_eq(json_str_at(hook, "failurePolicy"), "Ignore");
	if (*ret_skip)
		return NULL;
	return admit_forbidden(r->a, "webhook \"%s\" has matchConditions: " NO_CEL, name_of(hook));
}

/* --- outcomes ------------------------------------------------------------------------------------------------------ */

static void annotate_failed_open(struct visit *v)
{
	AUTO_FREE char *key = xasprintf("failed-open.%s.webhook.admission.k8s.io/round_%d_index_%zu",
					v->run->validating ? "validation" : "mutation", v->run->round, v->index);
	admit_annotate(v->run->a, key, name_of(v->hook));
}

static json_t *call_failed(struct visit *v, const struct err *e)
{
	const char *name = name_of(v->hook);
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
			AUTO_FREE char *full = xasprintf("%s/%s", name_of(v->hook), key);
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
	AUTO_JSON *value = json_pack("{s:s,s:s,s:b}", "configuration", v->config, "webhook", name_of(v->hook), "mutated", changed);
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

static void visit_over(struct visit *v, json_t *status);

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
	visit_over(v, status);
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
	hook_metrics_called(run->a->n->hook_metrics, name_of(v->hook), kind_word(run), op, !allowed, clock_mono_ms() - v->started_ms);
	if (r < 0)
		return call_failed(v, e);
	tell(v, answer);
	if (!allowed) {
		json_t *s = hook_review_denial(name_of(v->hook), answer);
		hook_metrics_rejected(run->a->n->hook_metrics, name_of(v->hook), kind_word(run), op, "no_error", status_code(s));
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

/* --- rounds -------------------------------------------------------------------------------------------------------- */

static const struct kind *is_wanted(struct hook_run *r, const json_t *entry)
{
	if (r->round && !strv_has(r->again, json_str_or(entry, "id", "")))
		return NULL;
	return wanted_kind(r->a, json_object_get(entry, "hook"));
}

static void on_done(void *arg, struct hook_call *call, int r, struct hook_answer *answer, const struct err *e);

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
		visit_over(v, status);
	else
		visit_call(v);
}

static void visit_start(struct hook_run *r, const json_t *entry, const struct kind *kind)
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

/* Starts the next mutating webhook, or all validating ones. A Status ends the request; else r->running says whether
 * something runs. */
static json_t *advance(struct hook_run *r)
{
	for (; r->at < json_array_size(r->hooks) && (r->validating || !r->running); r->at++) {
		const json_t *entry = json_array_get(r->hooks, r->at);
		bool skip = false;
		const struct kind *kind = is_wanted(r, entry);
		if (!kind)
			continue;
		json_t *status = check_callable(r, json_object_get(entry, "hook"), &skip);
		if (status) {
			visits_clear(r);
			return status;
		}
		if (!skip)
			visit_start(r, entry, kind);
	}
	return NULL;
}

static void round_end(struct hook_run *r, json_t *status)
{
	visits_clear(r);
	r->round++;
	admit_resume(r->a, status);
}

static void visit_over(struct visit *v, json_t *status)
{
	struct hook_run *r = v->run;
	v->status = status;
	if (--r->running)
		return;
	for (size_t i = 0; i < r->n; i++)
		if (r->visits[i]->status) {
			round_end(r, json_incref(r->visits[i]->status));
			return;
		}
	if (r->validating) {
		round_end(r, NULL);
		return;
	}
	visits_clear(r);
	status = advance(r);
	if (status || !r->running)
		round_end(r, status);
}

static void on_done(void *arg, struct hook_call *call, int code, struct hook_answer *answer, const struct err *e)
{
	struct visit *v = arg;
	(void)call;
	v->call = NULL;
	json_t *status = outcome(v, code, answer, e);
	if (!v->convert) /* else it goes on in on_brought_back() */
		visit_over(v, status);
}

static void cancel(struct admit *a)
{
	visits_clear(a->hooks);
}

static json_t *begin(struct admit *a, bool validating, const char *plural)
{
	struct bucket *b = admission_bucket(a->n, GROUP, "v1", plural);
	if (!b || !bucket_len(b) || hook_is_exempt(a))
		return NULL;
	struct hook_run *r = a->hooks;
	if (!r)
		r = a->hooks = xcalloc(1, sizeof(*r));
	r->a = a;
	if (r->validating != validating)
		r->round = 0;
	r->validating = validating;
	json_decref(r->hooks);
	r->hooks = all_hooks(a, plural);
	r->at = r->called = 0;
	json_t *status = advance(r);
	if (status)
		return status;
	if (r->running)
		admit_suspend(a, r, cancel);
	else
		r->round++;
	return NULL;
}

static json_t *mutate(struct admit *a)
{
	return begin(a, false, "mutatingwebhookconfigurations");
}

/* A configuration that nobody could carry out is not taken. */
static json_t *check_configuration(const struct admit *a)
{
	AUTO_FIELD_ERRORS errors = { 0 };
	size_t i;
	json_t *hook;
	json_array_foreach(json_object_get(a->object, "webhooks"), i, hook)
	{
		AUTO_FREE char *path = xasprintf("webhooks[%zu].matchConditions", i);
		if (json_array_size(json_object_get(hook, "matchConditions")))
			field_forbidden(&errors, path, NO_CEL);
	}
	return errors.n ? status_invalid(GROUP, a->kind->kind, admit_name(a), &errors) : NULL;
}

static json_t *validate(struct admit *a)
{
	bool configuration = admit_is_kind(a, GROUP, "MutatingWebhookConfiguration") ||
			     admit_is_kind(a, GROUP, "ValidatingWebhookConfiguration");
	if (configuration && a->object)
		return check_configuration(a);
	return begin(a, true, "validatingwebhookconfigurations");
}

static void settle(struct admit *a, bool committed)
{
	(void)committed;
	run_free(a->hooks);
	a->hooks = NULL;
}

#define ALL_OPS (ADMIT_CREATE | ADMIT_UPDATE | ADMIT_DELETE | ADMIT_CONNECT)

const struct admit_plugin mutating_webhook_plugin = {
	.name = "MutatingAdmissionWebhook",
	.ops = ALL_OPS,
	.subresources = true,
	.mutate = mutate,
	.settle = settle,
};
const struct admit_plugin validating_webhook_plugin = {
	.name = "ValidatingAdmissionWebhook",
	.ops = ALL_OPS,
	.subresources = true,
	.validate = validate,
};
