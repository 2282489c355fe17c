/* Claims. Happy path: the difference of what the two states hold becomes operations beside the object's own. A cluster
 * address is claimed by its IPAddress object, on every store; anything else by a key of its own, where the store is shared.
 * Nothing fails here. What always holds: an object and its claims come and go in one revision. */
#include "cp/api/claims.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/api/encode.h"

#define CLAIMS "/registry/knarr/claims/"
#define ADDRESS "ip/"

struct claims {
	struct api *api;
	const struct resource *res, *addresses; /* addresses: of IPAddress objects */
	const json_t *object;			/* that holds what is claimed */
	struct store_op *ops;
	struct buf **values;
	char **keys;
	size_t n;
};

static bool is_address(const char *name)
{
	return str_has_prefix(name, ADDRESS);
}

/* The IPAddress of an address that the object holds, as it is stored. Owned. */
static struct buf *address_object(const struct claims *c, const char *address)
{
	char uid[37], now[RFC3339_MAX];
	AUTO_JSON *o = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:{s:{s:s, s:s, s:s, s:s}}}", "kind", "IPAddress", "apiVersion",
				 "networking.k8s.io/v1", "metadata", "name", address, "uid", rand_uuid(uid), "creationTimestamp",
				 rfc3339(clock_wall_ms(), now), "labels", "ipaddress.kubernetes.io/ip-family",
				 strchr(address, ':') ? "IPv6" : "IPv4", "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io", "spec",
				 "parentRef", "group", c->res->kind->group, "resource", c->res->kind->plural, "namespace",
				 json_str_or(c->object, "metadata.namespace", ""), "name", json_str_or(c->object, "metadata.name", ""));
	return encode_stored(c->addresses->kind, o);
}

static char *key_of(const struct claims *c, const char *name)
{
	return is_address(name) ? bucket_key(c->addresses->bucket, "", name + strlen(ADDRESS)) : xasprintf(CLAIMS "%s", name);
}

/* Whether there is something to do about a name at all. */
static bool counts(const struct claims *c, const char *name, enum store_op_type type)
{
	if (!is_address(name))
		return store_is_shared(cache_store(c->api->cache));
	return c->addresses && (type == STORE_PUT || bucket_get(c->addresses->bucket, "", name + strlen(ADDRESS)));
}

/* An operation for each of what from holds and to does not. */
static size_t add(struct claims *c, char *const *from, char *const *to, enum store_op_type type)
{
	size_t before = c->n;
	for (; from && *from; from++) {
		if (strv_has(to, *from) || !counts(c, *from, type))
			continue;
		AUTO_FREE char *key = key_of(c, *from);
		if (strv_has(c->keys, key))
			continue;
		strv_add(&c->keys, key);
		struct buf *value = type != STORE_PUT ? NULL : is_address(*from) ? address_object(c, *from + strlen(ADDRESS)) : buf_new("{}", 2);
		c->values = xreallocarray(c->values, c->n + 1, sizeof(*c->values));
		c->ops = xreallocarray(c->ops, c->n + 1, sizeof(*c->ops));
		c->values[c->n] = value;
		c->ops[c->n++] = (struct store_op){
		    .type = type, .value = value, .expect = type == STORE_PUT ? STORE_ABSENT : STORE_ANY};
	}
	return c->n - before;
}

static void claims_done(struct claims *c)
{
	for (size_t i = 1; i < c->n; i++)
		buf_unref(c->values[i]);
	free(c->values);
	free(c->ops);
	free_strv(&c->keys);
}

bool claims_txn(struct api *a, const struct resource *res, const struct store_op *op, const json_t *old,
		const json_t *now, store_done done, void *arg)
{
	struct store *s = cache_store(a->cache);
	if (!res->ops->claims) {
		store_txn(s, op, 1, done, arg);
		return false;
	}
	AUTO_STRV char **held = NULL, **wanted = NULL;
	struct claims c = {.api = a,
			   .res = res,
			   .addresses = api_resource(a, "networking.k8s.io", "v1", "ipaddresses"),
			   .object = now,
			   .ops = xmemdup(op, sizeof(*op)),
			   .values = xcalloc(1, sizeof(struct buf *)),
			   .n = 1};
	strv_add(&c.keys, op->key);
	if (old)
		res->ops->claims(old, &held);
	if (now)
		res->ops->claims(now, &wanted);
	size_t claimed = add(&c, wanted, held, STORE_PUT);
	add(&c, held, wanted, STORE_DELETE);
	for (size_t i = 0; i < c.n; i++)
		c.ops[i].key = c.keys[i];
	store_txn(s, c.ops, c.n, done, arg);
	claims_done(&c);
	return claimed > 0;
}
