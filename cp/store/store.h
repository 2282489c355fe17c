/* The store: keys, values and one global revision, durable; one interface over SQLite (embedded) and etcd v3.
 *
 * Every successful transaction gets the next revision, shared by all its operations. A store has one owner thread (the
 * event loop's): every function here is called on it, every callback comes on it, in revision order. Commits are
 * grouped by a writer thread: many transactions, one fsync; a transaction is acknowledged after that fsync. */
#ifndef KNARR_CP_STORE_STORE_H
#define KNARR_CP_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/loop.h"

struct store;

enum store_op_type { STORE_PUT, STORE_DELETE };

#define STORE_ANY UINT64_MAX /* no precondition */
#define STORE_ABSENT 0       /* the key must not exist */

struct store_op {
	enum store_op_type type;
	const char *key; /* "/registry/pods/default/a"; borrowed */
	struct buf
	    *value; /* PUT: needed; for DELETE the last state that the delete event shall carry (or NULL); referenced */
	uint64_t
	    expect; /* revision of the last change of key, STORE_ABSENT or STORE_ANY (a DELETE of nothing is done) */
	bool volatile_; /* a heartbeat: gets a revision and is served and watched, but need not survive a crash */
};

/* r is 0, or with e: -ESTALE (a precondition failed), -EINVAL (a key twice, a PUT without
 * value), -ESHUTDOWN (queued while the store closes), -ENOSPC, -EIO ...; then nothing was done. (Only the sync's own
 * failure is less certain: a crash before the next success may still bring the transaction back.) rev is the new
 * revision. */
typedef void (*store_done)(void *arg, int r, uint64_t rev, const struct err *e);
/* One committed change, in order. value is NULL for a delete without last state. prev_rev is 0 for a new key. etcd does
 * not always know prev_rev and create_rev: 0 then. */
struct store_event {
	enum store_op_type type;
	const char *key;
	struct buf *value;
	uint64_t rev, create_rev, prev_rev;
	bool volatile_;
	bool stale; /* encrypted with another key than it would be now */
	bool state; /* of store_load(): what was there when it began, no change */
};
/* Called for every committed change before the done callback of its transaction. */
typedef void (*store_watch)(void *arg, const struct store_event *ev);

/* Opens or creates the SQLite database at path (WAL, synchronous=FULL). -EBUSY when another process has it open,
 * -EUCLEAN when it is corrupt. history_s: how long superseded states are kept for watches that resume
 * (0: 300; negative: not at all). */
int store_open_sqlite(struct loop *l, const char *path, int history_s, struct store **ret, struct err *e);
/* Makes the revisions of a database that goes back in time (a restored backup) begin again by so many higher, with no
 * history before: nothing that was given out since is given out again, and clients load anew. Nobody has it open. */
int store_sqlite_skip(const char *path, uint64_t by, struct err *e);
/* Opens an etcd v3 cluster, which other servers may use at the same time. Waits for it for a while. -EINVAL (a bad
 * URL), -ECONNREFUSED ... */
struct store_etcd_config {
	const char *servers;                        /* "https://10.0.0.1:2379,https://10.0.0.2:2379" */
	const char *ca_file, *cert_file, *key_file; /* NULL or "": none */
	const char *prefix;                         /* stands for "/registry"; NULL: that */
	int compact_s;                              /* seconds between compactions; 0: 300; negative: never */
	int wait_s;                                 /* how long to wait for a first answer; 0: 20 */
};
int store_open_etcd(struct loop *l, const struct store_etcd_config *c, struct store **ret, struct err *e);
/* Commits what is queued, calls what is due back, then closes. Not from a callback of the store. */
void store_close(struct store *s);

struct store_crypt;
/* Values are encrypted and decrypted on their way from now on (takes c). Before loading. What cannot be decrypted makes
 * loading fail (-EBADMSG, naming the key); a change by another server that cannot be is logged and left out. */
void store_set_crypt(struct store *s, struct store_crypt *c);

/* Calls fn for the state of every key as it was at a revision (as STORE_PUT events marked state, in no order), then for
 * every change since, by revision, deletes included. Once, before use. ret_from: that revision. fn must not call the
 * store, and had better copy a value than keep it: its block may be far larger. */
int store_load(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e);
/* What came before, of this process or the one before it, for watches that resume: calls fn for the changes of the keys that
 * begin with prefix, those after a revision and up to another one, the newest first, until fn returns false. prev is the
 * state that the change replaced; NULL where there was none, or where it was a heartbeat that a later state of its key
 * replaced (ev->prev_rev is not 0 then). Heartbeats are not told. Costs a read of each change; blocks. -EOVERFLOW: after is older than what is kept;
 * -EBADMSG, -EIO ... */
typedef bool (*store_past_fn)(void *arg, const struct store_event *ev, const struct store_event *prev);
int store_past(struct store *s, const char *prefix, uint64_t after, uint64_t until, store_past_fn fn, void *arg,
	       struct err *e);
bool store_keeps_past(const struct store *s); /* whether store_past() ever tells anything */
void store_set_watch(struct store *s, store_watch fn, void *arg);

/* Queues a transaction; done is called once from the loop. ops are borrowed for the call. */
void store_txn(struct store *s, const struct store_op *ops, size_t n, store_done done, void *arg);
/* Whether others write to it as well, so that what was told here may be behind. */
bool store_is_shared(const struct store *s);
/* done comes once the watcher was told of everything that was committed, by whomever, before this call: at once, inside
 * it, where nobody else writes. */
typedef void (*store_synced)(void *arg, int r, const struct err *e);
void store_sync(struct store *s, store_synced done, void *arg);
/* fn is called where the store cannot follow the changes any more (what it had not seen yet was compacted): the
 * process has to load anew. */
typedef void (*store_lost)(void *arg, const struct err *e);
void store_set_lost(struct store *s, store_lost fn, void *arg);
/* The newest revision that has been given to a watcher; 1 for an empty store. */
uint64_t store_revision(const struct store *s);
/* The oldest revision from which history is complete: changes after it can all be replayed (watches from before it get
 * 410). */
uint64_t store_compacted_revision(const struct store *s);
/* Drops the superseded states that are older than the history now, instead of in the next idle minute. Blocking. */
int store_compact(struct store *s, struct err *e);
/* A copy into path, consistent, while running: a database (SQLite), a snapshot as etcdctl writes it (etcd). Blocking; of
 * etcd not from a callback of the loop. */
int store_backup(struct store *s, const char *path, struct err *e);

/* bytes_written: to the log, before it is moved into the database. */
struct store_stats {
	uint64_t txns, commits, bytes_written, keys;
};
void store_get_stats(const struct store *s, struct store_stats *ret);

#endif
