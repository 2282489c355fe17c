/* The audit log's writer. Purpose: lines reach the disk without the loop ever waiting for it. Happy path: lines are added
 * to a buffer, the thread takes the whole buffer and writes it with one call. What can fail: the disk is full: the error
 * is logged once until a write succeeds again, those lines are lost. What always holds: lines are whole and in order. */
#include "cp/api/audit_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { QUEUE_MAX = 32 << 20, DAY_S = 86400 };

struct audit_log {
	struct audit_log_config c;
	char *path;
	int fd;
	int64_t size; /* of the file; the thread's */
	bool failing; /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct str queue; /* under lock, as what follows */
	bool stop;
	uint64_t dropped;
};

static int open_file(struct audit_log *l, struct err *e)
{
	struct stat st;
	bool out = !strcmp(l->path, "-");
	l->fd = out ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return err_sys(e, "%s", l->path);
	l->size = !out && fstat(l->fd, &st) == 0 ? st.st_size : 0;
	return 0;
}

/* --- changing the file ---------------------------------------------------------------------------------------------------- */

struct backups {
	char **names;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

/* Names of older files, the newest first: their times sort as text. */
static void list_backups(const char *dir, const char *prefix, struct backups *ret)
{
	DIR *d = opendir(dir);
	if (!d)
		return;
	for (struct dirent *de; (de = readdir(d));)
		if (str_has_prefix(de->d_name, prefix))
			strv_add(&ret->names, de->d_name);
	closedir(d);
	ret->n = strv_len(ret->names);
	if (ret->names)
		qsort(ret->names, ret->n, sizeof(char *), by_name);
}

static void prune(const struct audit_log *l)
{
	const char *slash = strrchr(l->path, '/');
	AUTO_FREE char *dir = slash ? xstrndup(l->path, (size_t)(slash - l->path) + 1) : xstrdup("./");
	AUTO_FREE char *prefix = xasprintf("%s-", slash ? slash + 1 : l->path);
	struct backups b = {0};
	list_backups(dir, prefix, &b);
	for (size_t i = 0; b.names && b.names[i]; i++) {
		AUTO_FREE char *file = xasprintf("%s%s", dir, b.names[i]);
		struct stat st;
		bool many = l->c.max_backups > 0 && i >= (size_t)l->c.max_backups;
		bool old = l->c.max_age_days > 0 && stat(file, &st) == 0 && st.st_mtime < time(NULL) - (time_t)l->c.max_age_days * DAY_S;
		if (many || old)
			unlink(file);
	}
	free_strv(&b.names);
}

static void change_file(struct audit_log *l)
{
	struct timespec now;
	struct tm tm;
	char stamp[40];
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H-%M-%S", gmtime_r(&now.tv_sec, &tm));
	AUTO_FREE char *to = xasprintf("%s-%s.%03ld", l->path, stamp, now.tv_nsec / 1000000);
	if (rename(l->path, to) < 0)
		return; /* the file goes on growing, and the next write tries again */
	close_fd(&l->fd);
	if (open_file(l, NULL) < 0)
		l->fd = -1;
	prune(l);
}

/* --- the thread ----------------------------------------------------------------------------------------------------------- */

static void write_out(struct audit_log *l, const struct str *text)
{
	if (l->fd < 0 && open_file(l, NULL) < 0)
		l->fd = -1;
	int r = l->fd < 0 ? -EIO : fs_write_all(l->fd, text->p, text->len);
	if (r < 0 && !l->failing)
		log_error("audit events are lost path=%s error=\"%s\"", l->path, strerror(-r));
	l->failing = r < 0;
	l->size += (int64_t)text->len;
	if (l->c.max_bytes && l->size >= l->c.max_bytes && strcmp(l->path, "-"))
		change_file(l);
}

static void *run(void *arg)
{
	struct audit_log *l = arg;
	pthread_mutex_lock(&l->lock);
	while (!l->stop || l->queue.len) {
		if (!l->queue.len) {
			pthread_cond_wait(&l->wake, &l->lock);
			continue;
		}
		struct str text = l->queue;
		l->queue = STR_INIT;
		pthread_mutex_unlock(&l->lock);
		write_out(l, &text);
		str_done(&text);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct audit_log *l, struct err *e)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&l->thread, NULL, run, l);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? err_code(e, -r, "start the audit log's thread") : 0;
}

static void destroy(struct audit_log *l)
{
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	close_fd(&l->fd);
	str_done(&l->queue);
	free(l->path);
	free(l);
}

int audit_log_new(const struct audit_log_config *c, struct audit_log **ret, struct err *e)
{
	struct audit_log *l = xcalloc(1, sizeof(*l));
	l->c = *c;
	l->path = xstrdup(c->path);
	l->c.path = l->path;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wake, NULL);
	int r = open_file(l, e);
	if (r == 0)
		r = start_thread(l, e);
	if (r < 0) {
		destroy(l);
		return r;
	}
	*ret = l;
	return 0;
}

void audit_log_free(struct audit_log *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	destroy(l);
}

void audit_log_add(struct audit_log *l, const char *line, size_t len)
{
	bool first = false;
	pthread_mutex_lock(&l->lock);
	if (l->queue.len + len + 1 > QUEUE_MAX) {
		first = !l->dropped++;
	} else {
		str_addn(&l->queue, line, len);
		str_addc(&l->queue, '\n');
		pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
	if (first)
		log_warn("audit events are dropped, the disk is too slow path=%s", l->path);
}

uint64_t audit_log_dropped(struct audit_log *l)
{
	pthread_mutex_lock(&l->lock);
	uint64_t n = l->dropped;
	pthread_mutex_unlock(&l->lock);
	return n;
}
