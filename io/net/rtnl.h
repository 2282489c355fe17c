/* Links, addresses and routes over rtnetlink, in this or in another network namespace. rtnetlink(7). */
#ifndef KNARR_IO_NET_RTNL_H
#define KNARR_IO_NET_RTNL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/net/ip.h"

struct rtnl; /* one socket, bound for life to the namespace it was opened in */

/* netns_fd -1: the thread's own namespace. */
int rtnl_open(int netns_fd, struct rtnl **ret, struct err *e);
/* The same kind of socket for generic netlink, in the thread's own namespace. */
int rtnl_open_generic(struct rtnl **ret, struct err *e);
void rtnl_close(struct rtnl *r); /* NULL is fine */
void rtnl_close_ptr(struct rtnl **r);
#define AUTO_RTNL AUTO(rtnl_close_ptr) struct rtnl

/* Opens a namespace by path; -ENOENT, -EINVAL where the file is no network namespace. Returns a descriptor. */
int netns_open(const char *path, struct err *e);
/* The thread's own namespace. Returns a descriptor. */
int netns_open_own(struct err *e);
/* Moves this thread into the namespace and returns a descriptor of the one it left, for netns_leave(). */
int netns_enter(int netns_fd, struct err *e);
void netns_leave(int previous_fd); /* closes it; aborts the process if the way back is barred */
/* Whether the descriptor is the thread's own namespace. */
bool netns_is_current(int netns_fd);

/* Of a vxlan link. RFC 7348. */
struct rtnl_vxlan {
	uint32_t vni;
	uint16_t port;   /* UDP */
	struct ip local; /* where its packets come from */
};

struct rtnl_link {
	int index;
	char name[IFNAMSIZ];
	char kind[16]; /* "bridge", "veth" ...; "" for hardware */
	uint8_t mac[6];
	int mtu;
	unsigned flags; /* IFF_* */
	int master;     /* index or 0 */
	int peer;       /* veth: the peer's index in its namespace; 0 */
	bool promisc;
	int txqlen;
	struct rtnl_vxlan vxlan;
	uint32_t group;
	uint32_t mode;         /* macvlan: MACVLAN_MODE_*, ipvlan: IPVLAN_MODE_* */
	int vlan_id;           /* vlan */
	char alias[IFNAMSIZ];  /* as far as it fits */
};

/* -ENODEV where there is none. */
int rtnl_link_get(struct rtnl *r, const char *name, struct rtnl_link *ret, struct err *e);
/* The index alone, which costs a small part of all the rest. -ENODEV. */
int rtnl_link_index(struct rtnl *r, const char *name, int *ret, struct err *e);
int rtnl_link_get_index(struct rtnl *r, int index, struct rtnl_link *ret, struct err *e);
/* Makes a bridge that is up with this MAC address, mtu 0: default. -EEXIST where the name is taken; -EOPNOTSUPP where
 * the kernel cannot filter VLANs. */
int rtnl_bridge_add(struct rtnl *r, const char *name, const uint8_t mac[6], int mtu, bool vlan_filtering,
		    struct err *e);

struct rtnl_veth {
	const char *name, *peer_name;
	const uint8_t *mac, *peer_mac; /* NULL: the kernel's choice */
	int mtu;                       /* both ends; 0: default */
	int master;                    /* bridge of the near end; 0: none */
	int peer_netns_fd;             /* -1: the same namespace */
	bool up;                       /* the near end */
};
/* One message makes both ends. -EEXIST where either name is taken. */
int rtnl_veth_add(struct rtnl *r, const struct rtnl_veth *v, struct err *e);
/* 0 also when it is gone already. */
int rtnl_link_del(struct rtnl *r, const char *name, struct err *e);

/* What to change; members at zero are left alone. */
struct rtnl_change {
	bool up, down;
	bool promisc, no_promisc;
	bool arp_notify; /* announce addresses by gratuitous ARP when the link comes up */
	bool allmulti, no_allmulti;
	int mtu;
	int txqlen;
	int master; /* -1: none */
	const uint8_t *mac;
	const char *name;   /* a link that is down only */
	const char *alias;
	int netns_fd_plus1; /* move it into this namespace: descriptor + 1 */
};
int rtnl_link_set(struct rtnl *r, int index, const struct rtnl_change *c, struct err *e);
/* Bridge port flags of a link that has a master. */
int rtnl_port_set(struct rtnl *r, const char *name, bool hairpin, bool isolated, struct err *e);
/* VLANs from first to last on a bridge port, tagged, or (pvid) untagged and where untagged frames belong. */
int rtnl_port_vlan_add(struct rtnl *r, int index, int first, int last, bool pvid, struct err *e);
int rtnl_port_vlan_del(struct rtnl *r, int index, int vlan, struct err *e); /* absent is fine */

