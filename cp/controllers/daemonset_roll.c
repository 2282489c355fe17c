/* Rolling a daemon set's pods to its current revision; pure, nothing can fail.
 *
 * Without surge a node's old pod goes first: at once where it does not work anyhow, else as long as not more than
 * maxUnavailable nodes are without a working one. With surge the new pod comes first, on at most maxSurge nodes, and the old
 * one goes when the new one is available. */
#include "base/json.h"
#include "cp/controllers/daemonset_internal.h"
#include "cp/controllers/object.h"

struct pair {
	json_t *old, *new;
};

/* The old and the new pod of a node; false where there are several of one. */
static bool find_pair(const struct daemons *d, const json_t *node, struct pair *ret)
{
	size_t i;
	json_t *pod;
	*ret = (struct pair){0};
	json_array_foreach(daemons_on(d, node), i, pod)
	{
		json_t **which = daemon_is_current(d, pod) ? &ret->new : &ret->old;
		if (*which)
			return false;
		*which = pod;
	}
	return true;
}

static void delete(struct daemons *d, json_t *pod)
{
	if (!object_deleting(pod))
		json_array_append(d->delete, pod);
}

static void replace(struct daemons *d)
{
	AUTO_JSON *candidates = json_array();
	int64_t unavailable = 0;
	size_t i;
	json_t *node, *pod;
	json_array_foreach(d->nodes, i, node)
	{
		struct pair p;
		if (daemonset_fits(d->set, node) != DAEMON_RUN || !find_pair(d, node, &p))
			continue;
		if (p.new && !p.old) {
			unavailable += !daemon_is_available(d, p.new);
		} else if (!p.old || p.new) {
			unavailable++;
		} else if (!daemon_is_available(d, p.old)) {
			unavailable++;
			delete (d, p.old);
		} else {
			json_array_append(candidates, p.old);
		}
	}
	json_array_foreach(candidates, i, pod)
	{
		if (unavailable++ >= d->max_unavailable)
			return;
		delete (d, pod);
	}
}

static void surge(struct daemons *d)
{
	AUTO_JSON *candidates = json_array();
	int64_t surging = 0;
	size_t i;
	json_t *node, *name;
	json_array_foreach(d->nodes, i, node)
	{
		struct pair p;
		if (daemonset_fits(d->set, node) != DAEMON_RUN || !find_pair(d, node, &p) || !p.old)
			continue;
		if (p.new && (!daemon_is_available(d, p.old) || daemon_is_available(d, p.new)))
			delete (d, p.old);
		else if (p.new)
			surging++;
		else
			json_array_append_new(daemon_is_available(d, p.old) ? candidates : d->create,
					      json_string(object_name(node)));
	}
	json_array_foreach(candidates, i, name)
	{
		if (surging++ >= d->max_surge)
			return;
		json_array_append(d->create, name);
	}
}

void daemonset_roll(struct daemons *d)
{
	if (d->max_surge > 0)
		surge(d);
	else
		replace(d);
}
