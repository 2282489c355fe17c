/* The JSON of etcd's gateway.
 *
 * Happy path: requests are written by hand (they are small and flat), answers are parsed as a whole, keys and values
 * decoded. What can fail: an answer that is no JSON, or has a number or base64 text that makes no sense (-EPROTO). What
 * always holds: a failed parse leaves nothing allocated. */
#include "cp/store/etcd_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define STORE_ROOT "/registry"

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

void etcd_watch_answer_done(struct etcd_watch_answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		kv_done(&a->changes[i].kv);
		kv_done(&a->changes[i].prev);
	}
	free(a->changes);
	free(a->reason);
	*a = (struct etcd_watch_answer){0};
}

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

static void add_bytes(struct str *out, const char *name, const void *bytes, size_t n)
{
	str_addf(out, "\"%s\":\"", name);
	base64_encode(out, bytes, n);
	str_addc(out, '"');
}

static void add_key(struct str *out, const char *name, const char *key)
{
	add_bytes(out, name, key, strlen(key));
}

static void add_number(struct str *out, const char *name, uint64_t value)
{
	str_addf(out, ",\"%s\":\"%llu\"", name, (unsigned long long)value);
}

void etcd_range_request(struct str *out, const char *key, const char *end, uint64_t limit, uint64_t revision,
			bool count_only)
{
	str_addc(out, '{');
	add_key(out, "key", key);
	if (end) {
		str_addc(out, ',');
		add_key(out, "range_end", end);
	}
	if (limit)
		add_number(out, "limit", limit);
	if (revision)
		add_number(out, "revision", revision);
	if (count_only)
		str_add(out, ",\"count_only\":true");
	str_addc(out, '}');
}

static char *stored_key(const char *key, const char *prefix)
{
	return str_has_prefix(key, STORE_ROOT "/") ? xasprintf("%s%s", prefix, key + strlen(STORE_ROOT)) : xstrdup(key);
}

static void add_compare(struct str *out, const char *key, uint64_t revision)
{
	str_addc(out, '{');
	add_key(out, "key", key);
	str_addf(out, ",\"target\":\"MOD\",\"result\":\"EQUAL\",\"mod_revision\":\"%llu\"}", (unsigned long long)revision);
}

static void add_operation(struct str *out, const struct store_op *op, const char *key)
{
	bool put = op->type == STORE_PUT;
	str_addf(out, "{\"%s\":{", put ? "request_put" : "request_delete_range");
	add_key(out, "key", key);
	if (put) {
		str_addc(out, ',');
		add_bytes(out, "value", op->value->data, op->value->len);
	}
	str_add(out, "}}");
}

static void add_read(struct str *out, const char *key)
{
	str_add(out, "{\"request_range\":{");
	add_key(out, "key", key);
	str_add(out, "}}");
}

void etcd_txn_request(struct str *out, const struct store_op *ops, size_t n, const char *prefix)
{
	AUTO_STR success = STR_INIT, failure = STR_INIT;
	str_add(out, "{\"compare\":[");
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *key = stored_key(ops[i].key, prefix);
		if (i)
			str_addc(&success, ',');
		add_operation(&success, &ops[i], key);
		if (ops[i].expect == STORE_ANY)
			continue;
		if (failure.len) {
			str_addc(&failure, ',');
			str_addc(out, ',');
		}
		add_compare(out, key, ops[i].expect);
		add_read(&failure, key);
	}
	str_addf(out, "],\"success\":[%s],\"failure\":[%s]}", str_text(&success), str_text(&failure));
}

void etcd_watch_request(struct str *out, const char *key, const char *end, uint64_t from_revision)
{
	str_add(out, "{\"create_request\":{");
	add_key(out, "key", key);
	str_addc(out, ',');
	add_key(out, "range_end", end);
	add_number(out, "start_revision", from_revision);
	str_add(out, ",\"progress_notify\":true}}");
}

