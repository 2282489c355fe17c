/* The etcd backend's parts: what store_etcd.c (life, transactions), store_etcd_load.c, store_etcd_watch.c (changes) and
 * store_etcd_sync.c (how far others are, compaction) share. All on the loop's thread. */
#ifndef KNARR_CP_STORE_STORE_ETCD_H
#define KNARR_CP_STORE_STORE_ETCD_H

#include "base/list.h"
#include "cp/store/etcd_client.h"
#include "cp/store/etcd_codec.h"
#include "cp/store/store_driver.h"

#define STORE_ETCD_PAGE 500           /* keys read at once */
#define STORE_ETCD_CALL_MS 15000      /* longer than etcd's own patience (7 s) */
#define STORE_ETCD_RETRY_MS 100       /* between two attempts to follow the changes */
#define STORE_ETCD_RETRY_MAX_MS 1000
#define STORE_ETCD_BARRIER_MS 30      /* without a change for so long, one is made */
#define STORE_ETCD_STALLED_MS 3000    /* a stream that lacks a change for so long is given up */
#define STORE_ETCD_COMPACT_S 300
#define STORE_ETCD_COMPACT_KEY "compact_rev_key" /* the same key by which the original's servers take turns */
#define STORE_ETCD_BARRIER_KEY "/registry/knarr/barrier"

struct etcd_txn;

struct store_etcd {
	struct store s;
	struct etcd_client *client;
	char *prefix, *root, *root_end; /* "/registry"; "/registry/", "/registry0" */

	struct etcd_stream *stream;
	uint64_t watched; /* everything up to it was told */
	struct timer *retry;
	int retry_ms;
	bool following; /* load is over: changes are told */
	/* While loading, instead of the watcher: */
	store_watch load_fn;
	void *load_arg;
	int load_r;
	struct err load_e;

	struct list txns;    /* sent */
	struct list settled; /* answered, waiting for their revision to be told */
	struct list syncs;   /* waiting for a question to be asked */
	struct list asked;   /* waiting for its answer */
	bool asking, barrier;
	struct timer *barrier_timer, *stalled_timer;

	int compact_s;
	struct timer *compact_timer;
	uint64_t compact_version, compact_next;

	bool closing;
	struct store_stats stats;
};

/* store_etcd.c: finishes what waited for a revision up to d->watched. */
void store_etcd_settle(struct store_etcd *d);
/* store_etcd_load.c */
int store_etcd_load(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e);
/* store_etcd_watch.c: tells the changes after d->watched from now on. */
void store_etcd_follow(struct store_etcd *d);
void store_etcd_unfollow(struct store_etcd *d);
/* The key as the rest of the program knows it. Returns owned. */
char *store_etcd_key(const struct store_etcd *d, const char *key);
/* store_etcd_sync.c */
void store_etcd_sync(struct store *s, store_synced done, void *arg);
/* Something waits for a revision that was not told yet: makes sure that it comes. */
void store_etcd_expect(struct store_etcd *d);
void store_etcd_sync_settle(struct store_etcd *d);
void store_etcd_sync_close(struct store_etcd *d);
void store_etcd_compact_start(struct store_etcd *d);
int store_etcd_compact(struct store *s, struct err *e);
int store_etcd_backup(struct store *s, const char *path, struct err *e);

#endif
