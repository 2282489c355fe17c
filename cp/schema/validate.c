/* Structural validation: the rules that a table can say, in the order of the fields.
 *
 * The path is one growing text that each level extends and cuts back. Nothing fails; what is wrong is added to errors.
 * What always holds: the object was decoded before, so every value has the JSON type that its field demands. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/schema/internal.h"
#include "cp/schema/rules.h"

struct validator {
	struct str path;
	struct field_errors *errors;
};

static void validate_value(struct validator *v, const struct type *t, const json_t *value);

static const char *path(const struct validator *v)
{
	return str_text(&v->path);
}

/* Extends the path by a field; returns the length to cut back to. */
static size_t enter(struct validator *v, const char *name)
{
	size_t before = v->path.len;

	if (before)
		str_addc(&v->path, '.');
	str_add(&v->path, name);
	return before;
}

static void leave(struct validator *v, size_t before)
{
	v->path.len = before;
	if (v->path.p)
		v->path.p[before] = '\0';
}

static void check_enum(struct validator *v, const struct field *f, const json_t *value)
{
	size_t i;
	json_t *elem;

	if (json_is_string(value)) {
		if (!strv_has((char *const *)f->enum_, json_string_value(value)))
			field_not_supported(v->errors, path(v), value, f->enum_);
	} else {
		json_array_foreach(value, i, elem)
		{
			size_t before = v->path.len;

			str_addf(&v->path, "[%zu]", i);
			check_enum(v, f, elem);
			leave(v, before);
		}
	}
}

static void report_range(struct validator *v, const struct field *f, const json_t *value)
{
	if (f->range_message)
		field_invalid(v->errors, path(v), value, "%s", f->range_message);
	else if (f->has_min && f->has_max)
		field_invalid(v->errors, path(v), value, "must be between %lld and %lld, inclusive", (long long)f->min,
			      (long long)f->max);
	else if (f->has_max)
		field_invalid(v->errors, path(v), value, "must be less than or equal to %lld", (long long)f->max);
	else if (f->min == 1)
		field_invalid(v->errors, path(v), value, "must be greater than 0");
	else
		field_invalid(v->errors, path(v), value, "must be greater than or equal to %lld", (long long)f->min);
}

static void check_range(struct validator *v, const struct field *f, const json_t *value)
{
	json_int_t n;

	if (json_is_integer(value)) {
		n = json_integer_value(value);
		if ((f->has_min && n < f->min) || (f->has_max && n > f->max))
			report_range(v, f, value);
	} else if (json_is_string(value)) {
		n = (json_int_t)json_string_length(value);
		if (f->has_max && n > f->max)
			field_too_long(v->errors, path(v), (size_t)f->max);
		if (f->has_min && n < f->min)
			field_invalid(v->errors, path(v), value, "should be at least %lld chars long",
				      (long long)f->min);
	}
}

static void check_pattern(struct validator *v, const char *pattern, const json_t *value)
{
	pcre2_match_data *match = NULL;
	PCRE2_SIZE offset;
	int code, found = -1;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_DOLLAR_ENDONLY,
				       &code, &offset, NULL);

	if (re) {
		match = pcre2_match_data_create_from_pattern(re, NULL);
		found =
		    pcre2_match(re, (PCRE2_SPTR)json_string_value(value), json_string_length(value), 0, 0, match, NULL);
	}
	if (found < 0)
		field_invalid(v->errors, path(v), value, "should match '%s'", pattern);
	pcre2_match_data_free(match);
	pcre2_code_free(re);
}

/* Two elements with the same keys: reported at the key where there is one, else at the element. */
static void check_unique(struct validator *v, const struct field *f, const json_t *list)
{
	AUTO_MAP *seen = map_new(NULL);
	size_t i, before = v->path.len;
	json_t *elem;

	json_array_foreach(list, i, elem)
	{
		AUTO_JSON *keys = json_array();
		AUTO_FREE char *text = NULL;
		json_t *shown = elem;

		for (size_t k = 0; f->list_keys && f->list_keys[k]; k++) {
			shown = json_object_get(elem, f->list_keys[k]);
			json_array_append(keys, shown ? shown : json_null());
		}
		text = json_text(f->list_keys ? keys : elem);
		if (!shown || value_is_empty(shown))
			continue;
		if (map_has(seen, text)) {
			str_addf(&v->path, "[%zu]", i);
			if (f->list_keys && !f->list_keys[1])
				str_addf(&v->path, ".%s", f->list_keys[0]);
			field_duplicate(v->errors, path(v), f->list_keys && f->list_keys[1] ? elem : shown);
			leave(v, before);
		}
		map_set(seen, text, elem);
	}
}

