/* What a stopped node leaves behind, removed: first processes, then mounts, namespaces, links, tables, cgroups, files. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cgroups/cgroup.h"
#include "cli/cli.h"
#include "io/net/rtnl.h"
#include "netfilter/policy_sync.h"
#include "netfilter/proxy.h"
#include "overlay/overlay.h"

#define NETNS_DIR "/run/netns"

/* The first error is kept, the work goes on. */
static void note(int *first, int r, struct err *e, const struct err *now)
{
	if (r < 0 && *first == 0) {
		*first = r;
		if (e)
			*e = *now;
	}
}

static int end_processes(const struct node_options *o, struct err *e)
{
	AUTO_CGROUP_HOST *host = NULL;
	AUTO_CGROUP *cg = NULL;
	int r = cgroup_host_open(&host, e);
	if (r == 0)
		r = cgroup_open(host, o->cgroup_root, &cg, e);
	if (r < 0 || !cgroup_exists(cg))
		return r;
	r = cgroup_kill(cg, e);
	return r < 0 ? r : cgroup_destroy(cg, e);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return !strncmp(path, dir, n) && (path[n] == '/' || !path[n]);
}

/* Mount points of ours, the latest first, from /proc/self/mounts with its octal escapes undone. */
static int unmount_all(const struct node_options *o, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file("/proc/self/mounts", 16 << 20, &text, e);
	if (r < 0)
		return r;
	AUTO_STRV char **lines = str_split(str_text(&text), '\n');
	for (size_t i = strv_len(lines); i-- > 0;) {
		AUTO_STRV char **f = str_split(lines[i], ' ');
		if (strv_len(f) < 3)
			continue;
		proc_unescape(f[1]);
		AUTO_FREE char *pods = xasprintf("%s/pods", o->run_dir), *volumes = xasprintf("%s/pods", o->root_dir);
		AUTO_FREE char *roots = xasprintf("%s/containers", o->data_dir);
		bool netns = str_has_prefix(f[1], NETNS_DIR "/knarr-");
		if (!netns && !below(f[1], pods) && !below(f[1], volumes) && !below(f[1], roots))
			continue;
		if (umount2(f[1], MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
			return err_sys(e, "unmount %s", f[1]);
		if (netns)
			unlink(f[1]);
	}
	return 0;
}

static int remove_netns_files(struct err *e)
{
	DIR *d = opendir(NETNS_DIR);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "open " NETNS_DIR);
	for (struct dirent *de; (de = readdir(d));)
		if (str_has_prefix(de->d_name, "knarr-"))
			unlinkat(dirfd(d), de->d_name, 0);
	closedir(d);
	return 0;
}

/* The bridges that our own conf list names. */
static int remove_links(const struct node_options *o, struct err *e)
{
	AUTO_JSON *conf = NULL;
	AUTO_FREE char *path = xasprintf("%s/10-knarr.conflist", o->cni_conf_dir);
	if (!fs_exists(path) || json_read_file(path, &conf, NULL) < 0)
		return 0;
	size_t i;
	json_t *plugin;
	int r = 0;
	AUTO_RTNL *rt = NULL;
	r = rtnl_open(-1, &rt, e);
	json_array_foreach(json_object_get(conf, "plugins"), i, plugin) {
		const char *bridge = json_str_at(plugin, "bridge");
		if (r == 0 && bridge)
			r = rtnl_link_del(rt, bridge, e);
		if (r == -ENODEV || r == -ENOENT)
			r = 0;
	}
	return r;
}

/* What the node's name server had. */
static int remove_dns_address(const struct node_options *o, struct err *e)
{
	AUTO_RTNL *rt = NULL;
	struct rtnl_link lo = {0};
	struct ip_net net = {0};
	if (str_empty(o->cluster_dns) || ip_parse(o->cluster_dns, &net.ip) < 0)
		return 0;
	net.prefix = ip_bits(&net.ip);
	int r = rtnl_open(-1, &rt, e);
	if (r == 0)
		r = rtnl_link_get(rt, "lo", &lo, e);
	return r == 0 ? rtnl_addr_del(rt, lo.index, &net, e) : r;
}

static int remove_addresses(const struct node_options *o, struct err *e)
{
	AUTO_JSON *conf = NULL;
	AUTO_FREE char *path = xasprintf("%s/10-knarr.conflist", o->cni_conf_dir);
	if (!fs_exists(path) || json_read_file(path, &conf, NULL) < 0 || !json_str_at(conf, "name"))
		return 0;
	AUTO_FREE char *dir = xasprintf("/var/lib/cni/networks/%s", json_str_at(conf, "name"));
	return fs_remove_tree(dir, e);
}

static int remove_files(const struct node_options *o, struct err *e)
{
	AUTO_FREE char *volumes = xasprintf("%s/pods", o->root_dir), *containers = xasprintf("%s/containers", o->data_dir);
	AUTO_FREE char *uses = xasprintf("%s/images/uses", o->data_dir), *results = xasprintf("%s/cni", o->data_dir);
	const char *const paths[] = { volumes, containers, uses, results, o->run_dir, "/var/log/containers" };
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(paths); i++)
		r = fs_remove_tree(paths[i], e);
	return r;
}

static int remove_proxy(struct err *e)
{
	return netfilter_cleanup(NULL, e);
}

static int remove_policies(struct err *e)
{
	return policy_cleanup(NULL, e);
}

static int remove_tables(const struct node_options *o, struct err *e)
{
	(void)o;
	static int (*const removers[])(struct err *) = {remove_proxy, remove_policies, overlay_cleanup};
	int first = 0;
	for (size_t i = 0; i < ARRAY_LEN(removers); i++) {
		struct err now = ERR_INIT;
		int r = removers[i](&now);
		note(&first, r, e, &now);
	}
	return first;
}

int node_cleanup(const struct node_options *o, struct err *e)
{
	static int (*const steps[])(const struct node_options *, struct err *) = {
		end_processes, unmount_all, remove_links, remove_dns_address, remove_tables, remove_addresses, remove_files
	};
	int first = 0;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct err now = ERR_INIT;
		int r = steps[i](o, &now);
		note(&first, r, e, &now);
	}
	struct err now = ERR_INIT;
	int r = remove_netns_files(&now);
	note(&first, r, e, &now);
	return first;
}
