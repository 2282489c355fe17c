/* Finding a pod's sandbox again after the agent was away.
 *
 * Happy path: the supervisor is still there and tells its containers, which is compared with what was saved. What can fail:
 * it is gone, or does not tell: then all of it is lost, and the plan begins again. What always holds: nothing runs that is
 * not known, nothing that ran is started a second time beside itself. */
#include <errno.h>
#include <string.h>

#include "agent/pod_plan.h"
#include "agent/sandbox_internal.h"
#include "base/clock.h"
#include "base/log.h"

/* One container as the supervisor of a restored pod has it. */
static void compare(struct pod *p, const struct shim_status *st)
{
	struct pod_state *s = p->state;
	if (!strcmp(st->id, "pause")) {
		p->pause_pid = st->pid;
		if (st->state == SHIM_IS_STOPPED || !st->pid)
			s->sandbox = SANDBOX_LOST;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		if (strcmp(c->id, st->id) || (c->phase != PHASE_RUNNING && c->phase != PHASE_STARTING))
			continue;
		struct container_work *w = pod_work(p, c);
		w->pre_stop_done = true; /* marks it as seen until the list has ended */
		if (!c->started_ms && st->started_ns) {
			c->started_ms = st->started_ns / 1000000;
			c->started_mono = clock_mono_ms() - (clock_wall_ms() - c->started_ms);
		}
		struct shim_exit x = {c->id, "", st->exit_code, st->signal, st->oom, st->finished_ns};
		if (st->state == SHIM_IS_STOPPED)
			container_exited(p, c, &x);
		else if (st->state == SHIM_IS_RUNNING)
			container_is_running(p, c, false);
		else
			c->phase = PHASE_STARTING, w->pre_stop_done = false;
	}
}

/* What the supervisor does not know, or has not started, has not run: it begins again. */
static void settle_unknown(struct pod *p)
{
	struct pod_state *s = p->state;
	for (size_t i = 0; i < s->n; i++) {
		struct container_state *c = &s->containers[i];
		struct container_work *w = pod_work(p, c);
		bool seen = w->pre_stop_done;
		w->pre_stop_done = false;
		if (seen || (c->phase != PHASE_RUNNING && c->phase != PHASE_STARTING))
			continue;
		shim_remove(p->shim, c->id, NULL, NULL);
		container_clean(p, c);
		if (c->phase == PHASE_STARTING && !c->started_ms) {
			c->phase = PHASE_WAITING;
			continue;
		}
		struct shim_exit x = {c->id, "", 137, 9, false, 0};
		container_exited(p, c, &x);
	}
}

static void on_state(void *arg, const struct shim_status *st, int r, const struct err *e)
{
	struct pod *p = arg;
	if (st) {
		compare(p, st);
		return;
	}
	p->busy_restore = false;
	if (r < 0) {
		log_warn("supervisor did not tell its state pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(e));
		return; /* on_gone follows */
	}
	settle_unknown(p);
	if (!p->pause_pid && p->state->sandbox == SANDBOX_READY)
		p->state->sandbox = SANDBOX_LOST;
	pod_kick(p);
}

void sandbox_restore(struct pod *p)
{
	struct pod_state *s = p->state;
	if (s->sandbox == SANDBOX_NONE)
		return;
	bool whole = s->sandbox == SANDBOX_READY;
	if (!whole)
		s->sandbox = SANDBOX_LOST; /* half made or half taken down: taken down now */
	sandbox_find_supervisor(p);
	if (p->shim && whole) {
		p->busy_restore = true;
		shim_state(p->shim, on_state, p);
	} else if (!p->shim) {
		sandbox_supervisor_lost(p);
	}
}
