/* Values against rules. Purpose: the validation of custom resources, keyword by keyword, with the original's errors.
 * Happy path: walk rules and value together and add nothing. Alternatives (anyOf, oneOf, not) are tried on the side; of
 * those that failed the one that got furthest is reported. Nothing fails. What always holds: a value is left as it is,
 * and the work is bounded by the size of the value times that of the schema. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/internal.h"
#include "cp/schema/rules_checker.h"

static void check(struct checker *c, const struct rules *r, const json_t *v);

/* --- containers --------------------------------------------------------------------------------------------------- */

/* The keys of an element of a list that is a map. */
static json_t *keys_of(const struct rules *r, const json_t *element)
{
	json_t *keys = json_object(), *name;
	size_t i;

	json_array_foreach(r->list_keys, i, name)
	{
		json_t *value = json_object_get(element, json_string_value(name));
		if (value)
			json_object_set(keys, json_string_value(name), value);
	}
	return keys;
}

/* Elements that a list may not have twice. */
static void check_duplicates(struct checker *c, const struct rules *r, const json_t *v)
{
	AUTO_MAP *seen = map_new(NULL);
	size_t i, before = c->path.len;
	json_t *element;

	json_array_foreach(v, i, element)
	{
		AUTO_JSON *shown = r->list_type == LIST_MAP ? keys_of(r, element) : json_incref(element);
		AUTO_FREE char *text = json_format(shown, JSON_COMPACT | JSON_SORT_KEYS);
		if (map_has(seen, text)) {
			str_addf(&c->path, "[%zu]", i);
			field_duplicate(c->errors, checker_field(c), shown);
			checker_leave(c, before);
		}
		map_set(seen, text, element);
	}
}

static void check_array(struct checker *c, const struct rules *r, const json_t *v)
{
	json_int_t n = (json_int_t)json_array_size(v);
	size_t i, before = c->path.len;
	AUTO_JSON *size = json_integer(n);
	json_t *element;

	c->matches++;
	if (r->items)
		json_array_foreach(v, i, element)
		{
			str_addf(&c->path, "[%zu]", i);
			check(c, r->items, element);
			checker_leave(c, before);
		}
	if (r->min_items >= 0 && n < r->min_items)
		checker_invalid(c, size, "should have at least %lld items", (long long)r->min_items);
	if (r->max_items >= 0 && n > r->max_items)
		field_too_many(c->errors, checker_field(c), (size_t)n, (size_t)r->max_items);
}

