/* Users of a root filesystem: names and numbers to ids, by its own /etc/passwd and /etc/group, which are foreign text and
 * are read in-root and bounded. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "rootfs/image_store.h"

enum { FILE_MAX = 1 << 20 };

static char **read_lines(int root, const char *path)
{
	AUTO_STR text = STR_INIT;
	AUTO_FD int fd = fs_open_in_root(root, path, O_RDONLY | O_NONBLOCK, 0, NULL);
	if (fd >= 0)
		(void)fs_read_fd(fd, FILE_MAX, &text, NULL); /* ignoring: what is too long is cut */
	return str_split(str_text(&text), '\n');
}

/* The line of a passwd or group file whose name is key, or whose number in column 2 is. Returns owned fields or NULL. */
static char **find_line(char **lines, const char *key)
{
	for (; *lines; lines++) {
		AUTO_STRV char **f = str_split(*lines, ':');
		if (strv_len(f) >= 3 && (!strcmp(f[0], key) || !strcmp(f[2], key)))
			return TAKE(f);
	}
	return NULL;
}

static void add_group(struct rootfs_user *u, uint32_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return;
	u->groups = xreallocarray(u->groups, u->n_groups + 1, sizeof(*u->groups));
	u->groups[u->n_groups++] = gid;
}

static void add_supplementary(struct rootfs_user *u, char **lines, const char *name)
{
	for (; *lines; lines++) {
		AUTO_STRV char **f = str_split(*lines, ':');
		uint32_t gid;
		if (strv_len(f) < 4 || str_to_u32(f[2], &gid) < 0)
			continue;
		AUTO_STRV char **members = str_split(f[3], ',');
		if (strv_has(members, name) && gid != u->gid)
			add_group(u, gid);
	}
}

static int resolve_group(struct rootfs_user *u, char **lines, const char *group, struct err *e)
{
	AUTO_STRV char **f = find_line(lines, group);
	if (str_to_u32(f ? f[2] : group, &u->gid) < 0)
		return err_set(e, -ENOENT, "unable to find group %s: no matching entries in group file", group);
	return 0;
}

int rootfs_user_resolve(const char *rootfs, const char *user, struct rootfs_user *ret, struct err *e)
{
	AUTO_FD int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open %s", rootfs);
	AUTO_STRV char **passwd = read_lines(root, "etc/passwd"), **groups = read_lines(root, "etc/group");
	AUTO_FREE char *name = xstrdup(str_empty(user) ? "0" : user);
	char *colon = strchr(name, ':');
	if (colon)
		*colon++ = '\0';
	struct rootfs_user u = { 0 };
	AUTO_STRV char **f = find_line(passwd, *name ? name : "0");
	if (str_to_u32(f ? f[2] : name, &u.uid) < 0)
		return err_set(e, -ENOENT, "unable to find user %s: no matching entries in passwd file", name);
	if (f && strv_len(f) > 3)
		(void)str_to_u32(f[3], &u.gid); /* ignoring: a broken group number is group 0 */
	if (colon && *colon) {
		int r = resolve_group(&u, groups, colon, e);
		if (r < 0)
			return r;
	} else if (f) {
		add_supplementary(&u, groups, f[0]);
	}
	u.home = xstrdup(f && strv_len(f) > 5 && *f[5] ? f[5] : "/");
	*ret = u;
	return 0;
}

void rootfs_user_done(struct rootfs_user *u)
{
	free(u->groups);
	free(u->home);
	*u = (struct rootfs_user){ 0 };
}
