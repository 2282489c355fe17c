/* Watch fan-out: many watchers of one kind, a few writers. Happy path: all watchers are open, each writer makes its object,
 * then updates go at a rate or as fast as they are taken; each carries the time at which it was sent, so that every event of
 * every watcher gives a delay. The end is when all watchers have been told of all updates. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/load.h"

#define CONFIGMAPS "/api/v1/namespaces/bench/configmaps"
#define SENT "\"sent\":\""

enum { TICK_MS = 10 };

struct fanout;

struct watcher {
	struct fanout *f;
	struct load_conn *conn;
	struct str line; /* what has come of the next event */
};

struct writer {
	struct fanout *f;
	struct load_conn *conn;
	int64_t n;
	bool made, busy;
};

struct fanout {
	struct load *l;
	struct watcher *watchers;
	struct writer *writers;
	struct timer *tick;
	int64_t opened, made, sent, told, until_us;
	bool over;
	struct load_meter meter;
	struct load_samples delays;
};

static void stop_if_told(struct fanout *f)
{
	for (int64_t i = 0; i < f->l->o->writers; i++)
		if (f->writers[i].busy)
			return;
	if (f->over && f->told >= f->sent * f->l->o->clients)
		loop_stop(f->l->loop);
}

static void take_line(struct fanout *f, const char *line)
{
	const char *at = strstr(line, SENT);
	if (!at)
		return;
	load_samples_add(&f->delays, clock_wall_us() - strtoll(at + strlen(SENT), NULL, 10));
	f->told++;
}

static void on_event(void *arg, const char *p, size_t n)
{
	struct watcher *w = arg;
	if (!w->f->meter.from_us)
		return; /* what was there before */
	str_addn(&w->line, p, n);
	char *from = w->line.p, *end;
	while ((end = strchr(from, '\n'))) {
		*end = '\0';
		take_line(w->f, from);
		from = end + 1;
	}
	str_consume(&w->line, (size_t)(from - w->line.p));
	stop_if_told(w->f);
}

static void on_watch_end(void *arg, int status, struct str *body)
{
	(void)arg, (void)body;
	fprintf(stderr, "api-load: a watch ended: %d\n", status);
	exit(EXIT_FAILURE);
}

static void update(struct writer *w)
{
	AUTO_STR body = STR_INIT;
	AUTO_STR path = STR_INIT;
	const char *data = w->made ? "\"sent\":\"" : "\"made\":\"";
	str_addf(&path, CONFIGMAPS "%s", w->made ? "" : "?fieldManager=kubectl-create");
	if (w->made)
		str_addf(&path, "/fan-%" PRId64, w->n);
	str_addf(&body, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"fan-%" PRId64 "\"},\"data\":{%s%" PRId64 "\"}}", w->n,
		 data, clock_wall_us());
	w->busy = true;
	load_conn_request(w->conn, w->made ? "PUT" : "POST", str_text(&path), "application/json", &body);
}

static void on_written(void *arg, int status, struct str *body)
{
	struct writer *w = arg;
	struct fanout *f = w->f;
	w->busy = false;
	if (status != 200 && status != 201 && status != 409) {
		fprintf(stderr, "api-load: update: %d %s\n", status, str_text(body));
		exit(EXIT_FAILURE);
	}
	if (!w->made) {
		w->made = true;
		if (++f->made == f->l->o->writers)
			loop_stop(f->l->loop);
		return;
	}
	f->sent++;
	f->over = clock_wall_us() >= f->until_us;
	if (f->over)
		stop_if_told(f);
	else if (!f->l->o->rate)
		update(w);
}

/* At a rate: as many updates as are due, by writers that have nothing under way. */
static void on_tick(void *arg)
{
	struct fanout *f = arg;
	int64_t due = (int64_t)(load_meter_seconds(&f->meter) * (double)f->l->o->rate), under_way = 0;
	f->over = clock_wall_us() >= f->until_us;
	if (f->over) {
		stop_if_told(f);
		return;
	}
	for (int64_t i = 0; i < f->l->o->writers; i++)
		under_way += f->writers[i].busy;
	for (int64_t i = 0; i < f->l->o->writers && f->sent + under_way < due; i++) {
		if (f->writers[i].busy)
			continue;
		update(&f->writers[i]);
		under_way++;
	}
	timer_start(f->tick, TICK_MS);
}

static void open_watches(struct fanout *f)
{
	AUTO_STR path = STR_INIT;
	str_addf(&path, "%s?watch=1&allowWatchBookmarks=true", f->l->o->path ? f->l->o->path : CONFIGMAPS);
	f->watchers = xcalloc((size_t)f->l->o->clients, sizeof(*f->watchers));
	for (int64_t i = 0; i < f->l->o->clients; i++) {
		struct watcher *w = &f->watchers[i];
		w->f = f;
		w->conn = load_connect(f->l, on_event, on_watch_end, w);
		load_conn_request(w->conn, "GET", str_text(&path), NULL, NULL);
	}
}

static void open_writers(struct fanout *f)
{
	f->writers = xcalloc((size_t)f->l->o->writers, sizeof(*f->writers));
	for (int64_t i = 0; i < f->l->o->writers; i++) {
		struct writer *w = &f->writers[i];
		*w = (struct writer){.f = f, .n = i};
		w->conn = load_connect(f->l, NULL, on_written, w);
		update(w);
	}
	loop_run(f->l->loop);
}

static void measure(struct fanout *f)
{
	load_meter_start(&f->meter, f->l->o->pid);
	f->until_us = f->meter.from_us + f->l->o->seconds * 1000000;
	for (int64_t i = 0; !f->l->o->rate && i < f->l->o->writers; i++)
		update(&f->writers[i]);
	if (f->l->o->rate)
		timer_start(f->tick, TICK_MS);
	loop_run(f->l->loop);
	double s = load_meter_seconds(&f->meter), n = (double)MAX(f->told, 1);
	printf("{\"mode\":\"fanout\",\"clients\":%" PRId64 ",\"done\":%" PRId64 ",\"failed\":0,\"updates\":%" PRId64
	       ",\"per_s\":%.0f,\"cpu_ms\":%.6f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
	       f->l->o->clients, f->told, f->sent, n / s, load_meter_cpu_ms(&f->meter) / n, load_samples_ms(&f->delays, 0.5),
	       load_samples_ms(&f->delays, 0.99));
}

static void settle(void *arg)
{
	loop_stop(arg);
}

int load_fanout(struct load *l)
{
	struct fanout f = {.l = l};
	f.tick = timer_new(l->loop, settle, l->loop);
	open_writers(&f);
	open_watches(&f);
	timer_start(f.tick, 1000); /* until everybody has heard of what was there */
	loop_run(l->loop);
	timer_free(f.tick);
	f.tick = timer_new(l->loop, on_tick, &f);
	measure(&f);
	timer_free(f.tick);
	for (int64_t i = 0; i < l->o->clients; i++) {
		load_conn_free(f.watchers[i].conn);
		str_done(&f.watchers[i].line);
	}
	for (int64_t i = 0; i < l->o->writers; i++)
		load_conn_free(f.writers[i].conn);
	free(f.watchers);
	free(f.writers);
	free(f.delays.v);
	return EXIT_SUCCESS;
}
