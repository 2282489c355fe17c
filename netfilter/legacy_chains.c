/* The chains of the older iptables, which nf_tables does not show.
 *
 * A table of theirs is read as the kernel keeps it: a chain of a user begins with an entry whose target is ERROR and
 * bears the chain's name. Only a table that is in use already is asked for, because asking would have the kernel load
 * it. Whatever cannot be read counts as not there: a kernel without ip_tables, a table that changes meanwhile. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "netfilter/legacy_chains.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

#define NAMES_MAX 4096
#define TABLE_MAX (64u << 20)

/* How a family's tables are asked for, and where an entry has its parts. */
static const struct legacy {
	const char *names;
	int family, level, get_info, get_entries;
	size_t target_offset, next_offset, entry_size;
} legacies[] = {
    {"/proc/thread-self/net/ip_tables_names", AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES,
     offsetof(struct ipt_entry, target_offset), offsetof(struct ipt_entry, next_offset), sizeof(struct ipt_entry)},
    {"/proc/thread-self/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
     offsetof(struct ip6t_entry, target_offset), offsetof(struct ip6t_entry, next_offset), sizeof(struct ip6t_entry)},
};

static bool in_use(const struct legacy *l, const char *table)
{
	AUTO_STR names = STR_INIT;
	if (fs_read_file(l->names, NAMES_MAX, &names, NULL) < 0)
		return false;
	AUTO_STRV char **lines = str_split(str_text(&names), '\n');
	return strv_has(lines, table);
}

static uint16_t number_at(const uint8_t *p)
{
	uint16_t n;
	memcpy(&n, p, sizeof(n));
	return n;
}

/* Whether the entry begins the chain of this name. left: bytes from its start to the end of all entries. */
static bool begins_chain(const struct legacy *l, const uint8_t *entry, size_t left, const char *chain)
{
	size_t at = number_at(entry + l->target_offset);
	struct xt_error_target t;
	if (at < l->entry_size || left < sizeof(t) || at > left - sizeof(t))
		return false;
	memcpy(&t, entry + at, sizeof(t));
	return !strncmp(t.target.u.user.name, XT_ERROR_TARGET, sizeof(t.target.u.user.name)) &&
	       !strncmp(t.errorname, chain, sizeof(t.errorname));
}

static bool has_entry(const struct legacy *l, const uint8_t *entries, size_t size, const char *chain)
{
	for (size_t at = 0; at < size && size - at >= l->entry_size;) {
		size_t next = number_at(entries + at + l->next_offset);
		if (begins_chain(l, entries + at, size - at, chain))
			return true;
		if (next < l->entry_size)
			return false;
		at += next;
	}
	return false;
}

/* struct ipt_getinfo and ipt_get_entries are the same for both families but for the entries themselves. */
static bool table_has(const struct legacy *l, const char *table, const char *chain)
{
	AUTO_FD int fd = socket(l->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = {0};
	socklen_t len = sizeof(info);
	snprintf(info.name, sizeof(info.name), "%s", table);
	if (fd < 0 || getsockopt(fd, l->level, l->get_info, &info, &len) < 0 || info.size > TABLE_MAX)
		return false;
	size_t head = offsetof(struct ipt_get_entries, entrytable);
	AUTO_FREE struct ipt_get_entries *all = xcalloc(1, head + info.size);
	snprintf(all->name, sizeof(all->name), "%s", table);
	all->size = info.size;
	len = (socklen_t)(head + info.size);
	return getsockopt(fd, l->level, l->get_entries, all, &len) == 0 &&
	       has_entry(l, (const uint8_t *)all + head, info.size, chain);
}

bool legacy_chain_exists(const char *table, const char *chain)
{
	for (size_t i = 0; i < ARRAY_LEN(legacies); i++)
		if (in_use(&legacies[i], table) && table_has(&legacies[i], table, chain))
			return true;
	return false;
}
