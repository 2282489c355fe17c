/* Reading container logs in CRI format: "<RFC 3339 nano> stdout|stderr F|P <text>\n". Pure but for the tail's search.
 */
#ifndef KNARR_AGENT_LOG_READ_H
#define KNARR_AGENT_LOG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

struct log_line {
	const char *time; /* not terminated */
	size_t time_len;
	bool err, partial;
	const char *text; /* without newline */
	size_t len;
};
/* line without its newline. False where it is no CRI line. Borrowed from line. */
bool log_line_parse(const char *line, size_t n, struct log_line *ret);

enum log_streams { LOG_ALL, LOG_STDOUT, LOG_STDERR };

struct log_filter {
	int64_t since_us;    /* 0: all */
	int64_t limit_bytes; /* -1: none; counts down */
	bool timestamps;
	enum log_streams streams;
	struct str rest; /* an incomplete last line */
	bool in_line;    /* inside of a line that came in parts */
};
#define LOG_FILTER_INIT ((struct log_filter){.limit_bytes = -1})
void log_filter_done(struct log_filter *f);
/* Adds to out what the client shall see. False once the limit is reached. */
bool log_filter_feed(struct log_filter *f, const char *bytes, size_t n, struct str *out);

/* The offset at which the last lines (complete ones, parts counted as one) of the file begin. */
off_t log_tail_offset(int fd, int64_t lines);
/* The highest attempt of which a container's directory has a log ("<attempt>.log"); -1: none, or no directory. */
int log_last_attempt(const char *dir);
/* The last at most max_bytes and max_lines of text, for messages of failures. Returns owned. */
char *log_last_text(const char *path, int64_t max_lines, size_t max_bytes);

#endif
