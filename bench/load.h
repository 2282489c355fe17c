/* The measuring client's parts: options, requests in a closed loop, watchers, and what the server spent meanwhile. */
#ifndef KNARR_BENCH_LOAD_H
#define KNARR_BENCH_LOAD_H

#include <stdint.h>

#include "api/kubeconfig.h"
#include "bench/load_conn.h"

struct load_options {
	int64_t clients, seconds, count; /* count 0: as many as the seconds allow */
	int64_t first;			 /* number of the first object */
	int64_t objects;		 /* how many there are to choose from */
	int64_t rate;			 /* fanout: updates a second, 0: as fast as they are taken */
	int64_t writers;		 /* fanout: how many update */
	int64_t pid;			 /* the server's, 0: its CPU is not measured */
	const char *path;		 /* list, watch: what */
};

struct load {
	const struct load_options *o;
	struct loop *loop;
	struct tls_ctx *tls;
	struct kubeconfig kube;
	char *host, *port;
};

/* A connection to the server; ends the program where there is none. */
struct load_conn *load_connect(const struct load *l, void (*on_body)(void *arg, const char *p, size_t n),
			       void (*on_done)(void *arg, int status, struct str *body), void *arg);

/* Time and the server's CPU since load_meter_start(). */
struct load_meter {
	int64_t pid, from_us, cpu_ms;
};
void load_meter_start(struct load_meter *m, int64_t pid);
double load_meter_seconds(const struct load_meter *m);
double load_meter_cpu_ms(const struct load_meter *m);

/* Microseconds, of which percentiles are wanted. */
struct load_samples {
	int *v;
	size_t n, cap;
};
void load_samples_add(struct load_samples *s, int64_t us);
double load_samples_ms(struct load_samples *s, double p); /* sorts */

/* A mode's requests; NULL when there is no mode of that name. */
struct load_mode {
	const char *name, *method;
	void (*path)(const struct load_options *o, int64_t n, struct str *out);
	void (*body)(int64_t n, struct str *out);
	const char *marker; /* update modes: the text before the digits that count */
	int digits;
	bool choose; /* any of the objects, not one after the other */
};
const struct load_mode *load_mode_find(const char *name);
/* Writes n over the digits behind the marker; false when it is not there. */
bool load_count_in(struct str *text, const char *marker, int digits, int64_t n);

int load_requests(struct load *l, const struct load_mode *m);
int load_fanout(struct load *l);

#endif
