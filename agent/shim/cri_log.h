/* CRI log lines: "<RFC 3339 nano> stdout F text\n", partial lines tagged P (Kubernetes CRI logging format). */
#ifndef KNARR_AGENT_SHIM_CRI_LOG_H
#define KNARR_AGENT_SHIM_CRI_LOG_H

#include <stddef.h>
#include <stdint.h>

#define CRI_LINE_MAX 16384

/* Bytes of one stream that do not make a line yet. */
struct cri_line {
	size_t len;
	char bytes[CRI_LINE_MAX];
};

/* Gets one line without its newline; tag is 'F' or, for a piece of a longer line, 'P'. */
typedef void (*cri_line_fn)(void *arg, char tag, const char *text, size_t len);

/* Where new bytes are to be read into, and how many fit (never 0). */
char *cri_line_room(struct cri_line *l, size_t *ret_room);
/* n bytes were put there: every line that is now whole is given to fn; a full buffer is given as a P piece. */
void cri_line_feed(struct cri_line *l, size_t n, cri_line_fn fn, void *arg);
/* The stream has ended: what is left is given as a P piece. */
void cri_line_end(struct cri_line *l, cri_line_fn fn, void *arg);

/* Appends one log line to fd, stream "stdout" or "stderr". 0 or -errno; a short write is completed. */
int cri_log_write(int fd, const char *stream, char tag, int64_t wall_ns, const char *text, size_t len);

#endif
