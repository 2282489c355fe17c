/* GET of many objects. Purpose: a list is the cached bytes of its items put side by side. Happy path: take the objects
 * at the revision asked for, write the head, copy the bytes. Nothing is parsed or encoded unless the client asked for a
 * Table or metadata only. Fails with 400 and 422 (options), 410 (too old), 504 (not yet). */
#include "cp/api/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/custom.h"
#include "cp/api/custom_select.h"
#include "cp/api/transform.h"
#include "cp/kinds/table.h"
#include "cp/api/view.h"

static void add_meta(struct str *out, uint64_t rev, const char *next, int64_t remaining)
{
	str_addf(out, "\"metadata\":{\"resourceVersion\":\"%llu\"", (unsigned long long)rev);
	if (next) {
		str_add(out, ",\"continue\":");
		str_add_json(out, next);
		if (remaining >= 0)
			str_addf(out, ",\"remainingItemCount\":%lld", (long long)remaining);
	}
	str_addc(out, '}');
}

/* How much of an item's beginning its list leaves out. */
static size_t lead_of(const struct resource *res, const struct buf *json)
{
	bool same = json->len > res->lead_len + 1 && memcmp(json->data + 1, res->lead, res->lead_len) == 0;
	return same ? 1 + res->lead_len : 1;
}

/* Lists of custom resources: members in order of name, items whole. */
static struct buf *splice_custom(const struct resource *res, struct cobj *const *v, size_t n, uint64_t rev,
				 const char *next, int64_t remaining)
{
	AUTO_STR out = STR_INIT;
	const struct kind *k = res->kind;
	str_addf(&out, "{\"apiVersion\":\"%s/%s\",\"items\":[", k->group, k->version);
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF *item = view_bytes(res, v[i]);
		str_add(&out, i ? "," : "");
		str_addn(&out, item->data, item->len);
	}
	str_addf(&out, "],\"kind\":\"%s\",", k->list_kind);
	add_meta(&out, rev, next ? next : "", remaining);
	str_addc(&out, '}');
	return buf_new(out.p, out.len);
}

/* The list document {"kind":"PodList",...,"items":[...]}; items go without their kind and apiVersion. next may be NULL;
 * remaining < 0: not said. Returns owned. */
static struct buf *list_splice(const struct resource *res, struct cobj *const *v, size_t n, uint64_t rev,
			       const char *next, int64_t remaining)
{
	AUTO_STR head = STR_INIT;
	const struct kind *k = res->kind;
	if (res->custom)
		return splice_custom(res, v, n, rev, next, remaining);
	str_addf(&head, "{\"kind\":\"%s\",\"apiVersion\":\"%s%s%s\",", k->list_kind, k->group, *k->group ? "/" : "",
		 k->version);
	add_meta(&head, rev, next, remaining);
	str_add(&head, ",\"items\":[");
	size_t total = head.len + 2 + (n ? n - 1 : 0);
	struct buf **items = xcalloc(n ? n : 1, sizeof(*items));
	for (size_t i = 0; i < n; i++) {
		items[i] = view_bytes(res, v[i]);
		total += items[i]->len - lead_of(res, items[i]) + 1;
	}
	struct buf *b = buf_alloc(total);
	char *at = b->data;
	at = mempcpy(at, head.p, head.len);
	for (size_t i = 0; i < n; i++) {
		size_t skip = lead_of(res, items[i]);
		if (i)
			*at++ = ',';
		*at++ = '{';
		at = mempcpy(at, items[i]->data + skip, items[i]->len - skip);
		buf_unref(items[i]);
	}
	free(items);
	memcpy(at, "]}", 2);
	return b;
}

