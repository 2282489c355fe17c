#include "io/http_client.h"

#include <check.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/fs.h"
#include "io/http_server.h"
#include "tests/unit/io/certs.h"
#include "tests/unit/io/peer.h"

static struct loop *l;
static struct http_server *server;
static struct http_client *client;
static struct certs certs;
static struct tls_ctx *tls;
static struct http_exchange *held;
static int server_closed;

struct result {
	int done, status, statuses, pieces, code;
	struct str body;
	char error[256], header[64];
	struct http_call *call;
	bool cancel_at_status, cancel_at_data, pause_at_data;
};

static void on_server_close(void *arg, struct http_exchange *x)
{
	(void)arg;
	(void)x;
	held = NULL;
	server_closed++;
}

static void on_request(void *arg, struct http_exchange *x)
{
	(void)arg;
	size_t n;
	const char *body = http_body(x, &n), *path = http_path(x), *auth = http_header_get(x, "authorization");
	http_on_close(x, on_server_close, NULL);
	struct http_header headers[] = { { "X-Method", http_method(x) }, { NULL, NULL } };
	if (!strcmp(path, "/watch")) {
		held = x;
		http_start(x, 200, NULL);
		http_write(x, "first\n", 6);
	} else if (!strcmp(path, "/never")) {
		held = x;
	} else if (!strcmp(path, "/cut")) {
		http_start(x, 200, (struct http_header[]){ { "Content-Length", "100" }, { NULL, NULL } });
		http_write(x, "abc", 3);
		held = x;
	} else if (!strcmp(path, "/auth")) {
		http_respond(x, 200, NULL, auth ? auth : "none", strlen(auth ? auth : "none"));
	} else if (!strcmp(path, "/type")) {
		const char *type = http_header_get(x, "content-type");
		http_respond(x, 200, NULL, type ? type : "none", strlen(type ? type : "none"));
	} else {
		http_respond(x, 200, headers, body, n);
	}
}

static void start_server(bool with_tls)
{
	struct http_server_config c = { .loop = l, .bind_address = "127.0.0.1", .on_request = on_request,
					.tls = with_tls ? tls : NULL };
	ck_assert_int_eq(http_server_start(&c, &server, NULL), 0);
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	certs_make(&certs);
	struct tls_config tc = { .cert_file = certs.server, .key_file = certs.server_key, .ca_file = certs.ca };
	ck_assert_int_eq(tls_server_new(&tc, &tls, NULL), 0);
	held = NULL;
	server_closed = 0;
	client = NULL;
}

static void teardown(void)
{
	http_client_free(client);
	if (server)
		http_server_stop(server, 0, NULL, NULL);
	server = NULL;
	loop_free(l);
	tls_unref(tls);
	certs_remove(&certs);
}

static void on_status(void *arg, int status)
{
	struct result *r = arg;
	r->statuses++;
	r->status = status;
	if (r->cancel_at_status)
		http_call_cancel(r->call);
}

static void on_data(void *arg, const char *data, size_t n)
{
	struct result *r = arg;
	r->pieces++;
	str_addn(&r->body, data, n);
	if (r->cancel_at_data)
		http_call_cancel(r->call);
	if (r->pause_at_data)
		http_call_pause(r->call, 1);
}

static void on_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct result *r = arg;
	const char *header = http_call_header(r->call, "x-method");
	r->done++;
	r->status = status;
	r->code = e ? e->code : 0;
	snprintf(r->error, sizeof(r->error), "%s", e ? err_text(e) : "");
	snprintf(r->header, sizeof(r->header), "%s", header ? header : "");
	if (len)
		str_addn(&r->body, body, len);
	http_call_cancel(r->call);
}

static void start_call(struct result *r, const char *method, const char *path, const char *body, bool stream)
{
	AUTO_FREE char *url = xasprintf("http://127.0.0.1:%u%s", http_server_port(server), path);
	struct http_call_opts o = { .method = method,
				    .url = url,
				    .body = body,
				    .body_len = body ? strlen(body) : 0,
				    .on_status = on_status,
				    .on_data = stream ? on_data : NULL,
				    .on_done = on_done,
				    .arg = r };
	r->call = http_call_start(client, &o);
}

static bool wait_for(const int *what)
{
	int64_t end = clock_mono_ms() + 20000; /* a loaded machine with sanitizers takes seconds */
	while (!*what && clock_mono_ms() < end)
		loop_run_once(l, 10);
	return *what;
}

static void plain_client(void)
{
	start_server(false);
	ck_assert_int_eq(http_client_new(&(struct http_client_config){ .loop = l }, &client, NULL), 0);
}

