/* Requests in a closed loop: each client has a connection of its own and one request under way. Happy path: connections, in
 * update modes each client's object, else a request of no account, so that handshakes are over; then the measured part, one
 * JSON line. A client that updates sends back what the last answer was, with another number in it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/load.h"

enum { FAILURES_MAX = 100 };

struct run;

struct client {
	struct run *r;
	struct load_conn *conn;
	int64_t n, started_us;
	struct str object; /* update modes: what goes back */
};

struct run {
	struct load *l;
	const struct load_mode *m;
	struct client *clients;
	int64_t running, next, until_us, done, failed;
	uint64_t bytes;
	bool measuring;
	struct load_samples samples;
};

static bool is_over(const struct run *r)
{
	const struct load_options *o = r->l->o;
	if (r->failed >= FAILURES_MAX)
		return true;
	return o->count ? r->next >= o->first + o->count : clock_wall_us() >= r->until_us;
}

static void launch(struct client *c)
{
	struct run *r = c->r;
	const struct load_mode *m = r->m;
	AUTO_STR path = STR_INIT;
	AUTO_STR body = STR_INIT;
	int64_t n = r->next++;
	if (m->marker && !load_count_in(&c->object, m->marker, m->digits, n)) {
		fprintf(stderr, "api-load: no %s in %s\n", m->marker, str_text(&c->object));
		exit(EXIT_FAILURE);
	}
	if (m->choose && r->l->o->objects)
		n = (n * 7919) % r->l->o->objects;
	m->path(r->l->o, m->marker ? c->n : n, &path);
	if (m->body)
		m->body(n, &body);
	c->started_us = clock_wall_us();
	load_conn_request(c->conn, m->method, str_text(&path), "application/json", m->marker ? &c->object : &body);
}

static void stop_one(struct run *r)
{
	if (--r->running == 0)
		loop_stop(r->l->loop);
}

/* The object as it is: the status gets the message that its mode counts in. */
static void take_object(struct client *c, struct str *body)
{
	static const char bare[] = "\"status\":{", with[] = "\"status\":{\"message\":\"load 00000000\",";
	str_reset(&c->object);
	char *at = strstr(body->p, bare);
	if (c->r->m->marker && !strstr(body->p, c->r->m->marker) && at) {
		str_addn(&c->object, body->p, (size_t)(at - body->p));
		str_add(&c->object, with);
		str_add(&c->object, at + strlen(bare));
	} else {
		str_addn(&c->object, body->p, body->len);
	}
}

static void on_done(void *arg, int status, struct str *body)
{
	struct client *c = arg;
	struct run *r = c->r;
	bool ok = status >= 200 && status <= 299;
	if (!ok && !r->failed++)
		fprintf(stderr, "api-load: status %d %s\n", status, str_text(body));
	if (ok && r->m->marker)
		take_object(c, body);
	if (!r->measuring) {
		stop_one(r);
		return;
	}
	r->bytes += body->len;
	if (ok) {
		load_samples_add(&r->samples, clock_wall_us() - c->started_us);
		r->done++;
	}
	if (is_over(r))
		stop_one(r);
	else
		launch(c);
}

static void connect_all(struct run *r)
{
	const struct load_options *o = r->l->o;
	r->clients = xcalloc((size_t)o->clients, sizeof(*r->clients));
	for (int64_t i = 0; i < o->clients; i++) {
		struct client *c = &r->clients[i];
		*c = (struct client){.r = r, .n = o->first + i};
		c->conn = load_connect(r->l, NULL, on_done, c);
	}
}

static void fetch_all(struct run *r)
{
	r->running = r->l->o->clients;
	for (int64_t i = 0; i < r->l->o->clients; i++) {
		AUTO_STR path = STR_INIT;
		if (r->m->marker)
			r->m->path(r->l->o, r->clients[i].n, &path);
		else
			str_add(&path, "/healthz");
		load_conn_request(r->clients[i].conn, "GET", str_text(&path), NULL, NULL);
	}
	loop_run(r->l->loop);
}

static void print(struct run *r, struct load_meter *meter)
{
	double s = load_meter_seconds(meter), cpu = load_meter_cpu_ms(meter), n = (double)MAX(r->done, 1);
	printf("{\"mode\":\"%s\",\"clients\":%" PRId64 ",\"done\":%" PRId64 ",\"failed\":%" PRId64
	       ",\"per_s\":%.1f,\"cpu_ms\":%.4f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"bytes\":%.0f,\"mb_per_s\":%.1f}\n",
	       r->m->name, r->l->o->clients, r->done, r->failed, n / s, cpu / n, load_samples_ms(&r->samples, 0.5),
	       load_samples_ms(&r->samples, 0.99), (double)r->bytes / n, (double)r->bytes / s / 1e6);
}

int load_requests(struct load *l, const struct load_mode *m)
{
	struct run r = {.l = l, .m = m, .next = l->o->first};
	struct load_meter meter;
	connect_all(&r);
	fetch_all(&r);
	r.measuring = true;
	r.running = l->o->clients;
	load_meter_start(&meter, l->o->pid);
	r.until_us = meter.from_us + l->o->seconds * 1000000;
	for (int64_t i = 0; i < l->o->clients; i++)
		if (l->o->count && i >= l->o->count)
			r.running--;
		else
			launch(&r.clients[i]);
	loop_run(l->loop);
	print(&r, &meter);
	for (int64_t i = 0; i < l->o->clients; i++) {
		load_conn_free(r.clients[i].conn);
		str_done(&r.clients[i].object);
	}
	free(r.clients);
	free(r.samples.v);
	return r.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
