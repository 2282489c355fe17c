/* The progress display. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

static char what[160];
static int64_t since_ms;

void progress_begin(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	since_ms = clock_mono_ms();
	if (isatty(STDOUT_FILENO)) {
		printf("  [..] %s", what);
		fflush(stdout);
	}
}

void progress_end(bool ok, const char *detail)
{
	printf("%s  [%s] %s (%lld ms)%s%s\n", isatty(STDOUT_FILENO) ? "\r" : "", ok ? "ok" : "!!", what,
	       (long long)(clock_mono_ms() - since_ms), detail ? ": " : "", detail ? detail : "");
	fflush(stdout);
}
