/* DELETE. Purpose: remove an object, or mark it and let finalizers and grace periods run out. Happy path: the plan says
 * go, the store deletes the key, the answer is a Status (or the object for some kinds). Preconditions that do not hold
 * give 409; a lost race is planned again. */
#include "cp/api/delete.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/admit.h"
#include "cp/api/claims.h"
#include "cp/api/encode.h"
#include "cp/api/traits.h"
#include "cp/api/view.h"
#include "cp/api/write.h"
#include "cp/cache/scan.h"

struct removal {
	struct req *q;
	const struct resource *res;
	char *ns, *name, *key;
	struct delete_options options;
	delete_done done;
	void *arg;
	json_t *object;
	struct buf *last;
	struct cobj *old;
	struct admit admit;
	int attempts;
	enum delete_step step;
};

static void attempt(struct removal *r);

static void removal_end(struct removal *r, json_t *status, struct buf *json, bool removed)
{
	admit_settle(&r->admit, removed);
	r->done(r->arg, status, json, removed);
	cobj_unref(r->old);
	json_decref(r->object);
	buf_unref(r->last);
	free(r->ns);
	free(r->name);
	free(r->key);
	delete_options_done(&r->options);
	req_unref(r->q);
	free(r);
}

/* Namespaces and definitions look before all others do, and say it in other words. */
static json_t *check_early(const struct removal *r, const struct cobj *o)
{
	const struct kind *k = r->res->kind;
	bool early = (!*k->group && !strcmp(k->plural, "namespaces")) || !strcmp(k->plural, "customresourcedefinitions");
	if (early && r->options.uid && strcmp(r->options.uid, o->uid) != 0)
		return status_conflict(k->group, k->plural, r->name,
				       "Precondition failed: UID in precondition: %s, UID in object meta: %s", r->options.uid, o->uid);
	if (early && r->options.rv && strtoull(r->options.rv, NULL, 10) != o->rev)
		return status_conflict(k->group, k->plural, r->name,
				       "Precondition failed: ResourceVersion in precondition: %s, ResourceVersion in object meta: %llu",
				       r->options.rv, (unsigned long long)o->rev);
	return NULL;
}

static json_t *check_preconditions(const struct removal *r, const struct cobj *o)
{
	const struct kind *k = r->res->kind;
	json_t *early = check_early(r, o);
	if (early)
		return early;
	if (r->options.uid && strcmp(r->options.uid, o->uid) != 0)
		return status_conflict(
		    "", k->kind, r->name,
		    "the UID in the precondition (%s) does not match the UID in record (%s). The object might have "
		    "been deleted and then recreated",
		    r->options.uid, o->uid);
	if (r->options.rv && strtoull(r->options.rv, NULL, 10) != o->rev)
		return status_conflict(
		    "", k->kind, r->name,
		    "the ResourceVersion in the precondition (%s) does not match the ResourceVersion in record "
		    "(%llu). The object might have been modified",
		    r->options.rv, (unsigned long long)o->rev);
	return NULL;
}

static void set_revision(json_t *object, uint64_t rev)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)rev);
	json_set_str(object, "metadata.resourceVersion", text);
}

static bool again(struct removal *r, int error)
{
	if (error != -ESTALE || r->attempts >= 8)
		return false;
	attempt(r);
	return true;
}

static void on_removed(void *arg, int error, uint64_t rev, const struct err *e)
{
	struct removal *r = arg;
	if (again(r, error))
		return;
	if (error < 0) {
		removal_end(r, write_store_failed(e), NULL, false);
		return;
	}
	write_release(r->q->api, r->res, r->old);
	if (r->step == DELETE_MARK_GO)
		set_revision(r->object, rev);
	AUTO_BUF *json = encode_object(r->res->kind, r->object);
	removal_end(r, NULL, json, true);
}

static void put_delete(struct removal *r, uint64_t expect)
{
	struct store_op op = {.type = STORE_DELETE, .key = r->key, .value = r->last, .expect = expect};
	AUTO_JSON *old = r->res->ops->claims ? view_parse(r->res, r->old) : NULL;
	claims_txn(r->q->api, r->res, &op, old, NULL, on_removed, r);
}

static void on_marked(void *arg, int error, uint64_t rev, const struct err *e)
{
	struct removal *r = arg;
	if (again(r, error))
		return;
	if (error < 0) {
		removal_end(r, write_store_failed(e), NULL, false);
		return;
	}
	if (r->step == DELETE_MARK_GO) {
		put_delete(r, rev);
		return;
	}
	set_revision(r->object, rev);
	AUTO_BUF *json = encode_object(r->res->kind, r->object);
	removal_end(r, NULL, json, false);
}

