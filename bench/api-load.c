/* api-load: a client that loads an API server and prints figures, one JSON line a measurement.
 *
 *   api-load KUBECONFIG create|get|healthz|list|fanout CLIENTS SECONDS
 *
 * CLIENTS requests are under way at any time, each on a connection of its own. fanout opens CLIENTS watches and counts
 * the events that all of them get from 200 updates of one object. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client.h"
#include "base/clock.h"
#include "base/json.h"
#include "io/http_client.h"

enum { SAMPLES = 1 << 20, FANOUT_UPDATES = 200, BODY_MAX = 8192 };

struct load;

struct worker {
	struct load *l;
	int n;
	int64_t started_us;
};

struct load {
	struct loop *loop;
	struct http_client *http;
	const char *server, *mode;
	struct worker *workers;
	int clients, running;
	int64_t until_ms, from_ms;
	uint64_t done, failed, bytes, sequence;
	int *latency_us;
};

static void launch(struct worker *w);

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int percentile(struct load *l, double p)
{
	size_t n = l->done < SAMPLES ? l->done : SAMPLES;
	return n ? l->latency_us[(size_t)((double)(n - 1) * p)] : 0;
}

static void on_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct worker *w = arg;
	struct load *l = w->l;
	(void)body;
	if (e || status < 200 || status > 299) {
		if (!l->failed++)
			fprintf(stderr, "api-load: status %d %s\n", status, e ? err_text(e) : body);
	} else {
		if (l->done < SAMPLES)
			l->latency_us[l->done] = (int)(clock_wall_us() - w->started_us);
		l->done++;
		l->bytes += len;
	}
	if (clock_mono_ms() < l->until_ms && l->failed < 100)
		launch(w);
	else if (--l->running == 0)
		loop_stop(l->loop);
}

static void launch(struct worker *w)
{
	struct load *l = w->l;
	char url[512], body[BODY_MAX] = "";
	const char *const headers[] = { "Content-Type: application/json", "Accept: application/json", NULL };
	struct http_call_opts o = { .method = "GET", .url = url, .headers = headers, .on_done = on_done, .arg = w };
	if (!strcmp(l->mode, "create")) {
		snprintf(url, sizeof(url), "%s/api/v1/namespaces/default/configmaps", l->server);
		snprintf(body, sizeof(body),
			 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"load-%lld-%llu\"},\"data\":{\"k\":\"value\"}}",
			 (long long)l->from_ms, (unsigned long long)l->sequence++);
		o.method = "POST";
		o.body = body;
		o.body_len = strlen(body);
	} else if (!strcmp(l->mode, "get")) {
		snprintf(url, sizeof(url), "%s/api/v1/namespaces/default/services/kubernetes", l->server);
	} else if (!strcmp(l->mode, "list")) {
		snprintf(url, sizeof(url), "%s/api/v1/namespaces/default/configmaps", l->server);
	} else {
		snprintf(url, sizeof(url), "%s/healthz", l->server);
	}
	w->started_us = clock_wall_us();
	http_call_start(l->http, &o);
}

static void print_requests(struct load *l)
{
	double s = (double)(clock_mono_ms() - l->from_ms) / 1000;
	size_t n = l->done < SAMPLES ? l->done : SAMPLES;
	qsort(l->latency_us, n, sizeof(int), by_value);
	printf("{\"mode\":\"%s\",\"clients\":%d,\"per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"mb_per_s\":%.1f,\"failed\":%llu}\n",
	       l->mode, l->clients, (double)l->done / s, percentile(l, 0.5) / 1000.0, percentile(l, 0.99) / 1000.0,
	       (double)l->bytes / s / 1e6, (unsigned long long)l->failed);
}

static int run_requests(struct load *l)
{
	l->latency_us = xcalloc(SAMPLES, sizeof(int));
	l->workers = xcalloc((size_t)l->clients, sizeof(*l->workers));
	l->running = l->clients;
	for (int i = 0; i < l->clients; i++) {
		l->workers[i] = (struct worker){ .l = l, .n = i };
		launch(&l->workers[i]);
	}
	loop_run(l->loop);
	print_requests(l);
	free(l->workers);
	free(l->latency_us);
	return l->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void on_event(void *arg, const char *data, size_t len)
{
	struct load *l = arg;
	for (const char *p = data; (p = memchr(p, '\n', (size_t)(data + len - p))); p++)
		l->done++;
	l->bytes += len;
	if (l->done >= (uint64_t)l->clients * FANOUT_UPDATES)
		loop_stop(l->loop);
}

static void on_watch_end(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct load *l = arg;
	(void)body, (void)len;
	fprintf(stderr, "api-load: a watch ended: %d %s\n", status, err_text(e));
	l->failed++;
	loop_stop(l->loop);
}

static void on_open(void *arg, int status)
{
	struct load *l = arg;
	if (status == 200 && ++l->running == l->clients)
		loop_stop(l->loop);
}

static void patch(struct load *l, const char *method, const char *tail, const char *type);

static void on_update(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct load *l = arg;
	char tail[128];
	(void)len;
	if (status < 200 || status > 299) {
		fprintf(stderr, "api-load: update: %d %s\n", status, e ? err_text(e) : body);
		l->failed++;
		loop_stop(l->loop);
	} else if (++l->sequence < FANOUT_UPDATES) {
		snprintf(tail, sizeof(tail), "/fanout-%lld", (long long)l->from_ms);
		patch(l, "PATCH", tail, "Content-Type: application/merge-patch+json");
	}
}

static void patch(struct load *l, const char *method, const char *tail, const char *type)
{
	char url[512], body[256];
	const char *const headers[] = { type, "Accept: application/json", NULL };
	snprintf(url, sizeof(url), "%s/api/v1/namespaces/default/configmaps%s", l->server, tail);
	snprintf(body, sizeof(body), "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"fanout-%lld\"},\"data\":{\"n\":\"%d\"}}", (long long)l->from_ms, (int)l->sequence);
	struct http_call_opts o = { .method = method, .url = url, .headers = headers, .body = body, .body_len = strlen(body), .on_done = on_update, .arg = l };
	http_call_start(l->http, &o);
}

/* Watches first, then updates one after another as fast as they are taken. */
static int run_fanout(struct load *l)
{
	char url[512];
	snprintf(url, sizeof(url), "%s/api/v1/namespaces/default/configmaps?watch=1&fieldSelector=metadata.name%%3Dfanout-%lld", l->server, (long long)l->from_ms);
	for (int i = 0; i < l->clients; i++) {
		struct http_call_opts o = { .method = "GET", .url = url, .on_status = on_open, .on_data = on_event, .on_done = on_watch_end, .arg = l };
		http_call_start(l->http, &o);
	}
	loop_run(l->loop);
	int64_t from = clock_mono_ms();
	patch(l, "POST", "", "Content-Type: application/json");
	loop_run(l->loop);
	double s = (double)(clock_mono_ms() - from) / 1000;
	printf("{\"mode\":\"fanout\",\"clients\":%d,\"per_s\":%.0f,\"mb_per_s\":%.1f,\"failed\":%llu}\n", l->clients, (double)l->done / s,
	       (double)l->bytes / s / 1e6, (unsigned long long)l->failed);
	return l->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct kubeconfig k = { 0 };
	struct err e = ERR_INIT;
	struct load l = { 0 };
	if (argc != 5) {
		fputs("usage: api-load KUBECONFIG create|get|healthz|list|fanout CLIENTS SECONDS\n", stderr);
		return 2;
	}
	if (kubeconfig_load(argv[1], &k, &e) < 0 || loop_new(&l.loop, &e) < 0) {
		fprintf(stderr, "api-load: %s\n", err_text(&e));
		return 1;
	}
	struct http_client_config c = { .loop = l.loop, .ca_file = k.ca_file, .cert_file = k.cert_file, .key_file = k.key_file };
	if (http_client_new(&c, &l.http, &e) < 0) {
		fprintf(stderr, "api-load: %s\n", err_text(&e));
		return 1;
	}
	l.server = k.server;
	l.mode = argv[2];
	l.clients = atoi(argv[3]);
	l.from_ms = clock_mono_ms();
	l.until_ms = l.from_ms + atoi(argv[4]) * 1000;
	int r = !strcmp(l.mode, "fanout") ? run_fanout(&l) : run_requests(&l);
	http_client_free(l.http);
	loop_free(l.loop);
	kubeconfig_done(&k);
	return r;
}
