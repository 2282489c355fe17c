/* Request bodies that stream, as the server gives them to a handler. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/http_exchange.h"
#include "tests/unit/io/peer.h"

static struct loop *l;
static struct http_server *server;
static struct http_exchange *held;
static bool reads, streamed;
static int requests, closed;
static size_t got;
static int64_t length;
static unsigned char last;

static void read_all(struct http_exchange *x)
{
	char piece[5000];
	ssize_t n;
	while ((n = http_body_read(x, piece, sizeof(piece))) > 0) {
		got += (size_t)n;
		last = (unsigned char)piece[n - 1];
	}
	if (n == 0) {
		AUTO_FREE char *text = xasprintf("[%zu]", got);
		http_respond(x, 200, NULL, text, strlen(text));
	}
}

static void on_body(void *arg, struct http_exchange *x)
{
	(void)arg;
	if (reads)
		read_all(x);
}

static void on_close(void *arg, struct http_exchange *x)
{
	(void)arg, (void)x;
	held = NULL;
	closed++;
}

static void on_request(void *arg, struct http_exchange *x)
{
	(void)arg;
	size_t n;
	const char *whole = http_body(x, &n);
	requests++;
	got = 0;
	streamed = http_body_streams(x);
	length = http_body_length(x);
	held = x;
	http_on_close(x, on_close, NULL);
	http_on_body(x, on_body, NULL);
	if (!strcmp(http_path(x), "/s/early"))
		http_respond(x, 403, NULL, "no", 2);
	else if (!streamed)
		http_respond(x, 200, NULL, whole, n);
	else if (reads)
		read_all(x);
}

static bool streams(void *arg, const char *method, const char *path)
{
	(void)arg;
	return !strncmp(path, "/s", 2) && strcmp(method, "PATCH") != 0;
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	struct http_server_config c = {
	    .loop = l, .bind_address = "127.0.0.1", .on_request = on_request, .streams = streams, .max_body = 1000};
	ck_assert_int_eq(http_server_start(&c, &server, NULL), 0);
	requests = closed = 0;
	held = NULL;
	reads = true;
}

static void teardown(void)
{
	http_server_stop(server, 0, NULL, NULL);
	loop_free(l);
}

/* Sends as much of n bytes as the other side takes while the loop runs, until it takes no more. */
static size_t push(int fd, size_t n)
{
	static char block[65536];
	size_t sent = 0;
	memset(block, 'x', sizeof(block));
	for (int idle = 0; sent < n && idle < 200;) {
		ssize_t w = send(fd, block, MIN(sizeof(block), n - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
		sent += w > 0 ? (size_t)w : 0;
		idle = w > 0 ? 0 : idle + 1;
		loop_run_once(l, w > 0 ? 0 : 1);
	}
	return sent;
}

START_TEST(a_body_of_any_size_is_read_as_it_comes)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "PUT /s HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n");
	ck_assert_uint_eq(push(fd, 10000000), 10000000);
	ck_assert(peer_until(l, fd, &in, "[10000000]"));
	ck_assert(streamed);
	ck_assert_int_eq(length, 10000000);
	str_reset(&in);
	peer_say(fd, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"); /* the connection goes on */
	ck_assert(peer_until(l, fd, &in, "200 OK"));
	close(fd);
}
END_TEST

START_TEST(chunks_and_a_request_behind_them)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "POST /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100 && !requests; i++)
		loop_run_once(l, 10);
	ck_assert_int_eq(requests, 1);
	ck_assert(streamed);
	ck_assert_int_eq(length, -1);
	for (int i = 0; i < 500; i++)
		peer_say(fd, "a\r\n0123456789\r\n");
	peer_say(fd, "0\r\nTrailer: x\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(peer_until(l, fd, &in, "[5000]"));
	ck_assert(peer_until(l, fd, &in, "200 OK\r\nDate"));
	ck_assert_int_eq(last, '9');
	for (int i = 0; i < 100 && requests < 2; i++)
		loop_run_once(l, 10);
	ck_assert_int_eq(requests, 2);
	close(fd);
}
END_TEST

START_TEST(what_is_not_read_holds_the_peer_up)
{
	AUTO_STR in = STR_INIT;
	size_t all = 64 << 20;
	int fd = peer_connect(http_server_port(server));
	reads = false;
	peer_say(fd, "PUT /s HTTP/1.1\r\nHost: h\r\nContent-Length: 67108864\r\n\r\n");
	size_t sent = push(fd, all);
	ck_assert_uint_lt(sent, all);
	ck_assert_ptr_nonnull(held);
	ck_assert_uint_lt(http_exchange_unread(held), 256 << 10);
	ck_assert_uint_gt(http_exchange_unread(held), 0);
	reads = true;
	read_all(held);
	ck_assert_uint_eq(push(fd, all - sent), all - sent);
	ck_assert(peer_until(l, fd, &in, "[67108864]"));
	close(fd);
}
END_TEST

START_TEST(an_early_answer_is_the_last_of_its_connection)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "PUT /s/early HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\nbeginning");
	ck_assert(peer_until_end(l, fd, &in));
	ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 403 "));
	ck_assert_ptr_nonnull(strstr(in.p, "Connection: close\r\n"));
	ck_assert_int_eq(closed, 1);
	close(fd);
}
END_TEST

