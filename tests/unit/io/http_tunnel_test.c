#include "io/http_tunnel.h"

#include <check.h>
#include <stdlib.h>

#include "io/ws.h"
#include "tests/unit/io/certs.h"
#include "tests/unit/io/peer.h"

#define HEAD(method, path)                                                                                             \
	method " " path                                                                                                \
	       " HTTP/1.1\r\nHost: h\r\nAuthorization: secret\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"        \
	       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                          \
	       "Sec-WebSocket-Protocol: p\r\n\r\n"

static struct loop *l;
static struct http_server *front, *back;
static struct certs certs;
static struct tls_ctx *server_tls, *client_tls;
static struct ws *ws;
static struct http_exchange *held;
static struct http_tunnel_opts opts;
static int fd, front_closed, back_closed, errors, error_code, drained;
static size_t received;
static struct str in;

static void on_message(void *arg, const uint8_t *data, size_t n)
{
	(void)arg;
	received += n;
	if (n < 100)
		ws_send(ws, data, n);
}

static void on_drain(void *arg)
{
	(void)arg;
	drained++;
}

static void on_ws_close(void *arg)
{
	(void)arg;
	ws = NULL;
	back_closed++;
}

static const struct ws_ops ops = { .on_message = on_message, .on_drain = on_drain, .on_close = on_ws_close };

static void on_held_close(void *arg, struct http_exchange *x)
{
	(void)arg;
	(void)x;
	held = NULL;
	back_closed++;
}

static void on_back(void *arg, struct http_exchange *x)
{
	(void)arg;
	ck_assert_ptr_null(http_header_get(x, "authorization"));
	if (!strcmp(http_path(x), "/hold")) {
		held = x;
		http_on_close(x, on_held_close, NULL);
	} else if (strcmp(http_query(x), "a=b") != 0 || ws_accept(x, "p", 1 << 20, &ops, NULL, &ws, NULL) < 0) {
		http_respond(x, 403, (struct http_header[]){ { "X-Why", "because" }, { NULL, NULL } }, "forbidden", 9);
	}
}

static void on_front_close(void *arg, struct http_exchange *x)
{
	(void)arg;
	(void)x;
	front_closed++;
}

static void on_error(void *arg, struct http_exchange *x, const struct err *e)
{
	ck_assert_ptr_eq(arg, &errors);
	errors++;
	error_code = e->code;
	http_respond(x, 502, NULL, err_text(e), strlen(err_text(e)));
}

static void on_front(void *arg, struct http_exchange *x)
{
	(void)arg;
	http_on_close(x, on_front_close, NULL);
	http_tunnel(x, &opts);
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	certs_make(&certs);
	struct tls_config sc = { .cert_file = certs.server, .key_file = certs.server_key, .ca_file = certs.ca };
	struct tls_config cc = { .cert_file = certs.client, .key_file = certs.client_key, .ca_file = certs.ca };
	ck_assert_int_eq(tls_server_new(&sc, &server_tls, NULL), 0);
	ck_assert_int_eq(tls_client_new(&cc, &client_tls, NULL), 0);
	in = STR_INIT;
	front_closed = back_closed = errors = error_code = drained = 0;
	received = 0;
	struct http_server_config c = { .loop = l, .bind_address = "127.0.0.1", .on_request = on_front };
	ck_assert_int_eq(http_server_start(&c, &front, NULL), 0);
	fd = peer_connect(http_server_port(front));
	back = NULL;
}

static void start_back(bool tls)
{
	struct http_server_config c = { .loop = l, .bind_address = "127.0.0.1", .on_request = on_back,
					.tls = tls ? server_tls : NULL };
	ck_assert_int_eq(http_server_start(&c, &back, NULL), 0);
	opts = (struct http_tunnel_opts){ .host = "127.0.0.1",
					  .port = http_server_port(back),
					  .tls = tls ? client_tls : NULL,
					  .target = "/there?a=b",
					  .on_error = on_error,
					  .arg = &errors };
}

static void teardown(void)
{
	if (fd >= 0)
		close(fd);
	http_server_stop(front, 0, NULL, NULL);
	if (back)
		http_server_stop(back, 0, NULL, NULL);
	loop_free(l);
	tls_unref(server_tls);
	tls_unref(client_tls);
	certs_remove(&certs);
	str_done(&in);
}

static bool wait_for(const int *what)
{
	int64_t end = clock_mono_ms() + 20000;
	while (!*what && clock_mono_ms() < end) {
		loop_run_once(l, 10);
		if (fd >= 0)
			peer_read(fd, &in);
	}
	return *what;
}

