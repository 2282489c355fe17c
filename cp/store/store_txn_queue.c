/* A transaction is one block with its operations and keys; queues link them. Nothing here can fail. */
#include "cp/store/store_txn_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cp/store/store_driver.h"

struct store_txn *store_txn_new(const struct store_op *ops, size_t n, store_done done, void *arg)
{
	size_t text = 0;
	for (size_t i = 0; i < n; i++)
		text += strlen(ops[i].key) + 1;
	struct store_txn *t = xcalloc(1, sizeof(*t) + n * sizeof(t->ops[0]) + text);
	char *p = (char *)&t->ops[n];
	t->done = done;
	t->arg = arg;
	t->n = n;
	t->bytes = text;
	for (size_t i = 0; i < n; i++) {
		t->ops[i] = (struct store_txn_op){.type = ops[i].type,
						  .key = p,
						  .value = ops[i].value,
						  .expect = ops[i].expect,
						  .volatile_ = ops[i].volatile_};
		p = stpcpy(p, ops[i].key) + 1;
		if (ops[i].value)
			t->bytes += buf_ref(ops[i].value)->len;
	}
	return t;
}

void store_txn_free(struct store_txn *t)
{
	for (size_t i = 0; i < t->n; i++)
		buf_unref(t->ops[i].value);
	free(t->e);
	free(t);
}

void store_txn_fail(struct store_txn *t, int r, const struct err *e)
{
	t->r = r;
	t->rev = 0;
	free(t->e);
	t->e = xmemdup(e, sizeof(*e));
}

void store_txn_deliver(struct store *s, struct store_txn *t)
{
	if (!t->r)
		s->revision = t->rev;
	for (size_t i = 0; !t->r && s->watch && i < t->n; i++) {
		const struct store_txn_op *op = &t->ops[i];
		struct store_event ev = {.type = op->type,
					 .key = op->key,
					 .value = op->value,
					 .rev = t->rev,
					 .create_rev = op->create_rev,
					 .prev_rev = op->prev_rev,
					 .volatile_ = op->volatile_};
		if (!op->skipped)
			s->watch(s->watch_arg, &ev);
	}
	if (t->done)
		t->done(t->arg, t->r, t->rev, t->e);
	store_txn_free(t);
}

void store_txn_queue_init(struct store_txn_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

void store_txn_queue_add(struct store_txn_queue *q, struct store_txn *t)
{
	t->next = NULL;
	*q->tail = t;
	q->tail = &t->next;
}

void store_txn_queue_join(struct store_txn_queue *q, struct store_txn_queue *from)
{
	if (!from->head)
		return;
	*q->tail = from->head;
	q->tail = from->tail;
	store_txn_queue_init(from);
}

struct store_txn *store_txn_queue_pop(struct store_txn_queue *q)
{
	struct store_txn *t = q->head;
	if (t && !(q->head = t->next))
		q->tail = &q->head;
	return t;
}

void store_txn_queue_take(struct store_txn_queue *q, size_t max_n, size_t max_bytes, struct store_txn_queue *ret)
{
	size_t bytes = 0;
	for (size_t n = 0; q->head && n < max_n && bytes < max_bytes; n++) {
		bytes += q->head->bytes;
		store_txn_queue_add(ret, store_txn_queue_pop(q));
	}
}