START_TEST(methods_and_bodies)
{
	static const struct {
		const char *method, *body;
	} cases[] = { { "GET", NULL }, { "POST", "x" }, { "PUT", "yy" }, { "PATCH", "zzz" }, { "DELETE", NULL },
		      { "DELETE", "{}" }, { "POST", NULL }, { "HEAD", NULL } };
	plain_client();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct result r = { 0 };
		start_call(&r, cases[i].method, "/", cases[i].body, false);
		ck_assert(wait_for(&r.done));
		ck_assert_int_eq(r.status, 200);
		ck_assert_int_eq(r.code, 0);
		ck_assert_int_eq(r.statuses, 1);
		ck_assert_str_eq(r.header, cases[i].method);
		ck_assert_str_eq(str_text(&r.body), cases[i].body ? cases[i].body : "");
		str_done(&r.body);
	}
	struct result r = { 0 };
	start_call(&r, "POST", "/type", "{}", false);
	ck_assert(wait_for(&r.done));
	ck_assert_str_eq(r.body.p, "none");
	str_done(&r.body);
}
END_TEST

START_TEST(streams_arrive_piece_by_piece_and_pause)
{
	struct result r = { .pause_at_data = true };
	plain_client();
	start_call(&r, "GET", "/watch", NULL, true);
	ck_assert(wait_for(&r.pieces));
	ck_assert_str_eq(r.body.p, "first\n");
	http_write(held, "second\n", 7);
	for (int i = 0; i < 10; i++)
		loop_run_once(l, 5);
	ck_assert_int_eq(r.pieces, 1);
	r.pause_at_data = false;
	r.pieces = 0;
	http_call_pause(r.call, 0);
	ck_assert(wait_for(&r.pieces));
	ck_assert_str_eq(r.body.p, "first\nsecond\n");
	http_end(held);
	ck_assert(wait_for(&r.done));
	ck_assert_int_eq(r.code, 0);
	str_done(&r.body);
}
END_TEST

START_TEST(calls_may_be_cancelled_anywhere)
{
	plain_client();
	for (int i = 0; i < 4; i++) {
		struct result r = { .cancel_at_status = i == 0, .cancel_at_data = i == 1 };
		server_closed = 0;
		start_call(&r, "GET", "/watch", NULL, true);
		if (i == 2)
			ck_assert(wait_for(&r.pieces));
		if (i == 3)
			ck_assert(wait_for(&r.statuses));
		if (i >= 2)
			http_call_cancel(r.call);
		ck_assert(wait_for(&server_closed));
		ck_assert_int_eq(r.done, 0);
		str_done(&r.body);
	}
	struct result r = { 0 };
	start_call(&r, "GET", "/watch", NULL, true);
	http_call_cancel(r.call);
	for (int i = 0; i < 5; i++)
		loop_run_once(l, 5);
	ck_assert_int_eq(r.statuses + r.done, 0);
}
END_TEST

START_TEST(the_client_may_be_freed_with_calls_running)
{
	struct result r = { 0 }, unborn = { 0 };
	plain_client();
	start_call(&r, "GET", "/never", NULL, false);
	while (!held)
		loop_run_once(l, 10);
	start_call(&unborn, "GET", "/", NULL, false);
	http_client_free(client);
	client = NULL;
	ck_assert(wait_for(&server_closed));
	ck_assert_int_eq(r.done + unborn.done, 0);
}
END_TEST

static void on_done_free(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	(void)status;
	(void)body;
	(void)len;
	(void)e;
	(*(int *)arg)++;
	http_client_free(client);
	client = NULL;
}

START_TEST(the_client_may_be_freed_in_on_done)
{
	int done = 0;
	plain_client();
	AUTO_FREE char *url = xasprintf("http://127.0.0.1:%u/", http_server_port(server));
	struct http_call_opts o = { .url = url, .on_done = on_done_free, .arg = &done };
	http_call_start(client, &o);
	http_call_start(client, &o);
	ck_assert(wait_for(&done));
	loop_run_once(l, 5);
	ck_assert_int_eq(done, 1);
}
END_TEST

START_TEST(errors_carry_their_errno)
{
	struct result refused = { 0 }, slow = { 0 }, cut = { 0 };
	plain_client();
	uint16_t port = http_server_port(server);
	struct http_call_opts o = { .on_done = on_done, .arg = &refused, .url = "http://127.0.0.1:1/" };
	refused.call = http_call_start(client, &o);
	ck_assert(wait_for(&refused.done));
	ck_assert_int_eq(refused.code, -ECONNREFUSED);
	ck_assert_int_eq(refused.status, 0);
	ck_assert_ptr_nonnull(strstr(refused.error, "GET http://127.0.0.1:1/: "));
	AUTO_FREE char *never = xasprintf("http://127.0.0.1:%u/never", port),
		       *url = xasprintf("http://127.0.0.1:%u/cut", port);
	o = (struct http_call_opts){ .on_done = on_done, .arg = &slow, .url = never, .timeout_ms = 30 };
	slow.call = http_call_start(client, &o);
	ck_assert(wait_for(&slow.done));
	ck_assert_int_eq(slow.code, -ETIMEDOUT);
	o = (struct http_call_opts){ .on_done = on_done, .on_status = on_status, .arg = &cut, .url = url };
	cut.call = http_call_start(client, &o);
	ck_assert(wait_for(&cut.statuses));
	http_abort(held);
	ck_assert(wait_for(&cut.done));
	ck_assert_int_eq(cut.status, 200);
	ck_assert_int_eq(cut.code, -ECONNRESET);
	str_done(&cut.body);
}
END_TEST

