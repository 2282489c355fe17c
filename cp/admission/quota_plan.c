/* Quotas. Purpose: whether a request fits into what is left, and what is left then. Happy path: the delta of usage, masked
 * by what each quota limits, added to its status.used, is within its status.hard. All quotas are looked at before any is
 * charged. What does not fit is a text in the words of the original. */
#include "cp/admission/quota_plan.h"

#include <stdlib.h>
#include <string.h>

#include "api/quantity.h"
#include "base/json.h"
#include "base/str.h"
#include "cp/kinds/quota_usage.h"

/* What now is above before; less gives nothing back here. */
static json_t *increase(const json_t *now, const json_t *before)
{
	json_t *delta = json_object(), *v;
	const char *name;
	json_object_foreach((json_t *)now, name, v)
	{
		const char *was = json_member(before, name);
		AUTO_FREE char *d = was ? quantity_sub(json_string_value(v), was) : xstrdup(json_string_value(v));
		if (quantity_sign(d) > 0)
			json_object_set_new(delta, name, json_string(d));
	}
	return delta;
}

static char *pairs(const json_t *values, char *const *names)
{
	struct str out = STR_INIT;
	for (size_t i = 0; names[i]; i++)
		str_addf(&out, "%s%s=%s", i ? "," : "", names[i], json_member(values, names[i]) ? json_member(values, names[i]) : "0");
	return str_take(&out);
}

static char *sum(const json_t *used, const json_t *delta, const char *name)
{
	const char *u = json_member(used, name), *d = json_member(delta, name);
	return quantity_add(u ? u : "0", d ? d : "0");
}

/* Which of the names would be above their limit; owned, NULL when none. */
static char **exceeded(const json_t *quota, const json_t *delta, char *const *names)
{
	char **over = NULL;
	for (size_t i = 0; names[i]; i++) {
		const char *hard = json_member(json_at(quota, "status.hard"), names[i]);
		if (!json_object_get(delta, names[i]))
			continue;
		AUTO_FREE char *total = sum(json_at(quota, "status.used"), delta, names[i]);
		if (quantity_compare(total, hard) > 0)
			strv_add(&over, names[i]);
	}
	return over;
}

static char *check_demands(const json_t *quota, const struct kind *k, const json_t *object, char *const *names)
{
	const char *name = json_str_or(quota, "metadata.name", "");
	AUTO_FREE char *silent = strcmp(k->kind, "Pod") == 0 && !*k->group ? quota_unspecified(names, object) : NULL;
	if (silent)
		return xasprintf("failed quota: %s: must specify %s", name, silent);
	for (size_t i = 0; names[i]; i++) {
		if (json_member(json_at(quota, "status.used"), names[i]))
			continue;
		AUTO_FREE char *all = str_join(names, ",");
		return xasprintf("status unknown for quota: %s, resources: %s", name, all);
	}
	return NULL;
}

static char *check_room(const json_t *quota, const json_t *delta, char *const *names)
{
	AUTO_STRV char **over = exceeded(quota, delta, names);
	if (!over)
		return NULL;
	AUTO_FREE char *requested = pairs(delta, over), *used = pairs(json_at(quota, "status.used"), over);
	AUTO_FREE char *hard = pairs(json_at(quota, "status.hard"), over);
	return xasprintf("exceeded quota: %s, requested: %s, used: %s, limited: %s", json_str_or(quota, "metadata.name", ""),
			 requested, used, hard);
}

static json_t *charge(json_t *quota, const json_t *delta, char *const *names)
{
	json_t *charged = json_object();
	for (size_t i = 0; names[i]; i++) {
		json_t *d = json_object_get(delta, names[i]);
		if (!d)
			continue;
		AUTO_FREE char *total = sum(json_at(quota, "status.used"), delta, names[i]);
		json_object_set_new(json_object_at(quota, "status.used"), names[i], json_string(total));
		json_object_set(charged, names[i], d);
	}
	return charged;
}

/* What one request changes of usage, to quotas that counted the object before and to those that did not. */
struct change {
	const struct kind *kind;
	const json_t *object, *old; /* old: NULL for a new one */
	const json_t *whole, *more;
};

static const json_t *delta_of(const struct change *c, const json_t *quota)
{
	return c->old && quota_scopes_fit(quota, c->kind, c->old) ? c->more : c->whole;
}

/* One pass over a quota: demands, room, charge. The text of what is wrong, owned, or NULL. */
static char *pass_quota(int pass, json_t *quota, const struct change *c, json_t *charged)
{
	AUTO_STRV char **names = quota_resources(c->kind, json_at(quota, "status.hard"));
	if (!names || !quota_scopes_fit(quota, c->kind, c->object))
		return NULL;
	if (pass == 0)
		return check_demands(quota, c->kind, c->object, names);
	if (pass == 1)
		return check_room(quota, delta_of(c, quota), names);
	AUTO_JSON *part = charge(quota, delta_of(c, quota), names);
	if (json_object_size(part))
		json_object_set(charged, json_str_or(quota, "metadata.name", ""), part);
	return NULL;
}

char *quota_plan_charge(json_t *quotas, const struct kind *k, const json_t *object, const json_t *old, json_t **ret_charged)
{
	AUTO_JSON *now = quota_usage(k, object), *before = old ? quota_usage(k, old) : NULL;
	AUTO_JSON *whole = increase(now, NULL), *more = increase(now, before), *charged = json_object();
	const struct change c = { k, object, old, whole, more };
	size_t i;
	json_t *q;
	for (int pass = 0; pass < 3; pass++)
		json_array_foreach(quotas, i, q)
		{
			char *why = pass_quota(pass, q, &c, charged);
			if (why)
				return why;
		}
	*ret_charged = TAKE(charged);
	return NULL;
}

void quota_plan_refund(json_t *quotas, const json_t *charged)
{
	size_t i;
	json_t *q, *v;
	const char *name;
	json_array_foreach(quotas, i, q)
	{
		json_t *part = json_object_get(charged, json_str_or(q, "metadata.name", ""));
		if (!part)
			continue;
		json_object_foreach(part, name, v)
		{
			const char *used = json_member(json_at(q, "status.used"), name);
			if (!used)
				continue;
			AUTO_FREE char *left = quantity_sub(used, json_string_value(v));
			json_object_set_new(json_at(q, "status.used"), name,
					    json_string(quantity_sign(left) < 0 ? "0" : left));
		}
	}
}
