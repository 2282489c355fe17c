/* A file of lines, written by a thread of its own so that a slow disk holds up nobody; it is changed for a new one when it
 * has grown. */
#ifndef KNARR_CP_API_AUDIT_LOG_H
#define KNARR_CP_API_AUDIT_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct audit_log;

struct audit_log_config {
	const char *path;  /* "-": standard output */
	int64_t max_bytes; /* then the file becomes <path>-<time>; 0: never */
	int max_backups;   /* older ones are removed; 0: none is for their number */
	int max_age_days;  /* 0: none is for its age */
};
/* Opens (creates, mode 0600) the file and starts the thread. */
int audit_log_new(const struct audit_log_config *c, struct audit_log **ret, struct err *e);
/* Writes what is queued, then ends. NULL is fine. */
void audit_log_free(struct audit_log *l);
/* Queues one line (without its newline). Lines that do not fit into 32 MiB that wait are dropped, and counted. */
void audit_log_add(struct audit_log *l, const char *line, size_t len);
uint64_t audit_log_dropped(struct audit_log *l);

#endif
