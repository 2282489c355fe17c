/* The order of a kind's errors. Purpose: tables find errors in the order of fields, rules in C after them; the reference looks at
 * each kind in an order of its own, which messages with several errors show. Happy path: every error gets a rank for each step
 * of its path, by the kind's list, and each index on the way; a stable sort does the rest. Nothing fails. */
#include "cp/kinds/error_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { STEPS_MAX = 24 };
#define UNKNOWN SIZE_MAX

struct ranked {
	struct field_error error;
	size_t rank[STEPS_MAX], n, place;
};

static void push(struct ranked *r, size_t rank)
{
	if (r->n < STEPS_MAX)
		r->rank[r->n++] = rank;
}

/* Whether path is the first n letters of it, or below them. */
static bool is_below(const char *path, const char *above, size_t n)
{
	return !strncmp(path, above, n) && (!path[n] || path[n] == '.' || path[n] == '[');
}

/* The path with its indexes and keys taken out: "rules[3].host" is "rules[].host". Returns owned. */
static char *without_indexes(const char *path)
{
	struct str out = STR_INIT;

	for (const char *at = path; *at; at++) {
		str_addc(&out, *at);
		if (*at == '[') {
			at += strcspn(at, "]");
			str_addc(&out, ']');
			if (!*at)
				break;
		}
	}
	return str_take(&out);
}

/* The entry that speaks of path: itself, else the nearest above it; NULL: none does. */
static const char *const *entry_of(const char *const *order, const char *path)
{
	const char *const *best = NULL;

	for (; *order; order++)
		if (is_below(path, *order, strlen(*order)) && (!best || strlen(*order) > strlen(*best)))
			best = order;
	return best;
}

/* The first entry below the first n letters of path; NULL: there is none. */
static const char *const *first_below(const char *const *order, const char *path, size_t n)
{
	while (*order && !is_below(*order, path, n))
		order++;
	return *order ? order : NULL;
}

/* The rank of one step of the way to entry: where the entries begin that share it and stand next to entry. */
static size_t rank_of(const char *const *order, const char *const *entry, const char *path, size_t n)
{
	const char *const *at = entry ? entry : first_below(order, path, n);

	if (!at || !is_below(*at, path, n))
		return UNKNOWN;
	while (at > order && is_below(at[-1], path, n))
		at--;
	return (size_t)(at - order) + 1;
}

/* Whether one of the entries that share a step, the first of them at place, goes on with an element: then elements stay together. */
static bool has_elements(const char *const *order, size_t place, const char *path, size_t n)
{
	for (order += place - 1; *order && is_below(*order, path, n); order++)
		if ((*order)[n] == '[')
			return true;
	return false;
}

/* Goes on behind a step: over its indexes, the first of which counts where elements stay together. */
static const char *push_index(struct ranked *r, const char *text, bool counts)
{
	text += strcspn(text, ".[");
	if (counts)
		push(r, *text == '[' ? (size_t)strtoul(text + 1, NULL, 10) + 1 : 0);
	while (*text == '[') {
		text += strcspn(text, "]");
		text += *text == ']';
	}
	return text + (*text == '.');
}

static void rank(struct ranked *r, const char *field, const char *const *order)
{
	AUTO_FREE char *path = without_indexes(field);
	const char *const *entry = entry_of(order, path);
	const char *text = field;
	size_t n = 0;

	if (!entry && is_below(path, "metadata", strlen("metadata"))) {
		push(r, 0);
		return;
	}
	while (path[n]) {
		n += strcspn(path + n, ".[");
		size_t place = rank_of(order, entry, path, n);
		if (place == UNKNOWN && entry)
			break;
		push(r, place);
		if (place == UNKNOWN)
			return;
		text = push_index(r, text, has_elements(order, place, path, n));
		n += strspn(path + n, "[]");
		n += path[n] == '.';
	}
	push(r, entry ? (size_t)(entry - order) + 1 : 0);
}

static int compare(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;

	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->rank[i] != b->rank[i])
			return a->rank[i] < b->rank[i] ? -1 : 1;
	return a->place < b->place ? -1 : 1;
}

void errors_order(struct field_errors *errors, const char *base, const char *const *order)
{
	size_t n = errors->n, skip = strlen(base);
	AUTO_FREE struct ranked *all = NULL;

	if (n < 2)
		return;
	all = xcalloc(n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		const char *field = errors->v[i].field;
		all[i] = (struct ranked){.error = errors->v[i], .place = i};
		if (!is_below(field, base, skip) && skip)
			push(&all[i], 0);
		else
			rank(&all[i], field + skip + (skip && field[skip] == '.'), order);
	}
	qsort(all, n, sizeof(*all), compare);
	for (size_t i = 0; i < n; i++)
		errors->v[i] = all[i].error;
}

void errors_repeat_body(struct field_errors *errors)
{
	size_t from = 0;

	while (from < errors->n && is_below(errors->v[from].field, "metadata", strlen("metadata")))
		from++;
	field_errors_repeat_from(errors, from);
}

void errors_rename(struct field_errors *errors, const char *path, const char *to)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < errors->n; i++)
		if (!strncmp(errors->v[i].field, path, n) && errors->v[i].field[n] == '.') {
			char *renamed = xasprintf("%s%s", to, errors->v[i].field + n);
			free(errors->v[i].field);
			errors->v[i].field = renamed;
		}
}

bool errors_has_below(const struct field_errors *errors, const char *path)
{
	for (size_t i = 0; i < errors->n; i++)
		if (is_below(errors->v[i].field, path, strlen(path)))
			return true;
	return false;
}

void errors_drop_below(struct field_errors *errors, const char *path)
{
	struct field_errors all = *errors;

	*errors = (struct field_errors){.schema = all.schema};
	for (size_t i = 0; i < all.n; i++) {
		struct field_error *e = &all.v[i];
		if (!is_below(e->field, path, strlen(path)))
			field_add(errors, e->reason, e->field, "%s", e->message);
	}
	field_errors_done(&all);
}
