/* Writes. Purpose: the one way in which an object changes. Happy path: take the newest state, let the request's change
 * make the new one, default it, let admission change it, prepare and validate it, reserve what has to be unique, let
 * admission refuse it, store it on the condition that nobody was faster, answer with the stored bytes. Admission may take
 * its time: the write waits. When somebody was faster the whole is done again unless the caller named a resourceVersion.
 * An object that did not change is not stored. What was reserved is always settled. */
#include "cp/api/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/api/admit.h"
#include "cp/api/claims.h"
#include "cp/api/custom.h"
#include "cp/api/encode.h"
#include "cp/api/heartbeat.h"
#include "cp/api/managers.h"
#include "cp/api/metrics.h"
#include "cp/api/rbac_source.h"
#include "cp/api/traits.h"
#include "cp/api/view.h"
#include "cp/schema/managed.h"
#include "cp/store/store.h"

#define MAX_ATTEMPTS 8

struct write *write_new(struct req *q, const struct resource *res, enum write_kind kind, const char *ns,
			const char *name)
{
	struct write *w = xcalloc(1, sizeof(*w));
	w->q = req_ref(q);
	w->res = res;
	w->kind = kind;
	w->ns = ns;
	w->name = xstrdup(name);
	w->dry_run = req_dry_run(q);
	return w;
}

enum write_kind write_kind_of(const struct req *q)
{
	const char *sub = q->route.subresource;
	return !*sub ? WRITE_UPDATE : strcmp(sub, "status") == 0 ? WRITE_STATUS : WRITE_PART;
}

static void attempt_reset(struct write *w)
{
	cobj_unref(w->old);
	w->old = NULL;
	json_decref(w->before);
	w->before = NULL;
	json_decref(w->object);
	w->object = NULL;
	buf_unref(w->bytes);
	w->bytes = NULL;
	json_decref(w->stored_form);
	w->stored_form = NULL;
	free(w->key);
	w->key = NULL;
	w->created = false;
}

static void write_free(struct write *w)
{
	attempt_reset(w);
	if (w->free_arg)
		w->free_arg(w->arg);
	free(w->name);
	req_unref(w->q);
	free(w);
}

/* Ends the write: status (taken) or json. */
static void write_end(struct write *w, json_t *status, struct buf *json)
{
	if (w->finish) {
		w->finish(w, status, json, w->created);
		json_decref(status);
	} else if (status) {
		reply_status(w->q, status);
	} else {
		reply_object(w->q, w->created ? 201 : 200, json);
	}
	write_free(w);
}

static void settle(struct write *w, bool committed)
{
	if (w->ticket && w->res->ops->settle)
		w->res->ops->settle(&w->q->api->env, w->ticket, committed);
	w->ticket = NULL;
	admit_settle(&w->admit, committed);
}

static void attempt(struct write *w);

json_t *write_store_failed(const struct err *e)
{
	/* etcd's own words are given on as they are. */
	if (str_has_prefix(err_text(e), "etcdserver: ") || str_has_prefix(err_text(e), "rpc error: "))
		return status_plain_500("%s", err_text(e));
	json_t *s = status_new(500, "InternalError", "Internal error occurred: %s", err_text(e));
	status_add_cause(s, NULL, err_text(e), NULL);
	return s;
}

/* Of a generateName it is said that it could not help, even where the name was given too. */
static json_t *name_is_taken(const struct write *w)
{
	const struct kind *k = w->res->kind;
	bool generates = !str_empty(json_str_at(w->object, "metadata.generateName"));
	return generates ? status_name_conflict(k->group, k->plural, w->name) : status_already_exists(k->group, k->plural, w->name);
}

static json_t *lost_race(struct write *w)
{
	const struct kind *k = w->res->kind;
	return w->created ? name_is_taken(w) : status_modified(k->group, k->plural, w->name);
}

/* The answer of a write that was stored at rev. */
static struct buf *stored_bytes(struct write *w, uint64_t rev)
{
	struct cobj *now = bucket_get(w->res->bucket, w->ns, w->name);
	if (now && now->rev == rev)
		return view_bytes(w->res, now);
	/* Somebody else has written since. */
	char text[24];
	AUTO_JSON *object = NULL;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)rev);
	(void)json_parse(w->bytes->data, w->bytes->len, &object, NULL); /* our own bytes */
	json_set_str(object, "metadata.resourceVersion", text);
	view_from_stored(w->res, object, rev);
	return encode_object(w->res->kind, object);
}

static bool may_retry(const struct write *w)
{
	if (w->attempts >= MAX_ATTEMPTS)
		return false;
	/* What another server's object took meanwhile is replaced by something else, or named in the answer. */
	const struct cobj *now = bucket_get(w->res->bucket, w->ns, w->name);
	if (w->claimed && (w->old ? now && now->rev == w->old->rev : !now))
		return true;
	return w->created ? json_at(w->object, "metadata.generateName") && w->kind == WRITE_CREATE : !w->conditional;
}

json_t *write_take_object(struct write *w)
{
	bool again = w->res->ops->claims || (w->created ? json_at(w->arg, "metadata.generateName") != NULL : !w->conditional);
	return again ? json_clone(w->arg) : TAKE(w->arg);
}

