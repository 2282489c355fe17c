/* The texts of /etc/hosts, /etc/hostname and /etc/resolv.conf of a pod: pure. */
#ifndef KNARR_AGENT_NET_FILES_H
#define KNARR_AGENT_NET_FILES_H

#include <jansson.h>

#include "base/str.h"

/* spec.hostname, or the pod's name, as a label of at most 63 characters; node_name with hostNetwork. Returns owned. */
char *pod_hostname(const json_t *pod, const char *node_name);
/* hosts: with hostNetwork the host's own text goes in front. ips may be NULL. */
void net_hosts(const json_t *pod, const char *hostname, const char *cluster_domain, char *const *ips,
	       const char *host_text, struct str *out);
/* dnsPolicy over the cluster's servers and the host's file. */
void net_resolv(const json_t *pod, char *const *cluster_dns, const char *cluster_domain, const char *host_text,
		struct str *out);

#endif
