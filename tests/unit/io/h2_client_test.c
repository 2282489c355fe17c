/* The HTTP/2 client against our own server, with and without TLS. */
#include "io/h2_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/http_exchange.h"
#include "tests/unit/io/certs.h"
#include "tests/unit/io/peer.h"

static struct loop *l;
static struct certs certs;
static struct tls_ctx *tls;
static struct http_server *server;
static struct h2_client *client;
static struct http_exchange *held;
static const struct http_conn *conns[8];
static int n_conns, server_closed;

struct result {
	int done, status, code, pieces;
	struct str body;
	char header[64], error[256];
	struct h2_call *call;
	bool cancel_at_data, free_at_done;
};

static void on_server_close(void *arg, struct http_exchange *x)
{
	(void)arg, (void)x;
	held = NULL;
	server_closed++;
}

static void count_connection(const struct http_conn *c)
{
	for (int i = 0; i < n_conns; i++)
		if (conns[i] == c)
			return;
	ck_assert_int_lt(n_conns, (int)ARRAY_LEN(conns));
	conns[n_conns++] = c;
}

static void on_request(void *arg, struct http_exchange *x)
{
	(void)arg;
	size_t n;
	const char *body = http_body(x, &n), *extra = http_header_get(x, "x-extra");
	http_on_close(x, on_server_close, NULL);
	count_connection(x->conn);
	if (!strcmp(http_path(x), "/never")) {
		held = x;
	} else if (!strcmp(http_path(x), "/watch")) {
		held = x;
		http_start(x, 200, NULL);
		http_write(x, "first", 5);
	} else {
		http_respond(x, 200, (struct http_header[]){{"X-Back", extra ? extra : ""}, {NULL, NULL}}, body, n);
	}
}

static void start_server(bool with_tls, uint16_t port)
{
	struct http_server_config c = {
	    .loop = l, .bind_address = "127.0.0.1", .port = port, .on_request = on_request, .tls = with_tls ? tls : NULL};
	ck_assert_int_eq(http_server_start(&c, &server, NULL), 0);
}

static void start_client(bool with_tls, const char *host)
{
	AUTO_FREE char *url = xasprintf("http%s://%s:%u/", with_tls ? "s" : "", host, http_server_port(server));
	struct h2_client_config c = {.loop = l, .url = url, .connect_timeout_ms = 60000};
	if (with_tls) {
		c.ca_file = certs.ca;
		c.cert_file = certs.client;
		c.key_file = certs.client_key;
	}
	ck_assert_int_eq(h2_client_new(&c, &client, NULL), 0);
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	certs_make(&certs);
	struct tls_config tc = {.cert_file = certs.server, .key_file = certs.server_key, .ca_file = certs.ca};
	ck_assert_int_eq(tls_server_new(&tc, &tls, NULL), 0);
	held = NULL;
	client = NULL;
	n_conns = server_closed = 0;
}

static void teardown(void)
{
	h2_client_free(client);
	if (server)
		http_server_stop(server, 0, NULL, NULL);
	server = NULL;
	loop_free(l);
	tls_unref(tls);
	certs_remove(&certs);
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct result *r = arg;
	r->pieces++;
	str_addn(&r->body, p, n);
	if (r->cancel_at_data)
		h2_call_cancel(r->call);
}

static void on_done(void *arg, int status, const char *body, size_t n, const struct err *e)
{
	struct result *r = arg;
	const char *back = h2_call_header(r->call, "x-back");
	r->done++;
	r->status = status;
	r->code = e ? e->code : 0;
	snprintf(r->error, sizeof(r->error), "%s", e ? err_text(e) : "");
	snprintf(r->header, sizeof(r->header), "%s", back ? back : "");
	if (n)
		str_addn(&r->body, body, n);
	if (r->free_at_done)
		h2_client_free(TAKE(client));
}

static void start_call(struct result *r, const char *path, const char *body, bool pieces, int timeout_ms)
{
	static const struct http_header headers[] = {{"x-extra", "yes"}, {NULL, NULL}};
	r->call = h2_call_start(client, &(struct h2_call_opts){.path = path,
							       .headers = headers,
							       .body = body,
							       .body_len = strlen(body),
							       .timeout_ms = timeout_ms,
							       .on_data = pieces ? on_data : NULL,
							       .on_done = on_done,
							       .arg = r});
}

