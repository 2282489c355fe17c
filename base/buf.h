/* Immutable reference-counted bytes, shared between the cache and every response or watcher that sends them. */
#ifndef KNARR_BASE_BUF_H
#define KNARR_BASE_BUF_H

#include <stddef.h>

struct str;

/* The count is atomic: a buf may be handed to another thread. data is NUL-terminated behind len. */
struct buf {
	int refs;
	size_t len;
	char data[];
};

struct buf *buf_new(const void *bytes, size_t len); /* copies; returns owned (one reference) */
struct buf *buf_alloc(size_t len);                  /* returns owned, to be filled before it is shared */
struct buf *buf_ref(struct buf *b);
void buf_unref(struct buf *b); /* NULL is fine */
void buf_unref_ptr(struct buf **b);
#define AUTO_BUF AUTO(buf_unref_ptr) struct buf

#endif
