/* Errors. What always holds: text is NUL-terminated, truncated rather than overrun, and the first cause stays last. */
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_reason(int code)
{
	static _Thread_local char text[96];
	snprintf(text, sizeof(text), "%s", strerror(code < 0 ? -code : code));
	if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int with_reason(struct err *e, int code, const char *fmt, va_list ap)
{
	if (e) {
		char what[sizeof(e->text) - 128];
		vsnprintf(what, sizeof(what), fmt, ap);
		snprintf(e->text, sizeof(e->text), "%s: %s", what, err_reason(code));
		e->code = code;
	}
	return code;
}

int (err_set)(struct err *e, int code, const char *fmt, ...)
{
	if (e) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
		e->code = code;
	}
	return code;
}

int (err_sys)(struct err *e, const char *fmt, ...)
{
	int code = errno ? -errno : -EIO;
	va_list ap;
	va_start(ap, fmt);
	with_reason(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int (err_code)(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	with_reason(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int (err_wrap)(struct err *e, int code, const char *fmt, ...)
{
	if (e) {
		char below[sizeof(e->text)], what[sizeof(e->text)];
		snprintf(below, sizeof(below), "%s", e->text[0] ? e->text : err_reason(code));
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(what, sizeof(what), fmt, ap);
		va_end(ap);
		int n = snprintf(e->text, sizeof(e->text), "%s: ", what);
		if (n >= 0 && (size_t)n < sizeof(e->text))
			snprintf(e->text + n, sizeof(e->text) - (size_t)n, "%s", below);
		e->code = code;
	}
	return code;
}

const char *err_text(const struct err *e)
{
	if (!e)
		return "unknown error";
	if (e->text[0])
		return e->text;
	return e->code ? err_reason(e->code) : "unknown error";
}
