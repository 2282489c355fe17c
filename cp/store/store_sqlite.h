/* The embedded backend's parts: what store_sqlite.c (life, threads), store_group.c (commits) and store_replay.c
 * (loading) share. */
#ifndef KNARR_CP_STORE_STORE_SQLITE_H
#define KNARR_CP_STORE_STORE_SQLITE_H

#include <pthread.h>

#include "cp/store/past_rows.h"
#include "cp/store/store_db.h"
#include "cp/store/store_driver.h"
#include "cp/store/store_index.h"
#include "cp/store/store_txn_queue.h"

#define STORE_GROUP_TXNS 512
#define STORE_GROUP_BYTES ((size_t)8 << 20)
#define STORE_REVISION_BLOCK 10000  /* revisions reserved by one write */
#define STORE_CHECKPOINT_PAGES 2048 /* 8 MiB of log */
#define STORE_COMPACT_ROWS 1024     /* one compaction transaction */
#define STORE_HISTORY_S 300
#define STORE_HISTORY_ROWS 200000 /* superseded rows kept at most, whatever their age */
#define STORE_COMPACT_LAZY_S 60   /* so long a few expired rows may wait for company */

/* Between loop and writer; outlives the store until the loop has run what was posted and deferred. */
struct store_mailbox {
	pthread_mutex_t lock; /* guards results, posted */
	struct store_txn_queue results;
	bool posted;
	struct store *s; /* NULL: closed. This and what follows is the loop's */
	struct store_txn_queue orders; /* of this turn of the loop */
	bool deferred;
};

struct store_sqlite {
	struct store s;
	int history_s;
	pthread_t thread;
	struct store_mailbox *mail;
	int64_t compact_after_ms; /* the writer's: not again before (monotonic), after a failure */

	pthread_mutex_t queue_lock; /* guards queue, stop */
	pthread_cond_t queued;
	struct store_txn_queue queue;
	bool stop;

	pthread_mutex_t db_lock; /* guards what follows; held during a group */
	struct store_db *db;
	struct store_index *index;
	int64_t next_row;
	uint64_t last;     /* newest revision given out or burnt */
	uint64_t reserved; /* on disk: none above it is given out */
	uint64_t opened;   /* the newest revision that was in the log when it was opened */
	struct past_rows past; /* the changes that have rows */
	struct store_stats stats;
};

/* Commits a group: notes in each transaction its revision or error. */
void store_group_commit(struct store_sqlite *q, struct store_txn *first);
/* Writes the held volatile states and the exact revision (clean close, backup). */
int store_group_flush(struct store_sqlite *q, struct err *e);
/* Deletes one portion of expired rows; returns how many, or -errno. all: also the few that could still wait. */
int store_group_compact(struct store_sqlite *q, bool all, struct err *e);
/* Milliseconds until compaction has something to do; -1: nothing is waiting. */
int64_t store_group_compact_in_ms(const struct store_sqlite *q);

/* Reads the log into the index. */
int store_replay_open(struct store_sqlite *q, struct err *e);
int store_replay_load(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e);
int store_replay_past(struct store *s, const char *prefix, uint64_t after, uint64_t until, store_past_fn fn, void *arg,
		      struct err *e);

#endif
