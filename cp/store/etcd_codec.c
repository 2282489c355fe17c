/* etcd's answers, and the frames and errors around them.
 *
 * Happy path: answers are read field by field, whatever their order. What can fail: an answer that is no message, or has a
 * text where a number belongs (-EPROTO). What always holds: a failed read leaves nothing allocated. */
#include "cp/store/etcd_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/protobuf.h"

/* Fields of rpc.proto and kv.proto. */
enum { RANGED_HEADER = 1, RANGED_KVS, RANGED_MORE };
enum { HEADER_REVISION = 3 };
enum { KV_KEY = 1, KV_CREATE_REVISION, KV_MOD_REVISION, KV_VERSION, KV_VALUE };
enum { RESPONSE_RANGE = 1 };
enum { DONE_HEADER = 1, DONE_SUCCEEDED, DONE_RESPONSES };
enum { WATCHED_HEADER = 1, WATCHED_CREATED = 3, WATCHED_CANCELED, WATCHED_COMPACTED, WATCHED_REASON, WATCHED_EVENTS = 11 };
enum { EVENT_TYPE = 1, EVENT_KV, EVENT_PREV_KV };
enum { FRAME_HEAD = 5 };

static void kv_done(struct etcd_kv *kv)
{
	free(kv->key);
	buf_unref(kv->value);
	*kv = (struct etcd_kv){0};
}

static void kvs_done(struct etcd_kv **v, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		kv_done(&(*v)[i]);
	free(*v);
	*v = NULL;
	*n = 0;
}

void etcd_range_done(struct etcd_range *r)
{
	kvs_done(&r->kvs, &r->n);
}

void etcd_txn_answer_done(struct etcd_txn_answer *a)
{
	kvs_done(&a->kvs, &a->n);
}

static void change_done(struct etcd_change *c)
{
	kv_done(&c->kv);
	kv_done(&c->prev);
}

void etcd_watch_answer_done(struct etcd_watch_answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		change_done(&a->changes[i]);
	free(a->changes);
	free(a->reason);
	*a = (struct etcd_watch_answer){0};
}

/* Reading: a field of a message goes to what the caller has for it. */
typedef int (*take_field)(void *into, const struct protobuf_field *f);

static int each(const char *bytes, size_t n, take_field take, void *into)
{
	struct protobuf_reader r = protobuf_reader(bytes, n);
	struct protobuf_field f;
	int more;
	while ((more = protobuf_next(&r, &f)) > 0) {
		int taken = take(into, &f);
		if (taken < 0)
			return taken;
	}
	return more;
}

static int within(const struct protobuf_field *f, take_field take, void *into)
{
	return f->bytes ? each(f->bytes, f->n, take, into) : -EBADMSG;
}

/* A number that is not negative. */
static int number(const struct protobuf_field *f, uint64_t *ret)
{
	if (f->bytes || f->value > INT64_MAX)
		return -EBADMSG;
	*ret = f->value;
	return 0;
}

static int boolean(const struct protobuf_field *f, bool *ret)
{
	*ret = f->value != 0;
	return f->bytes ? -EBADMSG : 0;
}

static int result(int r, struct err *e)
{
	return r < 0 ? err_set(e, -EPROTO, "etcd: an answer that makes no sense") : 0;
}

static int take_header(void *into, const struct protobuf_field *f)
{
	return f->number == HEADER_REVISION ? number(f, into) : 0;
}

/* A key with its value, as far as it was read. */
struct reading {
	struct etcd_kv kv;
	uint64_t version;
};

static int take_kv(void *into, const struct protobuf_field *f)
{
	struct reading *k = into;
	bool bytes = f->number == KV_KEY || f->number == KV_VALUE;
	if (bytes && !f->bytes)
		return -EBADMSG;
	switch (f->number) {
	case KV_KEY:
		free(k->kv.key);
		k->kv.key = xstrndup(f->bytes, f->n);
		return 0;
	case KV_VALUE:
		buf_unref(k->kv.value);
		k->kv.value = buf_new(f->bytes, f->n);
		return 0;
	case KV_CREATE_REVISION:
		return number(f, &k->kv.create_rev);
	case KV_MOD_REVISION:
		return number(f, &k->kv.rev);
	case KV_VERSION:
		return number(f, &k->version);
	default:
		return 0;
	}
}

