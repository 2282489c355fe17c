#include "io/ws.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/unit/io/peer.h"

#define HANDSHAKE                                                                                                      \
	"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"                     \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                               \
	"Sec-WebSocket-Protocol: v4.channel.k8s.io, v5.channel.k8s.io\r\n\r\n"

static struct loop *l;
static struct http_server *server;
static struct ws *ws;
static int messages, closed, drained, over, fd;
static struct str last, in;
static bool echo, close_at_message;

static void on_message(void *arg, const uint8_t *data, size_t n)
{
	ck_assert_ptr_eq(arg, &server);
	messages++;
	str_reset(&last);
	str_addn(&last, data, n);
	if (echo)
		ws_send(ws, data, n);
	if (close_at_message)
		ws_close(ws, 1000, "enough");
}

static void on_drain(void *arg)
{
	(void)arg;
	drained++;
}

static void on_close(void *arg)
{
	(void)arg;
	ck_assert_int_eq(over, 0);
	closed++;
	ws = NULL;
}

static void on_over(void *arg, struct http_exchange *x)
{
	(void)arg;
	(void)x;
	over++;
}

static const struct ws_ops ops = { .on_message = on_message, .on_drain = on_drain, .on_close = on_close };

static void on_request(void *arg, struct http_exchange *x)
{
	static const char *const ours[] = { "v5.channel.k8s.io", "v4.channel.k8s.io", NULL };
	(void)arg;
	http_on_close(x, on_over, NULL);
	if (ws_accept(x, ws_choose_protocol(x, ours), 100000, &ops, &server, &ws, NULL) < 0)
		http_respond(x, 400, NULL, ws_is_upgrade(x) ? "upgrade" : "plain", ws_is_upgrade(x) ? 7 : 5);
}

static void setup(void)
{
	ck_assert_int_eq(loop_new(&l, NULL), 0);
	messages = closed = drained = over = 0;
	echo = close_at_message = false;
	last = in = STR_INIT;
	struct http_server_config c = { .loop = l, .bind_address = "127.0.0.1", .on_request = on_request };
	ck_assert_int_eq(http_server_start(&c, &server, NULL), 0);
	fd = peer_connect(http_server_port(server));
}

static void teardown(void)
{
	close(fd);
	http_server_stop(server, 0, NULL, NULL);
	loop_free(l);
	str_done(&last);
	str_done(&in);
}

