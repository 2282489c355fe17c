/* What only one object may hold (a cluster address, a node port), kept unique by the store itself where several servers
 * write to it: each is a key that is made and removed in the transaction of its object. An address of
 * a service ("ip/10.96.0.1") is claimed by its IPAddress object. */
#ifndef KNARR_CP_API_CLAIMS_H
#define KNARR_CP_API_CLAIMS_H

#include "cp/api/api_internal.h"
#include "cp/store/store.h"

/* store_txn() of op, which turns the object old (NULL: none) into now (NULL: none), with what that claims and gives up.
 * Returns whether something is claimed: then -ESTALE may mean that somebody else holds it. */
bool claims_txn(struct api *a, const struct resource *res, const struct store_op *op, const json_t *old,
		const json_t *now, store_done done, void *arg);

#endif
