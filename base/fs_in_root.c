/* Paths that cannot leave their root.
 *
 * Happy path: one openat2(2) a call, and a mkdirat(2) for every directory that is missing. Only when a link on the way
 * points to what is missing are the links read one by one and replaced by their text. What can fail: -ELOOP, -ENOTDIR;
 * ENOSYS never (Linux 5.6 is required). What always holds: nothing here follows a symbolic link out of the root, nor /proc's
 * magic links; a replaced text is only a proposal, every open and mkdir of it is bound to the root again. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define LINKS_MAX 40

int fs_open_in_root(int root_fd, const char *path, int flags, mode_t mode, struct err *e)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;
	do
		fd = syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? err_sys(e, "open %s in root", path) : (int)fd;
}

/* From the end: mostly only the last directory is missing. */
static int make_dirs(int root_fd, const char *path, mode_t mode, struct err *e)
{
	int fd = fs_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0, NULL);
	if (fd >= 0)
		return fd;
	size_t end = strlen(path);
	while (end && path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start && path[start - 1] != '/')
		start--;
	if (fd != -ENOENT || start == end)
		return err_code(e, fd, "mkdir %s in root", path);
	AUTO_FREE char *up = xstrndup(path, start), *base = xstrndup(path + start, end - start);
	AUTO_FD int parent = make_dirs(root_fd, up, mode, e);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, base, mode) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir %.*s in root", (int)end, path);
	return fs_open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0, e);
}

static int make_file(int root_fd, const char *path, mode_t mode, struct err *e)
{
	int fd = fs_open_in_root(root_fd, path, O_PATH, 0, NULL);
	if (fd != -ENOENT)
		return fd < 0 ? err_code(e, fd, "open %s in root", path) : fd;
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *up = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
	AUTO_FD int parent = make_dirs(root_fd, up, 0755, e);
	if (parent < 0)
		return parent;
	AUTO_FD int made = openat(parent, slash ? slash + 1 : path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
	if (made < 0 && errno != EEXIST)
		return err_sys(e, "create %s in root", path);
	return fs_open_in_root(root_fd, path, O_PATH, 0, e);
}

/* The text of the link at path (its parents hold no links any more); 0 where it is none or missing. */
static ssize_t link_text(int root_fd, const char *path, char text[PATH_MAX])
{
	AUTO_FD int fd = fs_open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0, NULL);
	ssize_t n = fd < 0 ? 0 : readlinkat(fd, "", text, PATH_MAX - 1);
	n = n < 0 ? 0 : n;
	text[n] = '\0';
	return n;
}

static void go_up(struct str *done)
{
	char *slash = done->len ? strrchr(done->p, '/') : NULL;
	if (slash) {
		done->len = (size_t)(slash - done->p);
		done->p[done->len] = '\0';
	}
}

/* Path with every link replaced; adds to done ("/a/b"). */
static int expand(int root_fd, const char *path, struct str *done, struct err *e)
{
	AUTO_FREE char *rest = xstrdup(path);
	int links = 0;
	for (;;) {
		char *name = rest + strspn(rest, "/");
		size_t n = strcspn(name, "/"), before = done->len;
		char text[PATH_MAX];
		if (!n)
			return 0;
		if (n == 1 && *name == '.') {
			memset(name, '/', n);
			continue;
		}
		if (n == 2 && !memcmp(name, "..", 2)) {
			go_up(done);
			memset(name, '/', n);
			continue;
		}
		str_addc(done, '/');
		str_addn(done, name, n);
		if (link_text(root_fd, done->p, text) == 0) {
			memset(name, '/', n);
			continue;
		}
		if (++links > LINKS_MAX)
			return err_set(e, -ELOOP, "%s: too many symbolic links", path);
		done->len = *text == '/' ? 0 : before;
		done->p[done->len] = '\0';
		char *next = xasprintf("%s/%s", text, name + n);
		free_ptr(&rest);
		rest = next;
	}
}

typedef int make_fn(int root_fd, const char *path, mode_t mode, struct err *e);

static int make(int root_fd, const char *path, mode_t mode, make_fn *fn, struct err *e)
{
	AUTO_STR real = STR_INIT;
	struct err first = ERR_INIT;
	int fd = fn(root_fd, path, mode, &first);
	if (fd >= 0)
		return fd;
	if (fd != -ENOENT) {
		if (e)
			*e = first;
		return fd;
	}
	int r = expand(root_fd, path, &real, e);
	return r < 0 ? r : fn(root_fd, str_text(&real), mode, e);
}

int fs_mkdir_in_root(int root_fd, const char *path, mode_t mode, struct err *e)
{
	return make(root_fd, path, mode, make_dirs, e);
}

int fs_touch_in_root(int root_fd, const char *path, mode_t mode, struct err *e)
{
	return make(root_fd, path, mode, make_file, e);
}
