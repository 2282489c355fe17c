#include "io/http_server.h"

#include <check.h>
#include <stdio.h>

#include "base/mem.h"
#include "tests/unit/io/peer.h"

static struct loop *l;
static struct http_server *server;
static struct http_exchange *held; /* the exchange that a handler left open */
static int requests, closed, drained;

static void on_close(void *arg, struct http_exchange *x)
{
	(void)arg;
	if (held == x)
		held = NULL;
	closed++;
}

static void on_drain(void *arg, struct http_exchange *x)
{
	(void)arg;
	(void)x;
	drained++;
}

static void answer_echo(struct http_exchange *x)
{
	AUTO_STR out = STR_INIT;
	size_t n;
	const char *body = http_body(x, &n);
	str_addf(&out, "%s %s %s [", http_method(x), http_path(x), http_query(x));
	str_addn(&out, body, n);
	str_add(&out, "]");
	http_respond(x, 200, NULL, out.p, out.len);
}

static void answer_stream(struct http_exchange *x)
{
	http_start(x, 200, (struct http_header[]){ { "Content-Type", "text/plain" }, { NULL, NULL } });
	http_write(x, "one", 3);
	http_write(x, "two", 3);
	http_write(x, "", 0);
	struct buf *b = buf_alloc(5000);
	memset(b->data, 'b', b->len);
	http_write_buf(x, b);
	buf_unref(b);
	http_end(x);
	http_write(x, "late", 4);
	http_respond(x, 500, NULL, "late", 4);
}

static void on_request(void *arg, struct http_exchange *x)
{
	(void)arg;
	requests++;
	http_on_close(x, on_close, NULL);
	http_on_drain(x, on_drain, NULL);
	const char *path = http_path(x);
	if (!strcmp(path, "/hold")) {
		held = x;
	} else if (!strcmp(path, "/watch")) {
		held = x;
		http_start(x, 200, NULL);
	} else if (!strcmp(path, "/stream")) {
		answer_stream(x);
	} else if (!strcmp(path, "/short")) {
		http_start(x, 200, (struct http_header[]){ { "Content-Length", "10" }, { NULL, NULL } });
		http_write(x, "abc", 3);
		http_end(x);
	} else if (!strcmp(path, "/exact")) {
		http_start(x, 200, (struct http_header[]){ { "Content-Length", "4" }, { NULL, NULL } });
		http_write(x, "abcdef", 6);
		http_end(x);
	} else {
		answer_echo(x);
	}
}

static void start(const struct http_server_config *with)
{
	struct http_server_config c = *with;
	c.loop = l;
	c.bind_address = "127.0.0.1";
	c.on_request = on_request;
	ck_assert_int_eq(http_server_start(&c, &server, NULL), 0);
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	requests = closed = drained = 0;
	held = NULL;
	start(&(struct http_server_config){ .max_body = 1000, .header_timeout_ms = 0 });
}

static void teardown(void)
{
	if (server)
		http_server_stop(server, 0, NULL, NULL);
	loop_free(l);
}

START_TEST(requests_are_answered_and_the_connection_kept)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
	ck_assert(peer_until(l, fd, &in, "POST /a b=c [body]"));
	ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 200 OK\r\n"));
	ck_assert_ptr_null(strstr(in.p, "Connection: close"));
	str_reset(&in);
	peer_say(fd, "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	ck_assert(peer_until_end(l, fd, &in));
	ck_assert_ptr_nonnull(strstr(in.p, "GET /next  []"));
	ck_assert_ptr_nonnull(strstr(in.p, "Connection: close"));
	ck_assert_int_eq(closed, 2);
	close(fd);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	AUTO_STR in = STR_INIT, out = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	for (int i = 0; i < 200; i++)
		str_addf(&out, "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i);
	peer_send(fd, out.p, out.len);
	ck_assert(peer_until(l, fd, &in, "GET /199  []"));
	const char *at = in.p;
	for (int i = 0; i < 200; i++) {
		char want[32];
		snprintf(want, sizeof(want), "GET /%d  []", i);
		at = strstr(at, want);
		ck_assert_ptr_nonnull(at);
	}
	close(fd);
}
END_TEST

START_TEST(streams_are_chunked_and_late_writes_ignored)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(peer_until(l, fd, &in, "\r\n0\r\n\r\n"));
	ck_assert_ptr_nonnull(strstr(in.p, "Transfer-Encoding: chunked"));
	ck_assert_ptr_nonnull(strstr(in.p, "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n1388\r\nbbbb"));
	ck_assert_ptr_null(strstr(in.p, "late"));
	close(fd);
}
END_TEST

