/* Bytes on their way out: a queue of referenced bufs and of copied pieces that grow together. */
#ifndef KNARR_IO_OUTQ_H
#define KNARR_IO_OUTQ_H

#include <stddef.h>
#include <sys/uio.h>

#include "base/buf.h"

struct outq_piece {
	struct buf *buf;
	size_t start, end; /* what is still to go, within buf->data */
	size_t room;       /* bytes behind end that may still be filled; 0 for referenced bufs */
};

struct outq {
	struct outq_piece *v;
	size_t head, n, cap; /* pieces are v[head .. head + n) */
	size_t bytes;
};

void outq_done(struct outq *q);
void outq_add(struct outq *q, const void *bytes, size_t n); /* copies */
/* References b, or copies it where that is cheaper (small ones). */
void outq_add_buf(struct outq *q, struct buf *b);
/* Fills at most max entries, returns their number. */
int outq_iov(const struct outq *q, struct iovec *iov, int max);
void outq_consume(struct outq *q, size_t n); /* n <= bytes */

#endif