json_t *list_too_old(const struct list_plan *p)
{
	if (!p->after)
		return status_expired("The resourceVersion for the provided list is too old.");
	json_t *s = status_expired(
	    "The provided continue parameter is too old to display a consistent list result. You can start a "
	    "new list without the continue parameter, or use the continue token in this response to retrieve "
	    "the remainder of the results. Continuing with the provided token results in an inconsistent "
	    "list - objects that were created, modified, or deleted between the time the first chunk was "
	    "returned and now may show up in the list.");
	AUTO_FREE char *token = continue_encode(0, 0, p->after);
	json_set_str(s, "metadata.continue", token);
	return s;
}

static json_t *meta_value(uint64_t rev, const char *next, int64_t remaining)
{
	AUTO_STR text = STR_INIT;
	json_t *holder = NULL;
	str_addc(&text, '{');
	add_meta(&text, rev, next, remaining);
	str_addc(&text, '}');
	json_parse(text.p, text.len, &holder, NULL);
	json_t *meta = json_incref(json_object_get(holder, "metadata"));
	json_decref(holder);
	return meta;
}

static void reply_transformed(struct req *q, const struct snapshot *s, const char *next, int64_t remaining)
{
	AUTO_JSON *meta = meta_value(s->rev, next, remaining);
	json_t **objects = xcalloc(s->n ? s->n : 1, sizeof(*objects)), *answer;
	for (size_t i = 0; i < s->n; i++)
		objects[i] = view_parse(q->res, s->v[i]);
	if (q->answer.form == FORM_TABLE) {
		kind_table_sort(q->res->kind, objects, s->n);
		answer = transform_table(q, q->res->kind, objects, s->n, meta, true);
	} else {
		AUTO_FREE char *api = xasprintf("meta.k8s.io/%s", q->answer.version);
		json_t *items = json_array();
		for (size_t i = 0; i < s->n; i++)
			json_array_append_new(items, transform_partial(objects[i], q->answer.version));
		answer = json_pack("{s:s,s:s,s:O,s:o}", "kind", "PartialObjectMetadataList", "apiVersion", api,
				   "metadata", meta, "items", s->n ? items : json_null());
		if (!s->n)
			json_decref(items);
	}
	for (size_t i = 0; i < s->n; i++)
		json_decref(objects[i]);
	free(objects);
	reply_json(q, 200, answer);
}

void list_reply(struct req *q, const struct snapshot *s, const struct list_plan *p)
{
	AUTO_FREE char *next = NULL;
	int64_t remaining = -1;
	if (s->remaining && s->n) {
		AUTO_FREE char *last = snapshot_key(s->v[s->n - 1]);
		next = continue_encode(s->rev, p->exact && p->at_s ? p->at_s : clock_wall_ms() / 1000, last);
		if (!p->labels && !p->fields)
			remaining = (int64_t)s->remaining;
	}
	if (q->answer.form != FORM_OBJECT && !q->done) {
		reply_transformed(q, s, next, remaining);
		return;
	}
	AUTO_BUF *b = list_splice(q->res, s->v, s->n, s->rev, next, remaining);
	reply_buf(q, 200, b);
}

void verb_list(struct req *q)
{
	struct list_plan p;
	struct snapshot s = {0};
	struct err e = ERR_INIT;
	json_t *status = list_plan_read(&q->query, q->res->kind, false, &p);
	if (!status && q->answer.form == FORM_PARTIAL)
		status = transform_no_object(q->res->kind);
	int r =
	    status ? 0 : custom_snapshot(q->api, q->res, q->res->kind->namespaced ? q->route.ns : "", &p, &s, &e);
	if (r == -ERANGE)
		status = status_too_large_rv(p.rev, cache_revision(q->api->cache));
	else if (r == -EOVERFLOW)
		status = list_too_old(&p);
	else if (r < 0)
		status = status_plain_500("%s", err_text(&e));
	for (size_t i = 0; !status && i < s.n; i++)
		if (q->res->custom && !custom_is_ready(q->res, s.v[i]))
			status = list_too_old(&p);
	if (status)
		reply_status(q, status);
	else
		list_reply(q, &s, &p);
	snapshot_done(&s);
	list_plan_done(&p);
}
