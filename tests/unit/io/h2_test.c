#include "io/h2.h"

#include <check.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct h2 *h;
static nghttp2_session *client;
static int requests, ended, completed, progressed, goaways;
static struct h2_stream *streams[400];
static struct http_request request;
static bool hold;

/* What the client has of each stream. */
static struct {
	int status, closed;
	uint32_t code;
	struct str body;
	char type[64], length[32];
} got[1000];

static void on_request(void *arg, struct h2_stream *s, struct http_request *r)
{
	(void)arg;
	http_request_done(&request);
	request = *r;
	*r = (struct http_request){ 0 };
	streams[requests++] = s;
	if (hold)
		return;
	h2_start(s, 200, (struct http_header[]){ { "Content-Type", "a/b" }, { "Connection", "x" }, { NULL, NULL } },
		 (int64_t)request.body.len, !request.body.len);
	h2_write(s, request.body.p, request.body.len);
	h2_end(s);
}

static void on_end(void *arg, struct h2_stream *s, bool complete)
{
	(void)arg;
	(void)s;
	ended++;
	completed += complete;
}

static void on_progress(void *arg, struct h2_stream *s)
{
	(void)arg;
	(void)s;
	progressed++;
}

static struct str streamed; /* bytes of bodies that stream */
static size_t not_taken;
static bool takes;

static bool streams_when(void *arg, const struct http_request *head)
{
	(void)arg;
	return !strncmp(head->path, "/s", 2);
}

static void on_body(void *arg, struct h2_stream *s, struct str *piece)
{
	(void)arg;
	str_addn(&streamed, piece->p, piece->len);
	if (takes)
		h2_body_taken(s, piece->len);
	else
		not_taken += piece->len;
	str_reset(piece);
}

static const struct h2_events events = {
	.on_request = on_request,
	.on_end = on_end,
	.on_progress = on_progress,
	.streams = streams_when,
	.on_body = on_body,
};

static int client_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_len,
			 const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	(void)session;
	(void)name_len;
	(void)value_len;
	(void)flags;
	(void)arg;
	int32_t id = f->hd.stream_id;
	if (!strcmp((const char *)name, ":status"))
		got[id].status = atoi((const char *)value);
	if (!strcmp((const char *)name, "content-type"))
		snprintf(got[id].type, sizeof(got[id].type), "%s", (const char *)value);
	if (!strcmp((const char *)name, "content-length"))
		snprintf(got[id].length, sizeof(got[id].length), "%s", (const char *)value);
	ck_assert_str_ne((const char *)name, "connection");
	return 0;
}

static int client_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	(void)session;
	(void)flags;
	(void)arg;
	str_addn(&got[id].body, p, n);
	return 0;
}

static int client_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	(void)session;
	(void)arg;
	got[id].closed++;
	got[id].code = code;
	return 0;
}

static int client_frame(nghttp2_session *session, const nghttp2_frame *f, void *arg)
{
	(void)session;
	(void)arg;
	goaways += f->hd.type == NGHTTP2_GOAWAY;
	return 0;
}

static void setup(void)
{
	nghttp2_session_callbacks *cb;
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, client_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, client_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, client_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, client_frame);
	nghttp2_session_client_new(&client, cb, NULL);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, NULL, 0);
	h = h2_new(100000, &events, NULL);
	requests = ended = completed = progressed = goaways = 0;
	hold = false;
	takes = true;
	not_taken = 0;
	streamed = STR_INIT;
}

static void teardown(void)
{
	h2_free(h);
	nghttp2_session_del(client);
	http_request_done(&request);
	str_done(&streamed);
	for (size_t i = 0; i < ARRAY_LEN(got); i++)
		str_done(&got[i].body);
}

