/* Files of addresses and owners that are gone, kept for the next ones: DATADIR/NETWORK/.owners/spare.N. Making a new
 * file right after others were removed is slow on ext4, which looks at each number that became free in the last
 * seconds; renaming one is not. How many there are stands in the stamp of ipam_index.h; GC removes them. */
#ifndef KNARR_CNI_IPAM_SPARE_H
#define KNARR_CNI_IPAM_SPARE_H

#include "cni/ipam_store.h"

/* Takes the file of the directory away: it becomes a spare, or is removed where there are enough. Absent is fine. */
void ipam_spare_keep(struct ipam_store *s, int dir_fd, const char *name);
/* Makes name, which must not be there, a file with this text. -ENOENT where there is no spare. */
int ipam_spare_use(struct ipam_store *s, int dir_fd, const char *name, const char *text);
/* The file of this name in the index is a spare. */
bool ipam_spare_is_one(const char *name);

#endif
