/* What a write changes, in the names of each version that managers name. Purpose: somebody who manages fields of v1 and somebody who
 * manages the same ones of v2 see each other. Happy path: all managers know the version of the request, and nothing is converted.
 * Nothing fails; a version that is gone has no managers. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/managed_internal.h"

json_t *managed_convert(const struct managed_by *by, const json_t *object, const char *from, const char *to,
			const struct type **ret_type)
{
	if (by->convert && strcmp(to, by->api_version) != 0)
		return by->convert(by->arg, object, from, to, ret_type);
	*ret_type = by->type;
	return strcmp(from, to) && by->convert ? by->convert(by->arg, object, from, to, ret_type) : json_incref((json_t *)object);
}

/* The type of an owner's version; NULL when that is not there. */
static const struct type *type_of(const struct managed_by *by, const json_t *live, const struct owner *o)
{
	const struct type *type = by->type;

	if (!by->convert || !strcmp(o->api_version, by->api_version))
		return type;
	AUTO_JSON *there = managed_convert(by, live, by->api_version, o->api_version, &type);
	return there ? type : NULL;
}

void owners_reconcile(struct owners *o, const struct managed_by *by, const json_t *live)
{
	for (size_t i = o->n; i-- > 0;) {
		const struct type *type = type_of(by, live, &o->v[i]);

		if (!type)
			owner_set(&o->v[i], NULL);
		else if (type->custom)
			owner_set(&o->v[i], fieldset_by_type(o->v[i].fields, type));
	}
	owners_prune(o);
}

static void find(struct managed_diff *d, const struct managed_by *by, const struct type *type, const json_t *live, const json_t *object)
{
	json_t **sets[] = {&d->d.added, &d->d.modified, &d->d.removed};

	apply_compare(type, live, object, &d->d);
	for (size_t i = 0; by->ignored && i < ARRAY_LEN(sets); i++) {
		json_t *kept = fieldset_without(*sets[i], by->ignored);

		json_decref(*sets[i]);
		*sets[i] = kept;
	}
	d->changed = fieldset_union(d->d.modified, d->d.added);
}

void managed_diffs_init(struct managed_diffs *s, const struct managed_by *by, const json_t *live, const json_t *object)
{
	*s = (struct managed_diffs){.by = by, .live = json_incref((json_t *)live), .object = json_incref((json_t *)object)};
	find(&s->own, by, by->type, live, object);
}

static void diff_done(struct managed_diff *d)
{
	free(d->api_version);
	apply_diff_done(&d->d);
	json_decref(d->changed);
}

void managed_diffs_done(struct managed_diffs *s)
{
	diff_done(&s->own);
	for (size_t i = 0; i < s->n; i++) {
		diff_done(s->others[i]);
		free(s->others[i]);
	}
	free(s->others);
	json_decref(s->live);
	json_decref(s->object);
}

const struct managed_diff *managed_diffs_at(struct managed_diffs *s, const char *api_version)
{
	const struct managed_by *by = s->by;
	const struct type *type;

	if (!by->convert || !strcmp(api_version, by->api_version))
		return &s->own;
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->others[i]->api_version, api_version))
			return s->others[i];
	struct managed_diff *d = xcalloc(1, sizeof(*d));
	AUTO_JSON *live = managed_convert(by, s->live, by->api_version, api_version, &type),
		  *object = managed_convert(by, s->object, by->api_version, api_version, &type);
	d->api_version = xstrdup(api_version);
	if (live && object)
		find(d, by, type, live, object);
	s->others = xrealloc(s->others, (s->n + 1) * sizeof(*s->others));
	return s->others[s->n++] = d;
}
