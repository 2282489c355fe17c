/* Who holds which addresses, one small file an owner beside the reference's files, so that nothing has to read them
 * all:
 *   DATADIR/NETWORK/.owners/HASH   boot id, mount namespace, network namespace, container id, interface, addresses:
 *                                  a line each
 *   DATADIR/NETWORK/.owners/stamp  boot id, time of the last change of DATADIR/NETWORK that the index knows of, and
 *                                  how many spare files there are (ipam_spare.h)
 * The reference's files are the truth. Where somebody else changed them the stamp tells so, and the index is
 * made anew from them. An owner of an earlier boot is gone, and so is one whose network namespace is gone from the
 * mount namespace that it was named in: their addresses are freed, the former when the index is made anew, the latter
 * when addresses run out. Of addresses that another program gave out neither is known: DEL and GC free them. */
#ifndef KNARR_CNI_IPAM_INDEX_H
#define KNARR_CNI_IPAM_INDEX_H

#include "cni/ipam_store.h"

struct ipam_held {
	struct ip *ips;
	size_t n;
};
void ipam_held_done(struct ipam_held *h);

/* Makes the index whole where it is not; called once behind ipam_store_open(). */
int ipam_index_open(struct ipam_store *s, struct err *e);
/* What id and ifname hold, or else what id holds in the oldest format, which knows no interfaces. */
void ipam_index_get(struct ipam_store *s, const char *id, const char *ifname, struct ipam_held *ret);
/* Notes, and forgets, an owner. A failure leaves an index that is made anew at its next use. */
void ipam_index_put(struct ipam_store *s, const char *id, const char *ifname, const char *netns, const struct ip *ips,
		    size_t n);
void ipam_index_remove(struct ipam_store *s, const char *id, const char *ifname);
/* Drops entries that hold nothing: of a plugin that was killed in the tick of the clock in which the stamp was written. */
int ipam_index_prune(struct ipam_store *s, struct err *e);
/* The index knows of every change until now; called once before ipam_store_close(). */
void ipam_index_stamp(struct ipam_store *s);
/* Frees addresses whose owner's network namespace is gone. Returns how many. */
int ipam_index_sweep(struct ipam_store *s, struct err *e);

#endif
