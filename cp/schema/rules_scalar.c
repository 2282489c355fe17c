/* Keywords for one value: type, strings, numbers, enumerations. Purpose and errors: rules_check.c. Nothing fails; a
 * pattern that takes too many steps does not hold. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/rules_checker.h"

#define MATCH_LIMIT 1000000

static bool type_fits(const char *type, const json_t *v)
{
	const char *is = checker_type_name(v);

	return str_eq(type, is) || (str_eq(type, "number") && json_is_number(v));
}

/* A type together with a format for texts: whatever is no text is of the wrong format, but lists pass. */
static void check_formatted(struct checker *c, const struct rules *r, const json_t *v)
{
	if (!json_is_string(v) && !json_is_array(v))
		checker_wrong_type(c, r->format, json_is_integer(v) ? "int64" : json_is_real(v) ? "float64" : "");
}

void rules_check_type(struct checker *c, const struct rules *r, const json_t *v)
{
	if (json_is_null(v) && r->nullable)
		return;
	if (r->int_or_string) {
		if (!type_fits("integer", v) && !json_is_string(v))
			checker_wrong_type(c, "integer,string", checker_type_name(v));
	} else if (r->format && !json_is_null(v) && str_eq(r->type, "string")) {
		check_formatted(c, r, v);
	} else if (r->type && !type_fits(r->type, v)) {
		checker_wrong_type(c, r->type, checker_type_name(v));
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

void rules_check_string(struct checker *c, const struct rules *r, const json_t *v)
{
	json_int_t n = (json_int_t)characters(json_string_value(v));

	c->matches++;
	if (r->max_length >= 0 && n > r->max_length)
		field_too_long(c->errors, checker_field(c), (size_t)r->max_length);
	else if (r->min_length >= 0 && n < r->min_length)
		checker_invalid(c, v, "should be at least %lld chars long", (long long)r->min_length);
	else if (r->pattern && (!r->compiled || !pattern_holds(r, v)))
		checker_invalid(c, v, "should match '%s'", r->pattern);
	if (!r->format)
		return;
	c->matches++;
	if (!rules_format_holds(r->format, json_string_value(v)))
		checker_wrong_type(c, r->format, json_string_value(v));
}

static bool is_multiple(const json_t *v, const json_t *of)
{
	double d = json_number_value(of), q;

	if (json_is_integer(v) && json_is_integer(of))
		return json_integer_value(of) != 0 && json_integer_value(v) % json_integer_value(of) == 0;
	q = json_number_value(v) / d;
	if (d == 0 || checker_is_whole(q))
		return d != 0;
	q -= (double)(int64_t)q;
	return (q < 1e-9 && q > -1e-9) || q > 1 - 1e-9 || q < -1 + 1e-9;
}

static int compare(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return (json_integer_value(a) > json_integer_value(b)) -
		       (json_integer_value(a) < json_integer_value(b));
	return (json_number_value(a) > json_number_value(b)) - (json_number_value(a) < json_number_value(b));
}

void rules_check_number(struct checker *c, const struct rules *r, const json_t *v)
{
	AUTO_STR bound = STR_INIT;

	c->matches++;
	if (r->multiple_of && !is_multiple(v, r->multiple_of)) {
		checker_add_number(&bound, r->multiple_of);
		checker_invalid(c, v, "should be a multiple of %s", str_text(&bound));
		str_reset(&bound);
	}
	if (r->maximum && compare(v, r->maximum) > (r->exclusive_maximum ? -1 : 0)) {
		checker_add_number(&bound, r->maximum);
		checker_invalid(c, v, "should be less than %s%s", r->exclusive_maximum ? "" : "or equal to ",
				str_text(&bound));
		str_reset(&bound);
	}
	if (r->minimum && compare(v, r->minimum) < (r->exclusive_minimum ? 1 : 0)) {
		checker_add_number(&bound, r->minimum);
		checker_invalid(c, v, "should be greater than %s%s", r->exclusive_minimum ? "" : "or equal to ",
				str_text(&bound));
	}
}

void rules_check_enum(struct checker *c, const struct rules *r, const json_t *v)
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
	field_not_supported(c->errors, checker_field(c), v, (const char *const *)allowed);
}