START_TEST(announced_lengths_are_kept)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "GET /exact HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(peer_until(l, fd, &in, "\r\n\r\nabcd"));
	ck_assert_ptr_null(strstr(in.p, "abcde"));
	str_reset(&in);
	peer_say(fd, "GET /short HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(peer_until_end(l, fd, &in));
	ck_assert_int_eq(closed, 2);
	close(fd);
}
END_TEST

START_TEST(head_has_no_body)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\nGET /y HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(peer_until(l, fd, &in, "GET /y"));
	ck_assert_ptr_null(strstr(in.p, "HEAD /x"));
	ck_assert_ptr_nonnull(strstr(in.p, "Content-Length: 11\r\n"));
	close(fd);
}
END_TEST

START_TEST(errors_are_answered_and_the_connection_closed)
{
	static const struct {
		const char *text, *answer;
	} cases[] = {
		{ "BAD\r\n\r\n", "HTTP/1.1 400 " },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 " },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n",
		  "HTTP/1.1 413 " },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_STR in = STR_INIT;
		int fd = peer_connect(http_server_port(server));
		peer_say(fd, cases[i].text);
		ck_assert(peer_until_end(l, fd, &in));
		ck_assert_ptr_nonnull(strstr(in.p, cases[i].answer));
		ck_assert_ptr_null(strstr(in.p, "100 Continue"));
		close(fd);
	}
	ck_assert_int_eq(requests, 0);
}
END_TEST

START_TEST(expect_continue_is_answered)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 100 Continue\r\n\r\n"));
	peer_say(fd, "ok");
	ck_assert(peer_until(l, fd, &in, "POST /  [ok]"));
	close(fd);
}
END_TEST

static void hold(const char *path, int *ret_fd)
{
	AUTO_STR out = STR_INIT;
	*ret_fd = peer_connect(http_server_port(server));
	str_addf(&out, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
	peer_send(*ret_fd, out.p, out.len);
	for (int i = 0; i < 100 && !held; i++)
		loop_run_once(l, 10);
	ck_assert_ptr_nonnull(held);
}

START_TEST(answers_may_come_later)
{
	AUTO_STR in = STR_INIT;
	int fd;
	hold("/hold", &fd);
	ck_assert(!http_started(held));
	http_respond(held, 201, NULL, "later", 5);
	ck_assert(peer_until(l, fd, &in, "later"));
	ck_assert_int_eq(closed, 1);
	close(fd);
}
END_TEST

START_TEST(a_peer_that_goes_away_ends_the_exchange)
{
	static const char *const paths[] = { "/hold", "/watch" };
	for (int i = 0; i < 2; i++) {
		int fd;
		hold(paths[i], &fd);
		close(fd);
		for (int n = 0; n < 100 && held; n++)
			loop_run_once(l, 10);
		ck_assert_ptr_null(held);
		ck_assert_int_eq(closed, i + 1);
	}
}
END_TEST

START_TEST(each_event_of_a_watch_leaves_at_once)
{
	AUTO_STR in = STR_INIT;
	int fd;
	hold("/watch", &fd);
	ck_assert(peer_until(l, fd, &in, "\r\n\r\n"));
	http_write(held, "event-1\n", 8);
	http_write(held, "event-2\n", 8);
	loop_run_once(l, 0);
	peer_read(fd, &in);
	ck_assert_ptr_nonnull(strstr(in.p, "8\r\nevent-1\n\r\n8\r\nevent-2\n\r\n"));
	close(fd);
}
END_TEST

START_TEST(a_slow_watcher_fills_its_own_queue_only)
{
	AUTO_STR in = STR_INIT;
	int slow, fast;
	struct buf *b = buf_alloc(1 << 20);
	memset(b->data, 'x', b->len);
	hold("/watch", &slow);
	struct http_exchange *x = held;
	for (int i = 0; i < 20; i++)
		http_write_buf(x, b);
	ck_assert_int_gt(b->refs, 10);
	for (int i = 0; i < 20; i++)
		loop_run_once(l, 1);
	ck_assert_uint_gt(http_pending_bytes(x), 1 << 20);
	ck_assert_int_eq(drained, 0);
	fast = peer_connect(http_server_port(server));
	peer_say(fast, "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(peer_until(l, fast, &in, "GET /quick"));
	size_t got = 0;
	int64_t end = clock_mono_ms() + 20000;
	while (!drained && clock_mono_ms() < end) {
		loop_run_once(l, 0);
		str_reset(&in);
		peer_read(slow, &in);
		got += in.len;
	}
	ck_assert_int_eq(drained, 1);
	ck_assert_uint_lt(http_pending_bytes(x), 65536);
	close(fast);
	close(slow);
	buf_unref(b);
}
END_TEST

START_TEST(abort_cuts_a_started_response)
{
	AUTO_STR in = STR_INIT;
	int fd;
	hold("/watch", &fd);
	ck_assert(peer_until(l, fd, &in, "\r\n\r\n"));
	http_write(held, "x", 1);
	http_abort(held);
	http_write(held, "y", 1);
	ck_assert(peer_until_end(l, fd, &in));
	ck_assert_ptr_null(strstr(in.p, "0\r\n\r\n"));
	ck_assert_int_eq(closed, 1);
	close(fd);
}
END_TEST

START_TEST(http10_closes_behind_a_stream)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "GET /stream HTTP/1.0\r\n\r\n");
	ck_assert(peer_until_end(l, fd, &in));
	ck_assert_ptr_nonnull(strstr(in.p, "\r\n\r\nonetwobbb"));
	close(fd);
}
END_TEST

