/* Lists of field errors, in the words that clients of Kubernetes know.
 *
 * Each function appends one entry; nothing fails. What always holds: reason, field and message are owned and set; the
 * same error stands there once, though table and C rules may both find it; there are at most MAX_ERRORS. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/schema/internal.h"

void field_errors_cut(struct field_errors *f, size_t n)
{
	for (; f->n > n; f->n--) {
		free(f->v[f->n - 1].reason);
		free(f->v[f->n - 1].field);
		free(f->v[f->n - 1].message);
	}
}

void field_errors_done(struct field_errors *f)
{
	field_errors_cut(f, 0);
	free(f->v);
	*f = (struct field_errors){0};
}

#define MAX_ERRORS 1000

static bool known(const struct field_errors *f, const char *path, const char *message)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].field, path) && str_eq(f->v[i].message, message))
			return true;
	return false;
}

/* Takes message. */
static void add(struct field_errors *f, const char *reason, const char *path, char *message)
{
	if (f->n == MAX_ERRORS || known(f, path, message)) {
		free(message);
		return;
	}
	f->v = xreallocarray(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n++] = (struct field_error){.reason = xstrdup(reason), .field = xstrdup(path), .message = message};
}

static void add_copy(struct field_errors *f, const struct field_error *e)
{
	struct field_error copy = {xstrdup(e->reason), xstrdup(e->field), xstrdup(e->message)};

	if (f->n == MAX_ERRORS) {
		free(copy.reason);
		free(copy.field);
		free(copy.message);
		return;
	}
	f->v = xreallocarray(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n++] = copy;
}

void field_errors_repeat(struct field_errors *f)
{
	field_errors_repeat_from(f, 0);
}

void field_errors_repeat_from(struct field_errors *f, size_t from)
{
	for (size_t i = from, n = f->n; i < n; i++)
		add_copy(f, &f->v[i]);
}

void field_errors_again(struct field_errors *f, const struct field_errors *more)
{
	for (size_t i = 0; i < more->n; i++)
		add_copy(f, &more->v[i]);
}

void field_add(struct field_errors *f, const char *reason, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, reason, path, xvasprintf(fmt, ap));
	va_end(ap);
}

/* Text in quotes with control characters escaped as \n, \x01. */
static void add_quoted(struct str *out, const char *s)
{
	static const char letters[] = "abtnvfr"; /* 7 to 13 */

	str_addc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c >= 7 && c <= 13)
			str_addf(out, "\\%c", letters[c - 7]);
		else if (c < ' ' || c == 0x7f)
			str_addf(out, "\\x%02x", c);
		else
			str_addc(out, (char)c);
	}
	str_addc(out, '"');
}

static void add_value(struct str *out, const json_t *value)
{
	if (json_is_string(value))
		add_quoted(out, json_string_value(value));
	else if (!value)
		str_add(out, "null");
	else
		str_add_jsonv(out, value);
}

void field_required(struct field_errors *f, const char *path, const char *detail)
{
	add(f, "FieldValueRequired", path, xasprintf("Required value%s%s", detail ? ": " : "", detail ? detail : ""));
}

void field_invalid(struct field_errors *f, const char *path, const json_t *value, const char *fmt, ...)
{
	AUTO_STR text = STR_INIT;
	va_list ap;

	str_add(&text, "Invalid value: ");
	add_value(&text, value);
	str_add(&text, ": ");
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	add(f, "FieldValueInvalid", path, str_take(&text));
}

void field_not_supported(struct field_errors *f, const char *path, const json_t *value, const char *const *supported)
{
	AUTO_STR text = STR_INIT;

	str_add(&text, "Unsupported value: ");
	add_value(&text, value);
	for (size_t i = 0; supported && supported[i]; i++) {
		str_add(&text, i ? ", " : ": supported values: ");
		add_quoted(&text, supported[i]);
	}
	add(f, "FieldValueNotSupported", path, str_take(&text));
}

static void add_with_value(struct field_errors *f, const char *reason, const char *words, const char *path,
			   const json_t *value)
{
	AUTO_STR text = STR_INIT;

	str_add(&text, words);
	add_value(&text, value);
	add(f, reason, path, str_take(&text));
}

void field_duplicate(struct field_errors *f, const char *path, const json_t *value)
{
	add_with_value(f, "FieldValueDuplicate", "Duplicate value: ", path, value);
}

void field_not_found(struct field_errors *f, const char *path, const json_t *value)
{
	add_with_value(f, "FieldValueNotFound", "Not found: ", path, value);
}

void field_forbidden(struct field_errors *f, const char *path, const char *fmt, ...)
{
	AUTO_STR text = STR_INIT;
	va_list ap;

	str_add(&text, "Forbidden: ");
	va_start(ap, fmt);
	str_vaddf(&text, fmt, ap);
	va_end(ap);
	add(f, "FieldValueForbidden", path, str_take(&text));
}

void field_too_long(struct field_errors *f, const char *path, size_t max_length)
{
	field_add(f, "FieldValueTooLong", path, "Too long: may not be more than %zu bytes", max_length);
}

void field_too_many(struct field_errors *f, const char *path, size_t actual, size_t max)
{
	field_add(f, "FieldValueTooMany", path, "Too many: %zu: must have at most %zu items", actual, max);
}
