/* What the proxy*.c files share. */
#ifndef KNARR_NETFILTER_PROXY_INTERNAL_H
#define KNARR_NETFILTER_PROXY_INTERNAL_H

#include <string.h>

#include "io/nft/nft.h"
#include "netfilter/proxy.h"
#include "netfilter/service_chain.h"
#include "netfilter/service_pack.h"
#include "netfilter/service_rules.h"

struct health_ports;
struct feed;
struct feed_sub;
struct table;
struct proxy_node;
struct timer;

/* An EndpointSlice that is known. */
struct slice {
	struct slice *next; /* of the same entry */
	struct entry *entry;
	uint32_t packed_len;
	char key[]; /* and behind its NUL the packed slice */
};

static inline const char *slice_packed(const struct slice *s)
{
	return s->key + strlen(s->key) + 1;
}

/* When something that waits for the kernel has come about, on the wall clock. */
struct trigger {
	int64_t us;
	bool six;
};

/* One service's name, whatever is known of it: the object, its slices, what of it stands in the kernel. */
struct entry {
	struct packed *service; /* NULL: not known */
	struct slice *slices;
	struct packed *elems; /* programmed */
	bool dirty, contested; /* contested: another service has one of its fronts */
	char key[];
};

/* What becomes of a dirty entry in a sync; before that only the entry is filled in. */
struct change {
	struct entry *entry;
	struct svc_elem *elems, *wanted; /* programmed; planned and not yet committed */
	size_t n_elems, n_wanted;
	uint16_t health_port;
	bool waited;    /* for a front of another service: comes behind those that did not */
	size_t n_local; /* with a health port: ready endpoints here */
};

/* A sorted list of elements as the kernel has them. */
struct elems {
	struct svc_elem *v;
	size_t n, cap;
};

/* Borrowed elements. */
struct pointers {
	const struct svc_elem **v;
	size_t n, cap;
};
/* What a sync deletes or adds: by kind, then IPv4 and IPv6. */
typedef struct pointers proxy_changes[SVC_KINDS][2];

struct proxy {
	struct nft *nft;
	char *table, *node_name;
	char **node_services;
	struct service_rules rules;
	struct ip *node_ips;
	size_t n_node_ips;
	bool ipv6, masquerade_all;
	bool adopted;          /* what we believe to be programmed agrees with the kernel */
	bool full;             /* a map was full: the tables are made anew, with more room */
	bool fresh[2];         /* while adopting: this family's table is made anew */
	size_t room[2][SVC_MAPS], held[2][SVC_MAPS]; /* of the maps of tables made here; no room: not known */
	struct elems kernel;   /* while adopting */
	struct table *entries; /* of struct entry */
	struct table *slices;  /* of struct slice */
	struct table *claims;  /* of struct claim: who has a front */
	struct map *hairpins;  /* hairpin key -> struct hairpin */
	struct map *chains[2]; /* chains in the kernel: IPv4, IPv6 */
	struct change *dirty;
	size_t n_dirty, cap_dirty;
	struct trigger *triggers;
	size_t n_triggers;
	size_t n_contested;
	struct loop *loop;
	struct api_client *api;
	struct feed *feed, *own_feed; /* own_feed: to be freed here; NULL where others share feed */
	struct feed_sub *services_sub, *slices_sub;
	struct timer *timer;
	struct proxy_node *node;
	struct health_ports *health_ports;
	int64_t no_local[2][2]; /* IPv4, IPv6; internal, external: fronts with policy Local, endpoints, none here */
	bool sweep_all;         /* flows were not looked through after the last commit */
	struct metrics *metrics;
	char *zone;            /* of the node; "" */
	int lock_fd;           /* held for life; -1 */
	int64_t retry_ms;
	int64_t pending_mono_ms; /* since when something waits for the kernel; 0: nothing does */
	int64_t updated_wall_ms; /* when the kernel was last in step; 0: never */
	void (*on_sync)(void *arg, const struct err *e, size_t changed);
	void *arg;
};

void proxy_mark_dirty(struct proxy *p, struct entry *e);
void proxy_entry_free(struct proxy *p, struct entry *e); /* one without slices */

/* Reads tables, chains and elements into p->kernel and p->chains, or finds that a table has to be made anew. */
int proxy_adopt(struct proxy *p, struct err *e);
void elems_add(struct elems *l, const struct svc_elem *e);
const struct svc_elem *elems_find(const struct elems *l, const struct svc_elem *like);

/* Keeps of what is wanted what no other service has; takes ownership of its fronts. */
void proxy_claim_fronts(struct proxy *p, struct change *c);
/* Gives up fronts that are not wanted any more; services that waited for one become dirty, which may move p->dirty. */
void proxy_release_fronts(struct proxy *p, const struct change *c);
void proxy_claims_clear(struct proxy *p);
bool proxy_has_elem(const struct svc_elem *v, size_t n, const struct svc_elem *like); /* among sorted ones */

/* Behind a commit; full: for every front, not only those that have lost something.
 * Cuts UDP flows to endpoints that serve no more, and those from before a front was there. */
int proxy_sweep_udp(struct proxy *p, const proxy_changes del, const proxy_changes add, bool full, struct err *e);
/* Forgets which clients had endpoints that their front has no more. */
int proxy_sweep_affinity(struct proxy *p, const proxy_changes del, bool full, struct err *e);

/* The glue to the feed; without an API client and a loop these do nothing. The first sync waits for the node, too, until
 * its zone is known or cannot be. */
int proxy_watch_start(struct proxy *p, const char *const *nodeport_nets, struct err *e);
void proxy_watch_stop(struct proxy *p);
int proxy_node_start(struct proxy *p, const char *const *nodeport_nets, struct err *e);
void proxy_node_stop(struct proxy *p);
bool proxy_node_is_going(const struct proxy *p);
bool proxy_node_known(const struct proxy *p);
/* Everything is planned anew at the next sync. */
void proxy_mark_all(struct proxy *p);
/* Takes the right to keep the table in this network namespace, until the descriptor is closed. -EADDRINUSE. */
int proxy_lock(const char *table, int *ret_fd, struct err *e);
/* A sync soon, when a loop is there and everything has been told once. */
void proxy_schedule(struct proxy *p);

#endif
