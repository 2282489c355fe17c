/* Ordinary users.
 *
 * Happy path: the configuration is checked before anything is made; the child is cloned into its user namespace; the maps
 * are written by this process when they name nothing but the caller, or by the setuid helpers of the system, which look
 * the subordinate ids up in /etc/subuid and /etc/subgid. What can fail: ids that were not granted (the helper's own words
 * are in the error), no helper. What always holds: groups are given up (setgroups "deny") wherever this process maps its
 * own group, because the kernel asks for it. */
#include "runtime/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/notice.h"
#include "runtime/syscalls.h"

#define MAP_TEXT_MAX (64 << 10)

int rootless_mode_parse(const char *text, enum rootless_mode *ret, struct err *e)
{
	static char *const yes[] = { "1", "t", "T", "TRUE", "true", "True", NULL };
	static char *const no[] = { "0", "f", "F", "FALSE", "false", "False", NULL };
	if (!*text || !strcasecmp(text, "auto"))
		*ret = ROOTLESS_AUTO;
	else if (strv_has(yes, text))
		*ret = ROOTLESS_TRUE;
	else if (strv_has(no, text))
		*ret = ROOTLESS_FALSE;
	else
		return err_set(e, -EINVAL, "--rootless: \"%.64s\" is neither true, false nor auto", text);
	return 0;
}

bool rootless_is_mapped(const char *uid_map)
{
	unsigned long inside, outside, count;
	int end = 0;
	if (sscanf(uid_map, "%lu %lu %lu %n", &inside, &outside, &count, &end) != 3)
		return *uid_map == '\0'; /* nothing is mapped yet */
	return uid_map[end] || inside || outside || count != 4294967295UL;
}

static bool rootless_in_user_namespace(void)
{
	AUTO_STR map = STR_INIT;
	/* A kernel without user namespaces has no such file. */
	return fs_read_file("/proc/self/uid_map", MAP_TEXT_MAX, &map, NULL) == 0 && rootless_is_mapped(str_text(&map));
}

bool rootless_cgroups(enum rootless_mode mode)
{
	return mode == ROOTLESS_AUTO ? geteuid() != 0 || rootless_in_user_namespace() : mode == ROOTLESS_TRUE;
}

const char *rootless_state_root(void)
{
	static char path[512];
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");
	bool honoured = geteuid() != 0 || (rootless_in_user_namespace() && !str_eq(user, "root"));
	if (!honoured || str_empty(xdg))
		return CONTAINER_ROOT_DEFAULT;
	snprintf(path, sizeof(path), "%s/knarr-oci", xdg);
	return path;
}

static bool has_id(const struct id_map *maps, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].inside && id - maps[i].inside < maps[i].count)
			return true;
	return false;
}

/* "uid=5" in a file system's options: the kernel would refuse an id without mapping, and less clearly. */
static int check_option(const struct config *c, const char *option, struct err *e)
{
	bool uid = str_has_prefix(option, "uid=");
	uint32_t id;
	if ((!uid && !str_has_prefix(option, "gid=")) || str_to_u32(option + 4, &id) < 0)
		return 0;
	if (uid ? has_id(c->uid_maps, c->n_uid_maps, id) : has_id(c->gid_maps, c->n_gid_maps, id))
		return 0;
	return err_set(e, -EINVAL,
		       "cannot specify %s mount option for rootless container: user namespaces enabled, but no mapping found "
		       "for %s %u",
		       option, uid ? "uid" : "gid", id);
}

static int check_mount(const struct config *c, const struct mount_options *o, struct err *e)
{
	if (o->idmap || o->ridmap)
		return err_set(e, -EINVAL, "id-mapped mounts are not supported for rootless containers");
	int r = 0;
	for (size_t i = 0; r == 0 && i < strv_len(o->data); i++)
		r = check_option(c, o->data[i], e);
	return r;
}

