/* The bridge plugin's configuration. */
#ifndef KNARR_CNI_BRIDGE_CONF_H
#define KNARR_CNI_BRIDGE_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "cni/plugin.h"

struct bridge_conf {
	char bridge[IFNAMSIZ];
	bool is_gateway, is_default_gateway, force_address, hairpin, promisc, dad, isolated, no_container_if;
	bool has_mac;
	uint8_t mac[6];        /* of the container's end */
	int mtu;               /* 0: default */
	const char *ipam_type; /* borrowed, NULL: layer 2 only */
	const json_t *dns;     /* borrowed, NULL: none */
};

/* What every command needs. */
int bridge_conf_parse(const struct cni_call *c, struct bridge_conf *ret, struct err *e);
/* What ADD needs beyond: options that fit together and are supported, the MAC address. */
int bridge_conf_check_add(const struct cni_call *c, struct bridge_conf *conf, struct err *e);

#endif
