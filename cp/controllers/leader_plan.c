/* Leases of leaders. Happy path: the holder renews, the others look whether the record changes; when it has not for as
 * long as it is good, somebody takes it. Nothing can fail. What always holds: a lease that is good is not taken. */
#include "cp/controllers/leader_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

void leader_seen_done(struct leader_seen *s)
{
	free(s->record);
	*s = (struct leader_seen){0};
}

static const char *holder_of(const json_t *lease)
{
	return json_str_or(lease, "spec.holderIdentity", "");
}

static void look(struct leader_seen *s, const json_t *lease, int64_t now_ms)
{
	const json_t *spec = json_object_get(lease, "spec");
	AUTO_FREE char *record = spec ? json_text(spec) : xstrdup("");
	if (str_eq(record, s->record))
		return;
	free(s->record);
	s->record = TAKE(record);
	s->seen_ms = now_ms;
}

enum leader_step leader_plan(struct leader_seen *s, const json_t *lease, const char *me, int64_t now_ms)
{
	if (!lease)
		return LEADER_CREATE;
	look(s, lease, now_ms);
	const char *holder = holder_of(lease);
	if (str_eq(holder, me))
		return LEADER_RENEW;
	int64_t good_ms = json_int_at(lease, "spec.leaseDurationSeconds", LEADER_LEASE_S) * 1000;
	return !*holder || now_ms >= s->seen_ms + good_ms ? LEADER_TAKE : LEADER_WAIT;
}

bool leader_is_lost(const struct leader_seen *s, const json_t *lease, const char *me, int64_t now_ms)
{
	return s->leading && (now_ms >= s->renewed_ms + LEADER_RENEW_MS || (lease && !str_eq(holder_of(lease), me)));
}

json_t *leader_lease(enum leader_step step, const json_t *lease, const char *name, const char *me, int64_t wall_us)
{
	char now[RFC3339_MAX];
	json_t *o = lease ? json_deep_copy(lease)
			  : json_pack("{s:s,s:s,s:{s:s,s:s}}", "apiVersion", "coordination.k8s.io/v1", "kind", "Lease",
				      "metadata", "name", name, "namespace", "kube-system");
	rfc3339_micro(wall_us, now);
	json_set_str(o, "spec.holderIdentity", me ? me : "");
	json_set_int(o, "spec.leaseDurationSeconds", me ? LEADER_LEASE_S : 1);
	json_set_str(o, "spec.renewTime", now);
	if (step == LEADER_RENEW && me)
		return o;
	json_set_str(o, "spec.acquireTime", now);
	if (me)
		json_set_int(o, "spec.leaseTransitions",
			     step == LEADER_CREATE ? 0 : json_int_at(lease, "spec.leaseTransitions", 0) + 1);
	return o;
}
