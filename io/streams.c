/* One face for WebSocket channels and SPDY streams.
 *
 * Happy path: the request says what it speaks, the connection is upgraded, bytes go to and from streams by number. What can
 * fail: a request that speaks nothing of it (-EINVAL); a peer that breaks SPDY ends its connection. What always holds: on_close
 * comes once, and nothing is sent or called after it. */
#include "io/streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "io/http_exchange.h"
#include "io/spdy.h"
#include "io/ws.h"

enum { MESSAGE_MAX = 1 << 20, CLOSE_CHANNEL = 255 };

struct streams {
	const struct streams_ops *ops;
	void *arg;
	struct ws *ws;          /* NULL: SPDY on the bare connection */
	struct http_exchange *x; /* that one */
	struct spdy *spdy;      /* NULL: channels */
	bool closing;
};

static void finish(struct streams *s)
{
	if (s->ws)
		ws_close(s->ws, 1000, "");
	else
		http_raw_finish(s->x);
	s->closing = true;
}

/* --- SPDY ----------------------------------------------------------------------------------------------------------------- */

static void spdy_send(void *arg, const void *bytes, size_t n)
{
	struct streams *s = arg;
	if (s->closing || !n)
		return;
	if (s->ws)
		ws_send(s->ws, bytes, n);
	else
		http_raw_write(s->x, bytes, n);
}

static const char *header(const struct spdy_header *h, const char *name)
{
	for (; h->name; h++)
		if (!strcasecmp(h->name, name))
			return h->value;
	return NULL;
}

static void spdy_opened(void *arg, uint32_t id, const struct spdy_header *headers, bool fin)
{
	struct streams *s = arg;
	struct stream_headers h = {header(headers, "streamtype"), header(headers, "port"), header(headers, "requestid")};
	spdy_reply(s->spdy, id);
	s->ops->on_open(s->arg, id, &h);
	if (fin && !s->closing)
		s->ops->on_end(s->arg, id);
}

static void spdy_bytes(void *arg, uint32_t id, const void *bytes, size_t n, bool fin)
{
	struct streams *s = arg;
	if (n && !s->closing)
		s->ops->on_data(s->arg, id, bytes, n);
	if (fin && !s->closing)
		s->ops->on_end(s->arg, id);
}

static void spdy_was_reset(void *arg, uint32_t id)
{
	struct streams *s = arg;
	if (!s->closing)
		s->ops->on_end(s->arg, id);
}

static const struct spdy_ops spdy_ops = {spdy_send, spdy_opened, spdy_bytes, spdy_was_reset, NULL};

static void feed(struct streams *s, const void *bytes, size_t n)
{
	if (!s->closing && spdy_feed(s->spdy, bytes, n, NULL) < 0)
		finish(s);
}

/* --- connections ----------------------------------------------------------------------------------------------------------- */

static void on_closed(void *arg)
{
	struct streams *s = arg;
	s->closing = true;
	s->ops->on_close(s->arg);
	spdy_free(s->spdy);
	free(s);
}

static void on_drained(void *arg)
{
	struct streams *s = arg;
	if (!s->closing)
		s->ops->on_drain(s->arg);
}

static void on_raw(void *arg, const char *bytes, size_t n)
{
	feed(arg, bytes, n);
}

static void on_message(void *arg, const uint8_t *message, size_t n)
{
	struct streams *s = arg;
	if (s->spdy)
		feed(s, message, n);
	else if (n > 1 && message[0] == CLOSE_CHANNEL)
		s->ops->on_end(s->arg, message[1]);
	else if (n)
		s->ops->on_data(s->arg, message[0], message + 1, n - 1);
}

static const struct ws_ops ws_ops = {on_message, on_drained, on_closed};
static const struct http_raw_ops raw_ops = {.on_data = on_raw, .on_drain = on_drained, .on_close = on_closed};

static int accept_ws(struct http_exchange *x, const struct streams_protocols *p, struct streams *s, struct err *e)
{
	const char *channels = p->channels ? ws_choose_protocol(x, p->channels) : NULL;
	const char *tunnel = p->tunnels ? ws_choose_protocol(x, p->tunnels) : NULL;
	if (!channels && !tunnel)
		return err_set(e, -EINVAL, "unable to upgrade: none of the offered protocols is known");
	/* A client that offers both means the tunnel: channels are its way back to older servers. */
	if (tunnel)
		s->spdy = spdy_new(&spdy_ops, s);
	return ws_accept(x, tunnel ? tunnel : channels, MESSAGE_MAX, &ws_ops, s, &s->ws, e);
}

static bool wants_spdy(const struct http_exchange *x)
{
	return http_request_has_token(&x->request, "connection", "upgrade") && http_request_has_token(&x->request, "upgrade", "spdy/3.1");
}

static int accept_spdy(struct http_exchange *x, const struct streams_protocols *p, struct streams *s, struct err *e)
{
	const char *chosen = NULL;
	AUTO_STR head = STR_INIT;
	for (size_t i = 0; p->spdy && p->spdy[i] && !chosen; i++)
		if (http_request_has_token(&x->request, "x-stream-protocol-version", p->spdy[i]))
			chosen = p->spdy[i];
	if (!chosen || !http_raw_is_possible(x))
		return err_set(e, -EINVAL, "unable to upgrade: none of the offered protocols is known");
	str_addf(&head,
		 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: %s\r\n\r\n",
		 chosen);
	s->spdy = spdy_new(&spdy_ops, s);
	s->x = x;
	http_raw_begin(x, head.p, head.len, &raw_ops, s);
	return 0;
}

int streams_accept(struct http_exchange *x, const struct streams_protocols *p, const struct streams_ops *ops, void *arg,
		   struct streams **ret, struct err *e)
{
	struct streams *s = xcalloc(1, sizeof(*s));
	s->ops = ops;
	s->arg = arg;
	int r = ws_is_upgrade(x)  ? accept_ws(x, p, s, e)
		: wants_spdy(x) ? accept_spdy(x, p, s, e)
				: err_set(e, -EINVAL, "unable to upgrade: missing upgrade headers in request");
	if (r < 0) {
		spdy_free(s->spdy);
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

bool streams_are_spdy(const struct streams *s)
{
	return s->spdy;
}

void streams_send(struct streams *s, uint32_t id, const void *bytes, size_t n)
{
	if (s->closing)
		return;
	if (s->spdy)
		spdy_data(s->spdy, id, bytes, n, false);
	else
		ws_send_channel(s->ws, (uint8_t)id, bytes, n);
}

void streams_end(struct streams *s, uint32_t id)
{
	if (s->spdy && !s->closing)
		spdy_data(s->spdy, id, NULL, 0, true);
}

size_t streams_pending_bytes(const struct streams *s)
{
	return s->ws ? ws_pending_bytes(s->ws) : http_raw_pending(s->x);
}

void streams_pause(struct streams *s, bool paused)
{
	if (s->ws)
		ws_pause(s->ws, paused);
	else
		http_raw_pause(s->x, paused);
}

void streams_close(struct streams *s)
{
	if (!s->closing)
		finish(s);
}
