/* LD_PRELOAD for a server whose disk fails, fills up, or is gone at any moment. Of files below $DISK_ROOT it logs every
 * write, truncation, rename, removal and sync to $DISK_LOG, in their order, for disk.py to make the state of the disk at any
 * point of it; and by the numbers in $DISK_CONTROL, which the test writes while the server runs, it lets the n-th of these
 * fail, or kills the process in the middle of it.
 *
 * A record: op, lengths of path and data (u32 each), offset (u64), path, data. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum op { WRITE = 1, TRUNCATE, RENAME, UNLINK, SYNC };
/* ops: done so far; [fail_from, fail_until) of them fail with error (errno); at kill_at half of it is done, then SIGKILL. */
struct control {
	int64_t ops, fail_from, fail_until, error, kill_at;
};

static struct control none = {.kill_at = -1}, *control = &none;
static int log_fd = -1;
static char root[PATH_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
	const char *log = getenv("DISK_LOG"), *name = getenv("DISK_CONTROL"), *dir = getenv("DISK_ROOT");
	if (!dir)
		return;
	snprintf(root, sizeof(root), "%s/", dir);
	log_fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof(none), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (p != MAP_FAILED)
		control = p;
}

/* The name of a file or directory below the root, relative to it. */
static bool ours(const char *path, char *ret)
{
	size_t n = strlen(root);
	if (!n || (strncmp(path, root, n) != 0 && (strncmp(path, root, n - 1) != 0 || path[n - 1])))
		return false;
	snprintf(ret, PATH_MAX, "%s", path[n - 1] ? path + n : "");
	return true;
}

static bool ours_fd(int fd, char *ret)
{
	char link[64], path[PATH_MAX];
	if (!*root)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	return ours(path, ret);
}

static void record(enum op op, const char *path, uint64_t offset, const void *data, size_t n)
{
	uint32_t head[3] = {op, (uint32_t)strlen(path), (uint32_t)n};
	struct iovec v[] = {{head, sizeof(head)}, {&offset, sizeof(offset)}, {(void *)path, head[1]}, {(void *)data, n}};
	size_t all = sizeof(head) + sizeof(offset) + head[1] + n;
	if (log_fd >= 0 && syscall(SYS_writev, log_fd, v, 4) != (long)all)
		abort();
}

/* Counts one operation: 0, or the errno it is to fail with, or -1 when the process dies in it. */
static int fate(void)
{
	int64_t at = control->ops++;
	if (at == control->kill_at)
		return -1;
	return at >= control->fail_from && at < control->fail_until ? (int)control->error : 0;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Of what fails half is written, as of what the process dies in. */
static ssize_t do_write(int fd, const char *path, const void *p, size_t n, off_t at, bool seek)
{
	pthread_mutex_lock(&lock);
	int f = fate();
	size_t take = f ? n / 2 : n;
	off_t where = seek ? at : lseek(fd, 0, SEEK_CUR);
	ssize_t w = take ? (seek ? syscall(SYS_pwrite64, fd, p, take, at) : syscall(SYS_write, fd, p, take)) : 0;
	if (w > 0)
		record(WRITE, path, (uint64_t)where, p, (size_t)w);
	if (f < 0)
		die();
	pthread_mutex_unlock(&lock);
	if (f)
		errno = f;
	return f ? -1 : w;
}

ssize_t write(int fd, const void *p, size_t n)
{
	char path[PATH_MAX];
	return ours_fd(fd, path) ? do_write(fd, path, p, n, 0, false) : syscall(SYS_write, fd, p, n);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
	char path[PATH_MAX];
	return ours_fd(fd, path) ? do_write(fd, path, p, n, at, true) : syscall(SYS_pwrite64, fd, p, n, at);
}

/* A call that is done whole or not at all. */
struct call {
	long number;
	int fd;
	off_t length;
	const char *from, *to;
};

static long do_call(const struct call *c)
{
	switch (c->number) {
	case SYS_ftruncate:
		return syscall(SYS_ftruncate, c->fd, c->length);
	case SYS_rename:
		return syscall(SYS_rename, c->from, c->to);
	case SYS_unlink:
		return syscall(SYS_unlink, c->from);
	default: /* the syncs */
		return syscall(c->number, c->fd);
	}
}

/* path and other: below the root. */
static int whole(enum op op, const char *path, const char *other, const struct call *c)
{
	pthread_mutex_lock(&lock);
	int f = fate();
	if (f < 0)
		die();
	int r = f ? -1 : (int)do_call(c);
	if (!r)
		record(op, path, (uint64_t)c->length, other, strlen(other));
	pthread_mutex_unlock(&lock);
	if (f)
		errno = f;
	return r;
}

static int on_fd(enum op op, const struct call *c)
{
	char path[PATH_MAX];
	return ours_fd(c->fd, path) ? whole(op, path, "", c) : (int)do_call(c);
}

int fdatasync(int fd)
{
	return on_fd(SYNC, &(struct call){.number = SYS_fdatasync, .fd = fd});
}

int fsync(int fd)
{
	return on_fd(SYNC, &(struct call){.number = SYS_fsync, .fd = fd});
}

int ftruncate64(int fd, off_t n)
{
	return on_fd(TRUNCATE, &(struct call){.number = SYS_ftruncate, .fd = fd, .length = n});
}

int rename(const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX];
	struct call c = {.number = SYS_rename, .from = from, .to = to};
	return ours(from, a) && ours(to, b) ? whole(RENAME, a, b, &c) : (int)do_call(&c);
}

int unlink(const char *path)
{
	char a[PATH_MAX];
	struct call c = {.number = SYS_unlink, .from = path};
	return ours(path, a) ? whole(UNLINK, a, "", &c) : (int)do_call(&c);
}
