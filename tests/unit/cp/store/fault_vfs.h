/* A VFS for tests: fails the n-th write or sync, and keeps of every file what a power cut now would leave (its state at
 * the last sync). It does not really sync. Registered as SQLite's default by fault_install(). Single process, a few
 * small files. */
#ifndef KNARR_TESTS_FAULT_VFS_H
#define KNARR_TESTS_FAULT_VFS_H

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	long ops;       /* writes, syncs and truncations so far */
	long fail_from; /* fail the operations [fail_from, fail_until) */
	long fail_until;
	int fail_code;
	bool paused;
	char shadow[PATH_MAX]; /* directory for the synced copies; "" none */
	void (*on_sync)(void); /* after each, on the thread that synced */
	/* At each half of a write; done: how much of it is in the file. */
	void (*on_write)(const char *path, const void *p, int n, sqlite3_int64 at, int done);
} fault = {.lock = PTHREAD_MUTEX_INITIALIZER, .fail_code = SQLITE_IOERR_WRITE};

struct fault_file {
	sqlite3_file base;
	char path[PATH_MAX];
	sqlite3_file *real;
};

#define REAL(f) (((struct fault_file *)(f))->real)

static void fault_reset(void)
{
	pthread_mutex_lock(&fault.lock);
	fault.ops = fault.fail_from = fault.fail_until = 0;
	fault.shadow[0] = '\0';
	fault.on_sync = NULL;
	fault.on_write = NULL;
	fault.paused = false;
	pthread_mutex_unlock(&fault.lock);
}

static inline void fault_arm(long from, long until, int code)
{
	pthread_mutex_lock(&fault.lock);
	fault.ops = 0;
	fault.fail_from = from;
	fault.fail_until = until;
	fault.fail_code = code;
	pthread_mutex_unlock(&fault.lock);
}

static inline long fault_ops(void)
{
	pthread_mutex_lock(&fault.lock);
	long n = fault.ops;
	pthread_mutex_unlock(&fault.lock);
	return n;
}

static bool fault_now(void)
{
	pthread_mutex_lock(&fault.lock);
	long at = fault.paused ? -1 : fault.ops++;
	bool hit = at >= fault.fail_from && at < fault.fail_until;
	pthread_mutex_unlock(&fault.lock);
	return hit;
}

static void fault_copy(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;
	while (in >= 0 && out >= 0 && (n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			break;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

static int fault_close(sqlite3_file *f)
{
	int rc = REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
	sqlite3_free(REAL(f));
	return rc;
}

static int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

/* A failing write leaves half of its bytes. */
static int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	if (fault_now()) {
		REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
		return fault.fail_code;
	}
	const char *path = ((struct fault_file *)f)->path;
	if (fault.on_write && !fault.paused) {
		REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
		fault.on_write(path, p, n, at, n / 2);
	}
	int rc = REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
	if (fault.on_write && !fault.paused)
		fault.on_write(path, p, n, at, n);
	return rc;
}

static int fault_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	return fault_now() ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}

static int fault_sync(sqlite3_file *f, int flags)
{
	if (fault_now())
		return fault.fail_code == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_FSYNC;
	(void)flags;
	const char *path = ((struct fault_file *)f)->path, *slash = strrchr(path, '/');
	if (fault.shadow[0] && slash) {
		char to[2 * PATH_MAX];
		snprintf(to, sizeof(to), "%s%s", fault.shadow, slash);
		fault_copy(path, to);
		if (fault.on_sync)
			fault.on_sync();
	}
	return SQLITE_OK;
}

static int fault_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return REAL(f)->pMethods->xFileSize(REAL(f), n);
}
static int fault_lock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xLock(REAL(f), level);
}
static int fault_unlock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xUnlock(REAL(f), level);
}
static int fault_reserved(sqlite3_file *f, int *ret)
{
	return REAL(f)->pMethods->xCheckReservedLock(REAL(f), ret);
}
static int fault_control(sqlite3_file *f, int op, void *arg)
{
	return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int fault_sector(sqlite3_file *f)
{
	return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int fault_traits(sqlite3_file *f)
{
	return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
	return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, ret);
}
static int fault_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}
static void fault_shm_barrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int fault_shm_unmap(sqlite3_file *f, int drop)
{
	return REAL(f)->pMethods->xShmUnmap(REAL(f), drop);
}

static const sqlite3_io_methods fault_methods = {
    2,
    fault_close,
    fault_read,
    fault_write,
    fault_truncate,
    fault_sync,
    fault_size,
    fault_lock,
    fault_unlock,
    fault_reserved,
    fault_control,
    fault_sector,
    fault_traits,
    fault_shm_map,
    fault_shm_lock,
    fault_shm_barrier,
    fault_shm_unmap,
    NULL,
    NULL,
};

static int fault_open(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *ret_flags)
{
	sqlite3_vfs *real = v->pAppData;
	struct fault_file *ff = (struct fault_file *)f;
	ff->real = sqlite3_malloc(real->szOsFile);
	memset(ff->real, 0, (size_t)real->szOsFile);
	snprintf(ff->path, sizeof(ff->path), "%s", path ? path : "");
	int rc = real->xOpen(real, path, ff->real, flags, ret_flags);
	if (rc != SQLITE_OK) {
		sqlite3_free(ff->real);
		f->pMethods = NULL;
		return rc;
	}
	f->pMethods = &fault_methods;
	return SQLITE_OK;
}

/* Every call that only takes names goes to the real VFS with its own object. */
static int fault_delete(sqlite3_vfs *v, const char *path, int sync)
{
	sqlite3_vfs *real = v->pAppData;
	return real->xDelete(real, path, sync);
}
static int fault_access(sqlite3_vfs *v, const char *path, int flags, int *ret)
{
	sqlite3_vfs *real = v->pAppData;
	return real->xAccess(real, path, flags, ret);
}
static int fault_full(sqlite3_vfs *v, const char *path, int n, char *ret)
{
	sqlite3_vfs *real = v->pAppData;
	return real->xFullPathname(real, path, n, ret);
}

static void fault_install(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);
	if (!strcmp(real->zName, "fault"))
		return;
	vfs = *real;
	vfs.zName = "fault";
	vfs.szOsFile = sizeof(struct fault_file);
	vfs.pAppData = real;
	vfs.pNext = NULL;
	vfs.iVersion = 2;
	vfs.xOpen = fault_open;
	vfs.xDelete = fault_delete;
	vfs.xAccess = fault_access;
	vfs.xFullPathname = fault_full;
	sqlite3_vfs_register(&vfs, 1);
}

#endif
