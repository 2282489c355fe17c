/* The server side of a WebSocket connection. Purpose: whole messages both ways over an upgraded exchange; wslay frames,
 * reassembles, answers pings and closes.
 *
 * Happy path: raw bytes -> wslay_event_recv() -> on_message; queued messages -> wslay_event_send() -> raw bytes.
 * What can fail: a request that is no upgrade (-EINVAL); a peer that breaks the protocol or sends too much gets the
 * close code that wslay chooses, and the connection ends.
 * What always holds: wslay_event_send() does not run inside wslay_event_recv(); the ws is freed only when the
 * connection has gone, from the loop. */
#include "io/ws.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wslay/wslay.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/http_exchange.h"

struct ws {
	struct http_exchange *x;
	wslay_event_context_ptr wslay;
	const struct ws_ops *ops;
	void *arg;
	const char *in; /* lent while wslay_event_recv() runs */
	size_t in_len;
	bool receiving, closing;
};

bool ws_is_upgrade(const struct http_exchange *x)
{
	return http_request_has_token(&x->request, "connection", "upgrade") &&
	       http_request_has_token(&x->request, "upgrade", "websocket");
}

const char *ws_choose_protocol(const struct http_exchange *x, const char *const *names)
{
	for (; *names; names++)
		if (http_request_has_token(&x->request, "sec-websocket-protocol", *names))
			return *names;
	return NULL;
}

/* RFC 6455 4.2.1: GET, version 13 and a key of 16 bytes. */
static const char *valid_key(const struct http_exchange *x)
{
	const char *version = http_header_get(x, "sec-websocket-version");
	const char *key = http_header_get(x, "sec-websocket-key");
	AUTO_STR bytes = STR_INIT;
	if (!ws_is_upgrade(x) || strcmp(http_method(x), "GET") != 0 || !version || strcmp(version, "13") != 0)
		return NULL;
	if (!key || base64_decode(&bytes, key, strlen(key)) < 0 || bytes.len != 16)
		return NULL;
	return key;
}

static void add_accept(struct str *out, const char *key)
{
	unsigned char digest[SHA_DIGEST_LENGTH];
	AUTO_FREE char *text = xasprintf("%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	SHA1((const unsigned char *)text, strlen(text), digest);
	str_add(out, "Sec-WebSocket-Accept: ");
	base64_encode(out, digest, sizeof(digest));
	str_add(out, "\r\n");
}

static ssize_t take_input(wslay_event_context_ptr ctx, uint8_t *buf, size_t n, int flags, void *arg)
{
	struct ws *w = arg;
	(void)flags;
	if (!w->in_len) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = MIN(n, w->in_len);
	memcpy(buf, w->in, n);
	w->in += n;
	w->in_len -= n;
	return (ssize_t)n;
}

static ssize_t give_output(wslay_event_context_ptr ctx, const uint8_t *bytes, size_t n, int flags, void *arg)
{
	struct ws *w = arg;
	(void)ctx;
	(void)flags;
	http_raw_write(w->x, bytes, n);
	return (ssize_t)n;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct ws *w = arg;
	(void)ctx;
	if (!w->closing && (m->opcode == WSLAY_BINARY_FRAME || m->opcode == WSLAY_TEXT_FRAME))
		w->ops->on_message(w->arg, m->msg, m->msg_length);
}

static const struct wslay_event_callbacks callbacks = {
	.recv_callback = take_input,
	.send_callback = give_output,
	.on_msg_recv_callback = on_message,
};

/* Sends what is queued; once a close frame has gone out, the connection ends behind it. */
static void pump(struct ws *w)
{
	if (w->receiving)
		return;
	wslay_event_send(w->wslay);
	if (wslay_event_get_close_sent(w->wslay) || !wslay_event_get_read_enabled(w->wslay)) {
		w->closing = true;
		http_raw_finish(w->x);
	}
}

static void on_data(void *arg, const char *p, size_t n)
{
	struct ws *w = arg;
	w->in = p;
	w->in_len = n;
	w->receiving = true;
	int r = wslay_event_recv(w->wslay);
	w->receiving = false;
	w->in_len = 0;
	if (r < 0)
		http_raw_finish(w->x);
	else
		pump(w);
}

static void on_drain(void *arg)
{
	struct ws *w = arg;
	if (!w->closing)
		w->ops->on_drain(w->arg);
}

static void on_close(void *arg)
{
	struct ws *w = arg;
	w->closing = true;
	w->ops->on_close(w->arg);
	wslay_event_context_free(w->wslay);
	free(w);
}

static const struct http_raw_ops raw_ops = { .on_data = on_data, .on_drain = on_drain, .on_close = on_close };

int ws_accept(struct http_exchange *x, const char *protocol, size_t max_message, const struct ws_ops *ops, void *arg,
	      struct ws **ret, struct err *e)
{
	const char *key = valid_key(x);
	if (!key || !http_raw_is_possible(x))
		return err_set(e, -EINVAL, "not a valid WebSocket upgrade");
	struct ws *w = xcalloc(1, sizeof(*w));
	if (wslay_event_context_server_init(&w->wslay, &callbacks, w) != 0)
		abort(); /* out of memory */
	wslay_event_config_set_max_recv_msg_length(w->wslay, max_message);
	w->x = x;
	w->ops = ops;
	w->arg = arg;
	AUTO_STR head = STR_INIT;
	str_add(&head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
	add_accept(&head, key);
	if (protocol)
		str_addf(&head, "Sec-WebSocket-Protocol: %s\r\n", protocol);
	str_add(&head, "\r\n");
	http_raw_begin(x, head.p, head.len, &raw_ops, w);
	*ret = w;
	return 0;
}

void ws_send(struct ws *w, const void *data, size_t len)
{
	if (w->closing)
		return;
	wslay_event_queue_msg(w->wslay, &(struct wslay_event_msg){ WSLAY_BINARY_FRAME, data, len });
	pump(w);
}

void ws_send_channel(struct ws *w, uint8_t channel, const void *data, size_t len)
{
	uint8_t small[4096], *message = len < sizeof(small) ? small : xmalloc(len + 1);
	message[0] = channel;
	if (len)
		memcpy(message + 1, data, len);
	ws_send(w, message, len + 1);
	if (message != small)
		free(message);
}

size_t ws_pending_bytes(const struct ws *w)
{
	return http_raw_pending(w->x) + wslay_event_get_queued_msg_length(w->wslay);
}

void ws_pause(struct ws *w, bool paused)
{
	http_raw_pause(w->x, paused);
}

void ws_close(struct ws *w, uint16_t code, const char *reason)
{
	if (w->closing)
		return;
	size_t n = reason ? MIN(strlen(reason), (size_t)123) : 0;
	wslay_event_queue_close(w->wslay, code, (const uint8_t *)reason, n);
	w->closing = true;
	pump(w);
}
