/* The portmap plugin's configuration. */
#ifndef KNARR_CNI_PORTMAP_CONF_H
#define KNARR_CNI_PORTMAP_CONF_H

#include <net/if.h>

#include "cni/plugin.h"
#include "io/net/ip.h"

struct port_mapping {
	uint16_t host_port, container_port;
	uint8_t protocol;  /* IPPROTO_TCP, _UDP, _SCTP */
	struct ip host_ip; /* family 0: every local address */
	int family;        /* of the only family that is meant, or 0 */
};

/* A test that a packet has to pass besides. */
struct port_condition {
	enum { CONDITION_SADDR, CONDITION_DADDR, CONDITION_IIFNAME } what;
	bool not ;
	struct ip_net net;
	char ifname[IFNAMSIZ];
};

struct portmap_conf {
	struct port_mapping *maps;
	size_t n_maps;
	struct port_condition *conditions[2]; /* of IPv4 and of IPv6 */
	size_t n_conditions[2];
	bool snat, masq_all;
	struct ip_net addrs[2]; /* the container's; family 0: none */
	json_t *prev;           /* owned, in the inner shape; NULL: none */
};

/* -EINVAL with the reference's words. */
int portmap_conf_parse(const struct cni_call *c, struct portmap_conf *ret, struct err *e);
/* The conditions, which DEL does not need: -EINVAL naming the words that cannot be said in nf_tables. */
int portmap_conf_conditions(const struct cni_call *c, struct portmap_conf *conf, struct err *e);
void portmap_conf_done(struct portmap_conf *conf);

#endif
