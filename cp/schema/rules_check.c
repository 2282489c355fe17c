/* Values against rules. Purpose: the validation of custom resources, keyword by keyword, with the original's errors.
 * Happy path: walk rules and value together and add nothing. Alternatives (anyOf, oneOf, not) are tried on the side; of
 * those that failed the one that got furthest is reported. Nothing fails. What always holds: a value is left as it is,
 * and the work is bounded by the size of the value times that of the schema. */
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/internal.h"
#include "cp/schema/rules_internal.h"

#define MATCH_LIMIT 1000000

struct checker {
	struct str path;  /* from the value that is checked on */
	const char *base; /* where that is; "" at the root */
	struct str field; /* made by field() */
	struct field_errors *errors;
	size_t matches; /* how many rules applied: how far an alternative got */
};

static void check(struct checker *c, const struct rules *r, const json_t *v);

/* --- words -------------------------------------------------------------------------------------------------------- */

static const char *path(const struct checker *c)
{
	return str_text(&c->path);
}

/* The path with what leads to the value. Valid until the next call. */
static const char *field(struct checker *c)
{
	str_reset(&c->field);
	str_addf(&c->field, "%s%s%s", c->base, *c->base && c->path.len && *path(c) != '[' ? "." : "", path(c));
	return str_text(&c->field);
}

static size_t enter(struct checker *c, const char *name)
{
	size_t before = c->path.len;

	str_addf(&c->path, "%s%s", before ? "." : "", name);
	return before;
}

static void leave(struct checker *c, size_t before)
{
	c->path.len = before;
	if (c->path.p)
		c->path.p[before] = '\0';
}

/* Doubles from 2^53 on have no fraction. */
static bool is_whole(double d)
{
	return d >= 9007199254740992.0 || d <= -9007199254740992.0 || (double)(int64_t)d == d;
}

static const char *type_name(const json_t *v)
{
	static const char *const names[] = {[JSON_OBJECT] = "object",   [JSON_ARRAY] = "array",  [JSON_STRING] = "string",
					    [JSON_INTEGER] = "integer", [JSON_REAL] = "number",  [JSON_TRUE] = "boolean",
					    [JSON_FALSE] = "boolean",   [JSON_NULL] = "null"};

	if (json_is_real(v) && is_whole(json_real_value(v)))
		return "integer";
	return names[json_typeof(v)];
}

/* A number as %v prints it. */
static void add_number(struct str *out, const json_t *n)
{
	char text[40];
	double d = json_number_value(n);

	if (json_is_integer(n)) {
		str_addf(out, "%lld", (long long)json_integer_value(n));
		return;
	}
	if (d < 1e21 && d > -1e21 && is_whole(d)) {
		str_addf(out, "%.0f", d);
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	str_add(out, text);
}

static void invalid(struct checker *c, const json_t *value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void invalid(struct checker *c, const json_t *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	AUTO_FREE char *why = xvasprintf(fmt, ap);
	va_end(ap);
	field_invalid(c->errors, field(c), value, "%s in body %s", path(c), why);
}

static void wrong_type(struct checker *c, const char *wanted, const char *shown)
{
	AUTO_JSON *value = json_string(shown);
	AUTO_FREE char *quoted = json_format(value, JSON_ENSURE_ASCII);

	field_add(c->errors, "FieldValueTypeInvalid", field(c), "Invalid value: %s: %s in body must be of type %s: %s",
		  quoted, path(c), wanted, quoted);
}

/* What is said about a value as a whole names no field. */
static void composite(struct checker *c, const char *what)
{
	field_add(c->errors, "FieldValueInvalid", *c->base ? c->base : "<nil>", "Invalid value: \"\": \"%s\" %s", path(c), what);
}

/* --- scalars ------------------------------------------------------------------------------------------------------ */

static bool type_fits(const char *type, const json_t *v)
{
	const char *is = type_name(v);

	return str_eq(type, is) || (str_eq(type, "number") && json_is_number(v));
}

static void check_type(struct checker *c, const struct rules *r, const json_t *v)
{
	if (json_is_null(v) && r->nullable)
		return;
	if (r->int_or_string) {
		if (!type_fits("integer", v) && !json_is_string(v))
			wrong_type(c, "integer,string", type_name(v));
	} else if (r->type && !type_fits(r->type, v)) {
		wrong_type(c, r->type, type_name(v));
	}
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool pattern_holds(const struct rules *r, const json_t *v)
{
	pcre2_match_data *match = pcre2_match_data_create_from_pattern(r->compiled, NULL);
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	int found;

	pcre2_set_match_limit(limits, MATCH_LIMIT);
	found = pcre2_match(r->compiled, (PCRE2_SPTR)json_string_value(v), json_string_length(v), 0, 0, match, limits);
	pcre2_match_context_free(limits);
	pcre2_match_data_free(match);
	return found >= 0;
}

static void check_string(struct checker *c, const struct rules *r, const json_t *v)
{
	json_int_t n = (json_int_t)characters(json_string_value(v));

	c->matches++;
	if (r->max_length >= 0 && n > r->max_length)
		field_too_long(c->errors, field(c), (size_t)r->max_length);
	if (r->min_length >= 0 && n < r->min_length)
		invalid(c, v, "should be at least %lld chars long", (long long)r->min_length);
	if (r->pattern && (!r->compiled || !pattern_holds(r, v)))
		invalid(c, v, "should match '%s'", r->pattern);
	if (!r->format)
		return;
	c->matches++;
	if (!rules_format_holds(r->format, json_string_value(v)))
		wrong_type(c, r->format, json_string_value(v));
}

static bool is_multiple(const json_t *v, const json_t *of)
{
	double d = json_number_value(of), q;

	if (json_is_integer(v) && json_is_integer(of))
		return json_integer_value(of) != 0 && json_integer_value(v) % json_integer_value(of) == 0;
	q = json_number_value(v) / d;
	if (d == 0 || is_whole(q))
		return d != 0;
	q -= (double)(int64_t)q;
	return (q < 1e-9 && q > -1e-9) || q > 1 - 1e-9 || q < -1 + 1e-9;
}

static int compare(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return (json_integer_value(a) > json_integer_value(b)) - (json_integer_value(a) < json_integer_value(b));
	return (json_number_value(a) > json_number_value(b)) - (json_number_value(a) < json_number_value(b));
}

static void check_number(struct checker *c, const struct rules *r, const json_t *v)
{
	AUTO_STR bound = STR_INIT;

	c->matches++;
	if (r->multiple_of && !is_multiple(v, r->multiple_of)) {
		add_number(&bound, r->multiple_of);
		invalid(c, v, "should be a multiple of %s", str_text(&bound));
		str_reset(&bound);
	}
	if (r->maximum && compare(v, r->maximum) > (r->exclusive_maximum ? -1 : 0)) {
		add_number(&bound, r->maximum);
		invalid(c, v, "should be less than %s%s", r->exclusive_maximum ? "" : "or equal to ", str_text(&bound));
		str_reset(&bound);
	}
	if (r->minimum && compare(v, r->minimum) < (r->exclusive_minimum ? 1 : 0)) {
		add_number(&bound, r->minimum);
		invalid(c, v, "should be greater than %s%s", r->exclusive_minimum ? "" : "or equal to ",
			str_text(&bound));
	}
}

static void check_enum(struct checker *c, const struct rules *r, const json_t *v)
{
	AUTO_STRV char **allowed = NULL;
	json_t *one;
	size_t i;

	json_array_foreach(r->enum_, i, one)
	{
		if (json_equal(one, v) || (json_is_number(one) && json_is_number(v) && compare(one, v) == 0))
			return;
		AUTO_FREE char *text =
		    json_is_string(one) ? xstrdup(json_string_value(one)) : json_format(one, JSON_COMPACT);
		strv_add(&allowed, text);
	}
	field_not_supported(c->errors, field(c), v, (const char *const *)allowed);
}

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
			field_duplicate(c->errors, field(c), shown);
			leave(c, before);
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
			leave(c, before);
		}
	if (r->min_items >= 0 && n < r->min_items)
		invalid(c, size, "should have at least %lld items", (long long)r->min_items);
	if (r->max_items >= 0 && n > r->max_items)
		field_too_many(c->errors, field(c), (size_t)n, (size_t)r->max_items);
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
		before = enter(c, r->properties[i].name);
		check(c, r->properties[i].rules, value);
		leave(c, before);
	}
	json_object_foreach((json_t *)v, key, value)
	{
		if ((!r->additional && !r->closed) || property(r, key))
			continue;
		if (r->closed) {
			invalid(c, NULL, "is a forbidden property: %s", key);
			continue;
		}
		before = enter(c, key);
		check(c, r->additional, value);
		leave(c, before);
	}
	json_array_foreach(r->required, i, value)
	{
		if (!json_is_string(value) || json_object_get(v, json_string_value(value)))
			continue;
		before = enter(c, json_string_value(value));
		field_required(c->errors, field(c), NULL);
		leave(c, before);
	}
}

