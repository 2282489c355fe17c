/* The list of managers: read, found, capped, sorted, written. Only reading can fail: for entries that are none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/managed_internal.h"

#define UPDATERS_MAX 10
#define ANCIENT "ancient-changes"

static void owner_done(struct owner *o)
{
	free(o->manager);
	free(o->api_version);
	free(o->time);
	free(o->subresource);
	json_decref(o->fields);
	*o = (struct owner){0};
}

void owners_done(struct owners *o)
{
	for (size_t i = 0; i < o->n; i++)
		owner_done(&o->v[i]);
	free(o->v);
	*o = (struct owners){0};
}

static struct owner *append(struct owners *o)
{
	o->v = xrealloc(o->v, (o->n + 1) * sizeof(*o->v));
	o->v[o->n] = (struct owner){0};
	return &o->v[o->n++];
}

static const char *text_of(const json_t *entry, const char *key)
{
	const char *text = json_member(entry, key);

	return text ? text : "";
}

static int read_entry(const json_t *entry, struct owner *ret)
{
	const char *operation = text_of(entry, "operation"), *time = json_member(entry, "time"), *version = text_of(entry, "apiVersion");
	const json_t *fields = json_object_get(entry, "fieldsV1");

	if ((strcmp(operation, "Apply") && strcmp(operation, "Update")) || !*version ||
	    strcmp(text_of(entry, "fieldsType"), "FieldsV1") != 0 || (fields && !json_is_object(fields)))
		return -EINVAL;
	ret->manager = xstrdup(text_of(entry, "manager"));
	ret->api_version = xstrdup(version);
	ret->subresource = xstrdup(text_of(entry, "subresource"));
	ret->time = time ? xstrdup(time) : NULL;
	ret->applied = !strcmp(operation, "Apply");
	ret->fields = fields ? json_incref((json_t *)fields) : json_object();
	return 0;
}

static void remove_at(struct owners *o, size_t i)
{
	owner_done(&o->v[i]);
	memmove(&o->v[i], &o->v[i + 1], (--o->n - i) * sizeof(*o->v));
}

static bool is_same_owner(const struct owner *a, const struct owner *b)
{
	return a->applied == b->applied && !strcmp(a->manager, b->manager) && !strcmp(a->subresource, b->subresource) &&
	       (a->applied || !strcmp(a->api_version, b->api_version));
}

/* Of entries of one owner the last one counts. */
static void drop_repeated(struct owners *o)
{
	for (size_t i = o->n; i-- > 1;)
		for (size_t k = i; k-- > 0;)
			if (is_same_owner(&o->v[k], &o->v[i])) {
				remove_at(o, k);
				i--;
			}
}

int owners_read_foreign(const json_t *list, struct owners *ret)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) if (!fieldset_is_valid(json_object_get(entry, "fieldsV1"))) return -EINVAL;
	return owners_read(list, ret);
}

int owners_read(const json_t *list, struct owners *ret)
{
	AUTO_OWNERS o = {0};
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) if (read_entry(entry, append(&o)) < 0) return -EINVAL;
	drop_repeated(&o);
	*ret = o;
	o = (struct owners){0};
	return 0;
}

static int by_age(const void *pa, const void *pb)
{
	const struct owner *a = pa, *b = pb;
	int r = strcmp(a->time ? a->time : "", b->time ? b->time : "");

	if (!r)
		r = strcmp(a->manager, b->manager);
	if (!r)
		r = strcmp(a->api_version, b->api_version);
	return r ? r : strcmp(a->subresource, b->subresource);
}

static int by_operation(const void *pa, const void *pb)
{
	const struct owner *a = pa, *b = pb;

	return a->applied != b->applied ? (a->applied ? -1 : 1) : by_age(pa, pb);
}

static json_t *entry_json(const struct owner *o)
{
	json_t *j = json_object();

	json_object_set_new(j, "manager", json_string(o->manager));
	json_object_set_new(j, "operation", json_string(o->applied ? "Apply" : "Update"));
	json_object_set_new(j, "apiVersion", json_string(o->api_version));
	if (o->time)
		json_object_set_new(j, "time", json_string(o->time));
	json_object_set_new(j, "fieldsType", json_string("FieldsV1"));
	json_object_set(j, "fieldsV1", o->fields); /* encoding puts them in order */
	if (*o->subresource)
		json_object_set_new(j, "subresource", json_string(o->subresource));
	return j;
}

json_t *owners_json(const struct owners *o)
{
	json_t *list;

	if (!o->n)
		return NULL;
	qsort(o->v, o->n, sizeof(*o->v), by_operation);
	list = json_array();
	for (size_t i = 0; i < o->n; i++)
		json_array_append_new(list, entry_json(&o->v[i]));
	return list;
}

struct owner *owners_find(struct owners *o, const struct managed_by *by, const char *manager, bool applied)
{
	for (size_t i = 0; i < o->n; i++) {
		struct owner *w = &o->v[i];

		if (w->applied == applied && !strcmp(w->manager, manager) && !strcmp(w->subresource, by->subresource) &&
		    (applied || !strcmp(w->api_version, by->api_version)))
			return w;
	}
	return NULL;
}

struct owner *owners_add(struct owners *o, const struct managed_by *by, const char *manager, bool applied)
{
	struct owner *w = append(o);

	w->manager = xstrdup(manager);
	w->api_version = xstrdup(by->api_version);
	w->subresource = xstrdup(by->subresource);
	w->applied = applied;
	w->fields = json_object();
	return w;
}

void owner_set(struct owner *o, json_t *fields)
{
	json_decref(o->fields);
	o->fields = fields ? fields : json_object();
}

void owner_touch(struct owner *o, const char *now)
{
	free(o->time);
	o->time = now ? xstrdup(now) : NULL;
}

void owners_prune(struct owners *o)
{
	for (size_t i = o->n; i-- > 0;)
		if (fieldset_is_empty(o->v[i].fields))
			remove_at(o, i);
}

/* Merges updater i into the first older one of its version, which becomes the ancient one. */
static bool merge_older(struct owners *o, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		struct owner *old = &o->v[k], *w = &o->v[i];

		if (old->applied || strcmp(old->api_version, w->api_version))
			continue;
		free(old->manager);
		free(old->subresource);
		old->manager = xstrdup(ANCIENT);
		old->subresource = xstrdup("");
		owner_set(old, fieldset_union(old->fields, w->fields));
		free(old->time);
		old->time = TAKE(w->time);
		remove_at(o, i);
		return true;
	}
	return false;
}

void owners_cap(struct owners *o)
{
	size_t updaters = 0;

	for (size_t i = 0; i < o->n; i++)
		updaters += !o->v[i].applied;
	if (updaters <= UPDATERS_MAX)
		return;
	qsort(o->v, o->n, sizeof(*o->v), by_age);
	for (size_t i = 0; i < o->n && updaters > UPDATERS_MAX;) {
		if (!o->v[i].applied && merge_older(o, i))
			updaters--;
		else
			i++;
	}
}
