/* knarr-oci start, kill, delete, pause, resume. */
#include <ctype.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"

/* Verbs that take nothing but ids. */
static int on_id(const struct globals *g, int argc, char **argv, int (*fn)(const char *, const char *, struct err *),
		 const char *usage)
{
	struct err e = ERR_INIT;
	int at = parse_options(g, argc, argv, NULL, 0, false, usage);
	if (at < 0)
		return PARSE_EXIT(at);
	const char *id = only_id(g, argc, argv, at);
	if (!id)
		return 1;
	return fn(g->root, id, &e) < 0 ? report(g, 1, NULL, &e) : 0;
}

int verb_start(const struct globals *g, int argc, char **argv)
{
	return on_id(g, argc, argv, container_start, "start <container-id>");
}

int verb_pause(const struct globals *g, int argc, char **argv)
{
	return on_id(g, argc, argv, container_pause, "pause <container-id>");
}

int verb_resume(const struct globals *g, int argc, char **argv)
{
	return on_id(g, argc, argv, container_resume, "resume <container-id>");
}

/* "9", "KILL", "SIGKILL", "SIGRTMIN+2"; -1 for anything else. */
static int signal_number(const char *s)
{
	uint32_t n;
	if (str_to_u32(s, &n) == 0)
		return n < NSIG ? (int)n : -1;
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	if (!strncasecmp(s, "RTMIN", 5))
		return s[5] == '\0' ? SIGRTMIN : s[5] == '+' && str_to_u32(s + 6, &n) == 0 && n <= 30 ? SIGRTMIN + (int)n : -1;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);
		if (name && !strcasecmp(name, s))
			return i;
	}
	return -1;
}

int verb_kill(const struct globals *g, int argc, char **argv)
{
	bool all = false;
	struct err e = ERR_INIT;
	const struct option_row rows[] = { { "all", 'a', NULL, &all, NULL, "send the signal to all processes" } };
	int at = parse_options(g, argc, argv, rows, ARRAY_LEN(rows), false, "kill [options] <container-id> [signal]");
	if (at < 0)
		return PARSE_EXIT(at);
	if (argc - at < 1 || argc - at > 2)
		return report_text(g, 1, "\"knarr-oci kill\" requires a container id and at most one signal");
	const char *name = argc - at == 2 ? argv[at + 1] : "SIGTERM";
	int sig = signal_number(name);
	if (sig < 0)
		return report_text(g, 1, "unknown signal \"%s\"", name);
	return container_kill(g->root, argv[at], sig, all, &e) < 0 ? report(g, 1, NULL, &e) : 0;
}

int verb_delete(const struct globals *g, int argc, char **argv)
{
	bool force = false;
	struct err e = ERR_INIT;
	const struct option_row rows[] = { { "force", 'f', NULL, &force, NULL, "kill the container first if it runs" } };
	int at = parse_options(g, argc, argv, rows, ARRAY_LEN(rows), false, "delete [options] <container-id>");
	if (at < 0)
		return PARSE_EXIT(at);
	const char *id = only_id(g, argc, argv, at);
	if (!id)
		return 1;
	return container_delete(g->root, id, force, &e) < 0 ? report(g, 1, NULL, &e) : 0;
}