static void upgrade(void)
{
	peer_say(fd, HANDSHAKE);
	ck_assert(peer_until(l, fd, &in, "\r\n\r\n"));
	ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 101 "));
	ck_assert_ptr_nonnull(strstr(in.p, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	ck_assert_ptr_nonnull(strstr(in.p, "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"));
	str_reset(&in);
	ck_assert_ptr_nonnull(ws);
}

/* A masked client frame. */
static void add_frame(struct str *out, uint8_t first, const void *data, size_t n)
{
	static const uint8_t mask[4] = { 1, 2, 3, 4 };
	str_addc(out, (char)first);
	if (n < 126) {
		str_addc(out, (char)(0x80 | n));
	} else if (n < 65536) {
		uint8_t len[3] = { 0x80 | 126, (uint8_t)(n >> 8), (uint8_t)n };
		str_addn(out, len, sizeof(len));
	} else {
		uint8_t len[9] = { 0x80 | 127,	      0,	 0, 0, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
				   (uint8_t)(n >> 8), (uint8_t)n };
		str_addn(out, len, sizeof(len));
	}
	str_addn(out, mask, 4);
	for (size_t i = 0; i < n; i++)
		str_addc(out, (char)(((const uint8_t *)data)[i] ^ mask[i % 4]));
}

static void send_frame(uint8_t first, const void *data, size_t n)
{
	AUTO_STR out = STR_INIT;
	add_frame(&out, first, data, n);
	peer_send(fd, out.p, out.len);
}

static bool wait_for(const int *what)
{
	int64_t end = clock_mono_ms() + 20000;
	while (!*what && clock_mono_ms() < end) {
		loop_run_once(l, 10);
		peer_read(fd, &in);
	}
	return *what;
}

START_TEST(messages_both_ways)
{
	echo = true;
	upgrade();
	send_frame(0x82, "\x00hello", 6);
	ck_assert(peer_until(l, fd, &in, "hello"));
	ck_assert_uint_eq(in.len, 8);
	ck_assert_int_eq(memcmp(in.p, "\x82\x06\x00hello", 8), 0);
	str_reset(&in);
	ws_send_channel(ws, 3, "{}", 2);
	ck_assert(peer_until(l, fd, &in, "{}"));
	ck_assert_int_eq(memcmp(in.p, "\x82\x03\x03{}", 5), 0);
}
END_TEST

START_TEST(frames_in_the_same_packet_as_the_handshake)
{
	AUTO_STR out = STR_INIT;
	str_add(&out, HANDSHAKE);
	add_frame(&out, 0x82, "early", 5);
	peer_send(fd, out.p, out.len);
	ck_assert(wait_for(&messages));
	ck_assert_str_eq(last.p, "early");
}
END_TEST

START_TEST(fragments_and_single_bytes)
{
	AUTO_STR out = STR_INIT;
	upgrade();
	add_frame(&out, 0x01, "one ", 4);
	add_frame(&out, 0x89, "ping", 4);
	add_frame(&out, 0x80, "two", 3);
	for (size_t i = 0; i < out.len; i++) {
		peer_send(fd, out.p + i, 1);
		loop_run_once(l, 1);
	}
	ck_assert(wait_for(&messages));
	ck_assert_str_eq(last.p, "one two");
	ck_assert(peer_until(l, fd, &in, "\x8a\x04ping"));
}
END_TEST

START_TEST(large_messages_up_to_the_limit)
{
	upgrade();
	AUTO_FREE char *big = xcalloc(1, 100001);
	send_frame(0x82, big, 100000);
	ck_assert(wait_for(&messages));
	ck_assert_uint_eq(last.len, 100000);
	send_frame(0x82, big, 100001);
	ck_assert(peer_until(l, fd, &in, "\x03\xf1"));
	ck_assert_int_eq((uint8_t)in.p[0], 0x88);
	close(fd);
	ck_assert(wait_for(&closed));
	ck_assert_int_eq(messages, 1);
}
END_TEST

START_TEST(unmasked_frames_are_refused)
{
	upgrade();
	peer_send(fd, "\x82\x01x", 3);
	ck_assert(peer_until(l, fd, &in, "\x03\xea"));
	ck_assert(peer_until_end(l, fd, &in));
	close(fd);
	ck_assert(wait_for(&closed));
	ck_assert_int_eq(messages, 0);
}
END_TEST

START_TEST(the_peer_closes)
{
	upgrade();
	send_frame(0x88, "\x03\xe8", 2);
	ck_assert(peer_until(l, fd, &in, "\x88\x02\x03\xe8"));
	ck_assert(peer_until_end(l, fd, &in));
	close(fd);
	ck_assert(wait_for(&closed));
	ck_assert_int_eq(over, 1);
}
END_TEST

START_TEST(the_peer_vanishes)
{
	upgrade();
	close(fd);
	ck_assert(wait_for(&closed));
	ck_assert_int_eq(over, 1);
}
END_TEST

START_TEST(we_close_behind_what_is_queued)
{
	close_at_message = true;
	upgrade();
	ws_send(ws, "last", 4);
	send_frame(0x82, "x", 1);
	ck_assert(peer_until(l, fd, &in, "enough"));
	ck_assert_int_eq(memcmp(in.p, "\x82\x04last\x88\x08\x03\xe8" "enough", 16), 0);
	ck_assert(peer_until_end(l, fd, &in));
	close(fd);
	ck_assert(wait_for(&closed));
}
END_TEST

START_TEST(back_pressure_both_ways)
{
	upgrade();
	AUTO_FREE char *big = xcalloc(1, 4 << 20);
	ws_send(ws, big, 4 << 20);
	for (int i = 0; i < 20; i++)
		loop_run_once(l, 1);
	ck_assert_uint_gt(ws_pending_bytes(ws), 65536);
	ck_assert_int_eq(drained, 0);
	ck_assert(wait_for(&drained));
	ws_pause(ws, true);
	send_frame(0x82, "held", 4);
	for (int i = 0; i < 20; i++)
		loop_run_once(l, 1);
	ck_assert_int_eq(messages, 0);
	ws_pause(ws, false);
	ck_assert(wait_for(&messages));
}
END_TEST

START_TEST(what_is_no_upgrade_is_refused)
{
	static const char *const texts[] = {
		"GET /ws HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
		"8\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
		"13\r\n"
		"Sec-WebSocket-Key: short\r\n\r\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		str_reset(&in);
		peer_say(fd, texts[i]);
		ck_assert(peer_until(l, fd, &in, i ? "upgrade" : "plain"));
		ck_assert_ptr_nonnull(strstr(in.p, "HTTP/1.1 400 "));
	}
	over = 0;
	upgrade();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ws");
	TCase *t = tcase_create("ws");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_test(t, messages_both_ways);
	tcase_add_test(t, frames_in_the_same_packet_as_the_handshake);
	tcase_add_test(t, fragments_and_single_bytes);
	tcase_add_test(t, large_messages_up_to_the_limit);
	tcase_add_test(t, unmasked_frames_are_refused);
	tcase_add_test(t, the_peer_closes);
	tcase_add_test(t, the_peer_vanishes);
	tcase_add_test(t, we_close_behind_what_is_queued);
	tcase_add_test(t, back_pressure_both_ways);
	tcase_add_test(t, what_is_no_upgrade_is_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
