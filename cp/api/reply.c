/* Answers. Purpose: one way out for every request. Happy path: bytes of JSON, written as they are, with Warning
 * headers, gzip above 128 KiB where the client accepts it, YAML where it was asked for; calls from within get the
 * value. Nothing fails: an answer to a peer that has gone is dropped. Each request is answered once. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "api/yaml.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cp/api/api_internal.h"
#include "cp/api/audit.h"
#include "cp/api/encode.h"
#include "cp/api/flow.h"
#include "cp/api/metrics.h"
#include "cp/api/transform.h"
#include "cp/api/view.h"

#define GZIP_ABOVE (128 * 1024)

/* A deadline has answered before: what the handler had is given up. Whether that is so. */
static bool is_over(struct req *q)
{
	if (!q->answered)
		return false;
	if (q->owes_answer) {
		q->owes_answer = false;
		req_unref(q);
	}
	return true;
}

void reply_done(struct req *q)
{
	if (is_over(q))
		return;
	q->answered = true;
	if (!q->api->gone) {
		audit_end(q);
		request_count(q);
	}
	req_unref(q);
}

static void add_header(struct http_header *h, const char *name, const char *value)
{
	size_t i = 0;
	while (h[i].name)
		i++;
	if (i + 1 < REPLY_HEADERS)
		h[i] = (struct http_header){name, value};
}

void reply_headers(struct req *q, const char *content_type, struct http_header h[REPLY_HEADERS])
{
	memset(h, 0, sizeof(*h) * REPLY_HEADERS);
	if (content_type)
		add_header(h, "content-type", content_type);
	if (*q->audit_id)
		add_header(h, "audit-id", q->audit_id);
	add_header(h, "cache-control", "no-cache, private");
	if (*flow_schema_uid(q))
		add_header(h, "x-kubernetes-pf-flowschema-uid", flow_schema_uid(q));
	if (*flow_level_uid(q))
		add_header(h, "x-kubernetes-pf-prioritylevel-uid", flow_level_uid(q));
	if (q->retry_after) {
		snprintf(q->retry_text, sizeof(q->retry_text), "%d", q->retry_after);
		add_header(h, "retry-after", q->retry_text);
	}
	for (size_t i = 0; q->warnings && q->warnings[i]; i++) {
		AUTO_STR value = STR_INIT;
		str_add(&value, "299 - ");
		str_add_json(&value, q->warnings[i]);
		free(q->warnings[i]);
		q->warnings[i] = str_take(&value);
		add_header(h, "warning", q->warnings[i]);
	}
}

/* A gzip stream of the bytes; NULL when zlib cannot. */
static struct buf *gzip(const struct buf *b)
{
	z_stream z = {0};
	if (b->len > UINT32_MAX || deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	size_t bound = deflateBound(&z, b->len);
	char *out = xmalloc(bound);
	z.next_in = (Bytef *)b->data;
	z.avail_in = (uInt)b->len;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)bound;
	int r = deflate(&z, Z_FINISH);
	struct buf *zipped = r == Z_STREAM_END ? buf_new(out, z.total_out) : NULL;
	deflateEnd(&z);
	free(out);
	return zipped;
}

static void send_buf(struct req *q, int code, const char *content_type, struct buf *body)
{
	struct http_header h[REPLY_HEADERS];
	AUTO_BUF *zipped = NULL;
	reply_headers(q, content_type, h);
	if (body->len > GZIP_ABOVE && negotiate_gzip(http_header_get(q->x, "accept-encoding")))
		zipped = gzip(body);
	if (zipped)
		add_header(h, "content-encoding", "gzip");
	if (q->etag)
		add_header(h, "etag", q->etag);
	if (zipped || q->etag)
		add_header(h, "vary", q->etag ? "Accept, Accept-Encoding" : "Accept-Encoding");
	if (!q->retry_after && (code == 504 || code == 503))
		add_header(h, "retry-after", "1");
	http_respond_buf(q->x, code, h, zipped ? zipped : body);
}