/* version: NULL where it is not wanted. */
static int read_kv(const struct protobuf_field *f, struct etcd_kv *ret, uint64_t *version)
{
	struct reading k = {0};
	int r = within(f, take_kv, &k);
	if (r < 0) {
		kv_done(&k.kv);
		return r;
	}
	if (!k.kv.key)
		k.kv.key = xstrdup("");
	if (!k.kv.value)
		k.kv.value = buf_new("", 0);
	kv_done(ret);
	*ret = k.kv;
	if (version)
		*version = k.version;
	return 0;
}

/* One more at the end of n; room is made by doubling. */
static void *one_more(void *v, size_t n, size_t size)
{
	return n & (n - 1) ? v : xreallocarray(v, n ? n * 2 : 1, size);
}

static int add_kv(const struct protobuf_field *f, struct etcd_kv **v, size_t *n, uint64_t *version)
{
	*v = one_more(*v, *n, sizeof(**v));
	(*v)[*n] = (struct etcd_kv){0};
	int r = read_kv(f, &(*v)[*n], version);
	if (!r)
		++*n;
	return r;
}

static int take_range(void *into, const struct protobuf_field *f)
{
	struct etcd_range *a = into;
	switch (f->number) {
	case RANGED_HEADER:
		return within(f, take_header, &a->revision);
	case RANGED_KVS:
		return add_kv(f, &a->kvs, &a->n, NULL);
	case RANGED_MORE:
		return boolean(f, &a->more);
	default:
		return 0;
	}
}

int etcd_range_answer(const char *bytes, size_t len, struct etcd_range *ret, struct err *e)
{
	struct etcd_range a = {0};
	int r = each(bytes, len, take_range, &a);
	if (r < 0)
		etcd_range_done(&a);
	else
		*ret = a;
	return result(r, e);
}

struct txn_reading {
	struct etcd_txn_answer a;
	uint64_t version; /* of the last key */
	uint64_t first_version;
};

static int take_ranged(void *into, const struct protobuf_field *f)
{
	struct txn_reading *t = into;
	if (f->number != RANGED_KVS)
		return 0;
	int r = add_kv(f, &t->a.kvs, &t->a.n, &t->version);
	if (!r && t->a.n == 1)
		t->first_version = t->version;
	return r;
}

static int take_response(void *into, const struct protobuf_field *f)
{
	return f->number == RESPONSE_RANGE ? within(f, take_ranged, into) : 0;
}

/* The keys read by the failure branch, in the order of the comparisons; a key that is absent leaves no entry. */
static int take_txn(void *into, const struct protobuf_field *f)
{
	struct txn_reading *t = into;
	switch (f->number) {
	case DONE_HEADER:
		return within(f, take_header, &t->a.revision);
	case DONE_SUCCEEDED:
		return boolean(f, &t->a.succeeded);
	case DONE_RESPONSES:
		return within(f, take_response, t);
	default:
		return 0;
	}
}

int etcd_version_answer(const char *bytes, size_t len, struct etcd_txn_answer *ret, uint64_t *ret_version, struct err *e)
{
	struct txn_reading t = {0};
	int r = each(bytes, len, take_txn, &t);
	if (r < 0) {
		etcd_txn_answer_done(&t.a);
		return result(r, e);
	}
	*ret = t.a;
	*ret_version = t.first_version;
	return 0;
}

int etcd_txn_answer(const char *bytes, size_t len, struct etcd_txn_answer *ret, struct err *e)
{
	uint64_t version;
	return etcd_version_answer(bytes, len, ret, &version, e);
}

static int take_event(void *into, const struct protobuf_field *f)
{
	struct etcd_change *c = into;
	switch (f->number) {
	case EVENT_TYPE:
		return boolean(f, &c->deleted);
	case EVENT_KV:
		return read_kv(f, &c->kv, NULL);
	case EVENT_PREV_KV:
		return read_kv(f, &c->prev, NULL);
	default:
		return 0;
	}
}

