/* Key states in a hash map, an undo list for the group at work, and a queue of retired rows.
 *
 * Nothing here can fail. What always holds: after store_index_commit() the undo list is empty; after
 * store_index_rollback() every key is as it was at the last commit, retired rows included. */
#include "cp/store/store_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

struct undo {
	char *key;
	struct store_key *old; /* owned; NULL: the key was absent */
};

struct store_index {
	struct map *keys; /* of struct store_key, owned */
	struct undo *undo;
	size_t n_undo, cap_undo;
	struct store_old_row *old; /* [head, n) are live, [committed, n) belong to the group */
	size_t head, n, cap, committed;
};

static void key_free(void *p)
{
	struct store_key *k = p;
	if (k)
		buf_unref(k->held);
	free(k);
}

struct store_index *store_index_new(void)
{
	struct store_index *x = xcalloc(1, sizeof(*x));
	x->keys = map_new(NULL);
	return x;
}

void store_index_free(struct store_index *x)
{
	if (!x)
		return;
	store_index_commit(x);
	size_t at = 0;
	const char *key;
	void *k;
	while (map_next(x->keys, &at, &key, &k))
		key_free(k);
	map_free(x->keys);
	free(x->undo);
	free(x->old);
	free(x);
}

const struct store_key *store_index_get(const struct store_index *x, const char *key)
{
	return map_get(x->keys, key);
}

size_t store_index_len(const struct store_index *x)
{
	return map_len(x->keys);
}

bool store_index_next(const struct store_index *x, size_t *at, const char **ret_key, const struct store_key **ret)
{
	return map_next(x->keys, at, ret_key, ret);
}

static void remember(struct store_index *x, const char *key, struct store_key *old)
{
	if (x->n_undo == x->cap_undo) {
		x->cap_undo = x->cap_undo ? x->cap_undo * 2 : 16;
		x->undo = xreallocarray(x->undo, x->cap_undo, sizeof(*x->undo));
	}
	x->undo[x->n_undo++] = (struct undo){xstrdup(key), old};
}

void store_index_put(struct store_index *x, const char *key, const struct store_key *state)
{
	struct store_key *k = xmemdup(state, sizeof(*state));
	if (k->held)
		buf_ref(k->held);
	remember(x, key, map_get(x->keys, key));
	map_set(x->keys, key, k);
}

void store_index_remove(struct store_index *x, const char *key)
{
	remember(x, key, map_steal(x->keys, key));
}

void store_index_retire(struct store_index *x, int64_t row, uint64_t rev, int64_t since)
{
	if (x->n == x->cap) {
		size_t live = x->n - x->head;
		if (x->head > live) {
			memmove(x->old, x->old + x->head, live * sizeof(*x->old));
			x->committed -= x->head;
			x->n = live;
			x->head = 0;
		} else {
			x->cap = x->cap ? x->cap * 2 : 64;
			x->old = xreallocarray(x->old, x->cap, sizeof(*x->old));
		}
	}
	x->old[x->n++] = (struct store_old_row){row, rev, since};
}

void store_index_commit(struct store_index *x)
{
	for (size_t i = 0; i < x->n_undo; i++) {
		free(x->undo[i].key);
		key_free(x->undo[i].old);
	}
	x->n_undo = 0;
	x->committed = x->n;
	if (x->cap_undo > 4096) {
		free(x->undo);
		x->undo = NULL;
		x->cap_undo = 0;
	}
}

void store_index_rollback(struct store_index *x)
{
	while (x->n_undo) {
		struct undo *u = &x->undo[--x->n_undo];
		key_free(map_steal(x->keys, u->key));
		if (u->old)
			map_set(x->keys, u->key, u->old);
		free(u->key);
	}
	x->n = x->committed;
}

const struct store_old_row *store_index_old(const struct store_index *x, size_t i)
{
	return i < store_index_n_old(x) ? &x->old[x->head + i] : NULL;
}

size_t store_index_n_old(const struct store_index *x)
{
	return x->committed - x->head;
}

void store_index_drop_old(struct store_index *x, size_t n)
{
	x->head += n;
	if (x->head == x->n)
		x->head = x->n = x->committed = 0;
}
