/* knarr-oci: what the verbs share. Each verb is a function of its own file, found through the table in knarr-oci.c. */
#ifndef KNARR_CMD_OCI_OCI_H
#define KNARR_CMD_OCI_OCI_H

#include <getopt.h>
#include <stdbool.h>

#include "base/err.h"
#include "runtime/container.h"

struct globals {
	const char *root, *log;
	bool log_json, debug;
	enum rootless_mode rootless;
};

/* argv[0] is the verb; returns the exit status. */
typedef int verb_fn(const struct globals *g, int argc, char **argv);
verb_fn verb_create, verb_start, verb_run, verb_exec, verb_state, verb_kill, verb_delete, verb_list, verb_spec, verb_features,
	verb_ps, verb_pause, verb_resume, verb_update;

/* Reports an error as runc does (to --log, and plainly to standard error then) and returns status. */
int report(const struct globals *g, int status, const char *prefix, const struct err *e);
/* Takes the library's warnings and, with --debug, its debug lines into the log. */
void report_notices(const struct globals *g);
int report_text(const struct globals *g, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* One option of a verb: value options set *text, flags set *flag, counted lists append to *list. */
struct option_row {
	const char *name;
	char letter; /* 0: none */
	const char **text;
	bool *flag;
	char ***list;
	const char *help;
};
/* Reads options before and (unless first_stops) after the positional arguments, which end up in argv from the returned
 * index on. Negative: an exit status was decided (help 0 as -1000, usage error 1 as -1). */
int parse_options(const struct globals *g, int argc, char **argv, const struct option_row *rows, size_t n, bool first_stops,
		  const char *usage);
#define PARSE_EXIT(i) ((i) == -1000 ? 0 : 1)
/* Exactly one positional argument: the id. NULL after a report. */
const char *only_id(const struct globals *g, int argc, char **argv, int at);

/* The options of create and run. Fills o; returns as parse_options(). */
struct create_flags {
	struct container_opts opts;
	bool detach, keep;
};
int parse_create(const struct globals *g, int argc, char **argv, bool run, struct create_flags *ret);

/* Waits for the process, passing signals on and, with a terminal, bytes; returns its exit status (128+n for signals). */
int session_run(struct container_proc *p);

#endif
