/* What a dump and a restore tell CRIU alike.
 *
 * Happy path: directories opened, options added field by field, external mounts named. What can fail: directories, an unknown
 * mode. What always holds: the names of external mounts come out the same on both ways, because both resolve links the
 * same way and never leave the root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"
#include "runtime/checkpoint.h"

#define CONFIG_ANNOTATION "org.criu.config"
#define CONFIG_DEFAULT "/etc/criu/runc.conf"
#define LOG_LEVEL 4

int checkpoint_open_directories(const struct checkpoint_opts *k, struct criu_setup *s, struct err *e)
{
	const char *paths[CHECKPOINT_DIRECTORIES] = { k->image_path, k->work_path ? k->work_path : k->image_path };
	for (size_t i = 0; i < CHECKPOINT_DIRECTORIES; i++) {
		s->fds[i] = open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s->fds[i] < 0)
			return err_sys(e, "open %s", paths[i]);
	}
	s->n_fds = MAX(s->n_fds, CHECKPOINT_DIRECTORIES);
	return 0;
}

/* Settings of a file win over those of the request; an empty annotation means: no file. */
static void add_config_file(const struct config *c, struct str *opts)
{
	const char *file = json_member(json_object_get(c->json, "annotations"), CONFIG_ANNOTATION);
	if (!file)
		criu_add_text(opts, CRIU_CONFIG_FILE, CONFIG_DEFAULT);
	else if (*file)
		criu_add_text(opts, CRIU_CONFIG_FILE, file);
}

static void add_flags(const struct checkpoint_opts *k, struct str *opts)
{
	const struct {
		enum criu_option field;
		bool value;
	} flags[] = { { CRIU_SHELL_JOB, k->shell_job },	      { CRIU_TCP_ESTABLISHED, k->tcp_established },
		      { CRIU_EXT_UNIX_SK, k->ext_unix_sk },   { CRIU_FILE_LOCKS, k->file_locks },
		      { CRIU_AUTO_DEDUP, k->auto_dedup },     { CRIU_LAZY_PAGES, k->lazy_pages },
		      { CRIU_NOTIFY_SCRIPTS, true },	      { CRIU_ORPHAN_PTS_MASTER, true },
		      { CRIU_MANAGE_CGROUPS, true } };
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		criu_add_number(opts, flags[i].field, flags[i].value);
}