START_TEST(tls_with_client_certificate_and_http2)
{
	static struct result r[300];
	start_server(true);
	struct http_client_config c = {
		.loop = l, .ca_file = certs.ca, .cert_file = certs.client, .key_file = certs.client_key
	};
	ck_assert_int_eq(http_client_new(&c, &client, NULL), 0);
	AUTO_FREE char *url = xasprintf("https://127.0.0.1:%u/", http_server_port(server));
	char body[2000];
	memset(body, 'b', sizeof(body));
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		struct http_call_opts o = { .method = "POST",
					    .url = url,
					    .on_done = on_done,
					    .arg = &r[i],
					    .body = body,
					    .body_len = sizeof(body),
					    .connect_timeout_ms = 60000 }; /* a loaded machine */
		r[i].call = http_call_start(client, &o);
	}
	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		ck_assert(wait_for(&r[i].done));
		ck_assert_msg(r[i].status == 200, "%s", r[i].error);
		ck_assert_uint_eq(r[i].body.len, sizeof(body));
		str_done(&r[i].body);
	}
}
END_TEST

START_TEST(unknown_authorities_are_refused)
{
	struct result r = { 0 };
	start_server(true);
	ck_assert_int_eq(
		http_client_new(&(struct http_client_config){ .loop = l, .ca_file = certs.stranger }, &client, NULL),
		0);
	AUTO_FREE char *url = xasprintf("https://127.0.0.1:%u/", http_server_port(server));
	r.call = http_call_start(client, &(struct http_call_opts){ .url = url, .on_done = on_done, .arg = &r });
	ck_assert(wait_for(&r.done));
	ck_assert_int_eq(r.code, -EPROTO);
}
END_TEST

START_TEST(tokens_are_read_again_when_they_change)
{
	start_server(false);
	AUTO_FREE char *path = xasprintf("%s/token", certs.dir);
	struct http_client_config c = { .loop = l, .token_file = path };
	ck_assert_int_eq(http_client_new(&c, &client, NULL), 0);
	static const char *const tokens[] = { "one\n", "second" }, *const want[] = { "Bearer one", "Bearer second" };
	for (int i = 0; i < 2; i++) {
		struct result r = { 0 };
		ck_assert_int_eq(fs_write_atomic(path, tokens[i], strlen(tokens[i]), 0600, NULL), 0);
		start_call(&r, "GET", "/auth", NULL, false);
		ck_assert(wait_for(&r.done));
		ck_assert_str_eq(r.body.p, want[i]);
		str_done(&r.body);
	}
}
END_TEST

START_TEST(a_unix_socket_is_dialled)
{
	AUTO_FREE char *path = xasprintf("%s/s", certs.dir);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	strcpy(sa.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), peer = -1;
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	plain_client();
	struct result r = { 0 };
	struct http_call_opts o = { .url = "http://localhost/x", .unix_socket = path, .on_done = on_done, .arg = &r };
	r.call = http_call_start(client, &o);
	for (int i = 0; i < 100 && peer < 0; i++) {
		loop_run_once(l, 10);
		peer = accept(fd, NULL, NULL);
	}
	AUTO_STR in = STR_INIT;
	ck_assert(peer_until(l, peer, &in, "GET /x HTTP/1.1\r\n"));
	peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
	ck_assert(wait_for(&r.done));
	ck_assert_str_eq(r.body.p, "hi");
	str_done(&r.body);
	close(peer);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_client");
	TCase *t = tcase_create("http_client");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, methods_and_bodies);
	tcase_add_test(t, streams_arrive_piece_by_piece_and_pause);
	tcase_add_test(t, calls_may_be_cancelled_anywhere);
	tcase_add_test(t, the_client_may_be_freed_with_calls_running);
	tcase_add_test(t, the_client_may_be_freed_in_on_done);
	tcase_add_test(t, errors_carry_their_errno);
	tcase_add_test(t, tls_with_client_certificate_and_http2);
	tcase_add_test(t, unknown_authorities_are_refused);
	tcase_add_test(t, tokens_are_read_again_when_they_change);
	tcase_add_test(t, a_unix_socket_is_dialled);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
