/* MutatingAdmissionWebhook and ValidatingAdmissionWebhook. Purpose: programs outside look at requests. Happy path: no
 * configuration, or none that fits. Mutating webhooks are called one after the other, by the name of their configuration
 * and their place in it, each with what the one before has made; validating ones all at once, and the first refusal in that
 * order counts. What one call does is in hook_visit.c. A webhook with side effects is not called for a dry run (400). When a
 * patch has changed the object, the chain runs once more, and those webhooks that want to see it again (reinvocationPolicy
 * IfNeeded) are called again. Webhooks with CEL conditions cannot be written, and count as failing where they are found. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cp/admission/hook_match.h"
#include "cp/admission/hook_visit.h"

#define GROUP "admissionregistration.k8s.io"
#define NO_CEL "CEL expressions are not supported by this server yet"

static void run_free(struct hook_run *r)
{
	if (!r)
		return;
	hook_visits_clear(r);
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
			AUTO_FREE char *id = xasprintf("%s/%s/%zu", json_str_or(sorted[i], "metadata.name", ""), hook_name(hook), k);
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

/* Whether it may be called at all; a Status where the request cannot go on without. */
static json_t *check_callable(struct hook_run *r, const json_t *hook, bool *ret_skip)
{
	const char *effects = json_str_or(hook, "sideEffects", "");
	*ret_skip = false;
	if (r->a->dry_run && strcmp(effects, "None") != 0 && strcmp(effects, "NoneOnDryRun") != 0)
		return status_bad_request("admission webhook \"%s\" does not support dry run", hook_name(hook));
	if (!json_array_size(json_object_get(hook, "matchConditions")))
		return NULL;
	*ret_skip = str_eq(json_str_at(hook, "failurePolicy"), "Ignore");
	if (*ret_skip)
		return NULL;
	return admit_forbidden(r->a, "webhook \"%s\" has matchConditions: " NO_CEL, hook_name(hook));
}

/* --- rounds -------------------------------------------------------------------------------------------------------- */

static const struct kind *is_wanted(struct hook_run *r, const json_t *entry)
{
	if (r->round && !strv_has(r->again, json_str_or(entry, "id", "")))
		return NULL;
	return wanted_kind(r->a, json_object_get(entry, "hook"));
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
			hook_visits_clear(r);
			return status;
		}
		if (!skip)
			hook_visit_start(r, entry, kind);
	}
	return NULL;
}

static void round_end(struct hook_run *r, json_t *status)
{
	hook_visits_clear(r);
	r->round++;
	admit_resume(r->a, status);
}

void hook_run_visit_over(struct visit *v, json_t *status)
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
	hook_visits_clear(r);
	status = advance(r);
	if (status || !r->running)
		round_end(r, status);
}

static void cancel(struct admit *a)
{
	hook_visits_clear(a->hooks);
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