void etcd_version_request(struct str *out, const char *key, uint64_t version, const char *value)
{
	str_add(out, "{\"compare\":[{");
	add_key(out, "key", key);
	str_addf(out, ",\"target\":\"VERSION\",\"result\":\"EQUAL\",\"version\":\"%llu\"}],\"success\":[{\"request_put\":{",
		 (unsigned long long)version);
	add_key(out, "key", key);
	str_addc(out, ',');
	add_key(out, "value", value);
	str_add(out, "}}],\"failure\":[");
	add_read(out, key);
	str_add(out, "]}");
}

/* A 64-bit number: text, or a plain number as some versions write it. Absent: 0. */
static int number(const json_t *o, const char *name, uint64_t *ret, struct err *e)
{
	const json_t *v = json_object_get(o, name);
	int64_t n = 0;
	if (json_is_string(v) ? str_to_i64(json_string_value(v), &n) < 0 || n < 0
			      : v && (!json_is_integer(v) || (n = json_integer_value(v)) < 0))
		return err_set(e, -EPROTO, "etcd: answer with a bad number in \"%s\"", name);
	*ret = (uint64_t)n;
	return 0;
}

static int bytes(const json_t *o, const char *name, struct str *ret, struct err *e)
{
	const json_t *v = json_object_get(o, name);
	if (v && (!json_is_string(v) || base64_decode(ret, json_string_value(v), json_string_length(v)) < 0))
		return err_set(e, -EPROTO, "etcd: answer with bad base64 in \"%s\"", name);
	return 0;
}

static int parse_kv(const json_t *o, struct etcd_kv *ret, struct err *e)
{
	AUTO_STR key = STR_INIT, value = STR_INIT;
	struct etcd_kv kv = {0};
	int r = bytes(o, "key", &key, e);
	if (!r)
		r = bytes(o, "value", &value, e);
	if (!r)
		r = number(o, "mod_revision", &kv.rev, e);
	if (!r)
		r = number(o, "create_revision", &kv.create_rev, e);
	if (r)
		return r;
	kv.key = str_take(&key);
	kv.value = buf_new(str_text(&value), value.len);
	*ret = kv;
	return 0;
}

