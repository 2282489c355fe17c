/* SPDY/3.1 frames from foreign bytes, cut as the first byte says; echoed where a stream is open. With bit 7 the bytes of
 * SYN_STREAM's headers are plain in the input and compressed here, so that the decoder behind zlib is reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/spdy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct spdy *spdy;
static void on_send(void *arg, const void *bytes, size_t n)
{
	(void)arg;
	if (n && !bytes)
		abort();
}

static void on_open(void *arg, uint32_t id, const struct spdy_header *headers, bool fin)
{
	(void)arg, (void)fin;
	for (; headers->name; headers++)
		if (!headers->value || strlen(headers->name) > (1 << 20))
			abort();
	spdy_reply(spdy, id);
	if (id % 3 == 0)
		spdy_reset(spdy, id, SPDY_CANCEL);
}

static void on_data(void *arg, uint32_t id, const void *bytes, size_t n, bool fin)
{
	(void)arg;
	spdy_data(spdy, id, bytes, n, fin);
}

static void on_reset(void *arg, uint32_t id)
{
	(void)arg, (void)id;
}

static void on_goaway(void *arg)
{
	(void)arg;
}

static const struct spdy_ops ops = {on_send, on_open, on_data, on_reset, on_goaway};

/* Control frames of type SYN_STREAM with their name/value block compressed; others as they are. */
static void compress_heads(const uint8_t *p, size_t n, struct str *out)
{
	z_stream z = {0};
	deflateInit(&z, 1);
	while (n >= 8) {
		size_t len = ((size_t)p[5] << 16 | (size_t)p[6] << 8 | p[7]) % 512;
		len = len > n - 8 ? n - 8 : len;
		size_t plain = p[0] & 0x80 && p[3] == 1 && len > 10 ? 10 : len;
		AUTO_STR packed = STR_INIT;
		str_addn(&packed, p + 8, plain);
		if (plain < len) {
			uint8_t block[2048];
			z.next_in = (Bytef *)p + 8 + plain, z.avail_in = (uInt)(len - plain);
			z.next_out = block, z.avail_out = sizeof(block);
			deflate(&z, Z_SYNC_FLUSH);
			str_addn(&packed, block, sizeof(block) - z.avail_out);
		}
		uint8_t head[8] = {p[0], p[1], p[2], p[3], p[4], 0, (uint8_t)(packed.len >> 8), (uint8_t)packed.len};
		str_addn(out, head, 8);
		str_addn(out, packed.p, packed.len);
		p += 8 + len, n -= 8 + len;
	}
	deflateEnd(&z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	AUTO_STR packed = STR_INIT;
	size_t step = (size_t)(data[0] & 127) * 3 + 1;
	if (data[0] & 128)
		compress_heads(data + 1, size - 1, &packed);
	const char *p = data[0] & 128 ? str_text(&packed) : (const char *)data + 1;
	size_t n = data[0] & 128 ? packed.len : size - 1;
	spdy = spdy_new(&ops, NULL);
	for (size_t at = 0; at < n; at += step)
		if (spdy_feed(spdy, p + at, n - at < step ? n - at : step, NULL) < 0)
			break;
	spdy_free(spdy);
	return 0;
}
