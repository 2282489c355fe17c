/* Evictions. Purpose: delete a pod only if its disruption budget allows it. Happy path: admission, the budget that selects the
 * pod gives up one of its disruptions (written on the condition that nobody was faster, else planned anew), the pod is marked as
 * disrupted and deleted. Fails with 400, 404, 403, 429, and with a Status of 500 (in an answer of 201, as the
 * reference has it) when several budgets select the pod. What always
 * holds: no pod is deleted before the budget's new status is stored. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/selector.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/admit.h"
#include "cp/api/delete.h"
#include "cp/api/eviction_plan.h"
#include "cp/api/update.h"

enum { MAX_ATTEMPTS = 20 };

struct eviction {
	struct req *q;
	json_t *body;
	bool dry_run; /* by the query or the body */
	int attempts;
};

static void plan(struct eviction *v);

static void eviction_free(struct eviction *v)
{
	json_decref(v->body);
	req_unref(v->q);
	free(v);
}

/* Takes status; NULL: the pod is on its way. */
static void end(struct eviction *v, json_t *status)
{
	if (!status) {
		status = status_success(NULL, NULL, NULL, NULL);
		json_object_set_new(status, "code", json_integer(201));
	}
	reply_status(v->q, status);
	eviction_free(v);
}

static void on_deleted(void *arg, json_t *status, struct buf *json, bool removed)
{
	(void)json;
	(void)removed;
	end(arg, status);
}

static void delete_pod(struct eviction *v)
{
	struct req *q = v->q;
	struct delete_options o;
	json_decref(delete_options_take(json_object_get(v->body, "deleteOptions"), &o)); /* checked by plan() */
	o.dry_run = v->dry_run;
	o.admitted = true;
	delete_start(q, q->res, q->route.ns, q->route.name, &o, on_deleted, v);
}

static json_t *change_mark(struct write *w, const json_t *old, json_t **ret)
{
	(void)w;
	*ret = json_clone(old);
	eviction_mark(*ret, clock_wall_ms());
	return NULL;
}

static void on_marked(struct write *w, json_t *status, struct buf *json, bool created)
{
	struct eviction *v = w->arg;
	(void)json;
	(void)created;
	if (status)
		end(v, json_incref(status));
	else
		delete_pod(v);
}

static void mark_pod(struct eviction *v)
{
	if (v->dry_run) {
		delete_pod(v);
		return;
	}
	struct write *w = write_new(v->q, v->q->res, WRITE_RAW, v->q->route.ns, v->q->route.name);
	w->change = change_mark;
	w->arg = v;
	w->admitted = true;
	w->finish = on_marked;
	write_start(w);
}

/* --- budgets ---------------------------------------------------------------------------------------------------------- */

struct search {
	const json_t *labels;
	json_t *budget; /* owned; the first found */
	size_t n;
};

static bool selects(const json_t *selector, const json_t *labels)
{
	struct selector *s = NULL;
	if (!selector || selector_from_json(selector, &s, NULL) < 0)
		return false;
	bool matches = selector_match_labels(s, labels);
	selector_free(s);
	return matches;
}

static void look_at(void *arg, struct cobj *o)
{
	struct search *s = arg;
	AUTO_JSON *budget = cobj_parse(o);
	if (!selects(json_at(budget, "spec.selector"), s->labels))
		return;
	if (!s->n++)
		s->budget = TAKE(budget);
}

static void on_budget_written(void *arg, int code, json_t *answer, const struct err *e)
{
	struct eviction *v = arg;
	(void)code;
	if (!e)
		mark_pod(v);
	else if (e->code == -ESTALE && ++v->attempts < MAX_ATTEMPTS)
		plan(v);
	else
		end(v, answer ? json_incref(answer) : status_plain_500("%s", err_text(e)));
}

static void write_budget(struct eviction *v, json_t *budget, json_t *status)
{
	AUTO_FREE char *path = xasprintf("/apis/policy/v1/namespaces/%s/poddisruptionbudgets/%s/status", v->q->route.ns,
					 json_str_or(budget, "metadata.name", ""));
	json_object_set(budget, "status", status);
	api_local(v->q->api, "system:kube-apiserver", "PUT", path, NULL, budget, on_budget_written, v);
}