/* An object that was written twice is likely to be written again. */
static bool is_rewritten(const struct write *w)
{
	return !w->created && traits_of(w->res->kind)->rewritten;
}

/* The object as it was stored, where it is likely to be written again. */
static struct cobj *rewritten(const struct write *w, uint64_t rev)
{
	struct cobj *now = w->object && is_rewritten(w) ? bucket_get(w->res->bucket, w->ns, w->name) : NULL;
	char text[24];
	if (!now || now->rev != rev || !view_is_plain(w->res, now))
		return NULL;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)rev);
	json_set_str(w->object, "metadata.resourceVersion", text);
	return cobj_ref(now);
}

static void on_stored(void *arg, int r, uint64_t rev, const struct err *e)
{
	struct write *w = arg;
	store_count(w->q->api, w->res->kind, w->created ? "create" : "update", clock_mono_us() - w->asked_us);
	settle(w, r == 0);
	if (r == -ESTALE && may_retry(w)) {
		attempt(w);
		return;
	}
	if (r < 0) {
		write_end(w, r == -ESTALE ? lost_race(w) : write_store_failed(e), NULL);
		return;
	}
	if (custom_needs_webhook(w->res))
		custom_remember(w->res, rev, w->object);
	AUTO_BUF *json = stored_bytes(w, rev);
	AUTO_COBJ *now = rewritten(w, rev);
	AUTO_JSON *object = now ? json_incref(w->object) : NULL;
	write_end(w, NULL, json);
	if (object && object->refcount == 1)
		cobj_keep(now, TAKE(object));
}

/* Both groups of events have one kind inside the reference, which its errors name. */
static const char *error_group(const struct kind *k)
{
	return !strcmp(k->kind, "Event") && !strcmp(k->group, "events.k8s.io") ? "" : k->group;
}

/* An object that was to go once its last finalizer went, goes now. */
static bool is_released(const struct write *w, const json_t *old)
{
	if (!old || !json_at(old, "metadata.deletionTimestamp") ||
	    json_array_size(json_at(w->object, "metadata.finalizers")))
		return false;
	if (strcmp(w->res->kind->kind, "Namespace") == 0 && !*w->res->kind->group)
		return json_array_size(json_at(w->object, "spec.finalizers")) == 0;
	return json_int_at(old, "metadata.deletionGracePeriodSeconds", 0) == 0;
}

void write_release(struct api *a, const struct resource *res, const struct cobj *last)
{
	void *ticket = NULL;
	AUTO_FIELD_ERRORS errors = {0};
	if (!res->ops->reserve)
		return;
	AUTO_JSON *old = view_parse(res, last);
	res->ops->reserve(&a->env, NULL, old, &errors, &ticket);
	if (ticket && res->ops->settle)
		res->ops->settle(&a->env, ticket, true);
}

static void on_removed(void *arg, int r, uint64_t rev, const struct err *e)
{
	struct write *w = arg;
	store_count(w->q->api, w->res->kind, "delete", clock_mono_us() - w->asked_us);
	(void)rev;
	settle(w, r == 0);
	if (r == -ESTALE && may_retry(w)) {
		attempt(w);
		return;
	}
	if (r < 0) {
		write_end(w, r == -ESTALE ? lost_race(w) : write_store_failed(e), NULL);
		return;
	}
	write_release(w->q->api, w->res, w->old);
	AUTO_BUF *json = encode_object(w->res->kind, w->object);
	write_end(w, NULL, json);
}

/* What is needed no more while the store works is given back at once: the requests that come next use the same memory, which
 * the processor still has at hand. */
static void forget(struct write *w)
{
	bool named_anew = w->created && json_at(w->object, "metadata.generateName");
	json_decref(w->before);
	w->before = NULL;
	w->admit.old = NULL;
	if (named_anew || is_rewritten(w) || custom_needs_webhook(w->res))
		return;
	json_decref(w->object);
	w->object = NULL;
	w->admit.object = NULL;
}

static void commit(struct write *w, const json_t *old)
{
	bool gone = is_released(w, old);
	w->key = bucket_key(w->res->bucket, w->ns, w->name);
	struct store_op op = {
	    .type = gone ? STORE_DELETE : STORE_PUT,
	    .key = w->key,
	    .value = w->bytes,
	    .expect = w->old ? w->old->rev : STORE_ABSENT,
	    .volatile_ = old && !gone && heartbeat_only(w->res->kind, old, w->object),
	};
	w->asked_us = clock_mono_us();
	w->claimed = claims_txn(w->q->api, w->res, &op, old, gone ? NULL : w->object, gone ? on_removed : on_stored, w);
	if (!gone)
		forget(w);
}

/* Nothing to store: the same bytes as before. */
static bool is_unchanged(const struct write *w)
{
	return w->old && !w->old->stale && cobj_is_same(w->old, w->bytes);
}

