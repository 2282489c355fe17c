#include "io/tls.h"

#include <check.h>
#include <errno.h>

#include "io/tls_conn.h"
#include "tests/unit/io/certs.h"

static struct certs certs;
static struct tls_ctx *server_ctx;

static void setup(void)
{
	certs_make(&certs);
	struct tls_config c = { .cert_file = certs.server, .key_file = certs.server_key, .ca_file = certs.ca };
	ck_assert_int_eq(tls_server_new(&c, &server_ctx, NULL), 0);
}

static void teardown(void)
{
	tls_unref(server_ctx);
	certs_remove(&certs);
}

static struct tls_ctx *client(const struct tls_config *c)
{
	struct tls_ctx *ctx;
	ck_assert_int_eq(tls_client_new(c, &ctx, NULL), 0);
	return ctx;
}

/* Carries wire bytes from one side to the other in pieces of at most step bytes; runs the receiver's handshake. */
static int carry(struct tls_conn *from, struct tls_conn *to, size_t step, struct err *e)
{
	struct str *wire = tls_conn_wire(from);
	int r = tls_conn_handshake(to, e);
	for (size_t at = 0; at < wire->len; at += step) {
		tls_conn_feed(to, wire->p + at, MIN(step, wire->len - at));
		r = tls_conn_handshake(to, e);
		char c;
		if (r == 0)
			ck_assert_int_eq(tls_conn_read(to, &c, 0, NULL) <= 0, 1);
		if (r < 0 && r != -EAGAIN)
			break;
	}
	str_done(wire);
	return r;
}

static int handshake(struct tls_conn *c, struct tls_conn *s, size_t step, struct err *e)
{
	int rc = tls_conn_handshake(c, e), rs = -EAGAIN;
	for (int i = 0; i < 10 && (rc == -EAGAIN || rs == -EAGAIN); i++) {
		rs = carry(c, s, step, e);
		if (rs < 0 && rs != -EAGAIN)
			return rs;
		rc = carry(s, c, step, e);
		if (rc < 0 && rc != -EAGAIN)
			return rc;
	}
	return rc < 0 ? rc : rs;
}

START_TEST(handshake_and_bytes_both_ways_in_any_pieces)
{
	static const size_t steps[] = { 1, 7, 1000, 1 << 20 };
	struct tls_config cc = { .ca_file = certs.ca, .cert_file = certs.client, .key_file = certs.client_key };
	struct tls_ctx *ctx = client(&cc);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct tls_conn *c = tls_conn_new(ctx, "127.0.0.1"), *s = tls_conn_new(server_ctx, NULL);
		ck_assert_int_eq(handshake(c, s, steps[i], NULL), 0);
		ck_assert(!tls_conn_is_h2(s));
		ck_assert_str_eq(tls_conn_common_name(s), "alice");
		ck_assert_str_eq(tls_conn_organizations(s)[0], "dev");
		ck_assert_str_eq(tls_conn_organizations(s)[1], "ops");
		ck_assert_ptr_null(tls_conn_organizations(s)[2]);
		ck_assert_uint_eq(strlen(tls_conn_fingerprint(s)), 64);
		char buf[32];
		ck_assert_int_eq(tls_conn_write(c, "hello", 5), 0);
		struct str *wire = tls_conn_wire(c);
		tls_conn_feed(s, wire->p, wire->len);
		ck_assert_int_eq(tls_conn_read(s, buf, sizeof(buf), NULL), 5);
		ck_assert_int_eq(tls_conn_read(s, buf, sizeof(buf), NULL), -EAGAIN);
		str_reset(wire);
		tls_conn_shutdown(c);
		tls_conn_feed(s, wire->p, wire->len);
		ck_assert_int_eq(tls_conn_read(s, buf, sizeof(buf), NULL), 0);
		tls_conn_free(c);
		tls_conn_free(s);
	}
	tls_unref(ctx);
}
END_TEST

START_TEST(a_client_without_certificate_is_anonymous)
{
	struct tls_ctx *ctx = client(&(struct tls_config){ .ca_file = certs.ca, .server_name = "localhost" });
	struct tls_conn *c = tls_conn_new(ctx, NULL), *s = tls_conn_new(server_ctx, NULL);
	ck_assert_int_eq(handshake(c, s, 1 << 20, NULL), 0);
	ck_assert_ptr_null(tls_conn_common_name(s));
	ck_assert_ptr_null(tls_conn_organizations(s)[0]);
	ck_assert_str_eq(tls_conn_fingerprint(s), "");
	tls_conn_free(c);
	tls_conn_free(s);
	tls_unref(ctx);
}
END_TEST

static void expect_failure(const struct tls_config *cc, const char *host)
{
	struct err e = ERR_INIT;
	struct tls_ctx *ctx = client(cc);
	struct tls_conn *c = tls_conn_new(ctx, host), *s = tls_conn_new(server_ctx, NULL);
	ck_assert_int_eq(handshake(c, s, 1 << 20, &e), -EPROTO);
	ck_assert_str_ne(err_text(&e), "");
	tls_conn_free(c);
	tls_conn_free(s);
	tls_unref(ctx);
}

