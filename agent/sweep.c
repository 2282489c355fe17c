/* What a crash or a reboot has left of pods that are here no more: root filesystems, addresses, volumes, logs.
 *
 * Happy path: at the start everything that a sandbox held which no record knows is freed; the records lie in a run
 * directory that a reboot empties, while addresses and volumes outlive it. Volumes and logs wait until the API has told
 * its pods: they belong to the pod, not to its sandbox. What can fail: each removal; the next start tries again. What
 * always holds: no sandbox is made before the addresses of the old ones are free, and nothing of a pod that the API, a
 * manifest or a record knows is touched. */
#include "agent/sweep.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mounts.h"
#include "agent/pod.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cni/chain/chain.h"
#include "rootfs/image_store.h"

/* The names in a directory, none where it cannot be read. Returns owned. */
static char **names_in(const char *dir)
{
	char **names = NULL;
	DIR *d = opendir(dir);
	for (struct dirent *de; d && (de = readdir(d));)
		if (de->d_name[0] != '.')
			strv_add(&names, de->d_name);
	if (d)
		closedir(d);
	return names;
}

static void sweep_rootfs(struct agent *a)
{
	AUTO_FREE char *dir = xasprintf("%s/containers", a->config->data_dir);
	AUTO_STRV char **names = names_in(dir);
	AUTO_MAP *known = map_new(NULL);
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p))
		for (size_t i = 0; i < p->state->n; i++)
			map_set(known, p->state->containers[i].id, p);
	for (char **n = names; n && *n; n++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, *n);
		if (!map_has(known, *n) && rootfs_unmount(a->images, path, *n, NULL) == 0)
			(void)fs_remove_tree(path, NULL); /* ignoring: the next start sweeps again */
	}
}

static void kick_all(struct agent *a)
{
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p))
		pod_kick(p);
}

static void on_swept(void *arg, const json_t *result, const struct err *e)
{
	(void)result;
	struct agent *a = arg;
	a->sweep = NULL;
	if (e)
		log_warn("addresses of former pods not freed, ignoring error=\"%s\"", err_text(e));
	kick_all(a);
}

static void sweep_addresses(struct agent *a)
{
	const struct agent_config *c = a->config;
	AUTO_FREE char *cache = xasprintf("%s/cni", c->data_dir);
	struct chain_config cc = {
	    .loop = a->loop, .conf_dir = c->cni_conf_dir, .plugin_path = c->cni_bin_dir, .cache_dir = cache};
	struct chain *chain = NULL;
	if (chain_load(&cc, &chain, NULL) < 0)
		return; /* no network was ever configured here */
	AUTO_FREE struct chain_attachment *valid = xcalloc(map_len(a->pods) + 1, sizeof(*valid));
	size_t at = 0, n = 0;
	const char *uid;
	struct pod *p;
	while (map_next(a->pods, &at, &uid, &p))
		valid[n++] = (struct chain_attachment){.container_id = uid, .ifname = "eth0"};
	a->sweep = chain_gc(chain, valid, n, on_swept, a);
	chain_free(chain);
}

void sweep_start(struct agent *a)
{
	sweep_rootfs(a);
	sweep_addresses(a);
}

void sweep_stop(struct agent *a)
{
	if (a->sweep)
		chain_cancel(TAKE(a->sweep));
}

static void sweep_volumes(struct agent *a)
{
	AUTO_FREE char *dir = xasprintf("%s/pods", a->config->root_dir);
	AUTO_STRV char **uids = names_in(dir);
	for (char **u = uids; u && *u; u++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, *u);
		struct err e = ERR_INIT;
		if (map_has(a->pods, *u))
			continue;
		if (mounts_detach_below(path, &e) < 0 || fs_remove_tree(path, &e) < 0)
			log_warn("volumes of a former pod not removed, ignoring error=\"%s\"", err_text(&e));
	}
}

/* A pod's logs lie in <namespace>_<name>_<uid>. Pods that have ended keep theirs though nothing else is left here. */
static bool has_owner(const struct agent *a, const char *log_name)
{
	AUTO_FREE char *key = xstrdup(log_name);
	char *uid = strrchr(key, '_'), *name = strchr(key, '_');
	if (!uid || uid == name)
		return true; /* somebody else's */
	*uid++ = '\0';
	*name = '/';
	return map_has(a->pods, uid) || str_eq(json_str_at(informer_get(a->pod_informer, key), "metadata.uid"), uid);
}

static void sweep_logs(struct agent *a)
{
	AUTO_FREE char *dir = xasprintf("%s/pods", a->config->log_dir);
	AUTO_FREE char *links = xasprintf("%s/containers", a->config->log_dir);
	AUTO_STRV char **logs = names_in(dir), **names = names_in(links);
	for (char **l = logs; l && *l; l++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, *l);
		if (!has_owner(a, *l))
			(void)fs_remove_tree(path, NULL); /* ignoring: the next start sweeps again */
	}
	for (char **n = names; n && *n; n++) {
		AUTO_FREE char *path = xasprintf("%s/%s", links, *n);
		char target[4096];
		ssize_t len = readlink(path, target, sizeof(target) - 1);
		target[MAX(len, 0)] = '\0';
		if (len > 0 && !strncmp(target, dir, strlen(dir)) && access(target, F_OK) < 0)
			unlink(path);
	}
}

void sweep_orphans(struct agent *a)
{
	sweep_volumes(a);
	sweep_logs(a);
}
