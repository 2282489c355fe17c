/* Measures the store and the cache: bench-store DIR [ETCD-URL]
 *
 * Commits a second with 1, 16 and 64 writers that each wait for their last one, beside the plain write+fdatasync of as
 * many bytes over a file that is there, in the same directory (the bound); heartbeats; then events a second from one
 * changed object to 1,000 watchers, the bytes of an event shared by all of them; and the memory and load time of 50,000
 * pods. With an etcd: as many writers through the etcd backend, beside plain puts of the same bytes
 * (what etcd itself takes, and the bound). */
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/cache/cache.h"
#include "cp/store/etcd_client.h"
#include "cp/store/etcd_codec.h"

enum { SECONDS = 2, WATCHERS = 1000, FAN_CHANGES = 2000, PODS = 50000, SYNC_BYTES = 8192, SYNC_BLOCKS = 1024 };

static struct loop *loop;
static struct store *store;
static const char *dir;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A pod of about the size that a running one has. */
static struct buf *pod(int i)
{
	static char pad[1500];
	memset(pad, 'x', sizeof(pad) - 1);
	AUTO_FREE char *text = xasprintf(
	    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"pod-%d\",\"namespace\":\"ns-%d\","
	    "\"uid\":\"00000000-0000-4000-8000-%012d\",\"labels\":{\"app\":\"web\",\"pod-template-hash\":"
	    "\"5d59d67564\"},"
	    "\"ownerReferences\":[{\"apiVersion\":\"apps/"
	    "v1\",\"kind\":\"ReplicaSet\",\"name\":\"web\",\"uid\":\"owner-%d\","
	    "\"controller\":true}]},\"spec\":{\"nodeName\":\"node-%d\",\"pad\":\"%s\"},\"status\":{\"phase\":"
	    "\"Running\"}}",
	    i, i % 50, i, i / 10, i % 500, pad);
	return buf_new(text, strlen(text));
}

static void put_pod(int i, bool volatile_, store_done done, void *arg)
{
	char key[64];
	snprintf(key, sizeof(key), "/registry/pods/ns-%d/pod-%d", i % 50, i);
	AUTO_BUF *value = pod(i);
	struct store_op op = {STORE_PUT, key, value, STORE_ANY, volatile_};
	store_txn(store, &op, 1, done, arg);
}

struct load {
	double until;
	bool volatile_;
	long done, in_flight;
	int next;
};

static void again_or_end(struct load *l, int r, const struct err *e)
{
	if (r) {
		fprintf(stderr, "bench-store: %s\n", err_text(e));
		exit(1);
	}
	l->done++;
}

static void again(void *arg, int r, uint64_t rev, const struct err *e)
{
	struct load *l = arg;
	(void)rev;
	again_or_end(l, r, e);
	if (now() < l->until)
		put_pod(l->next++ % 500, l->volatile_, again, l);
	else
		l->in_flight--;
}

/* Puts past the store: as many at once, each one's answer starts the next. */
struct plain {
	struct etcd_client *client;
	struct load load;
};

static void put_plain(struct plain *p);

static void plain_again(void *arg, int r, const char *body, size_t len, const struct err *e)
{
	struct plain *p = arg;
	(void)body, (void)len;
	again_or_end(&p->load, r, e);
	if (now() < p->load.until)
		put_plain(p);
	else
		p->load.in_flight--;
}

static void put_plain(struct plain *p)
{
	AUTO_STR body = STR_INIT;
	char key[64];
	int i = p->load.next++ % 500;
	AUTO_BUF *value = pod(i);
	snprintf(key, sizeof(key), "/bench/pod-%d", i);
	etcd_put_request(&body, key, value);
	etcd_call(p->client, ETCD_PUT, body.p, body.len, 10000, false, plain_again, p);
}

static void plain_puts(struct etcd_client *client, int writers)
{
	struct plain p = {.client = client, .load = {.in_flight = writers}};
	double start = now();
	p.load.until = start + SECONDS;
	for (int i = 0; i < writers; i++)
		put_plain(&p);
	while (p.load.in_flight)
		loop_run_once(loop, 100);
	printf("etcd itself,  %2d writers: %8.0f/s\n", writers, (double)p.load.done / (now() - start));
}

static void commits(int writers, bool volatile_)
{
	struct store_stats before, after;
	struct load l = {.volatile_ = volatile_, .in_flight = writers};
	store_get_stats(store, &before);
	double start = now();
	l.until = start + SECONDS;
	for (int i = 0; i < writers; i++)
		put_pod(l.next++ % 500, volatile_, again, &l);
	while (l.in_flight)
		loop_run_once(loop, 100);
	double took = now() - start;
	store_get_stats(store, &after);
	printf("%s, %2d writers: %8.0f/s, %6.1f a commit, %7.1f KiB/s to the log\n",
	       volatile_ ? "heartbeats" : "puts      ", writers, (double)l.done / took,
	       after.commits == before.commits ? 0 : (double)l.done / (double)(after.commits - before.commits),
	       (double)(after.bytes_written - before.bytes_written) / 1024 / took);
}

/* What one writer cannot beat. */
static void bound(void)
{
	AUTO_FREE char *path = xasprintf("%s/sync", dir);
	static char bytes[SYNC_BYTES];
	AUTO_FD int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	for (long i = 0; fd >= 0 && i < SYNC_BLOCKS; i++)
		if (pwrite(fd, bytes, sizeof(bytes), i * SYNC_BYTES) < 0)
			exit(1);
	if (fsync(fd) < 0)
		exit(1);
	double start = now();
	long n = 0;
	while (now() - start < SECONDS && pwrite(fd, bytes, sizeof(bytes), n % SYNC_BLOCKS * SYNC_BYTES) > 0 &&
	       fdatasync(fd) == 0)
		n++;
	printf("write+fdatasync (bound): %8.0f/s\n", (double)n / (now() - start));
	unlink(path);
}