static void carry_out(struct removal *r)
{
	buf_unref(r->last);
	r->last = view_encode_stored(r->res, r->object);
	free(r->key);
	r->key = bucket_key(r->res->bucket, r->ns, r->name);
	if (r->step == DELETE_GO) {
		put_delete(r, r->old->rev);
		return;
	}
	struct store_op op = {.type = STORE_PUT, .key = r->key, .value = r->last, .expect = r->old->rev};
	store_txn(cache_store(r->q->api->cache), &op, 1, on_marked, r);
}

static void on_admitted(void *arg, json_t *status)
{
	struct removal *r = arg;
	const struct kind *k = r->res->kind;
	if (status) {
		removal_end(r, status, NULL, false);
		return;
	}
	r->step = delete_plan(k, r->res->ops, r->object, &r->options, clock_wall_ms());
	if (r->step != DELETE_NOTHING && !r->options.dry_run) {
		carry_out(r);
		return;
	}
	AUTO_BUF *json = encode_object(k, r->object);
	removal_end(r, NULL, json, r->step == DELETE_GO || r->step == DELETE_MARK_GO);
}

static void on_mutated(void *arg, json_t *status)
{
	struct removal *r = arg;
	if (status)
		on_admitted(r, status);
	else
		admit_validate(&r->admit, on_admitted, r);
}

static void attempt(struct removal *r)
{
	const struct kind *k = r->res->kind;
	struct cobj *o = bucket_get(r->res->bucket, r->ns, r->name);
	r->attempts++;
	json_t *status = o ? check_preconditions(r, o) : status_not_found(k->group, k->plural, r->name);
	if (status) {
		removal_end(r, status, NULL, false);
		return;
	}
	cobj_unref(r->old);
	json_decref(r->object);
	r->old = cobj_ref(o);
	r->object = view_parse(r->res, o);
	admit_settle(&r->admit, false);
	admit_delete(&r->admit, r->q, r->res->kind, r->ns, r->name, r->object, r->options.dry_run);
	if (r->options.admitted)
		on_admitted(r, NULL);
	else
		admit_mutate(&r->admit, on_mutated, r);
}

void delete_start(struct req *q, const struct resource *res, const char *ns, const char *name, struct delete_options *o,
		  delete_done done, void *arg)
{
	struct removal *r = xcalloc(1, sizeof(*r));
	r->q = req_ref(q);
	r->res = res;
	r->ns = xstrdup(ns);
	r->name = xstrdup(name);
	r->options = *o;
	*o = (struct delete_options){0};
	r->done = done;
	r->arg = arg;
	attempt(r);
}

void delete_warn(struct req *q, const struct delete_options *o)
{
	const char *warning = traits_of(q->res->kind)->delete_warning;
	if (warning && !o->policy && o->orphan < 0 && !q->local)
		req_warn(q, warning);
}

static void answer(struct req *q, json_t *status, struct buf *json, bool removed, int waits)
{
	const struct kind *k = q->res->kind;
	if (status) {
		reply_status(q, status);
	} else if (removed && !traits_of(k)->returns_deleted) {
		struct scan s = {0};
		bool has_uid = scan_object(json->data, json->len, NULL, &s) == 0 && s.uid.p;
		AUTO_FREE char *uid = has_uid ? xstrndup(s.uid.p, s.uid.n) : NULL;
		reply_status(q, status_success(k->group, k->plural, q->route.name, uid));
	} else {
		reply_object(q, removed ? 200 : waits, json);
	}
}

static void on_done(void *arg, json_t *status, struct buf *json, bool removed)
{
	answer(arg, status, json, removed, 200);
}

/* Dependents were to go by orphanDependents=false, the old way to say so: that they go later is said by a 202. */
static void on_done_cascading(void *arg, json_t *status, struct buf *json, bool removed)
{
	answer(arg, status, json, removed, 202);
}

void verb_delete(struct req *q)
{
	struct delete_options o = {0};
	json_t *status = delete_options_read(q, &o);
	if (!status)
		delete_warn(q, &o);
	if (status)
		reply_status(q, status);
	else
		delete_start(q, q->res, q->res->kind->namespaced ? q->route.ns : "", q->route.name, &o,
			     o.orphan == 0 ? on_done_cascading : on_done, q);
	delete_options_done(&o);
}
