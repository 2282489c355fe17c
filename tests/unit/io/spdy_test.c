/* io/spdy.c: frames in whatever pieces, header blocks with the protocol's dictionary, answers, and what breaks the protocol. */
#include "io/spdy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/str.h"
#include "tests/unit/check_main.h"

/* The Adler-32 of the dictionary, as zlib asks for it in the first header block. */
#define DICTIONARY 0xe3c6a7c2UL

static struct str events, sent;

static void on_send(void *arg, const void *bytes, size_t n)
{
	(void)arg;
	str_addn(&sent, bytes, n);
}

static void on_open(void *arg, uint32_t id, const struct spdy_header *h, bool fin)
{
	(void)arg;
	str_addf(&events, "open %u", id);
	for (; h->name; h++)
		str_addf(&events, " %s=%s", h->name, h->value);
	str_add(&events, fin ? " fin;" : ";");
}

static void on_data(void *arg, uint32_t id, const void *bytes, size_t n, bool fin)
{
	(void)arg;
	str_addf(&events, "data %u %.*s%s;", id, (int)n, n ? (const char *)bytes : "", fin ? " fin" : "");
}

static void on_reset(void *arg, uint32_t id)
{
	(void)arg;
	str_addf(&events, "reset %u;", id);
}

static void on_goaway(void *arg)
{
	(void)arg;
	str_add(&events, "goaway;");
}

static const struct spdy_ops ops = { on_send, on_open, on_data, on_reset, on_goaway };

static void add32(struct str *out, uint32_t v)
{
	v = htonl(v);
	str_addn(out, &v, sizeof(v));
}

static void add_frame(struct str *out, uint16_t type, uint8_t flags, const struct str *body)
{
	add32(out, 0x80030000U | type);
	add32(out, (uint32_t)body->len | (uint32_t)flags << 24);
	str_addn(out, body->p, body->len);
}

/* The client's compressor. It does without the dictionary, as clients may. */
static z_stream client;

static void add_text(struct str *out, const char *text)
{
	add32(out, (uint32_t)strlen(text));
	str_add(out, text);
}

static void add_syn(struct str *out, uint32_t id, uint8_t flags, const char *const *pairs)
{
	AUTO_STR plain = STR_INIT;
	AUTO_STR body = STR_INIT;
	unsigned char packed[1024];
	uint32_t n = 0;
	while (pairs[n])
		n++;
	add32(&plain, n / 2);
	for (uint32_t i = 0; i < n; i++)
		add_text(&plain, pairs[i]);
	client.next_in = (Bytef *)plain.p;
	client.avail_in = (uInt)plain.len;
	client.next_out = packed;
	client.avail_out = sizeof(packed);
	ck_assert_int_eq(deflate(&client, Z_SYNC_FLUSH), Z_OK);
	add32(&body, id);
	add32(&body, 0);
	str_addn(&body, "\0\0", 2);
	str_addn(&body, packed, sizeof(packed) - client.avail_out);
	add_frame(out, 1, flags, &body);
}

static void begin(void)
{
	str_done(&events);
	str_done(&sent);
	memset(&client, 0, sizeof(client));
	ck_assert_int_eq(deflateInit(&client, Z_DEFAULT_COMPRESSION), Z_OK);
}

static struct spdy *server(void)
{
	begin();
	return spdy_new(&ops, NULL);
}

static void finish(struct spdy *s)
{
	spdy_free(s);
	deflateEnd(&client);
	str_done(&events);
	str_done(&sent);
}

static const char *const first[] = { "streamtype", "data", "port", "80", NULL };
static const char *const second[] = { "streamtype", "error", NULL };

