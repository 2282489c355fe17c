/* Transactions on their way from the loop to the writer and back. */
#ifndef KNARR_CP_STORE_STORE_TXN_QUEUE_H
#define KNARR_CP_STORE_STORE_TXN_QUEUE_H

#include "cp/store/store.h"

struct store_txn_op {
	enum store_op_type type;
	const char *key; /* inside the transaction's block */
	struct buf *value;
	uint64_t expect;
	bool volatile_, skipped; /* skipped: a delete of what is absent */
	uint64_t create_rev, prev_rev;
};

struct store_txn {
	struct store_txn *next;
	store_done done;
	void *arg;
	int r;
	uint64_t rev;
	struct err *e; /* owned; NULL on success */
	size_t bytes, n;
	struct store_txn_op ops[];
};

/* Copies keys, references values. Returns owned. */
struct store_txn *store_txn_new(const struct store_op *ops, size_t n, store_done done, void *arg);
void store_txn_free(struct store_txn *t);
/* Notes the result; e may be NULL on success. */
void store_txn_fail(struct store_txn *t, int r, const struct err *e);
/* Calls the store's watcher for each change, then done; frees the transaction. The loop's thread. */
void store_txn_deliver(struct store *s, struct store_txn *t);

/* A first-in first-out list; not locked. */
struct store_txn_queue {
	struct store_txn *head, **tail;
};
void store_txn_queue_init(struct store_txn_queue *q);
void store_txn_queue_add(struct store_txn_queue *q, struct store_txn *t); /* takes t */
/* Moves all of from behind q. */
void store_txn_queue_join(struct store_txn_queue *q, struct store_txn_queue *from);
/* Moves the first transactions to ret (empty before): at most max_n, and no more once max_bytes are reached. */
void store_txn_queue_take(struct store_txn_queue *q, size_t max_n, size_t max_bytes, struct store_txn_queue *ret);
struct store_txn *store_txn_queue_pop(struct store_txn_queue *q); /* returns owned; NULL when empty */

#endif
