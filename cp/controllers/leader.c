/* A candidate for a lease.
 *
 * Happy path: every two seconds the lease is read and created, taken or renewed, on condition that nobody else did.
 * What can fail: the write; then it is tried again, and a leader that does not get through in time steps down. What
 * always holds: on_change tells true and false in turns. */
#include "cp/controllers/leader.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cp/controllers/leader_plan.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"

enum { RELEASE_MS = 1000 };

struct leader {
	struct api *api;
	char *name, *user, *identity, *path;
	struct leader_seen seen;
	struct timer *timer, *release_timer;
	bool busy, freed, releasing; /* busy: a call is on its way and comes back here */
	void (*on_change)(void *arg, bool leading);
	void (*released)(void *arg);
	void *arg, *release_arg;
};

static void destroy(struct leader *l)
{
	timer_free(l->timer);
	timer_free(l->release_timer);
	leader_seen_done(&l->seen);
	free(l->name);
	free(l->user);
	free(l->identity);
	free(l->path);
	free(l);
}

static void set_leading(struct leader *l, bool leading)
{
	if (l->seen.leading == leading)
		return;
	l->seen.leading = leading;
	log_info("%s lease=%s identity=%s", leading ? "leading" : "leading no more", l->name, l->identity);
	l->on_change(l->arg, leading);
}

/* A call has come back. False: nobody waits for it any more. */
static bool back(struct leader *l)
{
	l->busy = false;
	if (l->freed)
		destroy(l);
	else
		return true;
	return false;
}

static void on_written(void *arg, int status, json_t *answer, const struct err *e)
{
	struct leader *l = arg;
	(void)status, (void)answer;
	if (!back(l) || l->releasing)
		return;
	if (e && e->code != -ESTALE && e->code != -EEXIST)
		log_warn("cannot write the lease, trying again lease=%s error=\"%s\"", l->name, err_text(e));
	if (!e) {
		l->seen.renewed_ms = clock_mono_ms();
		set_leading(l, true);
	}
	timer_start(l->timer, LEADER_RETRY_MS);
}

static void write_lease(struct leader *l, enum leader_step step, const json_t *lease)
{
	AUTO_JSON *body = leader_lease(step, lease, l->name, l->identity, clock_wall_us());
	l->busy = true;
	if (step == LEADER_CREATE)
		api_local(l->api, l->user, "POST", LEASES, NULL, body, on_written, l);
	else
		api_local(l->api, l->user, "PUT", l->path, NULL, body, on_written, l);
}

static void on_read(void *arg, int status, json_t *answer, const struct err *e)
{
	struct leader *l = arg;
	const json_t *lease = e ? NULL : answer;
	(void)status;
	if (!back(l) || l->releasing)
		return;
	int64_t now = clock_mono_ms();
	if (leader_is_lost(&l->seen, lease, l->identity, now))
		set_leading(l, false);
	enum leader_step step = e && e->code != -ENOENT ? LEADER_WAIT : leader_plan(&l->seen, lease, l->identity, now);
	if (step == LEADER_WAIT)
		timer_start(l->timer, LEADER_RETRY_MS);
	else
		write_lease(l, step, lease);
}

static void on_timer(void *arg)
{
	struct leader *l = arg;
	if (leader_is_lost(&l->seen, NULL, l->identity, clock_mono_ms()))
		set_leading(l, false);
	timer_start(l->timer, LEADER_RETRY_MS); /* a write that hangs must not hide that time passes */
	if (l->busy)
		return;
	l->busy = true;
	api_local(l->api, l->user, "GET", l->path, NULL, NULL, on_read, l);
}

struct leader *leader_new(struct api *a, const char *name, const char *user, const char *identity,
			  void (*on_change)(void *arg, bool leading), void *arg)
{
	struct leader *l = xcalloc(1, sizeof(*l));
	l->api = a;
	l->name = xstrdup(name);
	l->user = xstrdup(user);
	l->identity = xstrdup(identity);
	l->path = xasprintf(LEASES "/%s", name);
	l->on_change = on_change;
	l->arg = arg;
	l->timer = timer_new(api_loop(a), on_timer, l);
	timer_start(l->timer, 0);
	return l;
}

static void release_end(void *arg)
{
	struct leader *l = arg;
	void (*done)(void *) = TAKE(l->released);
	timer_stop(l->release_timer);
	if (done)
		done(l->release_arg);
}

static void on_released(void *arg, int status, json_t *answer, const struct err *e)
{
	struct leader *l = arg;
	(void)status, (void)answer, (void)e; /* whoever cannot give it back lets it run out */
	if (back(l))
		release_end(l);
}

static void on_read_last(void *arg, int status, json_t *answer, const struct err *e)
{
	struct leader *l = arg;
	(void)status;
	if (!back(l))
		return;
	if (e || !str_eq(json_str_at(answer, "spec.holderIdentity"), l->identity)) {
		release_end(l);
		return;
	}
	AUTO_JSON *body = leader_lease(LEADER_RENEW, answer, l->name, NULL, clock_wall_us());
	l->busy = true;
	api_local(l->api, l->user, "PUT", l->path, NULL, body, on_released, l);
}

void leader_release(struct leader *l, void (*done)(void *arg), void *arg)
{
	l->released = done;
	l->release_arg = arg;
	l->releasing = true;
	timer_stop(l->timer);
	l->release_timer = timer_new(api_loop(l->api), release_end, l);
	bool held = l->seen.leading && !l->busy;
	set_leading(l, false);
	timer_start(l->release_timer, held ? RELEASE_MS : 0);
	if (!held)
		return;
	l->busy = true;
	api_local(l->api, l->user, "GET", l->path, NULL, NULL, on_read_last, l);
}

void leader_free(struct leader *l)
{
	if (!l)
		return;
	l->freed = true;
	l->released = NULL;
	timer_stop(l->timer);
	if (l->release_timer)
		timer_stop(l->release_timer);
	if (!l->busy)
		destroy(l);
}
