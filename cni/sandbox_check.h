/* CHECK of the container's interface: what a result says against what is there. */
#ifndef KNARR_CNI_SANDBOX_CHECK_H
#define KNARR_CNI_SANDBOX_CHECK_H

#include "cni/sandbox_if.h"

/* The whole of it: IPAM's CHECK, then the interface, which is of the kind where kind is given, and its addresses and
 * routes against prevResult, whose absence is told with the word missing. Gives prevResult (owned) and the link. */
int sandbox_check_attachment(const struct cni_call *c, const char *kind, const char *missing, json_t **ret_prev,
			     struct rtnl_link *ret, struct err *e);

/* Every address and route of the result is there: -ENOENT, which the first that is missing. */
int sandbox_check_result(const struct sandbox_if *s, const json_t *result, struct err *e);
/* The result's interface of this name whose sandbox is the call's: -EINVAL; its MAC address is the link's, and, where
 * kind is given, the link is of it. Fills *ret. */
int sandbox_check_find(const struct cni_call *c, struct rtnl *net, const json_t *result, const char *kind,
		       struct rtnl_link *ret, struct err *e);

#endif
