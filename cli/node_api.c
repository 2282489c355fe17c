/* Synchronous calls: the event loop runs until the one answer has come. */
#include "cli/node_api.h"

#include <errno.h>
#include <stdlib.h>

#include "api/client.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

enum { AGAIN_MS = 20 };

struct node_api {
	struct loop *loop;
	struct api_client *client;
	struct kubeconfig config;
};

struct waiting {
	struct loop *loop;
	int r;
	json_t *body;
	struct err *e;
};

/* Takes config. */
static int open_config(struct kubeconfig *config, struct node_api **ret, struct err *e)
{
	struct node_api *a = xcalloc(1, sizeof(*a));
	a->config = *config;
	int r = loop_new(&a->loop, e);
	if (r == 0)
		r = api_client_new(a->loop, &a->config, &a->client, e);
	if (r < 0) {
		node_api_close(a);
		return r;
	}
	*ret = a;
	return 0;
}

int node_api_open(const char *kubeconfig, struct node_api **ret, struct err *e)
{
	struct kubeconfig k = { 0 };
	int r = kubeconfig_load(kubeconfig, &k, e);
	return r < 0 ? r : open_config(&k, ret, e);
}

int node_api_open_server(const char *server, const char *ca_file, const char *token_file, struct node_api **ret, struct err *e)
{
	struct kubeconfig k = { .server = xstrdup(server), .ca_file = xstrdup(ca_file), .token_file = xstrdup(token_file),
				.namespace_ = xstrdup("default"), .insecure = !ca_file };
	return open_config(&k, ret, e);
}

void node_api_close(struct node_api *a)
{
	if (!a)
		return;
	if (a->client)
		api_client_free(a->client);
	if (a->loop)
		loop_free(a->loop);
	kubeconfig_done(&a->config);
	free(a);
}

static void on_done(void *arg, int status, json_t *body, const struct err *e)
{
	struct waiting *w = arg;
	(void)status;
	loop_stop(w->loop);
	w->r = e ? e->code : 0;
	w->body = json_incref(body);
	if (e && w->e)
		*w->e = *e;
}

static int wait_answer(struct node_api *a, struct waiting *w, json_t **ret)
{
	loop_run(a->loop);
	if (ret && w->r == 0)
		*ret = w->body;
	else
		json_decref(w->body);
	return w->r;
}

int node_api_get(struct node_api *a, const char *path, json_t **ret, struct err *e)
{
	struct waiting w = { .loop = a->loop, .e = e };
	api_get(a->client, path, on_done, &w);
	return wait_answer(a, &w, ret);
}

int node_api_create(struct node_api *a, const char *path, const json_t *object, json_t **ret, struct err *e)
{
	struct waiting w = { .loop = a->loop, .e = e };
	api_create(a->client, path, object, on_done, &w);
	return wait_answer(a, &w, ret);
}

int node_api_merge(struct node_api *a, const char *path, const json_t *patch, struct err *e)
{
	struct waiting w = { .loop = a->loop, .e = e };
	api_patch(a->client, path, API_PATCH_MERGE, patch, on_done, &w);
	return wait_answer(a, &w, NULL);
}

int node_api_delete(struct node_api *a, const char *path, struct err *e)
{
	struct waiting w = { .loop = a->loop, .e = e };
	api_delete(a->client, path, NULL, on_done, &w);
	return wait_answer(a, &w, NULL);
}

static void on_certificate(void *arg, const struct err *e)
{
	on_done(arg, 0, NULL, e);
}

int node_api_certificate(struct node_api *a, const struct cert_request_opts *o, struct err *e)
{
	struct waiting w = { .loop = a->loop, .e = e };
	struct cert_request *request;
	int r = cert_request_start(a->client, o, on_certificate, &w, &request, e);
	if (r < 0)
		return r;
	loop_run(a->loop);
	return w.r;
}

static void on_timer(void *arg)
{
	loop_stop(arg);
}

static void pause_ms(struct node_api *a, int ms)
{
	struct timer *t = timer_new(a->loop, on_timer, a->loop);
	timer_start(t, ms);
	loop_run(a->loop);
	timer_free(t);
}

int node_api_wait(struct node_api *a, const char *path, int (*test)(const json_t *answer), int timeout_ms, struct err *e)
{
	for (int64_t until = clock_mono_ms() + timeout_ms;;) {
		AUTO_JSON *answer = NULL;
		struct err now = ERR_INIT;
		int r = node_api_get(a, path, &answer, &now);
		if (r == 0 && (!test || test(answer)))
			return 0;
		if (clock_mono_ms() >= until)
			return err_set(e, -ETIMEDOUT, "timed out waiting for %s%s%s", path, r < 0 ? ": " : "", r < 0 ? err_text(&now) : "");
		pause_ms(a, AGAIN_MS);
	}
}
