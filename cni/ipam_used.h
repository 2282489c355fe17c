/* Which addresses are in use, without reading the whole directory: DATADIR/NETWORK/.owners/used, a record for each
 * address that was taken or freed since the file was made. There is none until somebody has to look past many
 * addresses. */
#ifndef KNARR_CNI_IPAM_USED_H
#define KNARR_CNI_IPAM_USED_H

#include "cni/ipam_store.h"

#define IPAM_USED_NAME "used"

/* A set of addresses. */
struct ipam_used {
	struct ip *slots; /* NULL: not loaded */
	size_t mask;
};

/* From the file, or from the directory, of which the file is made then. */
int ipam_used_load(struct ipam_store *s, struct ipam_used *ret, struct err *e);
bool ipam_used_has(const struct ipam_used *u, const struct ip *ip);
void ipam_used_done(struct ipam_used *u);
/* An address was taken, or freed. */
void ipam_used_note(struct ipam_store *s, const struct ip *ip, bool taken);
/* Whatever the file says may be wrong: the next one is made of the directory. */
void ipam_used_forget(struct ipam_store *s);

#endif
