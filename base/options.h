/* Command line options by tables: one row tells name, letter, kind, place and help of an option, and gives parsing, the
 * help text and the list for a shell's completion. The rules are those of Go's flag package with urfave/cli in front of it,
 * which the command lines of Docker's family have: one or two dashes, "=value" or the next argument, no bundles of letters. */
#ifndef KNARR_BASE_OPTIONS_H
#define KNARR_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* The kind tells the type of the member at offset. */
enum option_kind {
	OPTION_FLAG,	 /* bool; "--x", "--x=false" */
	OPTION_TEXT,	 /* const char *, borrowed from argv */
	OPTION_INT,	 /* int64_t */
	OPTION_LIST,	 /* char **, an owned vector; may be given many times */
	OPTION_DURATION, /* int64_t, nanoseconds; "1m30s" */
};

struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t offset;	      /* of the member in the structure that is filled */
	const char *help;
	const char *fallback; /* as if given first; NULL: the member stays zero */
	bool hidden;	      /* accepted, but not told */
};

enum { OPTIONS_DONE = 0, OPTIONS_HELP = 1 };

/* Where options may stand: before the first other argument only, or anywhere ("--" ends them in both). Behind the first
 * other argument, what is no known option is another argument, dash or not. */
enum option_order { OPTIONS_FIRST, OPTIONS_ANYWHERE };

/* Fills values by argv[0..argc), which are arguments only, and moves the others in order to the front of argv, their
 * number to *ret_n. OPTIONS_HELP when -h or --help was met. -EINVAL with the word of Go's flag package
 * ("flag provided but not defined: -x"). values must be zeroed; what an OPTION_LIST filled is freed by options_free(),
 * also after an error. */
int options_parse(const struct option_row *rows, size_t n, enum option_order order, int argc, char **argv, void *values,
		  int *ret_n, struct err *e);
void options_free(const struct option_row *rows, size_t n, void *values);

/* The rows as the lines below "OPTIONS:", with -h; adds to out. */
void options_help(const struct option_row *rows, size_t n, struct str *out);
/* "--name" and "-l", one a line, as completion in a shell wants them; adds to out. */
void options_words(const struct option_row *rows, size_t n, struct str *out);

#endif