static void check_object(struct checker *c, const struct rules *r, const json_t *v)
{
	json_int_t n = (json_int_t)json_object_size(v);

	c->matches++;
	if (r->min_properties >= 0 && n < r->min_properties) {
		AUTO_JSON *wanted = json_integer(r->min_properties);
		invalid(c, wanted, "should have at least %lld properties", (long long)r->min_properties);
	}
	if (r->max_properties >= 0 && n > r->max_properties)
		field_too_many(c->errors, field(c), (size_t)n, (size_t)r->max_properties);
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
	composite(c, what);
	merge(c, &best);
}

static void check_alternatives(struct checker *c, const struct rules *r, const json_t *v)
{
	if (r->any_of.n) {
		AUTO_FIELD_ERRORS best = {0};
		if (!try_all(c, &r->any_of, v, true, &best))
			composite(c, "must validate at least one schema (anyOf)");
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
		composite(c, "must validate all the schemas (allOf). None validated");
	if (r->not_) {
		AUTO_FIELD_ERRORS errors = {0};
		attempt(c, r->not_, v, &errors);
		if (!errors.n)
			composite(c, "must not validate the schema (not)");
	}
}

static void check(struct checker *c, const struct rules *r, const json_t *v)
{
	c->matches += 3;
	check_type(c, r, v);
	check_alternatives(c, r, v);
	if (json_is_string(v))
		check_string(c, r, v);
	else if (json_is_number(v))
		check_number(c, r, v);
	else if (json_is_array(v))
		check_array(c, r, v);
	if (r->enum_)
		check_enum(c, r, v);
	if (json_is_object(v))
		check_object(c, r, v);
}

/* --- lists as sets and maps, embedded objects --------------------------------------------------------------------- */

static void check_embedded(struct checker *c, const json_t *v)
{
	static const char *const names[] = {"apiVersion", "kind"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		size_t before = enter(c, names[i]);
		if (str_empty(json_string_value(json_object_get(v, names[i]))))
			field_required(c->errors, field(c), "must not be empty");
		leave(c, before);
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
		leave(c, before);
	}
	if (json_is_array(v) && (r->list_type != LIST_ATOMIC || r->unique))
		check_duplicates(c, r, v);
	json_object_foreach((json_t *)v, key, below)
	{
		const struct rules *inner = property(r, key);
		if (!inner && !(inner = r->additional))
			continue;
		enter(c, key);
		check_structure(c, inner, below);
		leave(c, before);
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
