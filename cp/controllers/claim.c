/* Candidates for adoption and the mapping of orphans, over the cache. Nothing can fail: a selector that does not parse
 * matches nothing. */
#include "cp/controllers/claim.h"

#include "base/json.h"
#include "cp/controllers/adopt.h"
#include "cp/controllers/object.h"

struct claim {
	struct selector *selector;
	const char *uid;
};

static bool is_candidate(void *arg, const struct cobj *o)
{
	const struct claim *c = arg;
	return str_eq(cobj_controller_uid(o), c->uid) || (c->selector && selector_match(c->selector, cobj_label, o));
}

json_t *claim_candidates(struct runner *r, struct bucket *children, const json_t *owner)
{
	AUTO_SELECTOR *selector = NULL;
	adopt_selector(owner, &selector);
	struct claim c = {selector, object_uid(owner)};
	return runner_list(r, children, object_ns(owner), is_candidate, &c);
}

struct orphan {
	struct runner *runner;
	const struct cobj *child;
};

static void offer(void *arg, struct cobj *owner)
{
	struct orphan *o = arg;
	AUTO_JSON *parsed = runner_parse(o->runner, owner);
	AUTO_SELECTOR *selector = NULL;
	if (adopt_selector(parsed, &selector) == 0 &&
	    selector_match(selector, cobj_label, o->child))
		runner_add(o->runner, owner->ns, owner->name);
}

void claim_map_child(struct runner *r, const struct cache_event *ev, struct bucket *owners, const char *kind)
{
	runner_map_owner(r, ev, kind);
	if (ev->type == CACHE_DELETED || cobj_controller_uid(ev->obj))
		return;
	struct orphan o = {r, ev->obj};
	runner_each(owners, ev->obj->ns, offer, &o);
}
