/* Values against rules. Purpose: the validation of custom resources, keyword by keyword, with the original's errors.
 * Happy path: walk rules and value together and add nothing. Alternatives (anyOf, oneOf, not) are tried on the side; of
 * those that failed the one that got furthest is reported. With an old value, what is wrong in it and was not changed is
 * not told: only then are the two walked together. Nothing fails. What always holds: a value is left as it is, and the
 * work is bounded by the size of the value times that of the schema. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/internal.h"
#include "cp/schema/rules_checker.h"

static void check(struct checker *c, const struct rules *r, const json_t *v, const json_t *old);

/* --- containers --------------------------------------------------------------------------------------------------- */

/* The elements of a list by their keys; NULL where a list has none. Returns owned; values borrowed. */
static struct map *by_keys(const struct rules *r, const json_t *list)
{
	struct map *out = r->list_type == LIST_MAP && json_is_array(list) ? map_new(NULL) : NULL;
	size_t i;
	json_t *element;

	if (out)
		json_array_foreach(list, i, element)
		{
			AUTO_FREE char *key = rules_element_key(r, element);
			map_set(out, key, element);
		}
	return out;
}

static const json_t *old_element(const struct rules *r, const struct map *old, const json_t *element)
{
	AUTO_FREE char *key = old ? rules_element_key(r, element) : NULL;

	return old ? map_get(old, key) : NULL;
}

static void check_array(struct checker *c, const struct rules *r, const json_t *v, const json_t *old)
{
	json_int_t n = (json_int_t)json_array_size(v);
	AUTO_MAP *elements = by_keys(r, old);
	size_t i, before = c->path.len;
	AUTO_JSON *size = json_integer(n);
	json_t *element;

	c->matches++;
	if (r->items)
		json_array_foreach(v, i, element)
		{
			str_addf(&c->path, "[%zu]", i);
			check(c, r->items, element, old_element(r, elements, element));
			checker_leave(c, before);
		}
	if (r->min_items >= 0 && n < r->min_items)
		checker_invalid(c, size, "should have at least %lld items", (long long)r->min_items);
	if (r->max_items >= 0 && n > r->max_items)
		field_too_many(c->errors, checker_field(c), (size_t)n, (size_t)r->max_items);
}

static void check_members(struct checker *c, const struct rules *r, const json_t *v, const json_t *old)
{
	const char *key;
	json_t *value;
	size_t i, before;

	for (i = 0; i < r->n_properties; i++) {
		if (!(value = json_object_get(v, r->properties[i].name)))
			continue;
		before = checker_enter(c, r->properties[i].name);
		check(c, r->properties[i].rules, value, json_object_get(old, r->properties[i].name));
		checker_leave(c, before);
	}
	json_object_foreach((json_t *)v, key, value)
	{
		if ((!r->additional && !r->closed) || rules_property(r, key))
			continue;
		if (r->closed) {
			checker_invalid(c, NULL, "is a forbidden property: %s", key);
			continue;
		}
		before = checker_enter(c, key);
		check(c, r->additional, value, json_object_get(old, key));
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

static void check_object(struct checker *c, const struct rules *r, const json_t *v, const json_t *old)
{
	json_int_t n = (json_int_t)json_object_size(v);

	c->matches++;
	if (r->min_properties >= 0 && n < r->min_properties) {
		AUTO_JSON *wanted = json_integer(r->min_properties);
		checker_invalid(c, wanted, "should have at least %lld properties", (long long)r->min_properties);
	} else if (r->max_properties >= 0 && n > r->max_properties) {
		field_too_many(c->errors, checker_field(c), (size_t)n, (size_t)r->max_properties);
	} else {
		check_members(c, r, v, old);
	}
}

/* --- alternatives ------------------------------------------------------------------------------------------------- */

/* Checks on the side: what is wrong goes to ret. */
static size_t attempt(struct checker *c, const struct rules *r, const json_t *v, struct field_errors *ret)
{
	struct checker side = {.path = c->path, .base = c->base, .errors = ret};

	check(&side, r, v, NULL);
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
	if (held < r->all_of.n)
		checker_composite(c, held ? "must validate all the schemas (allOf)" : "must validate all the schemas (allOf). None validated");
	if (r->not_) {
		AUTO_FIELD_ERRORS errors = {0};
		attempt(c, r->not_, v, &errors);
		if (!errors.n)
			checker_composite(c, "must not validate the schema (not)");
	}
}

static void check(struct checker *c, const struct rules *r, const json_t *v, const json_t *old)
{
	size_t before = c->errors->n;

	c->matches += 3;
	rules_check_type(c, r, v);
	if (!json_is_null(v))
		check_alternatives(c, r, v);
	if (json_is_string(v))
		rules_check_string(c, r, v);
	else if (json_is_number(v))
		rules_check_number(c, r, v);
	else if (json_is_array(v))
		check_array(c, r, v, old);
	if (r->enum_)
		rules_check_enum(c, r, v);
	if (json_is_object(v))
		check_object(c, r, v, old);
	if (old && c->errors->n > before && json_equal(v, old))
		field_errors_cut(c->errors, before);
}

static void check_values(struct checker *c, const struct rules *r, const json_t *v, const json_t *old)
{
	size_t before = c->errors->n;

	check(c, r, v, NULL);
	if (!old || c->errors->n == before)
		return;
	field_errors_cut(c->errors, before);
	check(c, r, v, old);
}

void rules_check(const struct rules *r, const json_t *value, const json_t *old, const char *at, struct field_errors *errors)
{
	struct checker c = {.base = at ? at : "", .errors = errors};

	check_values(&c, r, value, old);
	rules_check_embedded(&c, r, value);
	rules_check_lists(&c, r, value, old);
	str_done(&c.path);
	str_done(&c.field);
}

void rules_check_status(const struct rules *r, const json_t *object, const json_t *old, struct field_errors *errors)
{
	const json_t *status = json_object_get(object, "status");
	const struct rules *rules = rules_property(r, "status");
	struct checker c = {.base = "status", .errors = errors};

	if (status && rules)
		check_values(&c, rules, status, json_object_get(old, "status"));
	c.base = "";
	rules_check_lists(&c, r, object, old);
	str_done(&c.path);
	str_done(&c.field);
}