static const struct rules *property(const struct rules *r, const char *name)
{
	for (size_t lo = 0, hi = r->n_properties; lo < hi;) {
		size_t mid = (lo + hi) / 2;
		int order = strcmp(name, r->properties[mid].name);

		if (!order)
			return r->properties[mid].rules;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static void check_members(struct checker *c, const struct rules *r, const json_t *v)
{
	const char *key;
	json_t *value;
	size_t i, before;

	for (i = 0; i < r->n_properties; i++) {
		if (!(value = json_object_get(v, r->properties[i].name)))
			continue;
		before = checker_enter(c, r->properties[i].name);
		check(c, r->properties[i].rules, value);
		checker_leave(c, before);
	}
	json_object_foreach((json_t *)v, key, value)
	{
		if ((!r->additional && !r->closed) || property(r, key))
			continue;
		if (r->closed) {
			checker_invalid(c, NULL, "is a forbidden property: %s", key);
			continue;
		}
		before = checker_enter(c, key);
		check(c, r->additional, value);
		checker_leave(c, before);
	}
	json_array_foreach(r->required, i, value)
	{
		if (!json_is_string(value) || json_object_get(v, json_string_value(value)))
			continue;
		before = checker_enter(c, json_string_value(value));
		field_required(c->errors, checker_field(c), NULL);
		checker_leave(c, before);
	}
}

static void check_object(struct checker *c, const struct rules *r, const json_t *v)
{
	json_int_t n = (json_int_t)json_object_size(v);

	c->matches++;
	if (r->min_properties >= 0 && n < r->min_properties) {
		AUTO_JSON *wanted = json_integer(r->min_properties);
		checker_invalid(c, wanted, "should have at least %lld properties", (long long)r->min_properties);
	}
	if (r->max_properties >= 0 && n > r->max_properties)
		field_too_many(c->errors, checker_field(c), (size_t)n, (size_t)r->max_properties);
	check_members(c, r, v);
}

/* --- alternatives ------------------------------------------------------------------------------------------------- */

/* Checks on the side: what is wrong goes to ret. */
static size_t attempt(struct checker *c, const struct rules *r, const json_t *v, struct field_errors *ret)
{
	struct checker side = {.path = c->path, .base = c->base, .errors = ret};

	check(&side, r, v);
	c->path = side.path;
	str_done(&side.field);
	return side.matches;
}

static void merge(struct checker *c, const struct field_errors *from)
{
	for (size_t i = 0; i < from->n; i++)
		field_add(c->errors, from->v[i].reason, from->v[i].field, "%s", from->v[i].message);
}

/* Tries every alternative; returns how many hold. best gets the errors of the failure that came furthest before one
 * held. stop: the first that holds is enough. */
static size_t try_all(struct checker *c, const struct rules_list *l, const json_t *v, bool stop,
		      struct field_errors *ret_best)
{
	size_t held = 0, furthest = 0;
	bool any = false;

	for (size_t i = 0; i < l->n && !(stop && held); i++) {
		AUTO_FIELD_ERRORS errors = {0};
		size_t matches = attempt(c, l->v[i], v, &errors);

		if (!errors.n) {
			held++;
			field_errors_done(ret_best);
		} else if (!held && (!any || matches > furthest)) {
			field_errors_done(ret_best);
			*ret_best = errors;
			errors = (struct field_errors){0};
			furthest = matches;
			any = true;
		}
	}
	return held;
}

static void check_one_of(struct checker *c, const struct rules *r, const json_t *v)
{
	AUTO_FIELD_ERRORS best = {0};
	size_t held = try_all(c, &r->one_of, v, false, &best);

	if (held == 1)
		return;
	AUTO_FREE char *found =
	    held ? xasprintf("Found %zu valid alternatives", held) : xstrdup("Found none valid");
	AUTO_FREE char *what = xasprintf("must validate one and only one schema (oneOf). %s", found);
	checker_composite(c, what);
	merge(c, &best);
}

static void check_alternatives(struct checker *c, const struct rules *r, const json_t *v)
{
	if (r->any_of.n) {
		AUTO_FIELD_ERRORS best = {0};
		if (!try_all(c, &r->any_of, v, true, &best))
			checker_composite(c, "must validate at least one schema (anyOf)");
		merge(c, &best);
	}
	if (r->one_of.n)
		check_one_of(c, r, v);
	size_t held = 0;
	for (size_t i = 0; i < r->all_of.n; i++) {
		AUTO_FIELD_ERRORS errors = {0};
		attempt(c, r->all_of.v[i], v, &errors);
		held += !errors.n;
		merge(c, &errors);
	}
	if (r->all_of.n && !held)
		checker_composite(c, "must validate all the schemas (allOf). None validated");
	if (r->not_) {
		AUTO_FIELD_ERRORS errors = {0};
		attempt(c, r->not_, v, &errors);
		if (!errors.n)
			checker_composite(c, "must not validate the schema (not)");
	}
}

static void check(struct checker *c, const struct rules *r, const json_t *v)
{
	c->matches += 3;
	rules_check_type(c, r, v);
	check_alternatives(c, r, v);
	if (json_is_string(v))
		rules_check_string(c, r, v);
	else if (json_is_number(v))
		rules_check_number(c, r, v);
	else if (json_is_array(v))
		check_array(c, r, v);
	if (r->enum_)
		rules_check_enum(c, r, v);
	if (json_is_object(v))
		check_object(c, r, v);
}

/* --- lists as sets and maps, embedded objects --------------------------------------------------------------------- */

/* "v1", "apps/v1". */
static void check_api_version(struct checker *c, const json_t *v)
{
	const char *text = json_string_value(v), *slash = strchr(text, '/');

	if (slash && strchr(slash + 1, '/'))
		field_invalid(c->errors, checker_field(c), v, "unexpected GroupVersion string: %s", text);
}

static void check_kind(struct checker *c, const json_t *v)
{
	AUTO_FREE char *lower = xstrdup(json_string_value(v));

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	const char *why = name_check_label_1035(lower);
	if (why)
		field_invalid(c->errors, checker_field(c), v, "may have mixed case, but should otherwise match: %s", why);
}

static void check_embedded(struct checker *c, const json_t *v)
{
	static const struct {
		const char *name;
		void (*check)(struct checker *c, const json_t *v);
	} members[] = {{"apiVersion", check_api_version}, {"kind", check_kind}};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		const json_t *member = json_object_get(v, members[i].name);
		size_t before = checker_enter(c, members[i].name);
		if (str_empty(json_string_value(member)))
			field_required(c->errors, checker_field(c), "must not be empty");
		else
			members[i].check(c, member);
		checker_leave(c, before);
	}
}

static void check_structure(struct checker *c, const struct rules *r, const json_t *v)
{
	size_t i, before = c->path.len;
	const char *key;
	json_t *below;

	if (r->embedded && json_is_object(v))
		check_embedded(c, v);
	json_array_foreach(v, i, below)
	{
		str_addf(&c->path, "[%zu]", i);
		if (r->items)
			check_structure(c, r->items, below);
		checker_leave(c, before);
	}
	if (json_is_array(v) && (r->list_type != LIST_ATOMIC || r->unique))
		check_duplicates(c, r, v);
	json_object_foreach((json_t *)v, key, below)
	{
		const struct rules *inner = property(r, key);
		if (!inner && !(inner = r->additional))
			continue;
		checker_enter(c, key);
		check_structure(c, inner, below);
		checker_leave(c, before);
	}
}

void rules_check(const struct rules *r, const json_t *value, const char *at, struct field_errors *errors)
{
	struct checker c = {.base = at ? at : "", .errors = errors};

	check(&c, r, value);
	check_structure(&c, r, value);
	str_done(&c.path);
	str_done(&c.field);
}