static int parse_kvs(const json_t *array, struct etcd_kv **ret, size_t *ret_n, struct err *e)
{
	size_t n = json_array_size(array), done = 0;
	struct etcd_kv *v = xcalloc(n + 1, sizeof(*v));
	for (; done < n; done++) {
		int r = parse_kv(json_array_get(array, done), &v[done], e);
		if (r) {
			kvs_done(&v, &done);
			return r;
		}
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

static int parse(const char *text, size_t len, json_t **ret, struct err *e)
{
	struct err why = ERR_INIT;
	if (json_parse(text, len, ret, &why) < 0 || !json_is_object(*ret))
		return err_set(e, -EPROTO, "etcd: answer that is no JSON object: %s", err_text(&why));
	return 0;
}

int etcd_range_answer(const char *text, size_t len, struct etcd_range *ret, struct err *e)
{
	AUTO_JSON *j = NULL;
	struct etcd_range a = {0};
	int r = parse(text, len, &j, e);
	if (!r)
		r = number(json_object_get(j, "header"), "revision", &a.revision, e);
	if (!r)
		r = parse_kvs(json_object_get(j, "kvs"), &a.kvs, &a.n, e);
	if (r)
		return r;
	a.more = json_is_true(json_object_get(j, "more"));
	*ret = a;
	return 0;
}

/* The keys read by the failure branch, in the order of the comparisons; a key that is absent leaves no entry. */
static int parse_txn(const json_t *j, struct etcd_txn_answer *ret, struct err *e)
{
	struct etcd_txn_answer a = {.succeeded = json_is_true(json_object_get(j, "succeeded"))};
	AUTO_JSON *kvs = json_array();
	const json_t *one;
	size_t i;
	json_array_foreach(json_object_get(j, "responses"), i, one)
		json_array_extend(kvs, json_at(one, "response_range.kvs"));
	int r = number(json_object_get(j, "header"), "revision", &a.revision, e);
	if (!r && !a.succeeded)
		r = parse_kvs(kvs, &a.kvs, &a.n, e);
	if (!r)
		*ret = a;
	return r;
}

int etcd_txn_answer(const char *text, size_t len, struct etcd_txn_answer *ret, struct err *e)
{
	AUTO_JSON *j = NULL;
	int r = parse(text, len, &j, e);
	return r ? r : parse_txn(j, ret, e);
}

int etcd_version_answer(const char *text, size_t len, struct etcd_txn_answer *ret, uint64_t *ret_version, struct err *e)
{
	AUTO_JSON *j = NULL;
	int r = parse(text, len, &j, e);
	if (r)
		return r;
	const json_t *first = json_at(json_array_get(json_object_get(j, "responses"), 0), "response_range.kvs");
	uint64_t version = 0;
	r = number(json_array_get(first, 0), "version", &version, e);
	if (!r)
		r = parse_txn(j, ret, e);
	if (!r)
		*ret_version = version;
	return r;
}

static int parse_change(const json_t *o, struct etcd_change *ret, struct err *e)
{
	struct etcd_change c = {.deleted = str_eq(json_str_at(o, "type"), "DELETE")};
	const json_t *prev = json_object_get(o, "prev_kv");
	int r = parse_kv(json_object_get(o, "kv"), &c.kv, e);
	if (!r && prev)
		r = parse_kv(prev, &c.prev, e);
	if (r)
		kv_done(&c.kv);
	else
		*ret = c;
	return r;
}

int etcd_watch_answer(const char *text, size_t len, struct etcd_watch_answer *ret, struct err *e)
{
	AUTO_JSON *j = NULL;
	struct etcd_watch_answer a = {0};
	int r = parse(text, len, &j, e);
	const json_t *result = json_object_get(j, "result"), *one;
	if (!r && !result)
		return etcd_error(text, len, e);
	if (!r)
		r = number(json_object_get(result, "header"), "revision", &a.revision, e);
	if (!r)
		r = number(result, "compact_revision", &a.compacted, e);
	if (r)
		return r;
	a.created = json_is_true(json_object_get(result, "created"));
	a.canceled = json_is_true(json_object_get(result, "canceled"));
	a.reason = xstrdup(json_str_at(result, "cancel_reason"));
	const json_t *events = json_object_get(result, "events");
	a.changes = xcalloc(json_array_size(events) + 1, sizeof(*a.changes));
	size_t i;
	json_array_foreach(events, i, one) {
		if ((r = parse_change(one, &a.changes[a.n], e))) {
			etcd_watch_answer_done(&a);
			return r;
		}
		a.n++;
	}
	*ret = a;
	return 0;
}

/* What etcd's words mean to a caller, where the code alone does not say it. */
static const struct {
	const char *words;
	int code, error;
} meanings[] = {
    {"has been compacted", 0, -EOVERFLOW},
    {"request is too large", 0, -E2BIG},
    {"permission denied", 0, -EACCES},
    {NULL, ETCD_EXHAUSTED, -ENOSPC},
    {NULL, ETCD_UNAVAILABLE, -EAGAIN},
    {NULL, 4, -EAGAIN}, /* deadline exceeded */
    {NULL, 7, -EACCES},
    {NULL, 16, -EACCES},
};

int etcd_error(const char *text, size_t len, struct err *e)
{
	AUTO_JSON *j = NULL;
	if (json_parse(text, len, &j, NULL) < 0)
		return err_set(e, -EPROTO, "etcd: unexpected answer \"%.*s\"", (int)MIN(len, 200), text);
	const json_t *o = json_is_object(json_object_get(j, "error")) ? json_object_get(j, "error") : j;
	const char *words = json_str_at(o, "message");
	int64_t code = json_int_at(o, "code", json_int_at(o, "grpc_code", 0));
	if (!words)
		words = json_str_or(o, "error", "etcd: unexpected answer");
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (meanings[i].words ? strstr(words, meanings[i].words) != NULL : meanings[i].code == code)
			return err_set(e, meanings[i].error, "%s", words);
	return err_set(e, -EPROTO, "%s", words);
}
