/* Calls to the members of an etcd cluster by gRPC, from one member to the next where one fails. */
#ifndef KNARR_CP_STORE_ETCD_CLIENT_H
#define KNARR_CP_STORE_ETCD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/loop.h"

#define ETCD_RANGE "/etcdserverpb.KV/Range"
#define ETCD_PUT "/etcdserverpb.KV/Put"
#define ETCD_TXN "/etcdserverpb.KV/Txn"
#define ETCD_COMPACT "/etcdserverpb.KV/Compact"
#define ETCD_WATCH "/etcdserverpb.Watch/Watch"
#define ETCD_SNAPSHOT "/etcdserverpb.Maintenance/Snapshot"

struct etcd_client;

struct etcd_config {
	const char *servers; /* "https://10.0.0.1:2379,https://10.0.0.2:2379" */
	const char *ca_file, *cert_file, *key_file; /* NULL or "": none */
};

/* -EINVAL: no server, or one that is no http(s) URL. */
int etcd_client_new(struct loop *l, const struct etcd_config *c, struct etcd_client **ret, struct err *e);
void etcd_client_free(struct etcd_client *c); /* nothing that runs is told any more; NULL is fine */

/* r 0: the message of a successful answer (borrowed). Else e says why in etcd's words; codes of etcd_error(), and
 * -ECONNREFUSED, -ETIMEDOUT ... where no member answered. */
typedef void (*etcd_done)(void *arg, int r, const char *body, size_t len, const struct err *e);

/* Calls path (ETCD_RANGE ...) with a message (borrowed for the call), in timeout_ms a member. again: it may be sent a second
 * time when nobody knows whether the first was carried out. done comes once, from the loop. */
void etcd_call(struct etcd_client *c, const char *path, const char *body, size_t len, int timeout_ms, bool again,
	       etcd_done done, void *arg);
/* A stream of messages from one member until it ends, which on_end tells. */
struct etcd_stream;
struct etcd_stream *etcd_stream_new(struct etcd_client *c, const char *path, const char *body, size_t len,
				    void (*on_message)(void *arg, const char *bytes, size_t len),
				    void (*on_end)(void *arg, const struct err *e), void *arg);
void etcd_stream_free(struct etcd_stream *s); /* safe in its callbacks; NULL is fine */
/* The next stream and call go to another member. */
void etcd_client_rotate(struct etcd_client *c);
/* As etcd_call() with again, waiting for the answer by running the loop: before it runs otherwise. Returns owned text. */
int etcd_call_wait(struct etcd_client *c, const char *path, const char *body, size_t len, char **ret, size_t *ret_len,
		   struct err *e);

#endif