/* Every change has a key, so that whoever is told need not ask. */
static int add_event(const struct protobuf_field *f, struct etcd_watch_answer *a)
{
	struct etcd_change c = {0};
	int r = within(f, take_event, &c);
	if (!r && !c.kv.key)
		r = -EBADMSG;
	if (r < 0) {
		change_done(&c);
		return r;
	}
	a->changes = one_more(a->changes, a->n, sizeof(*a->changes));
	a->changes[a->n++] = c;
	return 0;
}

static int take_watch(void *into, const struct protobuf_field *f)
{
	struct etcd_watch_answer *a = into;
	switch (f->number) {
	case WATCHED_HEADER:
		return within(f, take_header, &a->revision);
	case WATCHED_CREATED:
		return boolean(f, &a->created);
	case WATCHED_CANCELED:
		return boolean(f, &a->canceled);
	case WATCHED_COMPACTED:
		return number(f, &a->compacted);
	case WATCHED_REASON:
		if (!f->bytes)
			return -EBADMSG;
		free(a->reason);
		a->reason = xstrndup(f->bytes, f->n);
		return 0;
	case WATCHED_EVENTS:
		return add_event(f, a);
	default:
		return 0;
	}
}

int etcd_watch_answer(const char *bytes, size_t len, struct etcd_watch_answer *ret, struct err *e)
{
	struct etcd_watch_answer a = {0};
	int r = each(bytes, len, take_watch, &a);
	if (r < 0)
		etcd_watch_answer_done(&a);
	else
		*ret = a;
	return result(r, e);
}

static int take_snapshot(void *into, const struct protobuf_field *f)
{
	struct protobuf_field *blob = into;
	if (f->number != 3)
		return 0;
	*blob = *f;
	return f->bytes ? 0 : -EBADMSG;
}

int etcd_snapshot_answer(const char *bytes, size_t len, const char **ret, size_t *ret_len, struct err *e)
{
	struct protobuf_field blob = {0};
	int r = each(bytes, len, take_snapshot, &blob);
	if (r < 0)
		return result(r, e);
	*ret = blob.bytes ? blob.bytes : "";
	*ret_len = blob.n;
	return 0;
}

void etcd_frame(struct str *out, const char *message, size_t n)
{
	const char head[FRAME_HEAD] = {0, (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
	str_reserve(out, sizeof(head) + n);
	str_addn(out, head, sizeof(head));
	if (n)
		str_addn(out, message, n);
}

int etcd_unframe(const char *bytes, size_t n, const char **ret, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)bytes;
	if (n < FRAME_HEAD)
		return 0;
	size_t len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	if (p[0])
		return -EPROTO;
	if (n - FRAME_HEAD < len)
		return 0;
	*ret = bytes + FRAME_HEAD;
	*ret_len = len;
	return 1;
}

/* What etcd's words mean to a caller, where the code alone does not say it. */
static const struct {
	const char *words;
	int code, error;
} meanings[] = {
    {"has been compacted", 0, -EOVERFLOW},
    {"request is too large", 0, -E2BIG},
    {"message larger than max", 0, -E2BIG},
    {"permission denied", 0, -EACCES},
    {"raft proposal dropped", 0, -EAGAIN}, /* the leader is changing: nothing was done */
    {NULL, ETCD_EXHAUSTED, -ENOSPC},
    {NULL, ETCD_UNAVAILABLE, -EAGAIN},
    {NULL, 4, -EAGAIN}, /* deadline exceeded */
    {NULL, 7, -EACCES},
    {NULL, 16, -EACCES},
};

int etcd_error(int64_t code, const char *words, struct err *e)
{
	if (str_empty(words))
		words = "etcd: unexpected answer";
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (meanings[i].words ? strstr(words, meanings[i].words) != NULL : meanings[i].code == code)
			return err_set(e, meanings[i].error, "%s", words);
	return err_set(e, -EPROTO, "%s", words);
}
