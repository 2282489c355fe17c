/* The supervisor of a pod's sandbox (agent/shim): found or started, its word about exits taken, its death noticed.
 *
 * What can fail: its start; its death, by which all its processes have ended: what it still wrote down counts, and the plan
 * makes the sandbox anew. What always holds: each exit of a container is taken once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events.h"
#include "agent/pod_plan.h"
#include "agent/sandbox_internal.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cni/chain/chain.h"

static void on_shim_exit(void *arg, const struct shim_exit *x)
{
	struct pod *p = arg;
	struct pod_state *s = p->state;
	if (*x->exec) {
		exec_on_exit(p, x);
		return;
	}
	if (!strcmp(x->container, "pause")) {
		if (s->sandbox == SANDBOX_READY)
			s->sandbox = SANDBOX_LOST;
		pod_kick(p);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->containers[i].id, x->container) &&
		    (s->containers[i].phase == PHASE_RUNNING || s->containers[i].phase == PHASE_STARTING))
			container_exited(p, &s->containers[i], x);
}

struct shim_config sandbox_shim_config(const struct pod *p)
{
	return (struct shim_config){p->agent->loop, p->agent->config->shim_path, p->dir, p->cgroup};
}

/* What the supervisor still wrote down counts; the rest has been killed with it. */
static void collect_exits(struct pod *p)
{
	struct pod_state *s = p->state;
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		AUTO_FREE char *bundle = container_bundle(p, c), *path = xasprintf("%s/exit.json", bundle);
		AUTO_JSON *o = NULL;
		if ((c->phase != PHASE_RUNNING && c->phase != PHASE_STARTING) || json_read_file(path, &o, NULL) < 0 ||
		    !str_eq(json_str_at(o, "container"), c->id))
			continue;
		struct shim_exit x = {c->id,
				      "",
				      (int)json_int_at(o, "exit_code", 137),
				      (int)json_int_at(o, "signal", 0),
				      json_bool_at(o, "oom", false),
				      json_int_at(o, "finished", 0)};
		if (!c->started_ms)
			c->started_ms = json_int_at(o, "started", 0) / 1000000;
		container_exited(p, c, &x);
	}
}

void sandbox_supervisor_ended(struct pod *p)
{
	shim_free(TAKE(p->shim));
	exec_all_gone(p);
	collect_exits(p);
	pod_sandbox_lost(p->state, clock_wall_ms(), clock_mono_ms());
}

void sandbox_supervisor_lost(struct pod *p)
{
	struct err e = ERR_INIT;
	struct shim_config sc = sandbox_shim_config(p);
	sandbox_supervisor_ended(p);
	for (size_t i = 0; i < p->n_work; i++)
		container_work_stop(p->work[i]);
	if (shim_clean_dead(&sc, &e) < 0)
		log_warn("supervisor's remains not removed, tried again pod=%s/%s error=\"%s\"", p->state->ns,
			 p->state->name, err_text(&e));
}

static void on_shim_gone(void *arg)
{
	struct pod *p = arg;
	if (p->state->sandbox == SANDBOX_STOPPING) {
		sandbox_supervisor_ended(p);
		p->state->sandbox = SANDBOX_STOPPING;
		sandbox_teardown_network(p);
		return;
	}
	log_warn("a pod's supervisor died pod=%s/%s", p->state->ns, p->state->name);
	events_pod(p->agent->events, p->state, NULL, false, "SandboxChanged",
		   "Pod sandbox changed, it will be killed and re-created.");
	if (p->state->sandbox == SANDBOX_CREATING && p->cni)
		chain_cancel(TAKE(p->cni));
	sandbox_supervisor_lost(p);
	pod_kick(p);
}

static const struct shim_ops shim_callbacks = {.on_exit = on_shim_exit, .on_gone = on_shim_gone};

int sandbox_start_supervisor(struct pod *p, struct err *e)
{
	struct shim_config sc = sandbox_shim_config(p);
	if (p->shim)
		return 0;
	int r = shim_connect(&sc, &shim_callbacks, p, &p->shim, NULL);
	return r == 0 ? 0 : shim_start(&sc, &shim_callbacks, p, &p->shim, e);
}

void sandbox_find_supervisor(struct pod *p)
{
	struct shim_config sc = sandbox_shim_config(p);
	(void)shim_connect(&sc, &shim_callbacks, p, &p->shim, NULL); /* none answers: p->shim says it */
}
