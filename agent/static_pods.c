/* Static pods: every manifest in a directory is a pod of this node.
 *
 * Happy path: inotify tells of a change, the directory is read, pods come and go by a uid made from what the file says.
 * What can fail: a file that is no pod (logged; a pod that ran from it goes on until the file is gone). What always
 * holds: names that begin with a dot are not read. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/pod.h"
#include "agent/pod_source.h"
#include "api/yaml.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

enum { MANIFEST_MAX = 1 << 20 };

struct static_pods {
	struct agent *agent;
	struct timer *timer; /* collects the changes of an editor */
	int fd;
	struct fd_watch *watch;
	struct map *files; /* file -> uid read from it last, owned */
};

/* FNV-1a, twice with different seeds: an identity, not a secret. */
static void hash_text(const char *text, char ret[33])
{
	uint64_t h[2] = {0xcbf29ce484222325u, 0x84222325cbf29ceu};
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		for (int i = 0; i < 2; i++)
			h[i] = (h[i] ^ *c) * 0x100000001b3u + (uint64_t)i;
	snprintf(ret, 33, "%016llx%016llx", (unsigned long long)h[0], (unsigned long long)h[1]);
}

int static_pod_from(const json_t *manifest, const char *node_name, json_t **ret, struct err *e)
{
	const char *name = json_str_at(manifest, "metadata.name");
	if (!str_eq(json_str_at(manifest, "kind"), "Pod") || str_empty(name) ||
	    !json_array_size(json_at(manifest, "spec.containers")))
		return err_set(e, -EINVAL, "no Pod with a name and containers");
	AUTO_JSON *o = json_deep_copy(manifest);
	AUTO_FREE char *full = xasprintf("%s-%s", name, node_name), *text = json_text(manifest),
		       *seed = xasprintf("%s\n%s", node_name, text);
	char hash[33];
	hash_text(seed, hash);
	json_set_str(o, "metadata.name", full);
	if (!json_str_at(o, "metadata.namespace"))
		json_set_str(o, "metadata.namespace", "default");
	json_set_str(o, "metadata.uid", hash);
	json_t *notes = json_object_at(o, "metadata.annotations");
	json_object_set_new(notes, HASH_ANNOTATION, json_string(hash));
	json_object_set_new(notes, "kubernetes.io/config.source", json_string("file"));
	json_set_str(o, "spec.nodeName", node_name);
	json_array_append_new(json_array_at(o, "spec.tolerations"),
			      json_pack("{s:s, s:s}", "effect", "NoExecute", "operator", "Exists"));
	json_object_del(o, "status");
	*ret = TAKE(o);
	return 0;
}

static void read_file(struct static_pods *s, const char *dir, const char *file, struct map *seen)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, file);
	AUTO_JSON *manifest = NULL, *pod = NULL;
	struct err e = ERR_INIT;
	int r = yaml_read_file(path, MANIFEST_MAX, &manifest, &e);
	if (r == 0)
		r = static_pod_from(manifest, s->agent->config->node_name, &pod, &e);
	if (r < 0) {
		const char *uid = map_get(s->files, file);
		log_warn("manifest not usable, ignoring file=%s error=\"%s\"", path, err_text(&e));
		if (uid)
			map_set(seen, uid, s);
		return;
	}
	const char *uid = json_str_or(pod, "metadata.uid", "");
	map_set(s->files, file, xstrdup(uid));
	map_set(seen, uid, s);
	pod_source_static(s->agent, uid, pod);
}

static void drop_missing(struct static_pods *s, const struct map *seen)
{
	AUTO_STRV char **gone = NULL;
	size_t at = 0;
	const char *uid;
	struct pod *p;
	while (map_next(s->agent->pods, &at, &uid, &p))
		if (p->state->is_static && !map_has(seen, uid) && !p->state->deleting)
			strv_add(&gone, uid);
	for (char **u = gone; u && *u; u++)
		pod_source_static(s->agent, *u, NULL);
}

static void read_all(void *arg)
{
	struct static_pods *s = arg;
	const char *dir = s->agent->config->pod_manifest_path;
	struct map *seen = map_new(NULL);
	AUTO_STRV char **files = NULL;
	DIR *d = opendir(dir);
	for (struct dirent *de; d && (de = readdir(d));)
		if (de->d_name[0] != '.' && (str_has_suffix(de->d_name, ".yaml") ||
					     str_has_suffix(de->d_name, ".yml") || str_has_suffix(de->d_name, ".json")))
			strv_add(&files, de->d_name);
	if (d)
		closedir(d);
	for (char **f = files; f && *f; f++)
		read_file(s, dir, *f, seen);
	drop_missing(s, seen);
	map_free(seen);
}

static void on_change(void *arg, int events)
{
	(void)events;
	struct static_pods *s = arg;
	char buf[4096];
	while (read(s->fd, buf, sizeof(buf)) > 0)
		;
	timer_start(s->timer, 20);
}

struct static_pods *static_pods_start(struct agent *a)
{
	const char *dir = a->config->pod_manifest_path;
	struct static_pods *s = xcalloc(1, sizeof(*s));
	s->agent = a;
	s->files = map_new(free);
	s->timer = timer_new(a->loop, read_all, s);
	s->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (!str_empty(dir) && fs_mkdir_p(dir, 0755, NULL) == 0 && s->fd >= 0 &&
	    inotify_add_watch(s->fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE) >= 0)
		s->watch = fd_watch_new(a->loop, s->fd, FD_READ, on_change, s);
	if (!str_empty(dir))
		timer_start(s->timer, 0);
	return s;
}

void static_pods_stop(struct static_pods *s)
{
	if (!s)
		return;
	timer_free(s->timer);
	fd_watch_free(s->watch);
	close_fd(&s->fd);
	map_free(s->files);
	free(s);
}
