/* A snapshot of etcd: the file that its maintenance API sends, which ends in its own checksum.
 *
 * Happy path: pieces are written as they come, the file is synced and renamed. What can fail: the cluster, the disk.
 * What always holds: under the name stands a whole snapshot or what stood there before. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cp/store/store_etcd.h"

struct snapshot {
	int fd, r;
	bool ended;
	uint64_t bytes;
	struct err e;
};

static void on_message(void *arg, const char *bytes, size_t len)
{
	struct snapshot *s = arg;
	const char *blob;
	size_t n;
	if (s->r || (s->r = etcd_snapshot_answer(bytes, len, &blob, &n, &s->e)) < 0)
		return;
	if ((s->r = fs_write_all(s->fd, blob, n)) < 0)
		err_code(&s->e, s->r, "snapshot");
	s->bytes += n;
}

static void on_end(void *arg, const struct err *e)
{
	struct snapshot *s = arg;
	s->ended = true;
	if (!s->r && e->code != -ECONNRESET) {
		s->r = e->code;
		s->e = *e;
	}
}

/* A bolt database is a multiple of 512 bytes; 32 of checksum follow. */
static int check_whole(const struct snapshot *s, struct err *e)
{
	if (s->bytes <= 32 || s->bytes % 512 != 32)
		return err_set(e, -EPROTO, "etcd: the snapshot ended after %llu bytes", (unsigned long long)s->bytes);
	return 0;
}

static int receive(struct store_etcd *d, int fd, struct err *e)
{
	struct snapshot s = {.fd = fd, .e = ERR_INIT};
	struct etcd_stream *stream = etcd_stream_new(d->client, ETCD_SNAPSHOT, NULL, 0, on_message, on_end, &s);
	while (!s.ended && !s.r)
		loop_run_once(d->s.loop, 1000);
	etcd_stream_free(stream);
	return s.r ? err_set(e, s.r, "%s", s.e.text) : check_whole(&s, e);
}

int store_etcd_backup(struct store *s, const char *path, struct err *e)
{
	struct store_etcd *d = CONTAINER_OF(s, struct store_etcd, s);
	AUTO_FREE char *tmp = xasprintf("%s.tmp", path);
	AUTO_FD int fd = open(tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "%s", tmp);
	int r = receive(d, fd, e);
	if (!r && (fsync(fd) < 0 || rename(tmp, path) < 0))
		r = err_sys(e, "%s", path);
	if (r)
		unlink(tmp);
	return r;
}
