/* The host-local plugin's part of a network configuration. */
#ifndef KNARR_CNI_IPAM_CONF_H
#define KNARR_CNI_IPAM_CONF_H

#include "cni/ipam_range.h"
#include "cni/plugin.h"

struct ipam_conf {
	struct range_set *sets; /* one address each; runtimeConfig.ipRanges come first */
	size_t n;
	struct ip *wanted; /* addresses asked for by CNI_ARGS, args.cni.ips or runtimeConfig.ips */
	size_t n_wanted;
	const char *data_dir;    /* borrowed from the configuration, or the default */
	const char *resolv_conf; /* borrowed, NULL: none */
	const json_t *routes;    /* borrowed, NULL: none */
};

/* -EINVAL with the reference's words for what is wrong. */
int ipam_conf_parse(const struct cni_call *c, struct ipam_conf *ret, struct err *e);
void ipam_conf_done(struct ipam_conf *conf);
/* The text of a resolv.conf as a CNI dns object. Returns owned. */
json_t *ipam_dns_parse(const char *text);

#endif