static void answer_local(struct req *q, int code, struct buf *json)
{
	AUTO_JSON *value = NULL;
	struct err e = ERR_INIT;
	json_parse(json->data, json->len, &value, NULL);
	bool failed = code < 200 || code > 299;
	if (failed) {
		static const struct {
			int status, code;
		} codes[] = {{404, -2},  {403, -13}, {401, -13}, {410, -75},
			     {422, -22}, {400, -22}, {429, -11}, {503, -11}};
		int r = -71;
		for (size_t i = 0; i < ARRAY_LEN(codes); i++)
			if (codes[i].status == code)
				r = codes[i].code;
		if (code == 409)
			r = str_eq(json_str_at(value, "reason"), "AlreadyExists") ? -17 : -116;
		err_set(&e, r, "%s", json_str_or(value, "message", "request failed"));
	}
	q->done(q->done_arg, code, value, failed ? &e : NULL);
}

static const char *form_type(const struct req *q)
{
	if (q->answer.form == FORM_DISCOVERY)
		return "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
	return "application/json";
}

void reply_buf(struct req *q, int code, struct buf *json)
{
	if (is_over(q))
		return;
	q->answer_bytes = json->len;
	request_answered(q, code);
	audit_answer(q, code, json);
	if (q->done) {
		answer_local(q, code, json);
	} else if (q->x && (q->answer.yaml || query_bool(&q->query, "pretty"))) {
		AUTO_JSON *value = NULL;
		AUTO_STR text = STR_INIT;
		json_parse(json->data, json->len, &value, NULL);
		if (q->answer.yaml) {
			yaml_write(&text, value);
		} else {
			AUTO_FREE char *pretty = json_format(value, JSON_INDENT(2));
			str_add(&text, pretty);
			str_addc(&text, '\n');
		}
		AUTO_BUF *b = buf_new(text.p, text.len);
		send_buf(q, code, q->answer.yaml ? "application/yaml" : form_type(q), b);
	} else if (q->x) {
		send_buf(q, code, form_type(q), json);
	}
	reply_done(q);
}

void reply_json(struct req *q, int code, json_t *value)
{
	AUTO_STR text = STR_INIT;
	str_add_jsonv(&text, value);
	json_decref(value);
	AUTO_BUF *b = buf_new(text.p, text.len);
	reply_buf(q, code, b);
}

void reply_status(struct req *q, json_t *status)
{
	q->answer.form = FORM_OBJECT;
	q->retry_after = (int)json_int_at(status, "details.retryAfterSeconds", 0);
	reply_json(q, status_code(status), status);
}

void reply_text(struct req *q, int code, const char *text)
{
	if (is_over(q))
		return;
	request_answered(q, code);
	audit_answer(q, code, NULL);
	if (q->done) {
		struct err e = ERR_INIT;
		err_set(&e, -71, "%s", text);
		q->done(q->done_arg, code, NULL, code > 299 ? &e : NULL);
	} else if (q->x) {
		struct http_header h[REPLY_HEADERS];
		reply_headers(q, "text/plain; charset=utf-8", h);
		add_header(h, "x-content-type-options", "nosniff");
		http_respond(q->x, code, h, text, strlen(text));
	}
	reply_done(q);
}

void reply_typed(struct req *q, int code, const char *type, struct buf *body)
{
	if (is_over(q))
		return;
	q->answer_bytes = body->len;
	request_answered(q, code);
	audit_answer(q, code, NULL);
	if (q->x)
		send_buf(q, code, type, body);
	else if (q->done)
		q->done(q->done_arg, code, NULL, NULL);
	reply_done(q);
}

void reply_object(struct req *q, int code, struct buf *json)
{
	if (q->answer.form == FORM_OBJECT || q->done || !q->res) {
		reply_buf(q, code, json);
		return;
	}
	json_t *object = NULL;
	json_parse(json->data, json->len, &object, NULL);
	transform_reply(q, q->res->kind, code, object);
}

void reply_cobj(struct req *q, int code, const struct cobj *o)
{
	AUTO_BUF *json = view_bytes(q->res, o);
	reply_object(q, code, json);
}
