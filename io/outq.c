/* Bytes on their way out. What always holds: bytes is the sum of the pieces; large bufs are shared, never copied; small
 * writes share a piece so that a queue of them stays short. */
#include "io/outq.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { COPY_BELOW = 1024, PIECE = 4096 };

void outq_done(struct outq *q)
{
	for (size_t i = 0; i < q->n; i++)
		buf_unref(q->v[q->head + i].buf);
	free(q->v);
	*q = (struct outq){ 0 };
}

static void push(struct outq *q, struct outq_piece piece)
{
	if (q->head + q->n == q->cap) {
		if (q->head > q->n) {
			memmove(q->v, q->v + q->head, q->n * sizeof(*q->v));
			q->head = 0;
		} else {
			q->cap = q->cap ? q->cap * 2 : 4;
			q->v = xreallocarray(q->v, q->cap, sizeof(*q->v));
		}
	}
	q->v[q->head + q->n++] = piece;
	q->bytes += piece.end - piece.start;
}

/* What still fits behind the last piece; returns how much that was. */
static size_t fill_last(struct outq *q, const void *bytes, size_t n)
{
	if (!q->n)
		return 0;
	struct outq_piece *last = &q->v[q->head + q->n - 1];
	size_t take = MIN(last->room, n);
	if (take)
		memcpy(last->buf->data + last->end, bytes, take);
	last->end += take;
	last->room -= take;
	q->bytes += take;
	return take;
}

void outq_add(struct outq *q, const void *bytes, size_t n)
{
	size_t filled = fill_last(q, bytes, n);
	bytes = (const char *)bytes + filled;
	n -= filled;
	if (!n)
		return;
	size_t size = n < PIECE ? (q->n ? PIECE : MAX(n, (size_t)512)) : n;
	struct buf *b = buf_alloc(size);
	memcpy(b->data, bytes, n);
	push(q, (struct outq_piece){ .buf = b, .end = n, .room = size - n });
}

void outq_add_buf(struct outq *q, struct buf *b)
{
	if (b->len < COPY_BELOW) {
		outq_add(q, b->data, b->len);
	} else {
		push(q, (struct outq_piece){ .buf = buf_ref(b), .end = b->len });
	}
}

int outq_iov(const struct outq *q, struct iovec *iov, int max)
{
	int n = 0;
	for (; n < max && (size_t)n < q->n; n++) {
		const struct outq_piece *p = &q->v[q->head + (size_t)n];
		iov[n] = (struct iovec){ p->buf->data + p->start, p->end - p->start };
	}
	return n;
}

void outq_consume(struct outq *q, size_t n)
{
	q->bytes -= n;
	while (n) {
		struct outq_piece *p = &q->v[q->head];
		size_t take = MIN(n, p->end - p->start);
		p->start += take;
		n -= take;
		if (p->start < p->end)
			return;
		buf_unref(p->buf);
		q->head++;
		q->n--;
	}
	if (!q->n)
		outq_done(q);
}