/* Carries bytes both ways, in pieces of step, until nobody has any; returns h2_input()'s last answer. */
static int settle(size_t step)
{
	int r = 0;
	for (bool moved = true; moved;) {
		const uint8_t *p;
		const char *q;
		ssize_t n;
		moved = false;
		while ((n = nghttp2_session_mem_send(client, &p)) > 0) {
			moved = true;
			for (size_t at = 0; at < (size_t)n && r == 0; at += step)
				r = h2_input(h, (const char *)p + at, MIN(step, (size_t)n - at));
		}
		while ((n = h2_output(h, &q)) > 0) {
			moved = true;
			nghttp2_session_mem_recv(client, (const uint8_t *)q, (size_t)n);
		}
		h2_settle(h);
	}
	return r;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *p, size_t n, uint32_t *flags,
			 nghttp2_data_source *source, void *arg)
{
	struct str *body = source->ptr;
	(void)session;
	(void)id;
	(void)arg;
	n = MIN(n, body->len);
	memcpy(p, body->p, n);
	str_consume(body, n);
	if (!body->len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static int32_t ask(const char *method, const char *path, struct str *body, const char *extra)
{
	nghttp2_nv headers[] = { nv(":method", method), nv(":scheme", "https"), nv(":path", path),
				 nv(":authority", "h:1"), nv("x-extra", extra) };
	nghttp2_data_provider provider = { .source.ptr = body, .read_callback = read_body };
	return nghttp2_submit_request(client, NULL, headers, ARRAY_LEN(headers), body ? &provider : NULL, NULL);
}

START_TEST(requests_and_answers_in_any_pieces)
{
	static const size_t steps[] = { 1, 3, 17, 1 << 20 };
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		AUTO_STR body = STR_INIT;
		str_add(&body, "hello");
		int32_t id = ask("POST", "/a%20b?x=1&x=2", &body, "yes");
		ck_assert_int_eq(settle(steps[i]), 0);
		ck_assert_str_eq(request.method, "POST");
		ck_assert_str_eq(request.path, "/a b");
		ck_assert_str_eq(http_request_param(&request, "x", 1), "2");
		ck_assert_str_eq(http_request_header(&request, "host"), "h:1");
		ck_assert_str_eq(http_request_header(&request, "X-Extra"), "yes");
		ck_assert_int_eq(got[id].status, 200);
		ck_assert_str_eq(got[id].type, "a/b");
		ck_assert_str_eq(got[id].length, "5");
		ck_assert_str_eq(got[id].body.p, "hello");
		ck_assert_int_eq(got[id].closed, 1);
	}
	ck_assert_int_eq(completed, ARRAY_LEN(steps));
	ck_assert_uint_eq(h2_n_streams(h), 0);
	ck_assert_uint_eq(h2_n_incomplete(h), 0);
}
END_TEST

START_TEST(streams_go_on_as_they_are_written)
{
	hold = true;
	int32_t id = ask("GET", "/watch", NULL, "");
	settle(100);
	h2_start(streams[0], 200, NULL, -1, false);
	settle(100);
	ck_assert_int_eq(got[id].status, 200);
	ck_assert_str_eq(got[id].length, "");
	for (int i = 0; i < 3; i++) {
		h2_write(streams[0], "event", 5);
		settle(100);
		ck_assert_uint_eq(got[id].body.len, 5u * (unsigned)(i + 1));
	}
	ck_assert_int_ge(progressed, 3);
	ck_assert_int_eq(got[id].closed, 0);
	h2_end(streams[0]);
	settle(100);
	ck_assert_int_eq(got[id].closed, 1);
	ck_assert_int_eq(got[id].code, 0);
	ck_assert_int_eq(completed, 1);
}
END_TEST

START_TEST(windows_hold_a_large_answer_up_and_bufs_stay_shared)
{
	hold = true;
	struct buf *b = buf_alloc(1 << 20);
	memset(b->data, 'x', b->len);
	int32_t id = ask("GET", "/", NULL, "");
	settle(1 << 20);
	h2_start(streams[0], 200, NULL, -1, false);
	h2_write_buf(streams[0], b);
	h2_write_buf(streams[0], b);
	ck_assert_int_eq(b->refs, 3);
	const char *q;
	size_t sent = 0;
	for (ssize_t n; (n = h2_output(h, &q)) > 0; sent += (size_t)n)
		nghttp2_session_mem_recv(client, (const uint8_t *)q, (size_t)n);
	ck_assert_uint_lt(sent, 70000); /* the client's window is 64 KiB */
	ck_assert_uint_gt(h2_pending(streams[0]), 2 * (1 << 20) - 70000);
	h2_end(streams[0]);
	settle(1 << 20);
	ck_assert_uint_eq(got[id].body.len, 2 << 20);
	ck_assert_int_eq(b->refs, 1);
	buf_unref(b);
}
END_TEST

START_TEST(a_reset_by_the_peer_ends_the_stream)
{
	hold = true;
	int32_t id = ask("GET", "/", NULL, "");
	settle(100);
	h2_start(streams[0], 200, NULL, -1, false);
	settle(100);
	nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	settle(100);
	ck_assert_int_eq(ended, 1);
	ck_assert_int_eq(completed, 0);
	ck_assert_uint_eq(h2_n_streams(h), 0);
}
END_TEST

START_TEST(our_reset_reaches_the_peer)
{
	hold = true;
	int32_t id = ask("GET", "/", NULL, "");
	settle(100);
	h2_start(streams[0], 200, NULL, -1, false);
	h2_reset(streams[0]);
	settle(100);
	ck_assert_uint_eq(got[id].code, NGHTTP2_INTERNAL_ERROR);
	ck_assert_int_eq(ended, 1);
	ck_assert_int_eq(completed, 0);
}
END_TEST

START_TEST(limits_are_answered_without_the_handler)
{
	AUTO_STR body = STR_INIT;
	AUTO_FREE char *big = xcalloc(1, 100001);
	str_addn(&body, big, 100001);
	int32_t large = ask("POST", "/", &body, ""), bad = ask("GET", "/%zz", NULL, "");
	settle(5000);
	nghttp2_nv headers[] = { nv(":method", "GET"), nv(":scheme", "https"), nv(":path", "/"),
				 nv(":authority", "h") };
	ck_assert_int_eq(got[large].status, 413);
	ck_assert_int_eq(got[bad].status, 400);
	nghttp2_nv many[300];
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = i < 4 ? headers[i] : nv("x", "y");
	int32_t crowded = nghttp2_submit_request(client, NULL, many, ARRAY_LEN(many), NULL, NULL);
	settle(5000);
	ck_assert_int_eq(got[crowded].status, 431);
	ck_assert_int_eq(requests, 0);
	ck_assert_int_eq(ended, 0);
	ck_assert_uint_eq(h2_n_streams(h), 0);
}
END_TEST

static struct str *big_body(struct str *s, size_t n)
{
	AUTO_FREE char *big = xcalloc(1, n);
	str_addn(s, big, n);
	return s;
}

START_TEST(a_body_that_streams_may_have_any_size)
{
	AUTO_STR body = STR_INIT;
	hold = true;
	int32_t id = ask("PUT", "/s", big_body(&body, 3000000), "");
	settle(5000);
	ck_assert_int_eq(requests, 1);
	ck_assert_uint_eq(request.body.len + streamed.len, 3000000);
	ck_assert(h2_body_is_whole(streams[0]));
	ck_assert_uint_eq(h2_n_incomplete(h), 0);
	h2_start(streams[0], 200, NULL, 0, true);
	settle(5000);
	ck_assert_int_eq(got[id].status, 200);
	ck_assert_int_eq(completed, 1);
}
END_TEST

START_TEST(a_body_that_nobody_takes_holds_up_its_own_stream_alone)
{
	AUTO_STR body = STR_INIT, other = STR_INIT;
	hold = true;
	takes = false;
	ask("PUT", "/s", big_body(&body, 8 << 20), "");
	settle(5000);
	size_t waits = request.body.len + not_taken;
	ck_assert_uint_le(waits, 256 << 10);
	ck_assert_uint_ge(waits, 200 << 10);
	ck_assert(!h2_body_is_whole(streams[0]));
	struct h2_stream *stuck = streams[0];
	ask("POST", "/other", big_body(&other, 90000), "");
	settle(5000);
	ck_assert_int_eq(requests, 2);
	ck_assert_uint_eq(request.body.len, 90000);
	takes = true;
	h2_body_taken(stuck, waits);
	settle(5000);
	ck_assert(h2_body_is_whole(stuck));
	ck_assert_uint_eq(streamed.len + waits - not_taken, 8 << 20);
}
END_TEST

START_TEST(an_early_answer_tells_the_peer_to_stop)
{
	AUTO_STR body = STR_INIT;
	hold = true;
	takes = false;
	for (int i = 0; i < 2; i++) {
		int32_t id = ask("PUT", "/s", big_body(&body, 8 << 20), "");
		settle(5000);
		h2_start(streams[i], 403, NULL, i ? -1 : 0, i == 0);
		h2_write(streams[i], "no", 2);
		h2_end(streams[i]);
		settle(5000);
		ck_assert_int_eq(got[id].status, 403);
		ck_assert_str_eq(str_text(&got[id].body), i ? "no" : "");
		ck_assert_int_eq(got[id].closed, 1);
		ck_assert_uint_eq(got[id].code, NGHTTP2_NO_ERROR);
		ck_assert_int_eq(completed, i + 1);
		str_reset(&body);
	}
	ck_assert_uint_eq(h2_n_streams(h), 0);
}
END_TEST

START_TEST(continue_comes_before_the_answer)
{
	AUTO_STR body = STR_INIT;
	hold = true;
	takes = false;
	int32_t id = ask("PUT", "/s", big_body(&body, 8 << 20), "");
	settle(5000);
	h2_continue(streams[0]);
	settle(5000);
	ck_assert_int_eq(got[id].status, 100);
	h2_start(streams[0], 200, NULL, 0, true);
	h2_continue(streams[0]);
	settle(5000);
	ck_assert_int_eq(got[id].status, 200);
}
END_TEST

START_TEST(a_peer_that_gives_up_ends_its_stream)
{
	AUTO_STR body = STR_INIT;
	hold = true;
	takes = false;
	int32_t id = ask("PUT", "/s", big_body(&body, 8 << 20), "");
	settle(5000);
	nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	settle(5000);
	ck_assert_int_eq(ended, 1);
	ck_assert_int_eq(completed, 0);
}
END_TEST

START_TEST(many_streams_at_once)
{
	hold = true;
	int32_t ids[250];
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ids[i] = ask("GET", "/", NULL, "");
	settle(1000);
	ck_assert_int_eq(requests, ARRAY_LEN(ids));
	ck_assert_uint_eq(h2_n_streams(h), ARRAY_LEN(ids));
	ask("GET", "/", NULL, ""); /* waits at the client */
	settle(1000);
	ck_assert_int_eq(requests, ARRAY_LEN(ids));
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		h2_start(streams[i], 200, NULL, 2, false);
		h2_write(streams[i], "ok", 2);
		h2_end(streams[i]);
	}
	settle(1000);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ck_assert_str_eq(got[ids[i]].body.p, "ok");
	ck_assert_int_eq(completed, ARRAY_LEN(ids));
	ck_assert_int_eq(requests, ARRAY_LEN(ids) + 1);
}
END_TEST

