/* Memory helpers. Purpose: one place that decides what happens when memory is out: the process aborts, because a
 * daemon that must be able to restart at any instant gains nothing from limping on. */
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/format.h"

static void *checked(void *p)
{
	if (!p) {
		static const char msg[] = "out of memory\n";
		(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

void *xmemdup(const void *p, size_t n)
{
	void *copy = xmalloc(n);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

/* Most texts are short: they are made once, and copied. */
char *xvasprintf(const char *fmt, va_list ap)
{
	char text[256];
	va_list again;
	va_copy(again, ap);
	int n = format_vto(text, sizeof(text), fmt, ap);
	char *s = n < 0 ? checked(NULL) : xmalloc((size_t)n + 1);
	if ((size_t)n < sizeof(text))
		memcpy(s, text, (size_t)n + 1);
	else
		format_vto(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void free_ptr(void *pp)
{
	void **p = pp;
	free(*p);
	*p = NULL;
}

void close_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
		*fd = -1;
	}
}

void free_strv(char ***strv)
{
	for (char **s = *strv; s && *s; s++)
		free(*s);
	free(*strv);
	*strv = NULL;
}

void strv_add(char ***strv, const char *s)
{
	size_t n = strv_len(*strv);
	*strv = xreallocarray(*strv, n + 2, sizeof(char *));
	(*strv)[n] = xstrdup(s);
	(*strv)[n + 1] = NULL;
}

char **strv_dup(char *const *strv)
{
	char **copy = xcalloc(strv_len(strv) + 1, sizeof(char *));
	for (size_t i = 0; strv && strv[i]; i++)
		copy[i] = xstrdup(strv[i]);
	return copy;
}

int strv_has(char *const *strv, const char *s)
{
	for (; strv && *strv; strv++)
		if (!strcmp(*strv, s))
			return 1;
	return 0;
}
