/* Starting and stopping controllers and scheduler. Happy path without election: both run until the end. With it: each
 * runs while its lease is held. Fails only on an unknown controller, before anything runs. */
#include "cmd/server_loops.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "cp/controllers/controllers.h"
#include "cp/controllers/leader.h"
#include "cp/scheduler/scheduler.h"

struct server_loops {
	struct api *api;
	const struct server_config *config;
	struct controllers_config controllers_config;
	struct controllers *controllers;
	struct scheduler *scheduler;
	struct leader *leaders[2];
	size_t releasing;
	void (*released)(void *arg);
	void *arg;
};

static int start_controllers(struct server_loops *l, struct err *e)
{
	AUTO_STRV char **names = str_split(l->config->controllers, ',');
	return controllers_start(l->api, (const char *const *)names, &l->controllers_config, &l->controllers, e);
}

static void on_controllers(void *arg, bool leading)
{
	struct server_loops *l = arg;
	struct err e = ERR_INIT;
	if (!leading)
		controllers_stop(TAKE(l->controllers));
	else if (start_controllers(l, &e) < 0)
		log_error("cannot start the controllers error=\"%s\"", err_text(&e));
}

static void on_scheduler(void *arg, bool leading)
{
	struct server_loops *l = arg;
	struct err e = ERR_INIT;
	if (!leading)
		scheduler_stop(TAKE(l->scheduler));
	else if (scheduler_start(l->api, &l->scheduler, &e) < 0)
		log_error("cannot start the scheduler error=\"%s\"", err_text(&e));
}

static void elect(struct server_loops *l, bool controllers, bool scheduler)
{
	char host[256] = "", id[37];
	gethostname(host, sizeof(host) - 1);
	AUTO_FREE char *me = xasprintf("%s_%s", host, rand_uuid(id));
	if (controllers)
		l->leaders[0] = leader_new(l->api, "kube-controller-manager", "system:kube-controller-manager", me,
					   on_controllers, l);
	if (scheduler)
		l->leaders[1] = leader_new(l->api, "kube-scheduler", "system:kube-scheduler", me, on_scheduler, l);
}

int server_loops_start(struct api *a, const struct server_config *c, struct server_loops **ret, struct err *e)
{
	struct server_loops *l = xcalloc(1, sizeof(*l));
	bool controllers = strcmp(c->controllers, "none") != 0, scheduler = strcmp(c->scheduler, "none") != 0;
	int r = 0;
	l->api = a;
	l->config = c;
	l->controllers_config = (struct controllers_config){.signing_cert_file = c->signing_cert_file,
							    .signing_key_file = c->signing_key_file,
							    .signing_seconds = c->signing_seconds,
							    .cluster_cidrs = !strcmp(c->allocate_cidrs, "true") ? c->cluster_cidr : NULL,
							    .node_bits4 = (int)c->node_bits4,
							    .node_bits6 = (int)c->node_bits6};
	if (c->elects) {
		elect(l, controllers, scheduler);
	} else {
		if (controllers)
			r = start_controllers(l, e);
		if (r >= 0 && scheduler)
			r = scheduler_start(a, &l->scheduler, e);
	}
	if (r < 0)
		server_loops_free(l);
	else
		*ret = l;
	return r;
}

static void on_released(void *arg)
{
	struct server_loops *l = arg;
	if (--l->releasing == 0)
		l->released(l->arg);
}

static void released_now(void *arg)
{
	on_released(arg);
}

void server_loops_release(struct server_loops *l, void (*done)(void *arg), void *arg)
{
	scheduler_stop(TAKE(l->scheduler));
	controllers_stop(TAKE(l->controllers));
	l->released = done;
	l->arg = arg;
	l->releasing = 1;
	for (size_t i = 0; i < ARRAY_LEN(l->leaders); i++) {
		if (!l->leaders[i])
			continue;
		l->releasing++;
		leader_release(l->leaders[i], on_released, l);
	}
	loop_defer(api_loop(l->api), released_now, l);
}

void server_loops_free(struct server_loops *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < ARRAY_LEN(l->leaders); i++)
		leader_free(l->leaders[i]);
	scheduler_stop(l->scheduler);
	controllers_stop(l->controllers);
	free(l);
}
