/* Taking down a pod's sandbox.
 *
 * Happy path: the supervisor ends all processes, the network namespace is let go of, the plugins free the address, mounts and
 * directories go. What can fail: any step; an event tells, and the plan tries again. What always holds: every step may be
 * done twice. */
#include <errno.h>
#include <stdlib.h>

#include "agent/mounts.h"
#include "agent/netns.h"
#include "agent/network_policy.h"
#include "agent/pod_plan.h"
#include "agent/sandbox_internal.h"
#include "agent/volumes.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "cni/chain/chain.h"

/* The end of the teardown: what the plan needs next. */
static void torn_down(struct pod *p)
{
	struct err e = ERR_INIT;
	struct pod_state *s = p->state;
	AUTO_FREE char *shm = xasprintf("%s/shm", p->dir);
	AUTO_CGROUP *cg = NULL;
	bool over = s->deleting || s->fail_reason || pod_is_over(s);
	int r = mounts_detach_below(shm, &e);
	if (r == 0)
		r = cgroup_open(p->agent->cgroups, p->cgroup, &cg, &e);
	if (r == 0)
		r = cgroup_kill(cg, NULL) < 0 ? 0 : cgroup_destroy(cg, &e);
	for (size_t i = 0; i < s->n; i++)
		container_clean(p, &s->containers[i]);
	if (r == 0 && over)
		r = volumes_teardown(p, &e);
	s->sandbox = r < 0 ? SANDBOX_LOST : SANDBOX_NONE;
	s->cleaned = r == 0 && over;
	if (r < 0) {
		sandbox_failed(p, "FailedKillPod", err_text(&e));
		timer_start(p->timer, s->sandbox_delay_ms);
		pod_save(p);
		return;
	}
	pod_kick(p);
}

static void on_network_gone(void *arg, const json_t *result, const struct err *e)
{
	(void)result;
	struct pod *p = arg;
	p->cni = NULL;
	chain_free(TAKE(p->chain));
	if (e)
		log_warn("address not freed, ignoring pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(e));
	network_policy_pod_removed(p);
	torn_down(p);
}

/* The namespace is let go of first: with its last process gone the kernel drops the veth pair in the background. */
void sandbox_teardown_network(struct pod *p)
{
	struct err e = ERR_INIT;
	p->pause_pid = 0;
	if (pod_host_network(p->state)) {
		torn_down(p);
		return;
	}
	if (netns_drop(p->netns, &e) < 0)
		log_warn("network namespace not removed, ignoring pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(&e));
	if (sandbox_load_chain(p, &e) < 0) {
		on_network_gone(p, NULL, &e);
		return;
	}
	struct chain_attachment a = {.container_id = p->state->uid,
				     .pod_namespace = p->state->ns,
				     .pod_name = p->state->name,
				     .pod_uid = p->state->uid};
	p->cni = chain_del(p->chain, &a, on_network_gone, p);
}

static void on_shutdown_failed(void *arg, int r, const struct shim_answer *a, const struct err *e)
{
	(void)a;
	struct pod *p = arg;
	if (r < 0 && r != -ECONNRESET) /* its end comes as on_gone */
		log_warn("supervisor would not shut down pod=%s/%s error=\"%s\"", p->state->ns, p->state->name,
			 err_text(e));
}

void sandbox_teardown(struct pod *p)
{
	p->state->sandbox = SANDBOX_STOPPING;
	pod_save(p);
	for (size_t i = 0; i < p->n_work; i++)
		container_work_stop(p->work[i]);
	if (p->shim) {
		shim_shutdown(p->shim, on_shutdown_failed, p);
		return;
	}
	struct shim_config sc = sandbox_shim_config(p);
	struct err e = ERR_INIT;
	if (fs_exists(p->dir) && shim_clean_dead(&sc, &e) < 0)
		log_warn("supervisor's remains not removed, ignoring pod=%s/%s error=\"%s\"", p->state->ns,
			 p->state->name, err_text(&e));
	sandbox_teardown_network(p);
}
