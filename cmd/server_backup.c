/* Backups of a running server.
 *
 * Happy path: a thread of its own has the store copy itself into a file without a name for others, the loop sends it
 * piece by piece as fast as it is taken, and removes it. What can fail: the copy (500 with the reason); a second backup
 * at the same time (409). What always holds: requests are served meanwhile; the file goes, whatever happens. */
#include "cmd/server_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { PIECE = 64 * 1024, AHEAD = 1024 * 1024 };

struct server_backup {
	struct loop *loop;
	struct store *store;
	const char *dir;
	/* One at a time: */
	struct http_exchange *x; /* NULL: the peer has gone */
	pthread_t thread;
	bool running, busy, freed; /* running: the thread is to be joined */
	char *path;
	int fd, r;
	struct err e;
};

static void finish(struct server_backup *b)
{
	if (b->path)
		unlink(b->path);
	close_fd(&b->fd);
	b->fd = -1;
	free(TAKE(b->path));
	b->x = NULL;
	b->busy = false;
}

static void on_close(void *arg, struct http_exchange *x)
{
	struct server_backup *b = arg;
	if (b->x == x && !b->running)
		finish(b);
	else if (b->x == x)
		b->x = NULL;
}

static void fail(struct http_exchange *x, int status, const char *text)
{
	static const struct http_header plain[] = {{"content-type", "text/plain; charset=utf-8"}, {NULL, NULL}};
	http_respond(x, status, plain, text, strlen(text));
}

static void send_more(void *arg, struct http_exchange *x)
{
	struct server_backup *b = arg;
	char bytes[PIECE];
	while (b->x == x && http_pending_bytes(x) < AHEAD) {
		ssize_t n = read(b->fd, bytes, sizeof(bytes));
		if (n > 0) {
			http_write(x, bytes, (size_t)n);
			continue;
		}
		if (n < 0)
			http_abort(x);
		else
			http_end(x);
		return;
	}
}

static void send_file(struct server_backup *b)
{
	static const struct http_header type[] = {{"content-type", "application/octet-stream"}, {NULL, NULL}};
	b->fd = open(b->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (b->fd < 0) {
		fail(b->x, 500, "cannot read the copy\n");
		return;
	}
	http_on_drain(b->x, send_more, b);
	http_start(b->x, 200, type);
	send_more(b, b->x);
}

/* On the loop. */
static void on_copied(void *arg)
{
	struct server_backup *b = arg;
	if (b->freed) {
		free(b);
		return;
	}
	pthread_join(b->thread, NULL);
	b->running = false;
	if (b->r < 0)
		log_error("cannot make a backup error=\"%s\"", err_text(&b->e));
	if (!b->x) {
		finish(b);
	} else if (b->r < 0) {
		AUTO_FREE char *text = xasprintf("%s\n", err_text(&b->e));
		fail(b->x, 500, text);
	} else {
		send_file(b);
	}
}

static void *copy(void *arg)
{
	struct server_backup *b = arg;
	b->r = store_backup(b->store, b->path, &b->e);
	loop_post(b->loop, on_copied, b);
	return NULL;
}

static void begin(struct server_backup *b, struct http_exchange *x)
{
	sigset_t all, before;
	b->busy = true;
	b->x = x;
	b->e = ERR_INIT;
	b->path = xasprintf("%s/backup.%d", b->dir, (int)getpid());
	http_on_close(x, on_close, b);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&b->thread, NULL, copy, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	b->running = r == 0;
	if (r)
		fail(x, 500, "cannot start a thread\n");
}

struct server_backup *server_backup_new(struct loop *l, struct store *s, const char *dir)
{
	struct server_backup *b = xcalloc(1, sizeof(*b));
	b->loop = l;
	b->store = s;
	b->dir = dir;
	b->fd = -1;
	return b;
}

void server_backup_free(struct server_backup *b)
{
	if (!b)
		return;
	bool posted = b->running;
	if (b->running)
		pthread_join(b->thread, NULL);
	b->running = false;
	finish(b);
	b->freed = true;
	if (!posted) /* else what was posted frees it */
		free(b);
}

bool server_backup_request(struct server_backup *b, struct http_exchange *x)
{
	if (strcmp(http_path(x), "/knarr/backup") != 0)
		return false;
	if (!http_peer_is_client(x) || !strv_has(http_peer_organizations(x), "system:masters"))
		fail(x, 403, "only members of system:masters may make a backup\n");
	else if (strcmp(http_method(x), "POST") != 0)
		fail(x, 405, "POST is wanted\n");
	else if (store_is_shared(b->store))
		fail(x, 400, "the store is etcd: its snapshot is made with knarr backup --etcd-servers\n");
	else if (b->busy)
		fail(x, 409, "another backup is being made\n");
	else
		begin(b, x);
	return true;
}
