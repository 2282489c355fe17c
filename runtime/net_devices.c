/* Moving network devices.
 *
 * Happy path: the index by the name, the addresses, down, over with the new name in one request, addresses again, up. What
 * can fail: a device that is not there, a name that is taken there, one that cannot leave its namespace. What always holds:
 * the caller's own namespace is the one it was; addresses of the host's context (dynamic ones, those of a smaller scope)
 * stay behind. */
#include "runtime/net_devices.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "runtime/rtnl.h"

#define ADDRESSES_MAX 256

struct address {
	unsigned char family, prefix;
	unsigned flags; /* IFA_F_ */
	unsigned char local[16], peer[16], broadcast[16];
	size_t n_local, n_peer, n_broadcast; /* bytes, 0: without */
};

struct addresses {
	int index; /* of the device that they belong to */
	struct address *list;
	size_t n;
};

static bool valid_name(const char *name)
{
	size_t n = strlen(name);
	bool good = n && n < IFNAMSIZ && !str_eq(name, ".") && !str_eq(name, "..");
	for (const char *p = name; good && *p; p++)
		good = *p != '/' && *p != ':' && !isspace((unsigned char)*p);
	return good;
}

int net_devices_check(const json_t *devices, bool has_net_ns, struct err *e)
{
	const char *name;
	json_t *d;
	if (devices && !json_is_object(devices) && !json_is_null(devices))
		return err_set(e, -EINVAL, "linux.netDevices is no object");
	if (json_object_size(devices) && !has_net_ns)
		return err_set(e, -EINVAL, "unable to move network devices without a NET namespace");
	json_object_foreach((json_t *)devices, name, d)
	{
		const char *new_name = json_str_or(d, "name", "");
		if (!valid_name(name))
			return err_set(e, -EINVAL, "invalid network device name \"%.64s\"", name);
		if (*new_name && !valid_name(new_name))
			return err_set(e, -EINVAL, "invalid network device name \"%.64s\"", new_name);
	}
	return 0;
}

static int take_index(void *arg, const struct nlmsghdr *h)
{
	if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		*(int *)arg = ((const struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
	return 0;
}

static int find_index(int sock, const char *name)
{
	struct rtnl_request q;
	struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
	int index = -ENODEV;
	rtnl_begin(&q, RTM_GETLINK, 0, &i, sizeof(i));
	rtnl_attr(&q, IFLA_IFNAME, name, strlen(name) + 1);
	int r = rtnl_do(sock, &q, take_index, &index);
	return r < 0 ? r : index;
}

static int set_up(int sock, int index, bool up)
{
	struct rtnl_request q;
	struct ifinfomsg i = { .ifi_index = index, .ifi_change = IFF_UP, .ifi_flags = up ? IFF_UP : 0 };
	rtnl_begin(&q, RTM_NEWLINK, 0, &i, sizeof(i));
	return rtnl_do(sock, &q, NULL, NULL);
}

static int move(int sock, int index, const char *new_name, int ns_fd)
{
	struct rtnl_request q;
	struct ifinfomsg i = { .ifi_index = index };
	rtnl_begin(&q, RTM_NEWLINK, 0, &i, sizeof(i));
	rtnl_attr(&q, IFLA_IFNAME, new_name, strlen(new_name) + 1);
	rtnl_attr(&q, IFLA_NET_NS_FD, &ns_fd, sizeof(ns_fd));
	return rtnl_do(sock, &q, NULL, NULL);
}

static void copy_bytes(const struct rtattr *a, unsigned char *to, size_t *n)
{
	*n = MIN(RTA_PAYLOAD(a), 16);
	memcpy(to, RTA_DATA(a), *n);
}

static int take_address(void *arg, const struct nlmsghdr *h)
{
	struct addresses *all = arg;
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || (int)m->ifa_index != all->index ||
	    m->ifa_scope != RT_SCOPE_UNIVERSE || all->n == ADDRESSES_MAX)
		return 0;
	struct address a = { .family = m->ifa_family, .prefix = m->ifa_prefixlen, .flags = m->ifa_flags };
	int left = (int)IFA_PAYLOAD(h);
	for (const struct rtattr *at = IFA_RTA(m); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
		if (at->rta_type == IFA_LOCAL)
			copy_bytes(at, a.local, &a.n_local);
		else if (at->rta_type == IFA_ADDRESS)
			copy_bytes(at, a.peer, &a.n_peer);
		else if (at->rta_type == IFA_BROADCAST)
			copy_bytes(at, a.broadcast, &a.n_broadcast);
		else if (at->rta_type == IFA_FLAGS && RTA_PAYLOAD(at) >= sizeof(a.flags))
			memcpy(&a.flags, RTA_DATA(at), sizeof(a.flags));
	}
	if (a.flags & IFA_F_PERMANENT)
		all->list[all->n++] = a;
	return 0;
}

static int read_addresses(int sock, struct addresses *all)
{
	struct rtnl_request q;
	struct ifaddrmsg m = { .ifa_family = AF_UNSPEC };
	all->list = xcalloc(ADDRESSES_MAX, sizeof(*all->list));
	rtnl_begin(&q, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m));
	return rtnl_do(sock, &q, take_address, all);
}

