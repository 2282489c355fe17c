/* Shared immutable bytes. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct buf *buf_alloc(size_t len)
{
	struct buf *b = xmalloc(sizeof(*b) + len + 1);
	b->refs = 1;
	b->len = len;
	b->data[len] = '\0';
	return b;
}

struct buf *buf_new(const void *bytes, size_t len)
{
	struct buf *b = buf_alloc(len);
	if (len)
		memcpy(b->data, bytes, len);
	return b;
}

struct buf *buf_ref(struct buf *b)
{
	__atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
	return b;
}

void buf_unref(struct buf *b)
{
	if (b && __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(b);
}

void buf_unref_ptr(struct buf **b)
{
	buf_unref(*b);
	*b = NULL;
}
