/* The directory of addresses in use.
 *
 * A reservation is a file that nobody needs any more, written and renamed, or else a new one, written by one call; one
 * without content, whose writer was killed, counts as none. Fails
 * where the directory cannot be made, read or written. What always holds: between open and close no other plugin
 * changes the directory (flock, as the reference does). */
#include "cni/ipam_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cni/ipam_spare.h"
#include "cni/ipam_used.h"

#define OWNER_MAX 1024

int ipam_store_open(const char *data_dir, const char *network, struct ipam_store *ret, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", data_dir, network);
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, r;
	AUTO_FD int dir = open(path, flags);
	if (dir < 0 && errno == ENOENT) {
		if ((r = fs_mkdir_p(path, 0755, e)) < 0)
			return r;
		dir = open(path, flags);
	}
	if (dir < 0)
		return err_sys(e, "%s", path);
	AUTO_FD int lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return err_sys(e, "%s/lock", path);
	if ((r = fs_lock(lock, path, e)) < 0)
		return r;
	*ret = IPAM_STORE_INIT;
	ret->dir_fd = TAKE_FD(dir);
	ret->lock_fd = TAKE_FD(lock);
	return 0;
}

void ipam_store_close(struct ipam_store *s)
{
	close_fd(&s->stamp_fd);
	close_fd(&s->index_fd);
	close_fd(&s->lock_fd);
	close_fd(&s->dir_fd);
	*s = IPAM_STORE_INIT;
}

/* An empty file is of a writer that was killed: between open and close of the store there is no other writer. */
static int open_new(struct ipam_store *s, const char *name)
{
	struct stat st;
	int fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 || errno != EEXIST)
		return fd >= 0 ? fd : -errno;
	if (fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) || st.st_size)
		return -EEXIST;
	fd = openat(s->dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? fd : -errno;
}

int ipam_store_reserve(struct ipam_store *s, const struct ip *ip, const char *id, const char *ifname, struct err *e)
{
	char name[IP_TEXT_MAX], owner[OWNER_MAX];
	ip_text(ip, name);
	snprintf(owner, sizeof(owner), "%s\r\n%s", id, ifname);
	if (s->n_spare && faccessat(s->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT &&
	    ipam_spare_use(s, s->dir_fd, name, owner) >= 0) {
		ipam_used_note(s, ip, true);
		return 0;
	}
	AUTO_FD int fd = open_new(s, name);
	int r = fd < 0 ? fd : fs_write_all(fd, owner, strlen(owner));
	if (fd >= 0 && r < 0)
		unlinkat(s->dir_fd, name, 0);
	if (r >= 0)
		ipam_used_note(s, ip, true);
	return r < 0 && r != -EEXIST ? err_code(e, r, "reserve %s", name) : r;
}

void ipam_store_release(struct ipam_store *s, const struct ip *ip)
{
	char name[IP_TEXT_MAX];
	ipam_spare_keep(s, s->dir_fd, ip_text(ip, name));
	ipam_used_note(s, ip, false);
}

/* A small file's text without surrounding blanks; false when it cannot be read. */
static bool read_small(struct ipam_store *s, const char *name, char *ret, size_t room)
{
	AUTO_FD int fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, ret, room - 1) : -1;
	if (n < 0)
		return false;
	while (n > 0 && strchr(" \t\r\n", ret[n - 1]))
		n--;
	ret[n] = '\0';
	return true;
}

bool ipam_store_last(struct ipam_store *s, size_t set, struct ip *ret)
{
	char name[40], text[IP_TEXT_MAX];
	snprintf(name, sizeof(name), "last_reserved_ip.%zu", set);
	return read_small(s, name, text, sizeof(text)) && ip_parse(text, ret) == 0;
}

/* In place: a file that is cut to nothing first is written to the disk at once by some file systems. */
void ipam_store_overwrite(int dir_fd, const char *name, const char *text, mode_t mode)
{
	size_t len = strlen(text);
	struct stat st;
	AUTO_FD int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd >= 0 && fs_write_all(fd, text, len) >= 0 && !fstat(fd, &st) && (size_t)st.st_size > len &&
	    ftruncate(fd, (off_t)len))
		unlinkat(dir_fd, name, 0);
}

void ipam_store_set_last(struct ipam_store *s, size_t set, const struct ip *ip)
{
	char name[40], text[IP_TEXT_MAX];
	snprintf(name, sizeof(name), "last_reserved_ip.%zu", set);
	ipam_store_overwrite(s->dir_fd, name, ip_text(ip, text), 0644);
}

bool ipam_store_is_held(struct ipam_store *s, const struct ip *ip, const char *id, const char *ifname)
{
	char name[IP_TEXT_MAX], owner[OWNER_MAX];
	if (!read_small(s, ip_text(ip, name), owner, sizeof(owner)))
		return false;
	size_t len = strcspn(owner, "\r\n");
	return len == strlen(id) && !strncmp(owner, id, len) &&
	       !strcmp(owner + len + strspn(owner + len, "\r\n"), ifname);
}

static DIR *open_dir(const struct ipam_store *s)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir)
		close_fd(&fd);
	return dir;
}

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

int ipam_store_list(struct ipam_store *s, struct ip **ret, size_t *ret_n, struct err *e)
{
	DIR *dir = open_dir(s);
	struct ip *v = NULL;
	size_t n = 0, cap = 0;
	if (!dir)
		return err_sys(e, "read the directory of addresses");
	for (struct dirent *d; (d = readdir(dir));) {
		if (n == cap)
			v = xreallocarray(v, cap = cap ? cap * 2 : 256, sizeof(*v));
		n += ip_parse(d->d_name, &v[n]) == 0;
	}
	closedir(dir);
	if (n)
		qsort(v, n, sizeof(*v), by_address);
	*ret = v;
	*ret_n = n;
	return 0;
}

int ipam_store_each(struct ipam_store *s,
		    void (*fn)(void *arg, const struct ip *ip, const char *id, const char *ifname), void *arg,
		    struct err *e)
{
	DIR *dir = open_dir(s);
	if (!dir)
		return err_sys(e, "read the directory of addresses");
	for (struct dirent *d; (d = readdir(dir));) {
		char owner[OWNER_MAX];
		struct ip ip;
		if (ip_parse(d->d_name, &ip) < 0 || !read_small(s, d->d_name, owner, sizeof(owner)))
			continue;
		size_t len = strcspn(owner, "\r\n");
		const char *ifname = owner + len + strspn(owner + len, "\r\n");
		owner[len] = '\0';
		fn(arg, &ip, owner, ifname);
	}
	closedir(dir);
	return 0;
}