START_TEST(a_body_that_comes_with_its_head_is_whole)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "PUT /s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nwhole");
	ck_assert(peer_until(l, fd, &in, "whole"));
	ck_assert(!streamed);
	ck_assert_ptr_null(strstr(in.p, "Connection: close"));
	close(fd);
}
END_TEST

START_TEST(other_bodies_keep_their_limit)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	peer_say(fd, "PATCH /s HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 413 "));
	ck_assert_int_eq(requests, 0);
	close(fd);
}
END_TEST

START_TEST(a_peer_that_vanishes_or_talks_nonsense_ends_the_exchange)
{
	static const char *const rest[] = {"abc", "zz\r\n"};
	for (int i = 0; i < 2; i++) {
		int fd = peer_connect(http_server_port(server));
		peer_say(fd, "PUT /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (int n = 0; n < 100 && requests <= i; n++)
			loop_run_once(l, 10);
		ck_assert_ptr_nonnull(held);
		peer_say(fd, rest[i]);
		if (i == 0)
			close(fd);
		for (int n = 0; n < 2000 && closed <= i; n++)
			loop_run_once(l, 10);
		ck_assert_int_eq(closed, i + 1);
		if (i == 1)
			close(fd);
	}
}
END_TEST

START_TEST(continue_is_sent_when_the_body_is_wanted)
{
	AUTO_STR in = STR_INIT;
	int fd = peer_connect(http_server_port(server));
	reads = false;
	peer_say(fd, "PUT /s HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n");
	for (int n = 0; n < 100 && !held; n++)
		loop_run_once(l, 10);
	ck_assert_ptr_nonnull(held);
	for (int n = 0; n < 5; n++)
		loop_run_once(l, 1);
	peer_read(fd, &in);
	ck_assert_uint_eq(in.len, 0);
	reads = true;
	read_all(held);
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 100 Continue\r\n\r\n"));
	ck_assert_uint_eq(push(fd, 2000), 2000);
	ck_assert(peer_until(l, fd, &in, "[2000]"));
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_body");
	TCase *t = tcase_create("http_body");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_body_of_any_size_is_read_as_it_comes);
	tcase_add_test(t, chunks_and_a_request_behind_them);
	tcase_add_test(t, what_is_not_read_holds_the_peer_up);
	tcase_add_test(t, an_early_answer_is_the_last_of_its_connection);
	tcase_add_test(t, a_body_that_comes_with_its_head_is_whole);
	tcase_add_test(t, other_bodies_keep_their_limit);
	tcase_add_test(t, a_peer_that_vanishes_or_talks_nonsense_ends_the_exchange);
	tcase_add_test(t, continue_is_sent_when_the_body_is_wanted);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
