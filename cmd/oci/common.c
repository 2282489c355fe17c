/* Options, ids and error reports of the verbs. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"

static void write_log(const struct globals *g, const char *level, const char *text)
{
	char when[RFC3339_MAX];
	AUTO_STR line = STR_INIT;
	rfc3339(clock_wall_ms(), when);
	if (g->log_json) {
		str_addf(&line, "{\"level\":\"%s\",\"msg\":", level);
		str_add_json(&line, text);
		str_addf(&line, ",\"time\":\"%s\"}\n", when);
	} else {
		str_addf(&line, "time=\"%s\" level=%s msg=", when, level);
		str_add_json(&line, text);
		str_addc(&line, '\n');
	}
	AUTO_FD int fd = g->log ? open(g->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
	(void)!write(fd >= 0 ? fd : STDERR_FILENO, line.p, line.len);
	if (fd >= 0 && str_eq(level, "error"))
		fprintf(stderr, "%s\n", text);
}

static void take_notice(void *arg, enum container_notice level, const char *text)
{
	const struct globals *g = arg;
	if (level == CONTAINER_WARNING || g->debug)
		write_log(g, level == CONTAINER_WARNING ? "warning" : "debug", text);
}

void report_notices(const struct globals *g)
{
	container_notices_to(take_notice, (void *)g);
}

int report_text(const struct globals *g, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	AUTO_FREE char *text = xvasprintf(fmt, ap);
	va_end(ap);
	write_log(g, "error", text);
	return status;
}

int report(const struct globals *g, int status, const char *prefix, const struct err *e)
{
	return report_text(g, status, "%s%s%s", prefix ? prefix : "", prefix ? ": " : "", err_text(e));
}

#define FIRST_ROW 1000

static void print_usage(const struct option_row *rows, size_t n, const char *usage)
{
	printf("USAGE:\n   knarr-oci %s\n\nOPTIONS:\n", usage);
	for (size_t i = 0; i < n; i++) {
		char left[64];
		snprintf(left, sizeof(left), "--%s%s%c%s", rows[i].name, rows[i].letter ? ", -" : " ",
			 rows[i].letter ? rows[i].letter : ' ', rows[i].flag ? "" : " value");
		printf("   %-32s %s\n", left, rows[i].help);
	}
}

static const struct option_row *row_of(const struct option_row *rows, size_t n, int o)
{
	if (o >= FIRST_ROW)
		return &rows[o - FIRST_ROW];
	for (size_t i = 0; i < n; i++)
		if (rows[i].letter == o)
			return &rows[i];
	return NULL;
}

int parse_options(const struct globals *g, int argc, char **argv, const struct option_row *rows, size_t n, bool first_stops,
		  const char *usage)
{
	AUTO_FREE struct option *options = xcalloc(n + 2, sizeof(*options));
	AUTO_STR letters = STR_INIT;
	(void)g;
	str_add(&letters, first_stops ? "+h" : "h");
	for (size_t i = 0; i < n; i++) {
		options[i] = (struct option){ rows[i].name, rows[i].flag ? 0 : 1, NULL, FIRST_ROW + (int)i };
		if (rows[i].letter)
			str_addf(&letters, "%c%s", rows[i].letter, rows[i].flag ? "" : ":");
	}
	options[n] = (struct option){ "help", 0, NULL, 'h' };
	for (int o; (o = getopt_long_only(argc, argv, str_text(&letters), options, NULL)) != -1;) {
		const struct option_row *row = o == '?' ? NULL : row_of(rows, n, o);
		if (!row) {
			if (o == 'h')
				print_usage(rows, n, usage);
			return o == 'h' ? -1000 : -1;
		}
		if (row->flag)
			*row->flag = true;
		else if (row->list)
			strv_add(row->list, optarg);
		else
			*row->text = optarg;
	}
	return optind;
}

const char *only_id(const struct globals *g, int argc, char **argv, int at)
{
	if (argc - at == 1 && *argv[at])
		return argv[at];
	report_text(g, 1, "\"knarr-oci %s\" requires exactly 1 argument", argv[0]);
	return NULL;
}