static size_t told;

static void on_event(void *arg, const struct cache_event *ev)
{
	(void)arg;
	told += cache_event_json(ev, ev->type)->len > 0;
}

static void on_last(void *arg, int r, uint64_t rev, const struct err *e)
{
	(void)r, (void)rev, (void)e;
	*(bool *)arg = true;
}

static void fan_out(struct bucket *b, const char *what, const struct bucket_query *q)
{
	struct cache_watch *w[WATCHERS];
	told = 0;
	for (int i = 0; i < WATCHERS; i++)
		if (bucket_watch(b, UINT64_MAX, q, on_event, NULL, &w[i], NULL))
			exit(1);
	bool last = false;
	double start = now();
	for (int i = 0; i < FAN_CHANGES; i++)
		put_pod(i % 500, false, i == FAN_CHANGES - 1 ? on_last : NULL, &last);
	while (!last)
		loop_run_once(loop, 100);
	double took = now() - start;
	printf("%d changes past %d watchers (%s): %.1f million/s looked at, %.1f million/s told\n", FAN_CHANGES,
	       WATCHERS, what, (double)FAN_CHANGES * WATCHERS / took / 1e6, (double)told / took / 1e6);
	for (int i = 0; i < WATCHERS; i++)
		cache_watch_stop(w[i]);
}

static const char *const fields[] = {"spec.nodeName", "status.phase", NULL};
static const char *const by_field[] = {"spec.nodeName", NULL};
static const struct bucket_config pods = {
    .prefix = "/registry/pods/", .namespaced = true, .fields = fields, .by_field = by_field};

static struct cache *cache_open(const char *name)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *path = xasprintf("%s/%s.db", dir, name);
	if (store_open_sqlite(loop, path, 300, &store, &e)) {
		fprintf(stderr, "bench-store: %s\n", err_text(&e));
		exit(1);
	}
	struct cache *c = cache_new(loop, store);
	cache_add_bucket(c, &pods);
	if (cache_load(c, &e)) {
		fprintf(stderr, "bench-store: %s\n", err_text(&e));
		exit(1);
	}
	return c;
}

static void cache_close(struct cache *c)
{
	store_close(store);
	cache_free(c);
}

static void count(void *arg, struct cobj *o)
{
	*(size_t *)arg += o->json->len;
}

/* A restart with many pods: how long it takes, what it keeps beyond their bytes. */
static void many(void)
{
	bool last = false;
	struct cache *c = cache_open("many");
	double start = now();
	for (int i = 0; i < PODS; i++)
		put_pod(i, false, i == PODS - 1 ? on_last : NULL, &last);
	while (!last)
		loop_run_once(loop, 100);
	printf("%d pods written in %.1f s\n", PODS, now() - start);
	cache_close(c);
	malloc_trim(0);
	size_t before = mallinfo2().uordblks, bytes = 0;
	start = now();
	c = cache_open("many");
	double took = now() - start;
	struct bucket *b = cache_bucket(c, pods.prefix);
	start = now();
	bucket_list(b, &(struct bucket_query){0}, count, &bytes);
	double listed = now() - start;
	printf("%zu pods loaded in %.2f s, listed in %.1f ms; %.1f MB of their bytes, %.1f MB beside them\n",
	       bucket_len(b), took, listed * 1e3, (double)bytes / 1e6,
	       (double)(mallinfo2().uordblks - before - bytes) / 1e6);
	cache_close(c);
}

static void nothing(void *arg, const struct store_event *ev)
{
	(void)arg, (void)ev;
}

static void on_etcd(const char *url)
{
	static const int writers[] = {1, 16, 64};
	struct err e = ERR_INIT;
	struct etcd_client *client;
	if (store_open_etcd(loop, &(struct store_etcd_config){.servers = url}, &store, &e) ||
	    store_load(store, nothing, NULL, &(uint64_t){0}, &e) ||
	    etcd_client_new(loop, &(struct etcd_config){.servers = url}, &client, &e)) {
		fprintf(stderr, "bench-store: %s\n", err_text(&e));
		exit(1);
	}
	for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
		printf("on etcd: ");
		commits(writers[i], false);
		plain_puts(client, writers[i]);
	}
	etcd_client_free(client);
	store_close(store);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *made = xasprintf("%s/bench-store-XXXXXX", argc > 1 ? argv[1] : "");
	if (argc < 2 || argc > 3 || !mkdtemp(made) || loop_new(&loop, &e)) {
		fprintf(stderr, "usage: bench-store DIR [ETCD-URL] (on the disk that is meant)\n");
		return 2;
	}
	dir = made;
	bound();
	struct cache *c = cache_open("commits");
	commits(1, false);
	commits(16, false);
	commits(64, false);
	commits(16, true);
	AUTO_SELECTOR *node = NULL;
	fan_out(cache_bucket(c, pods.prefix), "all of it", NULL);
	if (!selector_parse_fields("spec.nodeName=node-7", &node, &e))
		fan_out(cache_bucket(c, pods.prefix), "one node's", &(struct bucket_query){.fields = node});
	cache_close(c);
	many();
	if (argc == 3)
		on_etcd(argv[2]);
	loop_free(loop);
	return fs_remove_tree(made, NULL) ? 1 : 0;
}