static void on_stopped(void *arg)
{
	*(bool *)arg = true;
	server = NULL;
}

START_TEST(stop_lets_running_exchanges_finish)
{
	AUTO_STR in = STR_INIT, none = STR_INIT;
	bool stopped = false;
	int idle = peer_connect(http_server_port(server)), fd;
	hold("/hold", &fd);
	http_server_stop(server, 5000, on_stopped, &stopped);
	ck_assert(peer_until_end(l, idle, &none));
	ck_assert(!stopped);
	http_respond(held, 200, NULL, "bye", 3);
	ck_assert(peer_until(l, fd, &in, "bye"));
	ck_assert_ptr_nonnull(strstr(in.p, "Connection: close"));
	close(fd);
	for (int i = 0; i < 300 && !stopped; i++)
		loop_run_once(l, 10);
	ck_assert(stopped);
	close(idle);
}
END_TEST

START_TEST(stop_cuts_after_the_grace)
{
	bool stopped = false;
	int fd;
	hold("/watch", &fd);
	http_server_stop(server, 20, on_stopped, &stopped);
	for (int i = 0; i < 300 && !stopped; i++)
		loop_run_once(l, 10);
	ck_assert(stopped);
	ck_assert_int_eq(closed, 1);
	close(fd);
}
END_TEST

START_TEST(slow_heads_and_idle_connections_time_out)
{
	AUTO_STR in = STR_INIT;
	http_server_stop(server, 0, NULL, NULL);
	start(&(struct http_server_config){ .header_timeout_ms = 30, .idle_timeout_ms = 40 });
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "GET / HTTP/1.1\r\nHo");
	ck_assert(peer_until_end(l, fd, &in));
	ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 408 "));
	close(fd);
	str_reset(&in);
	fd = peer_connect(http_server_port(server));
	peer_say(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(peer_until_end(l, fd, &in));
	ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 200 "));
	close(fd);
}
END_TEST

START_TEST(addresses_in_use_are_reported)
{
	struct err e = ERR_INIT;
	struct http_server *other;
	struct http_server_config c = { .loop = l, .bind_address = "127.0.0.1", .port = http_server_port(server) };
	ck_assert_int_eq(http_server_start(&c, &other, &e), -EADDRINUSE);
	c.bind_address = "localhost";
	ck_assert_int_eq(http_server_start(&c, &other, &e), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_server");
	TCase *t = tcase_create("http_server");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, requests_are_answered_and_the_connection_kept);
	tcase_add_test(t, pipelined_requests_are_answered_in_order);
	tcase_add_test(t, streams_are_chunked_and_late_writes_ignored);
	tcase_add_test(t, announced_lengths_are_kept);
	tcase_add_test(t, head_has_no_body);
	tcase_add_test(t, errors_are_answered_and_the_connection_closed);
	tcase_add_test(t, expect_continue_is_answered);
	tcase_add_test(t, answers_may_come_later);
	tcase_add_test(t, a_peer_that_goes_away_ends_the_exchange);
	tcase_add_test(t, each_event_of_a_watch_leaves_at_once);
	tcase_add_test(t, a_slow_watcher_fills_its_own_queue_only);
	tcase_add_test(t, abort_cuts_a_started_response);
	tcase_add_test(t, http10_closes_behind_a_stream);
	tcase_add_test(t, stop_lets_running_exchanges_finish);
	tcase_add_test(t, stop_cuts_after_the_grace);
	tcase_add_test(t, slow_heads_and_idle_connections_time_out);
	tcase_add_test(t, addresses_in_use_are_reported);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