/* What makes no difference but in the times of managers is no change either. */
static void keep_times(struct write *w)
{
	if (!w->before || w->stored_form || !(w->applied || cobj_is_as_long(w->old, w->bytes)) ||
	    !managed_keep_times(w->before, w->object))
		return;
	buf_unref(w->bytes);
	w->bytes = view_encode_stored(w->res, w->object);
}

static json_t *check_exists(struct write *w)
{
	const struct kind *k = w->res->kind;
	if (w->kind == WRITE_CREATE)
		return bucket_get(w->res->bucket, w->ns, w->name) ? name_is_taken(w) : NULL;
	w->old = bucket_get(w->res->bucket, w->ns, w->name);
	if (w->old) {
		cobj_ref(w->old);
		return NULL;
	}
	json_t *status = w->absent ? w->absent(w) : NULL;
	return status || w->create_allowed ? status : status_not_found(k->group, k->plural, w->name);
}

/* generateName becomes a name, another one in each attempt. */
static void generate_name(struct write *w)
{
	const char *prefix = json_str_at(w->object, "metadata.generateName");
	if (w->kind != WRITE_CREATE || str_empty(prefix) || !str_empty(json_str_at(w->object, "metadata.name")))
		return;
	char suffix[6];
	AUTO_FREE char *full = xasprintf("%.58s%s", prefix, rand_suffix(suffix, 5));
	json_set_str(w->object, "metadata.name", full);
	free(w->name);
	w->name = TAKE(full);
	w->generated = true;
}

/* The attempt ends before the store is asked. Takes status. */
static void give_up(struct write *w, json_t *status)
{
	settle(w, false);
	write_end(w, status, NULL);
}

static void conclude(struct write *w);

static void on_stored_form(void *arg, json_t *status, json_t *converted)
{
	struct write *w = arg;
	if (status) {
		give_up(w, status);
		return;
	}
	w->stored_form = json_clone(json_array_get(converted, 0));
	(void)schema_decode(w->res->stored, w->stored_form, NULL, NULL);
	conclude(w);
}

/* The new state may be stored: do so, or say what would have been. */
static void conclude(struct write *w)
{
	const json_t *old = w->before;
	if (custom_needs_webhook(w->res) && !w->stored_form) {
		json_t *objects = json_pack("[O]", w->object);
		custom_convert(w->q->api, w->res->custom, w->res->stored->version, objects, on_stored_form, w);
		return;
	}
	write_warn(w, old);
	w->bytes = w->stored_form ? encode_stored(w->res->stored, w->stored_form) : view_encode_stored(w->res, w->object);
	bool changed = !is_unchanged(w);
	if (changed) {
		keep_times(w);
		changed = !is_unchanged(w);
	}
	if (!w->dry_run && changed) {
		commit(w, old);
		return;
	}
	settle(w, false);
	if (old)
		json_set_str(w->object, "metadata.resourceVersion", json_str_or(old, "metadata.resourceVersion", ""));
	AUTO_BUF *json = encode_object(w->res->kind, w->object);
	write_end(w, NULL, json);
}

static void on_validated(void *arg, json_t *status)
{
	struct write *w = arg;
	w->object = w->admit.object;
	if (!status && w->kind == WRITE_CREATE)
		status = check_exists(w);
	if (status && w->generated && status_code(status) == 409 && w->attempts < MAX_ATTEMPTS) {
		json_decref(status);
		settle(w, false);
		attempt(w);
	} else if (status)
		give_up(w, status);
	else
		conclude(w);
}

static void on_mutated(void *arg, json_t *status)
{
	struct write *w = arg;
	AUTO_FIELD_ERRORS errors = {.schema = w->q->api->schema};
	w->object = w->admit.object;
	if (status) {
		give_up(w, status);
		return;
	}
	if ((status = rbac_check_escalation(w->q, w->res->kind, w->object, w->before))) {
		give_up(w, status);
		return;
	}
	generate_name(w);
	w->admit.name = w->name;
	if (w->kind != WRITE_RAW) {
		write_prepare(w, w->before);
		write_validate(w, w->before, &errors);
	}
	if (errors.n) {
		give_up(w, status_invalid(error_group(w->res->kind), w->res->kind->kind, w->name, &errors));
		return;
	}
	w->admit.object = w->object;
	admit_validate(&w->admit, on_validated, w);
}

static void attempt(struct write *w)
{
	attempt_reset(w);
	w->attempts++;
	json_t *status = w->kind == WRITE_CREATE ? NULL : check_exists(w);
	/* Somebody was faster than the webhook. */
	if (!status && w->old && w->res->custom && !custom_is_ready(w->res, w->old))
		status = status_modified(w->res->kind->group, w->res->kind->plural, w->name);
	w->before = w->old ? view_take(w->res, w->old) : NULL;
	w->created = !w->before;
	if (!status)
		status = w->change(w, w->before, &w->object);
	if (status) {
		write_end(w, status, NULL);
		return;
	}
	if (w->kind != WRITE_RAW)
		write_set_defaults(w);
	admit_write(w);
	if (w->admitted)
		conclude(w);
	else
		admit_mutate(&w->admit, on_mutated, w);
}

void write_start(struct write *w)
{
	attempt(w);
}