START_TEST(a_stranger_has_no_name)
{
	struct tls_ctx *ctx = client(&(struct tls_config){.ca_file = certs.ca, .cert_file = certs.stranger, .key_file = certs.stranger_key});
	struct tls_conn *c = tls_conn_new(ctx, "127.0.0.1"), *s = tls_conn_new(server_ctx, NULL);
	ck_assert_int_eq(handshake(c, s, 1 << 20, NULL), 0);
	ck_assert(tls_conn_is_stranger(s));
	ck_assert(!tls_conn_is_client(s));
	ck_assert(!tls_conn_is_proxy(s));
	ck_assert_ptr_null(tls_conn_common_name(s));
	ck_assert_ptr_null(tls_conn_organizations(s)[0]);
	ck_assert_str_eq(tls_conn_fingerprint(s), "");
	tls_conn_free(c);
	tls_conn_free(s);
	tls_unref(ctx);
}
END_TEST

/* What the server found out about a client with this certificate: client, proxy, stranger. */
static void judge(struct tls_ctx *server, const char *cert, const char *key, bool is_client, bool is_proxy, bool is_stranger)
{
	struct tls_ctx *ctx = client(&(struct tls_config){.ca_file = certs.ca, .cert_file = cert, .key_file = key});
	struct tls_conn *c = tls_conn_new(ctx, "127.0.0.1"), *s = tls_conn_new(server, NULL);
	ck_assert_int_eq(handshake(c, s, 1 << 20, NULL), 0);
	ck_assert_int_eq(tls_conn_is_client(s), is_client);
	ck_assert_int_eq(tls_conn_is_proxy(s), is_proxy);
	ck_assert_int_eq(tls_conn_is_stranger(s), is_stranger);
	ck_assert_int_eq(tls_conn_common_name(s) != NULL, is_client || is_proxy);
	tls_conn_free(c);
	tls_conn_free(s);
	tls_unref(ctx);
}

START_TEST(proxies_and_clients_are_told_apart)
{
	struct tls_ctx *both;
	struct tls_config conf = {.cert_file = certs.server, .key_file = certs.server_key, .ca_file = certs.ca, .proxy_ca_file = certs.stranger};
	ck_assert_int_eq(tls_server_new(&conf, &both, NULL), 0);
	judge(both, certs.client, certs.client_key, true, false, false);
	judge(both, certs.stranger, certs.stranger_key, false, true, true);
	judge(both, NULL, NULL, false, false, false);
	judge(server_ctx, certs.stranger, certs.stranger_key, false, false, true);
	tls_unref(both);
}
END_TEST

START_TEST(clients_verify_authority_and_name)
{
	expect_failure(&(struct tls_config){ .ca_file = certs.stranger }, "127.0.0.1");
	expect_failure(&(struct tls_config){ .ca_file = certs.ca }, "127.0.0.2");
	expect_failure(&(struct tls_config){ .ca_file = certs.ca, .server_name = "example.org" }, "127.0.0.1");
}
END_TEST

START_TEST(an_insecure_client_takes_any_server)
{
	struct tls_ctx *ctx = client(&(struct tls_config){ .insecure = 1 });
	struct tls_conn *c = tls_conn_new(ctx, "example.org"), *s = tls_conn_new(server_ctx, NULL);
	ck_assert_int_eq(handshake(c, s, 100, NULL), 0);
	tls_conn_free(c);
	tls_conn_free(s);
	tls_unref(ctx);
}
END_TEST

START_TEST(garbage_fails)
{
	struct tls_conn *s = tls_conn_new(server_ctx, NULL);
	tls_conn_feed(s, "GET / HTTP/1.1\r\n\r\n", 18);
	ck_assert_int_eq(tls_conn_handshake(s, NULL), -EPROTO);
	ck_assert_int_eq(tls_conn_handshake(s, NULL), -EPROTO);
	ck_assert_int_eq(tls_conn_write(s, "x", 1), -EPROTO);
	tls_conn_free(s);
}
END_TEST

START_TEST(errors_name_the_file)
{
	struct err e = ERR_INIT;
	struct tls_ctx *ctx;
	struct tls_config c = { .cert_file = "/nonexistent.crt", .key_file = certs.server_key };
	ck_assert_int_lt(tls_server_new(&c, &ctx, &e), 0);
	ck_assert_ptr_nonnull(strstr(err_text(&e), "/nonexistent.crt"));
	c = (struct tls_config){ .cert_file = certs.server, .key_file = certs.client_key };
	ck_assert_int_lt(tls_server_new(&c, &ctx, &e), 0);
	c = (struct tls_config){ .cert_file = certs.server,
				 .key_file = certs.server_key,
				 .ca_file = "/nonexistent.ca" };
	ck_assert_int_lt(tls_server_new(&c, &ctx, &e), 0);
	ck_assert_ptr_nonnull(strstr(err_text(&e), "/nonexistent.ca"));
	ck_assert_int_lt(tls_client_new(&(struct tls_config){ .cert_file = certs.server }, &ctx, &e), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tls");
	TCase *t = tcase_create("tls");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, handshake_and_bytes_both_ways_in_any_pieces);
	tcase_add_test(t, a_client_without_certificate_is_anonymous);
	tcase_add_test(t, a_stranger_has_no_name);
	tcase_add_test(t, proxies_and_clients_are_told_apart);
	tcase_add_test(t, clients_verify_authority_and_name);
	tcase_add_test(t, an_insecure_client_takes_any_server);
	tcase_add_test(t, garbage_fails);
	tcase_add_test(t, errors_name_the_file);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
