#include "io/h1.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Feeds text in pieces of step bytes until a request is complete or refused; *ret_used counts the bytes taken. */
static void feed(struct h1 *h, const char *text, size_t n, size_t step, size_t *ret_used)
{
	size_t used = 0;
	while (used < n && h1_state(h) != H1_DONE && h1_state(h) != H1_ERROR) {
		size_t take = MIN(step, n - used);
		size_t got = h1_input(h, text + used, take);
		used += got;
		if (got < take)
			break;
	}
	*ret_used = used;
}

static const char two[] = "POST /a%20b?x=1&y=a+b&x=2&bad=%zz HTTP/1.1\r\nHost: h\r\nX-Long: one two\r\n"
			  "Content-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

START_TEST(pipelined_requests_in_any_pieces)
{
	for (size_t step = 1; step < sizeof(two); step++) {
		struct h1 *h = h1_new(100);
		struct http_request r;
		size_t used, more;
		ck_assert(h1_is_fresh(h));
		feed(h, two, sizeof(two) - 1, step, &used);
		ck_assert_int_eq(h1_state(h), H1_DONE);
		ck_assert_ptr_nonnull(strstr(two, "hello"));
		ck_assert_uint_eq(used, (size_t)(strstr(two, "helloGET") + 5 - two));
		ck_assert(h1_keep_alive(h));
		ck_assert(!h1_is_http10(h));
		h1_next(h, &r);
		ck_assert_str_eq(r.method, "POST");
		ck_assert_str_eq(r.target, "/a%20b?x=1&y=a+b&x=2&bad=%zz");
		ck_assert_str_eq(r.path, "/a b");
		ck_assert_str_eq(r.query, "x=1&y=a+b&x=2&bad=%zz");
		ck_assert_str_eq(http_request_param(&r, "x", 0), "1");
		ck_assert_str_eq(http_request_param(&r, "x", 1), "2");
		ck_assert_ptr_null(http_request_param(&r, "x", 2));
		ck_assert_str_eq(http_request_param(&r, "y", 0), "a b");
		ck_assert_ptr_null(http_request_param(&r, "bad", 0));
		ck_assert_str_eq(http_request_header(&r, "x-long"), "one two");
		ck_assert_uint_eq(r.n_headers, 3);
		ck_assert_str_eq(r.body.p, "hello");
		http_request_done(&r);
		ck_assert(h1_is_fresh(h));
		feed(h, two + used, sizeof(two) - 1 - used, step, &more);
		ck_assert_int_eq(h1_state(h), H1_DONE);
		ck_assert_uint_eq(used + more, sizeof(two) - 1);
		ck_assert(!h1_keep_alive(h));
		ck_assert_str_eq(h1_request(h)->path, "/next");
		h1_free(h);
	}
}
END_TEST

START_TEST(chunked_bodies_with_trailers_in_any_pieces)
{
	static const char text[] = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Trailer: t\r\n\r\n";
	for (size_t step = 1; step < sizeof(text); step++) {
		struct h1 *h = h1_new(100);
		size_t used;
		feed(h, text, sizeof(text) - 1, step, &used);
		ck_assert_int_eq(h1_state(h), H1_DONE);
		ck_assert_uint_eq(used, sizeof(text) - 1);
		ck_assert_str_eq(h1_request(h)->body.p, "abc0123456789abcdef");
		ck_assert_ptr_null(http_request_header(h1_request(h), "x-trailer"));
		h1_free(h);
	}
}
END_TEST

