/* Claims. Happy path: the difference of what the two states hold becomes operations beside the object's own. Nothing
 * fails here. What always holds: an object and its claims come and go in one revision. */
#include "cp/api/claims.h"

#include <stdlib.h>

#include "base/mem.h"

#define CLAIMS "/registry/knarr/claims/"

struct claims {
	struct store_op *ops;
	char **keys;
	size_t n;
};

/* An operation for each of what from holds and to does not. */
static size_t add(struct claims *c, char *const *from, char *const *to, enum store_op_type type, struct buf *value)
{
	size_t before = c->n;
	for (; from && *from; from++) {
		AUTO_FREE char *key = xasprintf(CLAIMS "%s", *from);
		if (strv_has(to, *from) || strv_has(c->keys, key))
			continue;
		strv_add(&c->keys, key);
		c->ops = xreallocarray(c->ops, c->n + 1, sizeof(*c->ops));
		c->ops[c->n++] = (struct store_op){
		    .type = type, .value = value, .expect = type == STORE_PUT ? STORE_ABSENT : STORE_ANY};
	}
	return c->n - before;
}

bool claims_txn(struct api *a, const struct resource *res, const struct store_op *op, const json_t *old,
		const json_t *now, store_done done, void *arg)
{
	struct store *s = cache_store(a->cache);
	if (!res->ops->claims || !store_is_shared(s)) {
		store_txn(s, op, 1, done, arg);
		return false;
	}
	AUTO_STRV char **held = NULL, **wanted = NULL;
	AUTO_BUF *value = buf_new("{}", 2);
	struct claims c = {.ops = xmemdup(op, sizeof(*op)), .n = 1};
	strv_add(&c.keys, op->key);
	if (old)
		res->ops->claims(old, &held);
	if (now)
		res->ops->claims(now, &wanted);
	size_t claimed = add(&c, wanted, held, STORE_PUT, value);
	add(&c, held, wanted, STORE_DELETE, NULL);
	for (size_t i = 0; i < c.n; i++)
		c.ops[i].key = c.keys[i];
	store_txn(s, c.ops, c.n, done, arg);
	free(c.ops);
	free_strv(&c.keys);
	return claimed > 0;
}
