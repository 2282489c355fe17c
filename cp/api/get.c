/* GET of one object. Purpose: answer from the cache. Happy path: the cached bytes go out as they are. Fails with 404,
 * or 504 for a resourceVersion that has not come yet. */
#include <stdlib.h>
#include <string.h>

#include "cp/api/api_internal.h"

void verb_get(struct req *q)
{
	const char *rv = req_param(q, "resourceVersion");
	const struct kind *k = q->res->kind;
	if (!str_empty(rv)) {
		if (strspn(rv, "0123456789") != strlen(rv) || strlen(rv) > 19) {
			reply_status(q,
				     status_plain_500(
					 "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": "
					 "invalid syntax",
					 rv, rv));
			return;
		}
		uint64_t wanted = strtoull(rv, NULL, 10), now = cache_revision(q->api->cache);
		if (wanted > now) {
			reply_status(q, status_too_large_rv(wanted, now));
			return;
		}
	}
	struct cobj *o = bucket_get(q->res->bucket, k->namespaced ? q->route.ns : "", q->route.name);
	if (o)
		reply_cobj(q, 200, o);
	else
		reply_status(q, status_not_found(k->group, k->plural, q->route.name));
}
