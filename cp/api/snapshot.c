/* Lists at a revision. Purpose: pages of one list, and exact lists, all show one state. Happy path: the newest state,
 * as the cache has it. For an older one the changes since are undone: each changed object is put back as its first
 * change found it. Fails when the changes since are no longer known, or when the list began so long ago that a server
 * whose history is compacted would not know them any more: clients count on either. Order is always by key. */
#include "cp/api/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { LIST_KEPT_S = 300 }; /* as long as changes are kept */

char *snapshot_key(const struct cobj *o)
{
	return *o->ns ? xasprintf("%s/%s", o->ns, o->name) : xstrdup(o->name);
}

static void add(void *arg, struct cobj *o)
{
	struct snapshot *s = arg;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->v = xreallocarray(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = cobj_ref(o);
}

void snapshot_done(struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++)
		cobj_unref(s->v[i]);
	free(s->v);
	*s = (struct snapshot){0};
}

/* The first change of each key since a revision: the state before it, NULL where the object was new. */
struct undo {
	struct map *before; /* key -> struct before */
};

struct before {
	struct cobj *prev;
};

static void before_free(void *value)
{
	struct before *b = value;
	cobj_unref(b->prev);
	free(b);
}

static void note_change(void *arg, const struct cache_event *ev)
{
	struct undo *u = arg;
	if (ev->type == CACHE_BOOKMARK || !ev->obj)
		return;
	AUTO_FREE char *key = snapshot_key(ev->obj);
	if (map_has(u->before, key))
		return;
	struct before *b = xcalloc(1, sizeof(*b));
	b->prev = ev->prev ? cobj_ref(ev->prev) : NULL;
	map_set(u->before, key, b);
}

static int collect_changes(struct bucket *b, uint64_t rev, struct undo *u, struct err *e)
{
	struct cache_watch *w = NULL;
	int r = bucket_watch(b, rev, NULL, note_change, u, &w, e);
	if (r == 0)
		cache_watch_stop(w);
	return r;
}

static bool in_namespace(const struct cobj *o, const char *ns)
{
	return !*ns || strcmp(o->ns, ns) == 0;
}

static bool is_selected(const struct cobj *o, const struct list_plan *p)
{
	return (!p->labels || selector_match(p->labels, cobj_label, o)) && (!p->fields || selector_match(p->fields, cobj_field, o));
}

static int compare(const void *x, const void *y)
{
	const struct cobj *a = *(struct cobj *const *)x, *b = *(struct cobj *const *)y;
	int c = strcmp(a->ns, b->ns);
	return c ? c : strcmp(a->name, b->name);
}

/* The old state: what did not change since, and what changed as it was. */
static void rebuild(struct bucket *b, const char *ns, const struct undo *u, struct snapshot *ret)
{
	struct snapshot now = {0};
	struct bucket_query all = {.ns = ns};
	bucket_list(b, &all, add, &now);
	for (size_t i = 0; i < now.n; i++) {
		AUTO_FREE char *key = snapshot_key(now.v[i]);
		if (!map_has(u->before, key))
			add(ret, now.v[i]);
	}
	snapshot_done(&now);
	size_t at = 0;
	const char *key;
	struct before *was;
	while (map_next(u->before, &at, &key, &was))
		if (was->prev && in_namespace(was->prev, ns))
			add(ret, was->prev);
	qsort(ret->v, ret->n, sizeof(*ret->v), compare);
}

static bool is_behind(const struct cobj *o, const char *after)
{
	AUTO_FREE char *key = after ? snapshot_key(o) : NULL;
	return !after || strcmp(key, after) > 0;
}

/* Keeps a page of what is selected; what is left behind a full page counts. */
static void keep_page(struct snapshot *s, const struct list_plan *p)
{
	size_t n = 0;
	bool behind = false;
	for (size_t i = 0; i < s->n; i++) {
		struct cobj *o = s->v[i];
		behind = behind || is_behind(o, p->after);
		bool full = p->limit && n == p->limit, stays = behind && !full && is_selected(o, p);
		s->remaining += full;
		if (stays)
			s->v[n++] = o;
		else
			cobj_unref(o);
	}
	s->n = n;
}

/* A page is the last one when nothing is behind it, selected or not: whoever reads page by page does not wait for a search
 * through everything. One object by its name, and pods by their node, are found without a search. */
static bool is_searched(const char *ns, const struct list_plan *p, const struct snapshot *s)
{
	bool named = p->fields && selector_requires(p->fields, "metadata.name") && (*ns || !*s->v[s->n - 1]->ns);
	return !named && (p->labels || p->fields) && !(p->fields && selector_requires(p->fields, "spec.nodeName"));
}

static bool is_last(struct bucket *b, const char *ns, const struct list_plan *p, const struct snapshot *s)
{
	if (!p->limit || s->n < p->limit || !is_searched(ns, p, s))
		return true;
	AUTO_FREE char *key = snapshot_key(s->v[s->n - 1]);
	return !bucket_has_behind(b, ns, key);
}

int snapshot_take(struct api *a, struct bucket *b, const char *ns, const struct list_plan *p, struct snapshot *ret,
		  struct err *e)
{
	uint64_t now = cache_revision(a->cache);
	*ret = (struct snapshot){.rev = now};
	if (p->rev > now)
		return err_set(e, -ERANGE, "revision %llu is in the future", (unsigned long long)p->rev);
	if (p->exact && p->at_s && clock_wall_ms() / 1000 - p->at_s > LIST_KEPT_S)
		return err_set(e, -EOVERFLOW, "the list began too long ago");
	if (p->exact && p->rev < now) {
		struct undo u = {map_new(before_free)};
		int r = collect_changes(b, p->rev, &u, e);
		ret->rev = p->rev;
		if (r == 0 && map_len(u.before)) {
			rebuild(b, ns, &u, ret);
			keep_page(ret, p);
		}
		bool changed = r < 0 || map_len(u.before);
		map_free(u.before);
		if (changed)
			return r;
	}
	struct bucket_query query = {
	    .ns = ns, .labels = p->labels, .fields = p->fields, .after = p->after, .limit = p->limit};
	ret->remaining = bucket_list(b, &query, add, ret);
	if (!ret->remaining && !is_last(b, ns, p, ret))
		ret->remaining = 1;
	return 0;
}
