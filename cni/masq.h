/* Masquerading of an attachment's traffic that leaves its subnet (ipMasq of bridge and ptp). */
#ifndef KNARR_CNI_MASQ_H
#define KNARR_CNI_MASQ_H

#include "cni/plugin.h"

/* ipMasq is asked for. -EINVAL where ipMasqBackend is none of "", "iptables", "nftables" (which are the same here). */
int masq_wanted(const struct cni_call *c, struct err *e);
/* For each address of the result: what it sends outside of its subnet, multicast apart, gets the node's address. */
int masq_add(const struct cni_call *c, const json_t *result, struct err *e);
int masq_check(const struct cni_call *c, const json_t *result, struct err *e);
/* DEL and GC. Needs neither result nor namespace. */
int masq_remove(const struct cni_call *c, struct err *e);

#endif