START_TEST(streams_in_any_pieces)
{
	for (size_t piece = 1; piece < 40; piece += 3) {
		struct spdy *s = server();
		AUTO_STR in = STR_INIT;
		AUTO_STR reset = STR_INIT;
		add_syn(&in, 1, 0, first);
		add_syn(&in, 3, 1, second);
		add32(&in, 1);
		add32(&in, 5);
		str_add(&in, "hello");
		add32(&in, 1);
		add32(&in, 1U << 24);
		add32(&reset, 3);
		add32(&reset, 5);
		add_frame(&in, 3, 0, &reset);
		for (size_t at = 0; at < in.len; at += piece)
			ck_assert_int_eq(spdy_feed(s, in.p + at, MIN(piece, in.len - at), NULL), 0);
		ck_assert(str_has_prefix(str_text(&events), "open 1 streamtype=data port=80;open 3 streamtype=error fin;data 1 "));
		ck_assert(str_has_suffix(str_text(&events), "data 1  fin;reset 3;"));
		finish(s);
	}
}
END_TEST

START_TEST(answers)
{
	struct spdy *s = server();
	AUTO_STR ping = STR_INIT;
	AUTO_STR in = STR_INIT;
	unsigned char plain[64];
	z_stream z = { 0 };
	spdy_reply(s, 1);
	ck_assert_uint_eq((uint8_t)sent.p[0], 0x80);
	ck_assert_uint_eq((uint8_t)sent.p[3], 2);
	ck_assert_int_eq(inflateInit(&z), Z_OK);
	z.next_in = (Bytef *)sent.p + 12;
	z.avail_in = (uInt)sent.len - 12;
	z.next_out = plain;
	z.avail_out = sizeof(plain);
	ck_assert_int_eq(inflate(&z, Z_SYNC_FLUSH), Z_NEED_DICT);
	ck_assert_uint_eq(z.adler, DICTIONARY);
	inflateEnd(&z);
	str_reset(&sent);
	spdy_data(s, 5, "xy", 2, true);
	ck_assert_uint_eq(sent.len, 10);
	ck_assert(memcmp(sent.p, "\0\0\0\5\1\0\0\2xy", 10) == 0);
	str_reset(&sent);
	add32(&ping, 7);
	add_frame(&in, 6, 0, &ping);
	ck_assert_int_eq(spdy_feed(s, in.p, in.len, NULL), 0);
	ck_assert_uint_eq(sent.len, in.len);
	ck_assert(memcmp(sent.p, in.p, in.len) == 0);
	finish(s);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	static const uint8_t version[] = { 0x80, 2, 0, 1, 0, 0, 0, 0 }, huge[] = { 0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff };
	static const uint8_t damaged[] = { 0x80, 3, 0, 1, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4 };
	const struct {
		const uint8_t *bytes;
		size_t n;
	} bad[] = { { version, sizeof(version) }, { huge, sizeof(huge) }, { damaged, sizeof(damaged) } };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct spdy *s = server();
		ck_assert_int_eq(spdy_feed(s, bad[i].bytes, bad[i].n, NULL), -EPROTO);
		finish(s);
	}
	struct spdy *s = server();
	AUTO_STR in = STR_INIT;
	add_syn(&in, 2, 0, first); /* even numbers are the server's */
	ck_assert_int_eq(spdy_feed(s, in.p, in.len, NULL), -EPROTO);
	finish(s);
}
END_TEST

START_TEST(numbers_only_grow)
{
	struct spdy *s = server();
	AUTO_STR in = STR_INIT;
	add_syn(&in, 3, 0, first);
	add_syn(&in, 1, 0, second);
	ck_assert_int_eq(spdy_feed(s, in.p, in.len, NULL), -EPROTO);
	ck_assert(str_has_prefix(str_text(&events), "open 3"));
	finish(s);
}
END_TEST

START_TEST(a_goaway_is_told)
{
	struct spdy *s = server();
	AUTO_STR body = STR_INIT;
	AUTO_STR in = STR_INIT;
	add32(&body, 0);
	add32(&body, 0);
	add_frame(&in, 7, 0, &body);
	ck_assert_int_eq(spdy_feed(s, in.p, in.len, NULL), 0);
	ck_assert_str_eq(str_text(&events), "goaway;");
	finish(s);
}
END_TEST

TESTS("spdy", streams_in_any_pieces, answers, nonsense_is_refused, numbers_only_grow, a_goaway_is_told)