int rootless_check(const struct config *c, struct err *e)
{
	bool joined = c->ns[NS_USER].path != NULL;
	if (!c->ns[NS_USER].wanted)
		return err_set(e, -EINVAL, "rootless container requires user namespaces");
	if (!joined && !c->n_uid_maps)
		return err_set(e, -EINVAL, "rootless containers requires at least one UID mapping");
	if (!joined && !c->n_gid_maps)
		return err_set(e, -EINVAL, "rootless containers requires at least one GID mapping");
	if (json_object_size(c->net_devices))
		return err_set(e, -EINVAL, "network devices are not supported for rootless containers");
	int r = rootless_check_groups(&c->process, e);
	/* The mappings of a namespace that is joined are its own affair. */
	for (size_t i = 0; r == 0 && !joined && i < c->n_mounts; i++)
		r = check_mount(c, &c->mounts[i].options, e);
	return r;
}

int rootless_check_groups(const struct process_conf *p, struct err *e)
{
	return p->n_groups ? err_set(e, -EINVAL, "cannot set any additional groups in a rootless container") : 0;
}

bool rootless_late_time(const struct config *c, uid_t caller)
{
	const struct ns_conf *time = &c->ns[NS_TIME], *user = &c->ns[NS_USER];
	return caller != 0 && time->wanted && !time->path && user->wanted && !user->path;
}

void rootless_warn_loose(const struct config *c, bool exists)
{
	if (!exists && (!c->ns[NS_PID].wanted || c->ns[NS_PID].path))
		notice_warn("a rootless container without cgroup and without pid namespace of its own: not all of its processes "
			    "can be found to be killed. Such configuration is strongly discouraged");
}

static bool maps_only(const struct id_map *maps, size_t n, uint32_t own)
{
	return n == 1 && maps[0].outside == own && maps[0].count == 1;
}

static int write_file(pid_t pid, const char *file, const char *text, struct err *e)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	int r = fs_write_existing(path, text, NULL);
	return r < 0 ? err_code(e, r, "write %s", path) : 0;
}

/* The caller's signal mask and descriptors are none of the helper's business. */
static void __attribute__((noreturn)) run_helper(char **argv, int out)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	sys_close_range(3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
	execvp(argv[0], argv);
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

static int use_helper(const char *helper, pid_t pid, const struct id_map *maps, size_t n, struct err *e)
{
	AUTO_STRV char **argv = NULL;
	AUTO_STR said = STR_INIT;
	AUTO_FREE char *target = xasprintf("%d", pid);
	AUTO_FD int out = memfd_create("output", MFD_CLOEXEC);
	int status = 0;
	strv_add(&argv, helper);
	strv_add(&argv, target);
	for (size_t i = 0; i < n; i++) {
		char text[3][16];
		snprintf(text[0], sizeof(text[0]), "%u", maps[i].inside);
		snprintf(text[1], sizeof(text[1]), "%u", maps[i].outside);
		snprintf(text[2], sizeof(text[2]), "%u", maps[i].count);
		for (int k = 0; k < 3; k++)
			strv_add(&argv, text[k]);
	}
	pid_t child = out < 0 ? -1 : fork();
	if (child < 0)
		return err_sys(e, "run %s", helper);
	if (child == 0)
		run_helper(argv, out);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	lseek(out, 0, SEEK_SET);
	fs_read_fd(out, 4096, &said, NULL);
	while (said.len && said.p[said.len - 1] == '\n')
		said.p[--said.len] = '\0';
	return err_set(e, -EPERM, "%s: exit status %d: %.500s", helper,
		       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), str_text(&said));
}

static int map_own(pid_t pid, const char *file, const struct id_map *map, struct err *e)
{
	char text[64];
	snprintf(text, sizeof(text), "%u %u 1\n", map->inside, map->outside);
	return write_file(pid, file, text, e);
}

int rootless_map_ids(const struct config *c, pid_t pid, struct err *e)
{
	int r = maps_only(c->uid_maps, c->n_uid_maps, geteuid())
			? map_own(pid, "uid_map", c->uid_maps, e)
			: use_helper("newuidmap", pid, c->uid_maps, c->n_uid_maps, e);
	if (r < 0)
		return r;
	if (!maps_only(c->gid_maps, c->n_gid_maps, getegid()))
		return use_helper("newgidmap", pid, c->gid_maps, c->n_gid_maps, e);
	r = write_file(pid, "setgroups", "deny", e);
	return r < 0 ? r : map_own(pid, "gid_map", c->gid_maps, e);
}