static const struct {
	const char *text;
	int status;
} refused[] = {
	{ "GARBAGE\r\n\r\n", 400 },
	{ "GET  HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
	{ "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nBad Header: x\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n"
	  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345",
	  413 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\n", 417 },
	{ "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
	{ "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
};

START_TEST(bad_requests_are_refused_with_their_status)
{
	struct h1 *h = h1_new(100);
	size_t used;
	feed(h, refused[_i].text, strlen(refused[_i].text), 1, &used);
	ck_assert_msg(h1_state(h) == H1_ERROR, "%s", refused[_i].text);
	ck_assert_msg(h1_error_status(h) == refused[_i].status, "%s: %d", refused[_i].text, h1_error_status(h));
	ck_assert_uint_eq(h1_input(h, "x", 1), 0);
	h1_free(h);
}
END_TEST

static int status_of(const struct str *s)
{
	struct h1 *h = h1_new(100);
	h1_input(h, s->p, s->len);
	int status = h1_state(h) == H1_ERROR ? h1_error_status(h) : 0;
	h1_free(h);
	return status;
}

START_TEST(heads_are_limited)
{
	AUTO_STR s = STR_INIT;
	str_add(&s, "GET /");
	for (int i = 0; i < 70000; i++)
		str_addc(&s, 'a');
	ck_assert_int_eq(status_of(&s), 431);
	str_reset(&s);
	str_add(&s, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 0; i < 300; i++)
		str_addf(&s, "H%d: v\r\n", i);
	ck_assert_int_eq(status_of(&s), 431);
	str_reset(&s);
	str_add(&s, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
	for (int i = 0; i < 70000; i++)
		str_addc(&s, 'a');
	ck_assert_int_eq(status_of(&s), 431);
}
END_TEST

START_TEST(continue_is_asked_for_once_and_only_with_a_body)
{
	static const char with[] = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
	static const char without[] = "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n";
	struct h1 *h = h1_new(100);
	h1_input(h, with, sizeof(with) - 1);
	ck_assert_int_eq(h1_state(h), H1_BODY);
	ck_assert(h1_take_continue(h));
	ck_assert(!h1_take_continue(h));
	h1_input(h, "ok", 2);
	ck_assert_int_eq(h1_state(h), H1_DONE);
	h1_free(h);
	h = h1_new(100);
	h1_input(h, without, sizeof(without) - 1);
	ck_assert_int_eq(h1_state(h), H1_DONE);
	ck_assert(!h1_take_continue(h));
	h1_free(h);
}
END_TEST

static bool is_put(void *arg, const struct http_request *head)
{
	(*(int *)arg)++;
	return !strcmp(head->method, "PUT");
}

START_TEST(bodies_that_stream_come_in_pieces_of_any_size)
{
	static const char text[] = "PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "a\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
	for (size_t step = 1; step < sizeof(text); step++) {
		struct h1 *h = h1_new(5);
		struct http_request head, piece;
		AUTO_STR body = STR_INIT;
		int asked = 0;
		size_t at = 0;
		h1_stream_when(h, is_put, &asked);
		while (!h1_streams(h))
			at += h1_input(h, text + at, MIN(step, sizeof(text) - 1 - at));
		ck_assert(h1_keep_alive(h));
		ck_assert_int_eq(h1_body_length(h), -1);
		h1_take(h, &head);
		ck_assert_str_eq(head.path, "/x");
		str_addn(&body, str_text(&head.body), head.body.len);
		http_request_done(&head);
		ck_assert(h1_take_continue(h) == (h1_state(h) == H1_BODY));
		while (h1_state(h) == H1_BODY) {
			at += h1_input(h, text + at, MIN(step, sizeof(text) - 1 - at));
			h1_take(h, &piece);
			str_addn(&body, str_text(&piece.body), piece.body.len);
			http_request_done(&piece);
		}
		ck_assert_str_eq(body.p, "01234567890123456789");
		ck_assert_int_eq(asked, 1);
		h1_next(h, &piece);
		http_request_done(&piece);
		while (h1_state(h) != H1_DONE)
			at += h1_input(h, text + at, MIN(step, sizeof(text) - 1 - at));
		ck_assert(!h1_streams(h));
		ck_assert_int_eq(asked, 1); /* nothing is asked without a body */
		ck_assert_uint_eq(at, sizeof(text) - 1);
		h1_free(h);
	}
}
END_TEST

START_TEST(bytes_behind_an_upgrade_stay)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00";
	struct h1 *h = h1_new(100);
	size_t used = h1_input(h, text, sizeof(text) - 1);
	ck_assert_int_eq(h1_state(h), H1_DONE);
	ck_assert_uint_eq(used, sizeof(text) - 3);
	ck_assert(http_request_has_token(h1_request(h), "connection", "upgrade"));
	ck_assert(!http_request_has_token(h1_request(h), "connection", "up"));
	h1_free(h);
}
END_TEST

START_TEST(absolute_targets_and_http10)
{
	static const char text[] = "GET http://example.org/x?y=z HTTP/1.0\r\n\r\n";
	struct h1 *h = h1_new(100);
	h1_input(h, text, sizeof(text) - 1);
	ck_assert_int_eq(h1_state(h), H1_DONE);
	ck_assert(h1_is_http10(h));
	ck_assert(!h1_keep_alive(h));
	ck_assert_str_eq(h1_request(h)->path, "/x");
	ck_assert_str_eq(http_request_param(h1_request(h), "y", 0), "z");
	h1_free(h);
}
END_TEST

static char *head(struct h1_response r)
{
	struct str s = STR_INIT;
	h1_encode_head(&s, &r);
	return str_take(&s);
}

START_TEST(response_heads)
{
	struct http_header headers[] = { { "X-A", "b\r\nInjected: yes" }, { NULL, NULL } };
	char *s = head((struct h1_response){ .status = 200, .headers = headers, .length = 3, .keep_alive = true });
	ck_assert_ptr_nonnull(strstr(s, "HTTP/1.1 200 OK\r\nX-A: b\r\nDate: "));
	ck_assert_ptr_nonnull(strstr(s, "Content-Length: 3\r\n\r\n"));
	ck_assert_ptr_null(strstr(s, "Injected"));
	ck_assert_ptr_null(strstr(s, "Connection"));
	free(s);
	s = head((struct h1_response){ .status = 200, .length = -1, .keep_alive = true });
	ck_assert_ptr_nonnull(strstr(s, "Transfer-Encoding: chunked\r\n"));
	free(s);
	s = head((struct h1_response){ .status = 200, .length = -1, .keep_alive = true, .http10 = true });
	ck_assert_ptr_null(strstr(s, "Transfer-Encoding"));
	ck_assert_ptr_nonnull(strstr(s, "Connection: close\r\n"));
	free(s);
	s = head((struct h1_response){ .status = 204, .length = 0, .keep_alive = true });
	ck_assert_ptr_null(strstr(s, "Content-Length"));
	free(s);
	s = head((struct h1_response){ .status = 200, .length = 9, .keep_alive = false, .head_only = true });
	ck_assert_ptr_nonnull(strstr(s, "Content-Length: 9\r\nConnection: close\r\n"));
	free(s);
	ck_assert_int_eq(h1_body_kind(&(struct h1_response){ .status = 304, .length = 5 }), H1_BODY_NONE);
	ck_assert_int_eq(h1_body_kind(&(struct h1_response){ .status = 200, .length = -1 }), H1_BODY_CHUNKED);
	ck_assert_int_eq(h1_body_kind(&(struct h1_response){ .status = 200, .length = -1, .http10 = true }),
			 H1_BODY_CLOSE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("h1");
	TCase *t = tcase_create("h1");
	tcase_add_test(t, pipelined_requests_in_any_pieces);
	tcase_add_test(t, chunked_bodies_with_trailers_in_any_pieces);
	tcase_add_loop_test(t, bad_requests_are_refused_with_their_status, 0, ARRAY_LEN(refused));
	tcase_add_test(t, heads_are_limited);
	tcase_add_test(t, continue_is_asked_for_once_and_only_with_a_body);
	tcase_add_test(t, bodies_that_stream_come_in_pieces_of_any_size);
	tcase_add_test(t, bytes_behind_an_upgrade_stay);
	tcase_add_test(t, absolute_targets_and_http10);
	tcase_add_test(t, response_heads);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