static bool wait_for(const int *what)
{
	int64_t end = clock_mono_ms() + 20000;
	while (!*what && clock_mono_ms() < end)
		loop_run_once(l, 10);
	return *what;
}

START_TEST(calls_share_one_connection)
{
	static struct result r[300];
	memset(r, 0, sizeof(r));
	start_server(_i, 0);
	start_client(_i, "127.0.0.1");
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(r); i++) {
			r[i] = (struct result){0};
			start_call(&r[i], "/", "hello", false, 0);
		}
		for (size_t i = 0; i < ARRAY_LEN(r); i++) {
			ck_assert(wait_for(&r[i].done));
			ck_assert_msg(r[i].status == 200 && r[i].code == 0, "%s", r[i].error);
			ck_assert_str_eq(r[i].body.p, "hello");
			ck_assert_str_eq(r[i].header, "yes");
			str_done(&r[i].body);
		}
	}
	ck_assert_int_eq(n_conns, 1);
}
END_TEST

START_TEST(large_bodies_and_names)
{
	struct result r = {0};
	AUTO_FREE char *big = xcalloc(1, 2000001);
	memset(big, 'b', 2000000);
	start_server(false, 0);
	start_client(false, "localhost");
	start_call(&r, "/", big, false, 0);
	ck_assert(wait_for(&r.done));
	ck_assert_msg(r.status == 200, "%s", r.error);
	ck_assert_uint_eq(r.body.len, 2000000);
	str_done(&r.body);
}
END_TEST

START_TEST(pieces_come_as_they_are_sent)
{
	struct result r = {0};
	start_server(_i, 0);
	start_client(_i, "127.0.0.1");
	start_call(&r, "/watch", "", true, 0);
	ck_assert(wait_for(&r.pieces));
	ck_assert_str_eq(r.body.p, "first");
	ck_assert_int_eq(h2_call_status(r.call), 200);
	r.pieces = 0;
	http_write(held, "second", 6);
	ck_assert(wait_for(&r.pieces));
	http_end(held);
	ck_assert(wait_for(&r.done));
	ck_assert_int_eq(r.code, 0);
	ck_assert_str_eq(r.body.p, "firstsecond");
	str_done(&r.body);
}
END_TEST

START_TEST(calls_may_be_cancelled_anywhere)
{
	struct result unsent = {0}, waiting = {0}, inside = {.cancel_at_data = true}, after = {0};
	start_server(false, 0);
	start_client(false, "127.0.0.1");
	start_call(&unsent, "/never", "", false, 0);
	h2_call_cancel(unsent.call);
	start_call(&waiting, "/never", "", false, 0);
	for (int i = 0; i < 2000 && !held; i++)
		loop_run_once(l, 10);
	h2_call_cancel(waiting.call);
	ck_assert(wait_for(&server_closed));
	server_closed = 0;
	start_call(&inside, "/watch", "", true, 0);
	ck_assert(wait_for(&server_closed));
	start_call(&after, "/", "x", false, 0);
	ck_assert(wait_for(&after.done));
	ck_assert_int_eq(after.status, 200);
	ck_assert_int_eq(unsent.done + waiting.done + inside.done, 0);
	ck_assert_int_eq(n_conns, 1);
	str_done(&inside.body);
	str_done(&after.body);
}
END_TEST

