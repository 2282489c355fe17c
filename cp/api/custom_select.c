/* Late selection. Purpose: `host=a` finds the objects of version 2 that were stored in version 1. Happy path: the cache
 * selects by labels, namespace and age; what is left is looked at in the version that the request is for, and cut to
 * the limit afterwards. Fails as snapshot_take() does. A selector of names alone is left to the cache. */
#include "cp/api/custom_select.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cp/api/custom.h"
#include "cp/api/view.h"

bool custom_selects_late(const struct resource *res, const struct selector *fields)
{
	const char *key, *op;
	char *const *values;
	size_t at = 0;
	if (!fields || !custom_reads_by_webhook(res))
		return false;
	while (selector_next(fields, &at, &key, &op, &values))
		if (strcmp(key, "metadata.name") != 0 && strcmp(key, "metadata.namespace") != 0)
			return true;
	return false;
}

/* A field's value as a selector names it; valid until the next call. */
static const char *field_text(const void *object, const char *path)
{
	static char number[24];
	const json_t *v = json_at(object, path);
	if (json_is_boolean(v))
		return json_is_true(v) ? "true" : "false";
	if (!json_is_integer(v))
		return json_is_string(v) ? json_string_value(v) : "";
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(v));
	return number;
}

bool custom_selects(const struct resource *res, const struct cobj *o, const struct selector *fields)
{
	AUTO_JSON *object = view_parse(res, o);
	return selector_match(fields, field_text, object);
}

static void keep_selected(struct snapshot *s, const struct resource *res, const struct list_plan *p)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++) {
		bool full = p->limit && n == p->limit;
		if (!full && (!custom_is_ready(res, s->v[i]) || custom_selects(res, s->v[i], p->fields))) {
			s->v[n++] = s->v[i];
			continue;
		}
		s->remaining += full;
		cobj_unref(s->v[i]);
	}
	s->n = n;
}

int custom_snapshot(struct api *a, const struct resource *res, const char *ns, const struct list_plan *p, struct snapshot *ret,
		    struct err *e)
{
	struct list_plan wide = *p; /* borrows */
	if (!custom_selects_late(res, p->fields))
		return snapshot_take(a, res->bucket, ns, p, ret, e);
	wide.fields = NULL;
	wide.limit = 0;
	int r = snapshot_take(a, res->bucket, ns, &wide, ret, e);
	if (r == 0)
		keep_selected(ret, res, p);
	return r;
}
