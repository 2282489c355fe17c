/* Other service proxies on the same node.
 *
 * Two proxies that translate the same connections get in each other's way without a word. One of our own kind is held
 * off by a socket in the abstract namespace, which belongs to the network namespace and goes with its process; a name
 * that an ordinary user took is no proxy. Another kind is known by what it left in the kernel: kube-proxy's tables, its
 * chains in iptables' tables (those of nf_tables and the older ones), its link for IPVS. Only looked at, never touched. */
#include <errno.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "netfilter/legacy_chains.h"
#include "netfilter/proxy_internal.h"

static socklen_t lock_address(const char *table, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "knarr/proxy/%s", table);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* Who holds the name: the pid, 0 where nobody of weight does. */
static pid_t holder(const struct sockaddr_un *a, socklen_t len)
{
	struct ucred c = {0};
	socklen_t n = sizeof(c);
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)a, len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return 0;
	return c.uid == geteuid() ? c.pid : 0;
}

int proxy_lock(const char *table, int *ret_fd, struct err *e)
{
	struct sockaddr_un a;
	socklen_t len = lock_address(table, &a);
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, "lock of table %s", table);
	if (bind(fd, (struct sockaddr *)&a, len) < 0) {
		pid_t pid = errno == EADDRINUSE ? holder(&a, len) : 0;
		if (pid > 0)
			return err_set(e, -EADDRINUSE, "process %d keeps table %s already", (int)pid, table);
		if (errno != EADDRINUSE && errno != ECONNREFUSED)
			return err_sys(e, "lock of table %s", table);
	}
	if (listen(fd, 1) < 0 && errno != EINVAL && errno != EDESTADDRREQ)
		return err_sys(e, "lock of table %s", table);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static bool has_chain(struct nft *n, int family, const char *table, const char *chain)
{
	AUTO_STRV char **chains = NULL;
	return nft_dump_chains(n, family, table, &chains, NULL) == 0 && strv_has(chains, chain);
}

int netfilter_rival(const char **ret_what, struct err *e)
{
	static const int families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
	struct nft *n = NULL;
	const char *what = NULL;
	int r = nft_open(&n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(families) && !what; i++) {
		if (nft_table_exists(n, families[i], "kube-proxy"))
			what = "nf_tables table kube-proxy";
		else if (has_chain(n, families[i], "nat", "KUBE-SERVICES"))
			what = "iptables chain KUBE-SERVICES";
	}
	if (!what && legacy_chain_exists("nat", "KUBE-SERVICES"))
		what = "iptables-legacy chain KUBE-SERVICES";
	if (!what && if_nametoindex("kube-ipvs0"))
		what = "link kube-ipvs0";
	nft_close(n);
	*ret_what = what;
	return what ? 1 : 0;
}