START_TEST(errors_carry_their_errno)
{
	struct result refused = {0}, slow = {0}, cut = {0}, again = {0};
	start_server(false, 0);
	uint16_t port = http_server_port(server);
	ck_assert_int_eq(h2_client_new(&(struct h2_client_config){.loop = l, .url = "http://127.0.0.1:1"}, &client, NULL), 0);
	start_call(&refused, "/", "", false, 0);
	ck_assert(wait_for(&refused.done));
	ck_assert_int_eq(refused.code, -ECONNREFUSED);
	h2_client_free(client);
	start_client(false, "127.0.0.1");
	start_call(&slow, "/never", "", false, 30);
	ck_assert(wait_for(&slow.done));
	ck_assert_int_eq(slow.code, -ETIMEDOUT);
	start_call(&cut, "/watch", "", true, 0);
	ck_assert(wait_for(&cut.pieces));
	http_server_stop(server, 0, NULL, NULL);
	ck_assert(wait_for(&cut.done));
	ck_assert_int_eq(cut.code, -ECONNRESET);
	start_server(false, port);
	start_call(&again, "/", "x", false, 0); /* a new connection */
	ck_assert(wait_for(&again.done));
	ck_assert_msg(again.status == 200, "%s", again.error);
	str_done(&cut.body);
	str_done(&again.body);
}
END_TEST

START_TEST(a_server_that_says_goodbye_finishes_what_it_has)
{
	struct result old = {0}, new = {0};
	start_server(false, 0);
	uint16_t port = http_server_port(server);
	start_client(false, "127.0.0.1");
	start_call(&old, "/watch", "", true, 0);
	ck_assert(wait_for(&old.pieces));
	http_server_stop(server, 20000, NULL, NULL);
	start_server(false, port);
	for (int i = 0; i < 5; i++)
		loop_run_once(l, 10);
	struct http_exchange *running = held;
	start_call(&new, "/", "x", false, 0);
	ck_assert(wait_for(&new.done));
	ck_assert_msg(new.status == 200, "%s", new.error);
	ck_assert_int_eq(old.done, 0);
	http_end(running);
	ck_assert(wait_for(&old.done));
	ck_assert_int_eq(old.code, 0);
	str_done(&old.body);
	str_done(&new.body);
}
END_TEST

START_TEST(the_client_may_be_freed_anywhere)
{
	struct result first = {.free_at_done = true}, second = {0};
	start_server(false, 0);
	start_client(false, "127.0.0.1");
	start_call(&first, "/", "x", false, 0);
	start_call(&second, "/never", "x", false, 0);
	ck_assert(wait_for(&first.done));
	ck_assert(wait_for(&server_closed));
	for (int i = 0; i < 5; i++)
		loop_run_once(l, 1);
	ck_assert_int_eq(second.done, 0);
	str_done(&first.body);
	start_client(false, "localhost"); /* while the name is looked up */
	start_call(&second, "/", "x", false, 0);
	loop_run_once(l, 0);
	h2_client_free(TAKE(client));
}
END_TEST

START_TEST(unknown_authorities_are_refused)
{
	struct result r = {0};
	start_server(true, 0);
	AUTO_FREE char *url = xasprintf("https://127.0.0.1:%u", http_server_port(server));
	struct h2_client_config c = {.loop = l, .url = url, .ca_file = certs.stranger};
	ck_assert_int_eq(h2_client_new(&c, &client, NULL), 0);
	start_call(&r, "/", "x", false, 0);
	ck_assert(wait_for(&r.done));
	ck_assert_int_eq(r.code, -EPROTO);
	ck_assert_ptr_nonnull(strstr(r.error, "certificate"));
}
END_TEST

START_TEST(urls_that_are_none)
{
	static const char *const bad[] = {"ftp://x", "http://", "http://h:0", "https://h:70000", "http://:5", "http://h:x"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_int_eq(h2_client_new(&(struct h2_client_config){.loop = l, .url = bad[i]}, &client, NULL), -EINVAL);
	ck_assert_int_eq(h2_client_new(&(struct h2_client_config){.loop = l, .url = "http://[::1]:2379/x"}, &client, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h2_client");
	TCase *t = tcase_create("h2_client");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, calls_share_one_connection, 0, 2);
	tcase_add_test(t, large_bodies_and_names);
	tcase_add_loop_test(t, pieces_come_as_they_are_sent, 0, 2);
	tcase_add_test(t, calls_may_be_cancelled_anywhere);
	tcase_add_test(t, errors_carry_their_errno);
	tcase_add_test(t, a_server_that_says_goodbye_finishes_what_it_has);
	tcase_add_test(t, the_client_may_be_freed_anywhere);
	tcase_add_test(t, unknown_authorities_are_refused);
	tcase_add_test(t, urls_that_are_none);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
