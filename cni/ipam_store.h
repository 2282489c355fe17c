/* Addresses in use, one file each, in the reference's format:
 *   DATADIR/NETWORK/ADDRESS             "container id CR LF interface name"
 *   DATADIR/NETWORK/last_reserved_ip.N  the address handed out last of range set N
 *   DATADIR/NETWORK/lock                held (flock) while the directory is read or changed */
#ifndef KNARR_CNI_IPAM_STORE_H
#define KNARR_CNI_IPAM_STORE_H

#include <sys/types.h>

#include "base/err.h"
#include "io/net/ip.h"

#define IPAM_SPARE_MAX 32

struct ipam_store {
	int dir_fd, lock_fd;
	int index_fd, stamp_fd; /* of ipam_index.h */
	unsigned n_spare;       /* of ipam_spare.h */
};

#define IPAM_STORE_INIT ((struct ipam_store){-1, -1, -1, -1, 0})

/* Makes the directory where it is missing, waits for the lock. */
int ipam_store_open(const char *data_dir, const char *network, struct ipam_store *ret, struct err *e);
void ipam_store_close(struct ipam_store *s);
/* -EEXIST when it is in use. */
int ipam_store_reserve(struct ipam_store *s, const struct ip *ip, const char *id, const char *ifname, struct err *e);
/* The address is in use by id and ifname ("" in the oldest format). */
bool ipam_store_is_held(struct ipam_store *s, const struct ip *ip, const char *id, const char *ifname);
/* The addresses in use, in order: owned array. */
int ipam_store_list(struct ipam_store *s, struct ip **ret, size_t *ret_n, struct err *e);
void ipam_store_release(struct ipam_store *s, const struct ip *ip); /* absent is fine */
/* The address handed out last of a set; false where there is none. Setting it is a hint that may be lost. */
bool ipam_store_last(struct ipam_store *s, size_t set, struct ip *ret);
void ipam_store_set_last(struct ipam_store *s, size_t set, const struct ip *ip);
/* Writes a small file of the directory, which may be there; a failure is ignored. */
void ipam_store_overwrite(int dir_fd, const char *name, const char *text, mode_t mode);
/* Calls fn for each address in use with its owner; ifname is "" in the oldest format. */
int ipam_store_each(struct ipam_store *s,
		    void (*fn)(void *arg, const struct ip *ip, const char *id, const char *ifname), void *arg,
		    struct err *e);

#endif
