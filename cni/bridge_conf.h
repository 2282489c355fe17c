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
	bool masq, mac_check, keep_default_vlan;
	bool has_mac;
	uint8_t mac[6];     /* of the container's end */
	int mtu;            /* 0: default */
	int vlan;           /* of untagged frames; 0: none */
	uint8_t trunk[512]; /* VLANs that pass tagged, one bit each */
	bool has_trunk;
	const char *ipam_type; /* borrowed, NULL: layer 2 only */
	const json_t *dns;     /* borrowed, NULL: none */
};

/* What every command needs. */
int bridge_conf_parse(const struct cni_call *c, struct bridge_conf *ret, struct err *e);
/* What ADD needs beyond: options that fit together and are supported, the MAC address. */
int bridge_conf_check_add(const struct cni_call *c, struct bridge_conf *conf, struct err *e);

/* VLAN filtering is asked for. */
static inline bool bridge_conf_has_vlans(const struct bridge_conf *conf)
{
	return conf->vlan || conf->has_trunk;
}
/* A run of VLANs of the trunk at or behind *at, which moves behind it; false at the end. */
bool bridge_conf_next_vlans(const struct bridge_conf *conf, int *at, int *ret_first, int *ret_last);

#endif