static int add_address(int sock, int index, const struct address *a)
{
	struct rtnl_request q;
	struct ifaddrmsg m = { .ifa_family = a->family,
			       .ifa_prefixlen = a->prefix,
			       .ifa_scope = RT_SCOPE_UNIVERSE,
			       .ifa_index = (unsigned)index };
	unsigned flags = a->flags & (IFA_F_NODAD | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN | IFA_F_HOMEADDRESS);
	rtnl_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	if (a->n_local)
		rtnl_attr(&q, IFA_LOCAL, a->local, a->n_local);
	if (a->n_peer)
		rtnl_attr(&q, IFA_ADDRESS, a->peer, a->n_peer);
	if (a->n_broadcast)
		rtnl_attr(&q, IFA_BROADCAST, a->broadcast, a->n_broadcast);
	rtnl_attr(&q, IFA_FLAGS, &flags, sizeof(flags));
	int r = rtnl_do(sock, &q, NULL, NULL);
	return r == -EEXIST ? 0 : r;
}

/* In the container's namespace, where the index may be another one. */
static int complete(int sock, const char *name, const struct addresses *all, struct err *e)
{
	int index = find_index(sock, name), r = 0;
	if (index < 0)
		return err_code(e, index, "link not found for interface %s on the container's namespace", name);
	for (size_t i = 0; r == 0 && i < all->n; i++)
		r = add_address(sock, index, &all->list[i]);
	if (r < 0)
		return err_code(e, r, "fail to add an address to interface %s", name);
	r = set_up(sock, index, true);
	return r < 0 ? err_code(e, r, "fail to set up interface %s", name) : 0;
}

static void bring_back(int there, const char *new_name, const char *name)
{
	AUTO_FD int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int index = find_index(there, new_name);
	if (own >= 0 && index >= 0)
		move(there, index, name, own);
}

static void addresses_done(struct addresses *all)
{
	free_ptr(&all->list);
}

static int move_one(int here, int there, int ns_fd, const char *name, const char *new_name, struct err *e)
{
	AUTO(addresses_done) struct addresses all = { .index = find_index(here, name) };
	if (all.index < 0)
		return err_code(e, all.index, "link not found for interface %s on runtime namespace", name);
	int r = read_addresses(here, &all);
	if (r < 0)
		return err_code(e, r, "fail to get ip addresses of interface %s", name);
	r = set_up(here, all.index, false);
	if (r < 0)
		return err_code(e, r, "fail to set link %s down", name);
	r = move(here, all.index, new_name, ns_fd);
	/* The kernel may have moved it and only then found the new name taken. */
	if (r < 0 && find_index(here, name) == -ENODEV)
		bring_back(there, name, name);
	if (r < 0)
		return err_code(e, r, "fail to move network device %s to network namespace", name);
	r = complete(there, new_name, &all, e);
	if (r < 0)
		bring_back(there, new_name, name);
	return r;
}

int net_devices_move(const json_t *devices, int ns_fd, struct err *e)
{
	const char *name;
	json_t *d;
	if (!json_object_size(devices))
		return 0;
	AUTO_FD int here = rtnl_open(-1, e);
	AUTO_FD int there = here < 0 ? -1 : rtnl_open(ns_fd, e);
	if (here < 0 || there < 0)
		return here < 0 ? here : there;
	json_object_foreach((json_t *)devices, name, d)
	{
		const char *new_name = json_str_or(d, "name", "");
		int r = move_one(here, there, ns_fd, name, *new_name ? new_name : name, e);
		if (r < 0)
			return r;
	}
	return 0;
}