static json_t *several(void)
{
	return json_pack("{s:s,s:s,s:{},s:s,s:s,s:i}", "kind", "Status", "apiVersion", "v1", "metadata", "status", "Failure",
			 "message",
			 "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.", "code",
			 500);
}

static void decide(struct eviction *v, const json_t *pod, struct search *found)
{
	AUTO_JSON *status = NULL;
	if (found->n > 1 && !eviction_is_free(pod)) {
		reply_json(v->q, 201, several());
		eviction_free(v);
		return;
	}
	json_t *refusal = eviction_plan(pod, found->budget, clock_wall_ms(), &status);
	if (refusal)
		end(v, refusal);
	else if (status && !v->dry_run)
		write_budget(v, found->budget, status);
	else
		mark_pod(v);
}

static void plan(struct eviction *v)
{
	struct req *q = v->q;
	struct cobj *o = bucket_get(q->res->bucket, q->route.ns, q->route.name);
	if (!o) {
		end(v, status_not_found("", "pods", q->route.name));
		return;
	}
	AUTO(delete_options_done) struct delete_options options = {0};
	json_t *status = delete_options_take(json_object_get(v->body, "deleteOptions"), &options);
	if (status) {
		end(v, status);
		return;
	}
	AUTO_JSON *pod = cobj_parse(o);
	struct search s = {.labels = json_at(pod, "metadata.labels")};
	struct bucket *budgets = api_bucket(q->api, "policy", "poddisruptionbudgets");
	if (budgets)
		bucket_list(budgets, &(struct bucket_query){.ns = q->route.ns}, look_at, &s);
	decide(v, pod, &s);
	json_decref(s.budget);
}

static void on_admitted(struct req *q, json_t *status, json_t *eviction)
{
	if (status) {
		reply_status(q, status);
		return;
	}
	struct eviction *v = xcalloc(1, sizeof(*v));
	v->q = req_ref(q);
	v->body = json_incref(eviction);
	v->dry_run = req_dry_run(q) || json_array_size(json_at(eviction, "deleteOptions.dryRun"));
	plan(v);
}

/* Of which of its two versions the body is; it says the same in both. */
static const char *version_of(struct req *q)
{
	AUTO_JSON *b = NULL;
	json_decref(body_parse(q, negotiate_body(q->content_type), &b));
	free_strv(&q->repeats); /* will be found again */
	return str_eq(json_str_or(b, "apiVersion", ""), "policy/v1beta1") ? "v1beta1" : "v1";
}

static void list_text(const json_t *values, struct str *out)
{
	size_t i;
	json_t *v;
	str_addc(out, '[');
	json_array_foreach(values, i, v) str_addf(out, "%s%s", i ? " " : "", json_string_value(v));
	str_addc(out, ']');
}

/* What the query and the options inside say about trying may not differ. */
static json_t *check_dry_run(const struct req *q, const json_t *eviction)
{
	const json_t *inside = json_at(eviction, "deleteOptions.dryRun");
	AUTO_JSON *asked = json_array();
	AUTO_STR one = STR_INIT, other = STR_INIT;
	for (size_t i = 0; query_nth(&q->query, "dryRun", i); i++)
		json_array_append_new(asked, json_string(query_nth(&q->query, "dryRun", i)));
	if (!json_array_size(asked) || !json_array_size(inside) || json_equal(asked, inside))
		return NULL;
	list_text(asked, &one);
	list_text(inside, &other);
	return status_plain_500("Non-matching dry-run options in request and content: %s and %s", str_text(&one),
				str_text(&other));
}

void eviction_create(struct req *q)
{
	const struct kind kind = {.group = "policy",
				  .version = version_of(q),
				  .kind = "Eviction",
				  .type = schema_type(q->api->schema, "policy.v1.Eviction")};
	AUTO_JSON *b = NULL;
	json_t *status = options_check(q, "CreateOptions");
	if (!status)
		status = body_object(q, &kind, &b);
	if (!status)
		status = namespace_matches(q, b);
	if (!status && strcmp(json_str_or(b, "metadata.name", ""), q->route.name) != 0)
		status = status_bad_request("name in URL does not match name in Eviction object");
	if (!status)
		status = check_dry_run(q, b);
	if (status)
		reply_status(q, status);
	else
		admit_request(q, ADMIT_CREATE, b, on_admitted);
}