START_TEST(bytes_pass_both_ways)
{
	start_back(_i);
	peer_say(fd, HEAD("GET", "/here"));
	peer_send(fd, "\x82\x85\0\0\0\0early", 11);
	ck_assert(peer_until(l, fd, &in, "\x82\x05" "early"));
	ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 101 "));
	ck_assert_ptr_nonnull(strstr(in.p, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	ck_assert_ptr_nonnull(strstr(in.p, "Sec-WebSocket-Protocol: p\r\n"));
	str_reset(&in);
	ws_close(ws, 1000, "bye");
	ck_assert(peer_until(l, fd, &in, "bye"));
	ck_assert(peer_until_end(l, fd, &in));
	close(fd);
	fd = -1;
	ck_assert(wait_for(&front_closed));
	ck_assert(wait_for(&back_closed));
	ck_assert_int_eq(errors, 0);
}
END_TEST

START_TEST(a_client_that_vanishes_ends_the_far_side)
{
	start_back(_i);
	peer_say(fd, HEAD("GET", "/here"));
	ck_assert(peer_until(l, fd, &in, "\r\n\r\n"));
	close(fd);
	fd = -1;
	ck_assert(wait_for(&back_closed));
	ck_assert(wait_for(&front_closed));
}
END_TEST

START_TEST(a_client_that_vanishes_before_the_answer)
{
	start_back(_i);
	opts.target = "/hold";
	peer_say(fd, HEAD("GET", "/here"));
	for (int i = 0; i < 300 && !held; i++)
		loop_run_once(l, 10);
	ck_assert_ptr_nonnull(held);
	close(fd);
	fd = -1;
	ck_assert(wait_for(&back_closed));
	ck_assert_int_eq(front_closed, 1);
	ck_assert_int_eq(errors, 0);
}
END_TEST

START_TEST(a_refusal_is_passed_on)
{
	start_back(_i);
	opts.target = "/there";
	peer_say(fd, HEAD("GET", "/here"));
	ck_assert(peer_until(l, fd, &in, "forbidden"));
	ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 403 Forbidden\r\n"));
	ck_assert_ptr_nonnull(strstr(in.p, "X-Why: because\r\n"));
	ck_assert_ptr_nonnull(strstr(in.p, "Content-Length: 9\r\n"));
	ck_assert_int_eq(errors, 0);
	ck_assert_int_eq(front_closed, 1);
}
END_TEST

START_TEST(errors_give_the_exchange_back)
{
	start_back(false);
	opts.port = 1;
	peer_say(fd, HEAD("GET", "/here"));
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 502 "));
	ck_assert_int_eq(error_code, -ECONNREFUSED);
	str_reset(&in);
	opts.host = "example.org";
	peer_say(fd, HEAD("GET", "/here"));
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 502 "));
	ck_assert_int_eq(error_code, -EINVAL);
	str_reset(&in);
	opts.host = "127.0.0.1";
	opts.port = http_server_port(back);
	opts.tls = client_tls;
	peer_say(fd, HEAD("POST", "/here"));
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 502 "));
	ck_assert_int_eq(error_code, -EPROTO);
	str_reset(&in);
	opts.tls = NULL;
	opts.target = "/hold";
	opts.connect_timeout_ms = 30;
	peer_say(fd, HEAD("GET", "/here"));
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 502 "));
	ck_assert_int_eq(error_code, -ETIMEDOUT);
	str_reset(&in);
	opts.connect_timeout_ms = 0;
	peer_say(fd, HEAD("GET", "/here"));
	for (int i = 0; i < 300 && !held; i++)
		loop_run_once(l, 10);
	http_abort(held);
	ck_assert(peer_until(l, fd, &in, "HTTP/1.1 502 "));
	ck_assert_int_eq(error_code, -ECONNRESET);
	ck_assert_int_eq(errors, 5);
	ck_assert_int_eq(front_closed, 5);
}
END_TEST

START_TEST(a_slow_client_holds_the_server_up)
{
	size_t n = 12 << 20;
	AUTO_FREE char *big = xcalloc(1, n);
	start_back(_i);
	peer_say(fd, HEAD("GET", "/here"));
	ck_assert(peer_until(l, fd, &in, "\r\n\r\n"));
	str_reset(&in);
	ws_send(ws, big, n);
	for (int i = 0; i < 100; i++)
		loop_run_once(l, 1);
	ck_assert_uint_gt(ws_pending_bytes(ws), 65536);
	ck_assert_int_eq(drained, 0);
	ck_assert(wait_for(&drained));
	int64_t end = clock_mono_ms() + 20000;
	while (in.len < n && clock_mono_ms() < end) {
		loop_run_once(l, 1);
		peer_read(fd, &in);
	}
	ck_assert_uint_eq(in.len, n + 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_tunnel");
	TCase *t = tcase_create("http_tunnel");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_loop_test(t, bytes_pass_both_ways, 0, 2);
	tcase_add_loop_test(t, a_client_that_vanishes_ends_the_far_side, 0, 2);
	tcase_add_loop_test(t, a_client_that_vanishes_before_the_answer, 0, 2);
	tcase_add_loop_test(t, a_refusal_is_passed_on, 0, 2);
	tcase_add_test(t, errors_give_the_exchange_back);
	tcase_add_loop_test(t, a_slow_client_holds_the_server_up, 0, 2);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
