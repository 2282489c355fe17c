/* etcd's v3 API as gRPC carries it: protocol buffers in frames. Pure. (etcd 3.4 and later, "rpc.proto" and "kv.proto";
 * gRPC over HTTP/2, Length-Prefixed-Message) */
#ifndef KNARR_CP_STORE_ETCD_CODEC_H
#define KNARR_CP_STORE_ETCD_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "cp/store/store.h"

/* Codes of gRPC that an answer may carry (grpc.io, status codes). */
enum { ETCD_OUT_OF_RANGE = 11, ETCD_EXHAUSTED = 8, ETCD_UNAVAILABLE = 14 };

struct etcd_kv {
	char *key; /* owned */
	struct buf *value;
	uint64_t rev, create_rev;
};

struct etcd_range {
	uint64_t revision; /* of the whole store when it answered */
	bool more;
	size_t n;
	struct etcd_kv *kvs;
};
void etcd_range_done(struct etcd_range *r);

struct etcd_txn_answer {
	uint64_t revision;
	bool succeeded;
	size_t n; /* what stands under the first keys that were compared, where it did not succeed */
	struct etcd_kv *kvs;
};
void etcd_txn_answer_done(struct etcd_txn_answer *a);

struct etcd_change {
	bool deleted;
	struct etcd_kv kv, prev; /* prev.key is NULL for a new key */
};

struct etcd_watch_answer {
	uint64_t revision, compacted; /* compacted: set where the watch ended because of it */
	bool created, canceled;
	char *reason;
	size_t n;
	struct etcd_change *changes;
};
void etcd_watch_answer_done(struct etcd_watch_answer *a);

/* The key behind every key that begins with prefix ("/registry/" -> "/registry0"). Returns owned. */
char *etcd_range_end(const char *prefix);

/* Requests; each adds a message to the empty out. end NULL: that one key. limit and revision 0: none. */
void etcd_range_request(struct str *out, const char *key, const char *end, uint64_t limit, uint64_t revision,
			bool count_only);
/* Each operation's precondition compared with its key's mod revision; all succeed together or the compared keys are
 * read. Keys are put behind prefix in place of "/registry". */
void etcd_txn_request(struct str *out, const struct store_op *ops, size_t n, const char *prefix);
void etcd_put_request(struct str *out, const char *key, const struct buf *value);
void etcd_compact_request(struct str *out, uint64_t revision);
/* All keys from key to end, from a revision on. */
void etcd_watch_request(struct str *out, const char *key, const char *end, uint64_t from_revision);
/* Writes value under key where the key was written version times (0: never); else reads it. */
void etcd_version_request(struct str *out, const char *key, uint64_t version, const char *value);

/* Answers; -EPROTO for what is none. Returned owned, to be given to ..._done(). */
int etcd_range_answer(const char *bytes, size_t len, struct etcd_range *ret, struct err *e);
int etcd_txn_answer(const char *bytes, size_t len, struct etcd_txn_answer *ret, struct err *e);
/* The version of the first key that was read, where the transaction did not succeed. */
int etcd_version_answer(const char *bytes, size_t len, struct etcd_txn_answer *ret, uint64_t *ret_version, struct err *e);
/* One message of the stream. */
int etcd_watch_answer(const char *bytes, size_t len, struct etcd_watch_answer *ret, struct err *e);
/* A piece of a snapshot, borrowed from bytes. */
int etcd_snapshot_answer(const char *bytes, size_t len, const char **ret, size_t *ret_len, struct err *e);

/* A message of n bytes, less than 4 GiB, with its length before it; and back: 1, 0 where more is to come, -EPROTO
 * (compressed). ret borrows from bytes; what was taken ends at *ret + *ret_len. */
void etcd_frame(struct str *out, const char *message, size_t n);
int etcd_unframe(const char *bytes, size_t n, const char **ret, size_t *ret_len);

/* A status that is no success, by its code and message: the text goes to e. -EOVERFLOW (compacted), -ENOSPC, -E2BIG (too
 * large), -EAGAIN (unavailable: no leader, timed out), -EACCES, else -EPROTO. */
int etcd_error(int64_t code, const char *words, struct err *e);

#endif
