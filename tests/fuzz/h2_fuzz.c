/* The HTTP/2 codec under foreign bytes behind a client's preface. The first byte chooses how input is cut, and what the
 * server does with requests. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HELD_MAX = 8 };
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
static int live;
static uint8_t manner;
static struct h2_stream *held[HELD_MAX];

static void answer(struct h2_stream *s, const char *body, size_t n)
{
	h2_start(s, 200, (struct http_header[]){{"content-type", "a/b"}, {NULL, NULL}}, manner & 1 ? (int64_t)n : -1, false);
	h2_write(s, body, n);
	if (manner & 2)
		h2_write(s, preface, sizeof(preface));
	h2_end(s);
}

static void on_request(void *arg, struct h2_stream *s, struct http_request *r)
{
	(void)arg;
	live++;
	http_request_param(r, "x", 0);
	http_request_has_token(r, "connection", "upgrade");
	if (!r->method || !r->path)
		abort();
	for (int i = 0; manner & 4 && i < HELD_MAX; i++) {
		if (held[i])
			continue;
		held[i] = s;
		return;
	}
	if (manner & 8)
		h2_reset(s);
	else
		answer(s, str_text(&r->body), r->body.len);
}

static void on_end(void *arg, struct h2_stream *s, bool complete)
{
	(void)arg, (void)complete;
	for (int i = 0; i < HELD_MAX; i++)
		if (held[i] == s)
			held[i] = NULL;
	live--;
}

static void on_progress(void *arg, struct h2_stream *s)
{
	(void)arg;
	h2_pending(s);
}

static bool streams(void *arg, const struct http_request *head)
{
	(void)arg;
	return head->path[0] && head->path[1] == 's';
}

static void on_body(void *arg, struct h2_stream *s, struct str *piece)
{
	(void)arg;
	if (!(manner & 1))
		h2_body_taken(s, piece->len);
	if (h2_body_is_whole(s))
		h2_continue(s);
	str_done(piece);
}

static const struct h2_events events = {
    .on_request = on_request, .on_end = on_end, .on_progress = on_progress, .streams = streams, .on_body = on_body};

static int drain(struct h2 *h)
{
	const char *out;
	ssize_t n = 0;
	while ((n = h2_output(h, &out)) > 0)
		;
	h2_settle(h);
	return (int)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	manner = data[0] & 15;
	size_t step = (size_t)(data[0] >> 4) * 7 + 1, at = 1;
	memset(held, 0, sizeof(held));
	struct h2 *h = h2_new(4096, &events, NULL);
	int r = h2_input(h, preface, sizeof(preface) - 1);
	while (r >= 0 && at < size) {
		size_t n = size - at < step ? size - at : step;
		r = h2_input(h, (const char *)data + at, n);
		at += n;
		if (drain(h) < 0 || h2_is_over(h))
			break;
		if (held[0] && at % 3 == 0)
			answer(held[0], "late", 4), held[0] = NULL;
	}
	h2_reset_incomplete(h);
	h2_shutdown(h);
	drain(h);
	h2_free(h);
	if (live)
		abort();
	return 0;
}
