/* etcd's requests, written field by field. Nothing here can fail. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/protobuf.h"
#include "cp/store/etcd_codec.h"

#define STORE_ROOT "/registry"

/* Fields of rpc.proto and kv.proto. */
enum { RANGE_KEY = 1, RANGE_END, RANGE_LIMIT, RANGE_REVISION, RANGE_COUNT_ONLY = 9 };
enum { COMPARE_TARGET = 2, COMPARE_KEY, COMPARE_VERSION, COMPARE_MOD_REVISION = 6 };
enum { TARGET_VERSION = 0, TARGET_MOD = 2 };
enum { TXN_COMPARE = 1, TXN_SUCCESS, TXN_FAILURE };
enum { WATCH_KEY = 1, WATCH_END, WATCH_START, WATCH_PROGRESS };
enum { OP_RANGE = 1, OP_PUT, OP_DELETE_RANGE };

char *etcd_range_end(const char *prefix)
{
	char *end = xstrdup(prefix);
	for (size_t n = strlen(end); n > 0; n--) {
		unsigned char c = (unsigned char)end[n - 1];
		if (c < 0xff) {
			end[n - 1] = (char)(c + 1);
			end[n] = '\0';
			return end;
		}
	}
	return end;
}

void etcd_range_request(struct str *out, const char *key, const char *end, uint64_t limit, uint64_t revision,
			bool count_only)
{
	protobuf_add_text(out, RANGE_KEY, key);
	if (end)
		protobuf_add_text(out, RANGE_END, end);
	if (limit)
		protobuf_add_number(out, RANGE_LIMIT, limit);
	if (revision)
		protobuf_add_number(out, RANGE_REVISION, revision);
	if (count_only)
		protobuf_add_number(out, RANGE_COUNT_ONLY, true);
}

void etcd_put_request(struct str *out, const char *key, const struct buf *value)
{
	protobuf_add_text(out, 1, key);
	protobuf_add_bytes(out, 2, value->data, value->len);
}

void etcd_compact_request(struct str *out, uint64_t revision)
{
	protobuf_add_number(out, 1, revision);
}

static char *stored_key(const char *key, const char *prefix)
{
	return str_has_prefix(key, STORE_ROOT "/") ? xasprintf("%s%s", prefix, key + strlen(STORE_ROOT)) : xstrdup(key);
}

/* number: the member of what is compared that is to be equal (its default result) to value. */
static void add_compare(struct str *txn, const char *key, unsigned target, unsigned number, uint64_t value)
{
	AUTO_STR m = STR_INIT;
	if (target)
		protobuf_add_number(&m, COMPARE_TARGET, target);
	protobuf_add_text(&m, COMPARE_KEY, key);
	protobuf_add_number(&m, number, value);
	protobuf_add_message(txn, TXN_COMPARE, &m);
}

/* One operation of a branch. */
static void add_operation(struct str *txn, unsigned branch, unsigned op, const struct str *request)
{
	AUTO_STR m = STR_INIT;
	protobuf_add_message(&m, op, request);
	protobuf_add_message(txn, branch, &m);
}

static void add_change(struct str *txn, const struct store_op *op, const char *key)
{
	AUTO_STR request = STR_INIT;
	bool put = op->type == STORE_PUT;
	if (put)
		etcd_put_request(&request, key, op->value);
	else
		protobuf_add_text(&request, RANGE_KEY, key);
	add_operation(txn, TXN_SUCCESS, put ? OP_PUT : OP_DELETE_RANGE, &request);
}

static void add_read(struct str *txn, const char *key)
{
	AUTO_STR request = STR_INIT;
	protobuf_add_text(&request, RANGE_KEY, key);
	add_operation(txn, TXN_FAILURE, OP_RANGE, &request);
}

void etcd_txn_request(struct str *out, const struct store_op *ops, size_t n, const char *prefix)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *key = stored_key(ops[i].key, prefix);
		add_change(out, &ops[i], key);
		if (ops[i].expect == STORE_ANY)
			continue;
		add_compare(out, key, TARGET_MOD, COMPARE_MOD_REVISION, ops[i].expect);
		add_read(out, key);
	}
}

void etcd_watch_request(struct str *out, const char *key, const char *end, uint64_t from_revision)
{
	AUTO_STR m = STR_INIT;
	protobuf_add_text(&m, WATCH_KEY, key);
	protobuf_add_text(&m, WATCH_END, end);
	protobuf_add_number(&m, WATCH_START, from_revision);
	protobuf_add_number(&m, WATCH_PROGRESS, true);
	protobuf_add_message(out, 1, &m);
}

void etcd_version_request(struct str *out, const char *key, uint64_t version, const char *value)
{
	AUTO_STR put = STR_INIT;
	add_compare(out, key, TARGET_VERSION, COMPARE_VERSION, version);
	protobuf_add_text(&put, 1, key);
	protobuf_add_text(&put, 2, value);
	add_operation(out, TXN_SUCCESS, OP_PUT, &put);
	add_read(out, key);
}
