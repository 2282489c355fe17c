/* Targets inside a root.
 *
 * Happy path: base's openat2 helpers find or make it at once. Only when a link on the way points to what is missing are the
 * links read one by one and replaced by their text. What can fail: -ELOOP, -ENOTDIR. What always holds: the text is only a
 * proposal; every open and mkdir is again one of base's, bound to the root. */
#include "runtime/in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define LINKS_MAX 40

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
	int fd = fn(root_fd, path, mode, NULL);
	if (fd >= 0)
		return fd;
	int r = expand(root_fd, path, &real, e);
	return r < 0 ? r : fn(root_fd, str_text(&real), mode, e);
}

int in_root_dir(int root_fd, const char *path, mode_t mode, struct err *e)
{
	return make(root_fd, path, mode, fs_mkdir_in_root, e);
}

int in_root_file(int root_fd, const char *path, mode_t mode, struct err *e)
{
	return make(root_fd, path, mode, fs_touch_in_root, e);
}
