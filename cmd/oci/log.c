/* The log.
 *
 * Happy path: a line is built whole and written by one write(2), so that lines of two processes never mix. What can fail:
 * opening the file; a write is not checked, there is no better place to tell it. What always holds: the descriptor is
 * close-on-exec and reaches no container. */
#include "cmd/oci/log.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static struct {
	int fd;
	bool json, debug;
} out = { .fd = STDERR_FILENO };

int oci_log_open(const char *file, bool json, bool debug, struct err *e)
{
	int fd = str_empty(file) ? STDERR_FILENO : open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "open %s", file);
	out.fd = fd;
	out.json = json;
	out.debug = debug;
	return 0;
}

int oci_log_move(int first, struct err *e)
{
	int fd = out.fd < 3 || out.fd >= first ? out.fd : fcntl(out.fd, F_DUPFD_CLOEXEC, first);
	if (fd < 0)
		return err_sys(e, "descriptor %d", first);
	if (fd != out.fd)
		close(out.fd);
	out.fd = fd;
	return 0;
}

/* Letters, digits and a few marks stand without quotes. */
static bool is_plain(const char *text)
{
	const char *p = text;
	while (isalnum((unsigned char)*p) || (*p && strchr("-._/@^+", *p)))
		p++;
	return !*p && p > text;
}

static void write_line(enum oci_level level, const char *text)
{
	static const char *const names[] = { "debug", "warning", "error" };
	char when[RFC3339_MAX];
	AUTO_STR line = STR_INIT;
	if (level == OCI_DEBUG && !out.debug)
		return;
	rfc3339(clock_wall_ms(), when);
	if (out.json) {
		str_addf(&line, "{\"level\":\"%s\",\"msg\":", names[level]);
		str_add_json(&line, text);
		str_addf(&line, ",\"time\":\"%s\"}\n", when);
	} else {
		str_addf(&line, "time=\"%s\" level=%s msg=", when, names[level]);
		if (is_plain(text))
			str_add(&line, text);
		else
			str_add_json(&line, text);
		str_addc(&line, '\n');
	}
	(void)!write(out.fd, line.p, line.len);
}

void oci_log(enum oci_level level, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	write_line(level, text);
}

void oci_log_notice(void *arg, enum container_notice level, const char *text)
{
	(void)arg;
	write_line(level == CONTAINER_WARNING ? OCI_WARNING : OCI_DEBUG, text);
}

int report_text(const struct globals *g, int status, const char *fmt, ...)
{
	va_list ap;
	(void)g;
	va_start(ap, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	write_line(OCI_ERROR, text);
	if (out.fd != STDERR_FILENO)
		fprintf(stderr, "%s\n", text);
	return status;
}

int report(const struct globals *g, int status, const char *prefix, const struct err *e)
{
	return report_text(g, status, "%s%s%s", prefix ? prefix : "", prefix ? ": " : "", err_text(e));
}
