/* A scripted API server on the loop of a test. */
#ifndef KNARR_TESTS_API_FAKE_API_H
#define KNARR_TESTS_API_FAKE_API_H

#include <check.h>
#include <string.h>

#include "api/client.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/http_server.h"

struct fake {
	struct loop *loop;
	struct http_server *server;
	struct api_client *client;
	struct kubeconfig config;
	void (*on_request)(struct http_exchange *x);
};

static void fake_request(void *arg, struct http_exchange *x)
{
	((struct fake *)arg)->on_request(x);
}

static inline void fake_listen(struct fake *f, uint16_t port)
{
	struct http_server_config c = { .loop = f->loop, .bind_address = "127.0.0.1", .port = port,
					.on_request = fake_request, .arg = f };
	ck_assert_int_eq(http_server_start(&c, &f->server, NULL), 0);
}

static inline void fake_start(struct fake *f, void (*on_request)(struct http_exchange *x))
{
	*f = (struct fake){ .on_request = on_request };
	ck_assert_int_eq(loop_new(&f->loop, NULL), 0);
	fake_listen(f, 0);
	f->config.server = xasprintf("http://127.0.0.1:%u/", http_server_port(f->server));
	ck_assert_int_eq(api_client_new(f->loop, &f->config, &f->client, NULL), 0);
}

static inline void fake_stop(struct fake *f)
{
	api_client_free(f->client);
	http_server_stop(f->server, 0, NULL, NULL);
	loop_free(f->loop);
	free(f->config.server);
}

static inline void fake_answer(struct http_exchange *x, int status, const char *text)
{
	http_respond(x, status, (struct http_header[]){ { "Content-Type", "application/json" }, { NULL, NULL } }, text,
		     strlen(text));
}

/* Runs the loop until *what is at least n; false after 5 s. */
static inline bool fake_wait(struct fake *f, const int *what, int n)
{
	int64_t end = clock_mono_ms() + 20000;
	while (*what < n && clock_mono_ms() < end)
		loop_run_once(f->loop, 10);
	return *what >= n;
}

#endif