static void validate_field(struct validator *v, const struct field *f, const json_t *value)
{
	if (!value || json_is_null(value)) {
		if (f->required)
			field_required(v->errors, path(v), f->required_detail);
		return;
	}
	if (f->required && f->type->class != TYPE_OBJECT && value_is_empty(value)) {
		field_required(v->errors, path(v), f->required_detail);
		return;
	}
	if (f->enum_)
		check_enum(v, f, value);
	if (f->has_min || f->has_max)
		check_range(v, f, value);
	if (f->format && !(json_is_string(value) && !json_string_length(value)))
		format_check(f->format, path(v), value, v->errors);
	if (f->pattern && json_is_string(value))
		check_pattern(v, f->pattern, value);
	if (f->unique && json_array_size(value) > 1)
		check_unique(v, f, value);
	validate_value(v, f->type, value);
}

/* Whether values of the type can have fields with rules, so that scalars in long lists are not walked. */
static bool has_members(const struct type *t)
{
	return t->class == TYPE_OBJECT || t->class == TYPE_LIST || t->class == TYPE_MAP;
}

/* Members that are old's own were looked at when they came. */
static void validate_members(struct validator *v, const struct type *t, const json_t *object, const json_t *old)
{
	size_t before = v->path.len;
	AUTO_MEMBERS members;

	members_place(&members, t, object);
	for (size_t i = 0; i < t->n_fields; i++) {
		json_t *below = members_take(&members, i);
		if (!below && !t->fields[i].required)
			continue;
		if (below && old && below == json_object_get(old, t->fields[i].name))
			continue;
		enter(v, t->fields[i].name);
		validate_field(v, &t->fields[i], below);
		leave(v, before);
	}
}

static void validate_value(struct validator *v, const struct type *t, const json_t *value)
{
	size_t i, before = v->path.len;
	const char *key;
	json_t *below;

	if (t->class == TYPE_OBJECT && json_is_object(value)) {
		validate_members(v, t, value, NULL);
	} else if (t->class == TYPE_LIST && has_members(t->elem)) {
		json_array_foreach(value, i, below)
		{
			str_addf(&v->path, "[%zu]", i);
			validate_value(v, t->elem, below);
			leave(v, before);
		}
	} else if (t->class == TYPE_MAP && has_members(t->elem)) {
		json_object_foreach((json_t *)value, key, below)
		{
			str_addf(&v->path, "[%s]", key);
			validate_value(v, t->elem, below);
			leave(v, before);
		}
	}
}

void schema_validate_type(const struct type *t, const json_t *object, const char *at, struct field_errors *errors)
{
	struct validator v = {.errors = errors};

	str_add(&v.path, at ? at : "");
	validate_value(&v, t, object);
	str_done(&v.path);
}

void schema_validate(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors)
{
	struct validator v = {.errors = errors};

	if (k->custom)
		rules_check(k->custom->rules, object, old, "", errors);
	else
		validate_members(&v, k->type, object, old);
	str_done(&v.path);
}

void schema_validate_status(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors)
{
	rules_check_status(k->custom->rules, object, old, errors);
}

static void check_immutable(struct validator *v, const struct type *t, const json_t *object, const json_t *old)
{
	size_t before = v->path.len;

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct field *f = &t->fields[i];
		json_t *now = json_object_get(object, f->name), *was = json_object_get(old, f->name);

		if (now == was)
			continue;
		enter(v, f->name);
		if (f->immutable && !(now && was && json_equal(now, was)) && (now || was))
			field_invalid(v->errors, path(v), now, "field is immutable");
		else if (f->type->class == TYPE_OBJECT && json_is_object(now) && json_is_object(was))
			check_immutable(v, f->type, now, was);
		leave(v, before);
	}
}

void schema_validate_update(const struct kind *k, const json_t *object, const json_t *old, struct field_errors *errors)
{
	struct validator v = {.errors = errors};

	check_immutable(&v, k->type, object, old);
	str_done(&v.path);
}
