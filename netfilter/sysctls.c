/* Kernel settings that services of pods on a bridge depend on.
 *
 * Each is read first and written only when it differs. Bridge netfilter may be absent: then pods on one bridge cannot
 * reach each other through a service, which routed pods do not need, so it is no failure. */
#include <errno.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "netfilter/proxy.h"

static int set_one(const char *path, bool needed, struct err *e)
{
	AUTO_STR now = STR_INIT;
	struct err sub = ERR_INIT;
	int r = fs_read_file(path, 16, &now, &sub);
	if (r >= 0 && str_has_prefix(str_text(&now), "1"))
		return 0;
	if (r >= 0)
		r = fs_write_existing(path, "1", &sub);
	return r < 0 && (needed || r != -ENOENT) ? err_set(e, r, "%s", err_text(&sub)) : 0;
}

int netfilter_sysctls(bool ipv6, struct err *e)
{
	int r = set_one("/proc/sys/net/ipv4/ip_forward", true, e);
	if (r >= 0)
		r = set_one("/proc/sys/net/bridge/bridge-nf-call-iptables", false, e);
	if (r >= 0 && ipv6)
		r = set_one("/proc/sys/net/ipv6/conf/all/forwarding", false, e);
	if (r >= 0 && ipv6)
		r = set_one("/proc/sys/net/bridge/bridge-nf-call-ip6tables", false, e);
	return r;
}

void netfilter_liberal(void)
{
	struct err e = ERR_INIT;
	if (set_one("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal", false, &e) < 0)
		log_warn("ignoring that connections to services may end by a stray segment error=\"%s\"", err_text(&e));
}
