/* The client's bodies that are read as the server takes them, with a peer of sockets. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/http_client.h"
#include "tests/unit/io/peer.h"

static struct loop *l;
static struct http_client *client;
static struct http_call *call;
static int listener, peer, done, status, code, statuses;
static int64_t left; /* of the body */
static int starved, hold_after, broken;
static struct str answer;

static ssize_t read_body(void *arg, void *p, size_t n)
{
	(void)arg;
	if (broken)
		return broken;
	if (hold_after == 0) {
		starved++;
		return -EAGAIN;
	}
	if (hold_after > 0)
		hold_after--;
	n = MIN(MIN(n, (size_t)left), (size_t)10000);
	memset(p, 'x', n);
	left -= (int64_t)n;
	return (ssize_t)n;
}

static void on_status(void *arg, int s)
{
	(void)arg, (void)s;
	statuses++;
}

static void on_data(void *arg, const char *p, size_t n)
{
	(void)arg;
	str_addn(&answer, p, n);
}

static void on_done(void *arg, int s, const char *body, size_t n, const struct err *e)
{
	(void)arg, (void)body, (void)n;
	done++;
	status = s;
	code = e ? e->code : 0;
}

static void setup(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	ck_assert_int_eq(http_client_new(&(struct http_client_config){.loop = l}, &client, NULL), 0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
	peer = -1;
	done = statuses = starved = broken = 0;
	hold_after = -1;
	answer = STR_INIT;
}

static void teardown(void)
{
	http_client_free(client);
	if (peer >= 0)
		close(peer);
	close(listener);
	loop_free(l);
	str_done(&answer);
}

static void start(int64_t length)
{
	struct sockaddr_in sa;
	socklen_t n = sizeof(sa);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&sa, &n), 0);
	AUTO_FREE char *url = xasprintf("http://127.0.0.1:%u/x", ntohs(sa.sin_port));
	left = length < 0 ? 100000 : length;
	call = http_call_start(client, &(struct http_call_opts){.method = "PUT",
								.url = url,
								.read_body = read_body,
								.read_len = length,
								.on_status = on_status,
								.on_data = on_data,
								.on_done = on_done});
	for (int i = 0; i < 2000 && peer < 0; i++) {
		loop_run_once(l, 10);
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	}
	ck_assert_int_ge(peer, 0);
}

static bool until_done(void)
{
	for (int i = 0; i < 2000 && !done; i++)
		loop_run_once(l, 10);
	return done;
}

/* Takes what comes until n bytes of body are there, and drops them. */
static void take(size_t n)
{
	AUTO_STR in = STR_INIT;
	ck_assert(peer_until(l, peer, &in, "\r\n\r\n"));
	size_t head = (size_t)((char *)memmem(in.p, in.len, "\r\n\r\n", 4) + 4 - in.p), got = in.len - head;
	int64_t end = clock_mono_ms() + 20000;
	while (got < n && clock_mono_ms() < end) {
		str_reset(&in);
		loop_run_once(l, 1);
		peer_read(peer, &in);
		got += in.len;
	}
	ck_assert_uint_ge(got, n);
}

START_TEST(a_body_of_known_length)
{
	start(5000000);
	take(5000000);
	ck_assert_int_eq(left, 0);
	peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	ck_assert(until_done());
	ck_assert_int_eq(status, 200);
	ck_assert_int_eq(code, 0);
	ck_assert_str_eq(answer.p, "ok");
}
END_TEST

START_TEST(a_body_of_unknown_length_goes_in_chunks)
{
	AUTO_STR in = STR_INIT;
	start(-1);
	ck_assert(peer_until(l, peer, &in, "\r\n0\r\n\r\n"));
	ck_assert_ptr_nonnull(memmem(in.p, in.len, "Transfer-Encoding: chunked\r\n", 28));
	ck_assert_uint_gt(in.len, 100000);
	peer_say(peer, "HTTP/1.1 204 No Content\r\n\r\n");
	ck_assert(until_done());
	ck_assert_int_eq(status, 204);
}
END_TEST

START_TEST(a_body_that_has_nothing_now_goes_on_later)
{
	hold_after = 3;
	start(100000);
	take(30000);
	for (int i = 0; i < 5; i++)
		loop_run_once(l, 1);
	ck_assert_int_eq(starved, 1);
	hold_after = -1;
	http_call_resume(call);
	for (int i = 0; i < 2000 && left; i++)
		loop_run_once(l, 10);
	ck_assert_int_eq(left, 0);
	peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ck_assert(until_done());
	ck_assert_int_eq(code, 0);
}
END_TEST

/* The server has said all it wants to say; the rest of the body does not hold the call up. */
START_TEST(a_whole_answer_ends_the_call)
{
	static const char *const answers[] = {
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nenough",
	    "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nenoug",
	    "HTTP/1.1 204 No Content\r\n\r\n",
	};
	hold_after = 1;
	start(100000);
	take(10000);
	peer_say(peer, answers[_i]);
	ck_assert(until_done());
	ck_assert_int_eq(code, 0);
	ck_assert_int_eq(statuses, 1);
	ck_assert_str_eq(str_text(&answer), _i == 2 ? "" : "enoug");
}
END_TEST

START_TEST(a_server_that_dies_fails_the_call)
{
	hold_after = 1;
	start(1000000);
	take(10000);
	close(peer);
	peer = -1;
	hold_after = -1;
	http_call_resume(call);
	ck_assert(until_done());
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(code, -ECONNRESET);
}
END_TEST

START_TEST(a_body_that_breaks_off_breaks_the_call)
{
	broken = -EPIPE;
	start(1000000);
	ck_assert(until_done());
	ck_assert_int_eq(code, -EPIPE);
}
END_TEST

START_TEST(the_answer_may_pause_while_the_body_waits)
{
	hold_after = 1;
	start(20000);
	take(10000);
	peer_say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
	for (int i = 0; i < 2000 && answer.len < 3; i++)
		loop_run_once(l, 10);
	http_call_pause(call, 1);
	peer_say(peer, "3\r\ntwo\r\n");
	hold_after = -1;
	http_call_resume(call);
	for (int i = 0; i < 2000 && left; i++)
		loop_run_once(l, 10);
	ck_assert_int_eq(left, 0);
	ck_assert_str_eq(answer.p, "one");
	http_call_pause(call, 0);
	peer_say(peer, "0\r\n\r\n");
	ck_assert(until_done());
	ck_assert_int_eq(code, 0);
	ck_assert_str_eq(answer.p, "onetwo");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_upload");
	TCase *t = tcase_create("http_upload");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_body_of_known_length);
	tcase_add_test(t, a_body_of_unknown_length_goes_in_chunks);
	tcase_add_test(t, a_body_that_has_nothing_now_goes_on_later);
	tcase_add_loop_test(t, a_whole_answer_ends_the_call, 0, 3);
	tcase_add_test(t, a_server_that_dies_fails_the_call);
	tcase_add_test(t, a_body_that_breaks_off_breaks_the_call);
	tcase_add_test(t, the_answer_may_pause_while_the_body_waits);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
