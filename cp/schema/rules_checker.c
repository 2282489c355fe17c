/* Where a check of a value is, and its errors. Purpose: paths and words as the original's validation has them. Nothing
 * fails. */
#include "cp/schema/rules_checker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"

const char *checker_path(const struct checker *c)
{
	return str_text(&c->path);
}

/* The path with what leads to the value. Valid until the next call. */
const char *checker_field(struct checker *c)
{
	str_reset(&c->field);
	str_addf(&c->field, "%s%s%s", c->base, *c->base && c->path.len && *checker_path(c) != '[' ? "." : "",
		 checker_path(c));
	return str_text(&c->field);
}

size_t checker_enter(struct checker *c, const char *name)
{
	size_t before = c->path.len;

	str_addf(&c->path, "%s%s", before ? "." : "", name);
	return before;
}

const struct rules *checker_enter_member(struct checker *c, const struct rules *r, const char *key)
{
	const struct rules *own = rules_property(r, key);

	if (own)
		checker_enter(c, key);
	else if (r->additional)
		str_addf(&c->path, "[%s]", key);
	return own ? own : r->additional;
}

void checker_leave(struct checker *c, size_t before)
{
	c->path.len = before;
	if (c->path.p)
		c->path.p[before] = '\0';
}

/* Doubles from 2^53 on have no fraction. */
bool checker_is_whole(double d)
{
	return d >= 9007199254740992.0 || d <= -9007199254740992.0 || (double)(int64_t)d == d;
}

const char *checker_type_name(const json_t *v)
{
	static const char *const names[] = {
	    [JSON_OBJECT] = "object", [JSON_ARRAY] = "array",  [JSON_STRING] = "string", [JSON_INTEGER] = "integer",
	    [JSON_REAL] = "number",   [JSON_TRUE] = "boolean", [JSON_FALSE] = "boolean", [JSON_NULL] = "null"};

	if (json_is_real(v) && checker_is_whole(json_real_value(v)))
		return "integer";
	return names[json_typeof(v)];
}

/* A number as %v prints it. */
void checker_add_number(struct str *out, const json_t *n)
{
	char text[40];
	double d = json_number_value(n);

	if (json_is_integer(n)) {
		str_addf(out, "%lld", (long long)json_integer_value(n));
		return;
	}
	if (d < 1e21 && d > -1e21 && checker_is_whole(d)) {
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

void checker_invalid(struct checker *c, const json_t *value, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	AUTO_FREE char *why = xvasprintf(fmt, ap);
	va_end(ap);
	field_invalid(c->errors, checker_field(c), value, "%s in body %s", checker_path(c), why);
}

void checker_wrong_type(struct checker *c, const char *wanted, const char *shown)
{
	AUTO_JSON *value = json_string(shown);
	AUTO_FREE char *quoted = json_format(value, JSON_ENSURE_ASCII);

	field_add(c->errors, "FieldValueTypeInvalid", checker_field(c),
		  "Invalid value: %s: %s in body must be of type %s: %s", quoted, checker_path(c), wanted, quoted);
}

/* What is said about a value as a whole names no field. */
void checker_composite(struct checker *c, const char *what)
{
	field_add(c->errors, "FieldValueInvalid", *c->base ? c->base : "<nil>", "Invalid value: \"\": \"%s\" %s",
		  checker_path(c), what);
}
