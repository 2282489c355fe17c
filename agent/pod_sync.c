/* The plan of a pod carried out: a table from actions to appliers.
 *
 * Happy path: plan, apply each action, record, report, sleep until the plan's time or the next event. What can fail:
 * each applier reports into the state, from which the next plan follows. What always holds: nothing is applied while
 * the supervisor's view is still being fetched after a restart. */
#include <errno.h>

#include "agent/events.h"
#include "agent/pod.h"
#include "agent/pod_plan.h"
#include "base/clock.h"
#include "base/log.h"

static void do_create_sandbox(struct pod *p, const struct pod_action *a)
{
	(void)a;
	sandbox_create(p);
}

static void do_start(struct pod *p, const struct pod_action *a)
{
	container_start(p, a->container);
}

static void do_stop(struct pod *p, const struct pod_action *a)
{
	container_stop(p, a->container, a->grace_ms, a->reason);
}

static void do_kill(struct pod *p, const struct pod_action *a)
{
	container_kill(p, a->container);
}

static void do_teardown(struct pod *p, const struct pod_action *a)
{
	(void)a;
	sandbox_teardown(p);
}

static void do_fail(struct pod *p, const struct pod_action *a)
{
	text_set(&p->state->fail_reason, a->reason);
	text_set(&p->state->fail_message, "Pod was active on the node longer than the specified deadline");
	events_pod(p->agent->events, p->state, NULL, false, a->reason, "%s", p->state->fail_message);
	pod_kick(p);
}

static void do_finish(struct pod *p, const struct pod_action *a)
{
	(void)a;
	if (p->gone_from_api || p->state->is_static || !p->agent->api)
		pod_forget(p);
	else
		pod_report_deleted(p);
}

static void (*const appliers[])(struct pod *p, const struct pod_action *a) = {
    [POD_CREATE_SANDBOX] = do_create_sandbox,
    [POD_START] = do_start,
    [POD_STOP] = do_stop,
    [POD_KILL] = do_kill,
    [POD_TEARDOWN] = do_teardown,
    [POD_FAIL] = do_fail,
    [POD_FINISH] = do_finish,
};

void pod_sync(struct pod *p)
{
	struct pod_plan plan;
	if (p->busy_restore || p->removed)
		return;
	pod_plan(p->state, clock_mono_ms(), &plan);
	if (plan.wake_mono != POD_PLAN_NEVER) /* an applier's kick comes over this */
		timer_start(p->timer, plan.wake_mono - clock_mono_ms());
	for (size_t i = 0; i < plan.n && !p->removed; i++)
		appliers[plan.actions[i].type](p, &plan.actions[i]);
	pod_plan_done(&plan);
	if (p->removed)
		return;
	pod_save(p);
	pod_report(p);
}