START_TEST(shutdown_lets_streams_finish)
{
	hold = true;
	int32_t id = ask("GET", "/", NULL, "");
	settle(100);
	h2_shutdown(h);
	settle(100);
	ck_assert_int_eq(goaways, 1);
	ck_assert(!h2_is_over(h));
	h2_start(streams[0], 204, NULL, 0, true);
	settle(100);
	ck_assert_int_eq(got[id].status, 204);
	ck_assert(h2_is_over(h));
}
END_TEST

START_TEST(garbage_is_refused)
{
	ck_assert_int_lt(h2_input(h, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27), 0);
	ck_assert_int_lt(h2_input(h, "x", 1), 0);
}
END_TEST

START_TEST(incomplete_requests_can_be_reset)
{
	AUTO_STR body = STR_INIT;
	AUTO_FREE char *big = xcalloc(1, 100000);
	str_addn(&body, big, 100000);
	int32_t id = ask("POST", "/", &body, "");
	const uint8_t *p;
	for (int i = 0; i < 3; i++) {
		ssize_t n = nghttp2_session_mem_send(client, &p);
		ck_assert_int_eq(h2_input(h, (const char *)p, (size_t)n), 0);
	}
	ck_assert_uint_eq(h2_n_incomplete(h), 1);
	h2_reset_incomplete(h);
	settle(1000);
	ck_assert_int_eq(got[id].closed, 1);
	ck_assert_uint_eq(h2_n_incomplete(h), 0);
	ck_assert_int_eq(requests, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h2");
	TCase *t = tcase_create("h2");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, requests_and_answers_in_any_pieces);
	tcase_add_test(t, streams_go_on_as_they_are_written);
	tcase_add_test(t, windows_hold_a_large_answer_up_and_bufs_stay_shared);
	tcase_add_test(t, a_reset_by_the_peer_ends_the_stream);
	tcase_add_test(t, our_reset_reaches_the_peer);
	tcase_add_test(t, limits_are_answered_without_the_handler);
	tcase_add_test(t, a_body_that_streams_may_have_any_size);
	tcase_add_test(t, a_body_that_nobody_takes_holds_up_its_own_stream_alone);
	tcase_add_test(t, an_early_answer_tells_the_peer_to_stop);
	tcase_add_test(t, continue_comes_before_the_answer);
	tcase_add_test(t, a_peer_that_gives_up_ends_its_stream);
	tcase_add_test(t, many_streams_at_once);
	tcase_add_test(t, shutdown_lets_streams_finish);
	tcase_add_test(t, garbage_is_refused);
	tcase_add_test(t, incomplete_requests_can_be_reset);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