int checkpoint_common_options(const struct checkpoint_opts *k, const struct config *c, const char *log, struct str *opts,
			      struct err *e)
{
	int mode = criu_cgroups_mode(k->cgroups_mode);
	if (mode < 0)
		return err_set(e, mode, "invalid manage-cgroups-mode value");
	if (k->work_path && mkdir(k->work_path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir %s", k->work_path);
	criu_add_number(opts, CRIU_IMAGES_DIR_FD, CRIU_FIRST_FD);
	criu_add_number(opts, CRIU_WORK_DIR_FD, CRIU_FIRST_FD + 1);
	criu_add_number(opts, CRIU_LOG_LEVEL, LOG_LEVEL);
	criu_add_text(opts, CRIU_LOG_FILE, log);
	criu_add_number(opts, CRIU_MANAGE_CGROUPS_MODE, (uint64_t)mode);
	/* Network devices are configured by whoever calls the runtime, not by it: an empty namespace is what comes back. */
	criu_add_number(opts, CRIU_EMPTY_NS, CLONE_NEWNET);
	add_flags(k, opts);
	add_config_file(c, opts);
	return 0;
}

/* The path of a descriptor below that of root, both as this process sees them; NULL when it is not. */
static char *below(int root_fd, int fd)
{
	char link[2][40], path[2][4096];
	ssize_t n[2];
	int fds[2] = { root_fd, fd };
	for (int i = 0; i < 2; i++) {
		snprintf(link[i], sizeof(link[i]), "/proc/self/fd/%d", fds[i]);
		n[i] = readlink(link[i], path[i], sizeof(path[i]) - 1);
		if (n[i] < 0)
			return NULL;
		path[i][n[i]] = '\0';
	}
	size_t skip = str_eq(path[0], "/") ? 0 : (size_t)n[0];
	if (strncmp(path[0], path[1], skip) || (path[1][skip] && path[1][skip] != '/'))
		return NULL;
	return xstrdup(path[1][skip] ? path[1] + skip : "/");
}

/* Where the links in destination lead below root_fd, as far as it exists; owned. */
static char *checkpoint_resolve(int root_fd, const char *destination)
{
	AUTO_FREE char *head = xstrdup(destination);
	for (;;) {
		AUTO_FD int fd = fs_open_in_root(root_fd, head, O_PATH, 0, NULL);
		AUTO_FREE char *found = fd < 0 ? NULL : below(root_fd, fd);
		char *slash = strrchr(head, '/');
		if (found || !slash || slash == head) {
			const char *tail = destination + (found ? strlen(head) : 0);
			const char *start = found && !str_eq(found, "/") ? found : "";
			return *tail || *start ? xasprintf("%s%s", start, tail) : xstrdup("/");
		}
		*slash = '\0';
	}
}

static void add_mount(int root_fd, const char *destination, const char *source, bool restore, struct str *opts)
{
	AUTO_FREE char *name = checkpoint_resolve(root_fd, destination);
	criu_add_texts(opts, CRIU_EXT_MNT, name, restore ? source : name);
}

/* Without a cgroup namespace the v1 hierarchies are binds of the container's own directories. */
static void add_hierarchies(const struct config *c, const struct mount_conf *m, int rootfs, const struct cgroup *cg,
			    bool restore, struct str *opts)
{
	const char *controllers, *mount, *dir;
	if (!cg || cgroup_mode(cg) == CGROUP_V2 || c->ns[NS_CGROUP].wanted)
		return;
	for (size_t i = 0; cgroup_place(cg, i, &controllers, &mount, &dir); i++) {
		AUTO_FREE char *at = xasprintf("%s/%s", m->destination, str_base_name(mount));
		if (dir)
			add_mount(rootfs, at, dir, restore, opts);
	}
}

/* A masked file is the host's /dev/null over it; a masked directory is a tmpfs, which CRIU keeps by itself. */
static void add_masks(const struct config *c, int seen_root, bool restore, struct str *opts)
{
	size_t i;
	json_t *path;
	if (restore && json_array_size(c->masked_paths))
		criu_add_texts(opts, CRIU_EXT_MNT, "/dev/null", "/dev/null");
	json_array_foreach(c->masked_paths, i, path)
	{
		struct stat st;
		const char *p = json_string_value(path);
		AUTO_FD int fd = restore || !p ? -1 : fs_open_in_root(seen_root, p, O_PATH, 0, NULL);
		if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
			criu_add_texts(opts, CRIU_EXT_MNT, p, "/dev/null");
	}
}

void checkpoint_external_mounts(const struct config *c, int rootfs, int seen_root, const struct cgroup *cg, bool restore,
				struct str *opts)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount_conf *m = &c->mounts[i];
		if (m->options.bind)
			add_mount(rootfs, m->destination, m->source, restore, opts);
		else if (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2"))
			add_hierarchies(c, m, rootfs, cg, restore, opts);
	}
	add_masks(c, seen_root, restore, opts);
	for (size_t i = 0; i < c->n_devices; i++)
		add_mount(rootfs, c->devices[i].path, c->devices[i].path, restore, opts);
}

json_t *checkpoint_descriptors(pid_t pid)
{
	json_t *out = json_array();
	for (int i = 0; i < 3; i++) {
		char link[64], target[256];
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, i);
		ssize_t n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		json_array_append_new(out, json_string(target));
	}
	return out;
}

int checkpoint_failed(const struct checkpoint_opts *k, const char *log, int r, struct err *e)
{
	const char *dir = k->work_path ? k->work_path : k->image_path;
	AUTO_FREE char *full = realpath(dir, NULL);
	struct err why = e ? *e : ERR_INIT;
	return err_set(e, r, "%s\nlog file: %s/%s", err_text(&why), full ? full : dir, log);
}
