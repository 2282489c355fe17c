/* knarr-oci ps: the container's pids, or the lines of ps(1) about them.
 *
 * Happy path: ps runs with the caller's arguments, its PID column selects the lines. What can fail: no ps, an output
 * without that column. What always holds: no shell sees the arguments. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"

#define OUTPUT_MAX (64 << 20)

struct ps_flags {
	const char *format;
};

static const struct option_row rows[] = {
	{ "format", 'f', OPTION_TEXT, offsetof(struct ps_flags, format), "select one of: table or json", "table", false },
};

static void __attribute__((noreturn)) exec_ps(int out_fd, char **args)
{
	static char name[] = "ps", all[] = "-ef";
	char **argv = xcalloc(strv_len(args) + 3, sizeof(*argv));
	size_t n = 0;
	argv[n++] = name;
	for (size_t i = 0; args[i]; i++)
		argv[n++] = args[i];
	if (n == 1)
		argv[n++] = all;
	if (dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(out_fd, STDERR_FILENO) >= 0)
		execvp(name, argv);
	fprintf(stderr, "exec: \"ps\": %m");
	_exit(127);
}

/* Its exit status and both of its outputs. */
static int capture_ps(char **args, struct str *ret, struct err *e)
{
	int ends[2], status = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	AUTO_FD int reading = ends[0];
	pid_t pid = fork();
	if (pid == 0)
		exec_ps(ends[1], args);
	close(ends[1]);
	if (pid < 0)
		return err_sys(e, "fork");
	int r = fs_read_fd(reading, OUTPUT_MAX, ret, e);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && status)
		r = err_set(e, -EIO, "exit status %d: %s", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
			    str_text(ret));
	return r;
}

/* The i-th word of a line as a number, -1 when it is none. */
static long word_number(const char *line, size_t i)
{
	const char *p = line + strspn(line, " \t");
	while (i-- && *p) {
		p += strcspn(p, " \t");
		p += strspn(p, " \t");
	}
	char *end;
	long n = strtol(p, &end, 10);
	return end > p ? n : -1;
}

static int find_column(const char *head, const char *name, size_t *ret)
{
	AUTO_FREE char *copy = xstrdup(head);
	char *save = NULL, *word = strtok_r(copy, " \t", &save);
	for (size_t i = 0; word; i++, word = strtok_r(NULL, " \t", &save))
		if (str_eq(word, name)) {
			*ret = i;
			return 0;
		}
	return -ENOENT;
}

static int print_lines(const char *output, const pid_t *pids, size_t n, struct err *e)
{
	AUTO_STRV char **lines = str_split(output, '\n');
	size_t column;
	if (!lines || find_column(lines[0], "PID", &column) < 0)
		return err_set(e, -ENOENT, "couldn't find PID field in ps output");
	puts(lines[0]);
	for (size_t i = 1; lines[i]; i++) {
		long pid = word_number(lines[i], column);
		for (size_t k = 0; pid > 0 && k < n; k++)
			if (pids[k] == pid) {
				puts(lines[i]);
				break;
			}
	}
	return 0;
}

static void print_json(const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%c%d", i ? ',' : '[', pids[i]);
	puts(n ? "]" : "null");
}

static int run_ps(const struct globals *g, const struct call *c)
{
	const struct ps_flags *f = c->values;
	struct err e = ERR_INIT;
	AUTO_FREE pid_t *pids = NULL;
	AUTO_STR output = STR_INIT;
	size_t n = 0;
	if (container_pids(g->root, c->argv[0], &pids, &n, &e) < 0)
		return report(g, 1, NULL, &e);
	if (str_eq(f->format, "json")) {
		print_json(pids, n);
		return 0;
	}
	if (!str_eq(f->format, "table"))
		return report_text(g, 1, "invalid format option");
	int r = capture_ps(c->argv + 1, &output, &e);
	if (r == 0)
		r = print_lines(str_text(&output), pids, n, &e);
	return r < 0 ? report(g, 1, NULL, &e) : 0;
}

const struct verb verb_ps = {
	.name = "ps",
	.brief = "show the processes running inside a container",
	.args = "<container-id> [ps options]",
	.about = "What stands behind the id goes to ps(1), -ef where nothing does.",
	VERB_OPTIONS(struct ps_flags, rows),
	.order = OPTIONS_FIRST,
	.min_args = 1,
	.max_args = -1,
	.run = run_ps,
};