/* A link on top of another one, or of its own, made in one message. */
struct rtnl_new {
	const char *kind, *name; /* "macvlan", "ipvlan", "vlan", "ifb" ... */
	int parent;              /* index of the link below in r's namespace; 0: none */
	int netns_fd;            /* where it is to be; -1: here */
	const uint8_t *mac;      /* NULL: the kernel's choice */
	int mtu;                 /* 0: default */
	bool up;
	uint32_t group;   /* of links; 0: the default one */
	uint32_t mode;    /* macvlan: MACVLAN_MODE_*, ipvlan: IPVLAN_MODE_* */
	int bc_queue_len; /* macvlan; 0: default */
	int vlan_id;      /* vlan */
	struct rtnl_vxlan vxlan; /* without learning: rtnl_fdb_set() says where things are */
};
/* -EEXIST where the name is taken, -EOPNOTSUPP where the kernel has no such kind. */
int rtnl_link_new(struct rtnl *r, const struct rtnl_new *n, struct err *e);
/* All links here: owned array. */
int rtnl_link_list(struct rtnl *r, struct rtnl_link **ret, size_t *ret_n, struct err *e);

struct rtnl_addr {
	struct ip_net net;
	int index;
	uint32_t flags; /* IFA_F_* */
};
/* Without duplicate address detection unless dad is set; an address that is there already is fine. */
int rtnl_addr_add(struct rtnl *r, int index, const struct ip_net *net, bool dad, struct err *e);
/* With flags of one's own choice (IFA_F_*). */
int rtnl_addr_add_flags(struct rtnl *r, int index, const struct ip_net *net, uint32_t flags, struct err *e);
int rtnl_addr_del(struct rtnl *r, int index, const struct ip_net *net, struct err *e); /* absent is fine */
/* family 0: both. *ret is an owned array. Link-local IPv6 addresses are part of it. */
int rtnl_addr_list(struct rtnl *r, int index, int family, struct rtnl_addr **ret, size_t *ret_n, struct err *e);

struct rtnl_route {
	struct ip_net dst;
	struct ip gw;  /* family 0: on link */
	struct ip src; /* preferred source; family 0: the kernel's choice */
	int oif;
	uint32_t priority; /* 0: the kernel's default */
	uint32_t mtu, advmss;
	uint32_t table;   /* 0: main */
	int scope;        /* -1: by what it is: link without gateway, else global */
	uint8_t protocol; /* 0: boot */
	bool onlink;      /* the gateway is on this link whatever the addresses say */
};
/* A route that is there already is fine. */
int rtnl_route_add(struct rtnl *r, const struct rtnl_route *route, struct err *e);
int rtnl_route_replace(struct rtnl *r, const struct rtnl_route *route, struct err *e);
int rtnl_route_del(struct rtnl *r, const struct rtnl_route *route, struct err *e); /* absent is fine */
/* The index of the link by which packets to the address leave. -ENETUNREACH ... */
int rtnl_route_oif(struct rtnl *r, const struct ip *to, int *ret, struct err *e);
/* Unicast routes of every table but "local"; *ret is an owned array. */
int rtnl_route_list(struct rtnl *r, int family, struct rtnl_route **ret, size_t *ret_n, struct err *e);

/* A permanent neighbour (fdb false: an address and its MAC address), or (fdb) where a vxlan link sends what goes to a MAC
 * address. */
struct rtnl_neigh {
	struct ip ip; /* fdb: the remote end */
	uint8_t mac[6];
	int index;
	bool fdb;
};
int rtnl_neigh_set(struct rtnl *r, const struct rtnl_neigh *n, struct err *e); /* one that is there is changed */
int rtnl_neigh_del(struct rtnl *r, const struct rtnl_neigh *n, struct err *e); /* absent is fine */
/* Permanent ones of one link. *ret is an owned array. */
int rtnl_neigh_list(struct rtnl *r, int index, bool fdb, struct rtnl_neigh **ret, size_t *ret_n, struct err *e);

/* A socket that becomes readable when links, addresses, routes or neighbours change; read it empty with rtnl_watch_drain().
 * Returns a descriptor, non-blocking. */
int rtnl_watch_open(struct err *e);
/* Whether anything was said of what others may break: any link or address, routes of a protocol, neighbours of a link. */
bool rtnl_watch_drain(int fd, uint8_t route_protocol, int neigh_index);

#endif
