/* Buckets: the objects of one resource in key order (a skip list).
 *
 * Nothing here can fail. What always holds: every slot has an object. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/cache/ring.h"

static int compare(const struct cobj *o, const char *ns, const char *name)
{
	int c = strcmp(o->ns, ns);
	return c ? c : strcmp(o->name, name);
}

static struct slot *slot_new(struct bucket *b, unsigned levels)
{
	struct slot *s = xcalloc(1, sizeof(*s) + levels * sizeof(s->next[0]));
	s->bucket = b;
	s->levels = levels;
	return s;
}

void bucket_init(struct bucket *b)
{
	b->head = slot_new(b, SLOT_LEVELS);
	list_init(&b->watches);
	b->seq = UINT64_MAX / 2;
	for (size_t i = 0; i < b->n_index; i++)
		b->index[i] = map_new(slot_set_free);
	b->labels = map_new(slot_set_free);
}

void bucket_free(struct bucket *b)
{
	for (struct slot *s = b->head; s;) {
		struct slot *next = s->next[0];
		cobj_unref(s->obj);
		free(s);
		s = next;
	}
	for (size_t i = 0; i < b->n_index; i++)
		map_free(b->index[i]);
	map_free(b->labels);
	for (; b->n; b->n--, b->first = (b->first + 1) % b->cap)
		change_unref(b->ring[b->first]);
	free(b->ring);
	free(b->prefix);
	free_strv(&b->fields);
	free_strv(&b->paths);
	free_strv(&b->absent);
	free(b);
}

int slot_compare(const struct slot *s, const char *ns, const char *name)
{
	return compare(s->obj, ns, name);
}

struct slot *bucket_seek(const struct bucket *b, const char *ns, const char *name, struct slot **before)
{
	struct slot *at = b->head;
	for (unsigned l = SLOT_LEVELS; l-- > 0;) {
		while (at->next[l] && compare(at->next[l]->obj, ns, name) < 0)
			at = at->next[l];
		if (before)
			before[l] = at;
	}
	return at->next[0];
}

static struct slot *bucket_find(const struct bucket *b, const char *ns, const char *name)
{
	struct slot *s = bucket_seek(b, ns, name, NULL);
	return s && !compare(s->obj, ns, name) ? s : NULL;
}

static unsigned random_levels(void)
{
	static uint32_t state = 0x9e3779b9;
	unsigned levels = 1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	for (uint32_t bits = state; (bits & 3) == 0 && levels < SLOT_LEVELS; bits >>= 2)
		levels++;
	return levels;
}

struct cobj *bucket_put(struct bucket *b, struct cobj *o)
{
	struct slot *before[SLOT_LEVELS], *s = bucket_seek(b, o->ns, o->name, before);
	struct cobj *old = NULL;
	if (s && !compare(s->obj, o->ns, o->name)) {
		bucket_index_slot(s, false, o);
		old = s->obj;
		b->bytes -= old->json->len;
		ring_note_current(b, old, false);
	} else {
		s = slot_new(b, random_levels());
		for (unsigned l = 0; l < s->levels; l++) {
			s->next[l] = before[l]->next[l];
			before[l]->next[l] = s;
		}
		b->len++;
	}
	s->obj = cobj_ref(o);
	b->bytes += o->json->len;
	ring_note_current(b, o, true);
	bucket_index_slot(s, true, old);
	return old;
}

struct cobj *bucket_remove(struct bucket *b, const char *ns, const char *name)
{
	struct slot *before[SLOT_LEVELS], *s = bucket_seek(b, ns, name, before);
	if (!s || compare(s->obj, ns, name))
		return NULL;
	bucket_index_slot(s, false, NULL);
	for (unsigned l = 0; l < s->levels; l++)
		before[l]->next[l] = s->next[l];
	struct cobj *old = s->obj;
	free(s);
	b->len--;
	b->bytes -= old->json->len;
	ring_note_current(b, old, false);
	return old;
}

void bucket_rescope(struct bucket *b, bool namespaced)
{
	b->namespaced = namespaced;
}

size_t bucket_bytes(const struct bucket *b)
{
	return b->bytes;
}

size_t bucket_len(const struct bucket *b)
{
	return b->len;
}

char *bucket_key(const struct bucket *b, const char *ns, const char *name)
{
	return b->namespaced ? xasprintf("%s%s/%s", b->prefix, ns, name) : xasprintf("%s%s", b->prefix, name);
}

struct cobj *bucket_get(const struct bucket *b, const char *ns, const char *name)
{
	struct slot *s = bucket_find(b, b->namespaced && ns ? ns : "", name);
	return s ? s->obj : NULL;
}

bool query_matches(const struct bucket_query *q, const struct cobj *o)
{
	return (str_empty(q->ns) || !strcmp(q->ns, o->ns)) &&
	       (!q->labels || selector_match(q->labels, cobj_label, o)) &&
	       (!q->fields || selector_match(q->fields, cobj_field, o));
}

struct listing {
	const struct bucket_query *q;
	char *after_ns, *after_name;
	void (*fn)(void *arg, struct cobj *o);
	void *arg;
	size_t given, remaining;
};

static void offer(struct listing *l, struct cobj *o)
{
	if (l->after_name && compare(o, l->after_ns, l->after_name) <= 0)
		return;
	if (!query_matches(l->q, o))
		return;
	if (l->q->limit && l->given >= l->q->limit) {
		l->remaining++;
		return;
	}
	l->given++;
	l->fn(l->arg, o);
}

static void parse_after(const struct bucket *b, const char *after, struct listing *l)
{
	const char *slash = after && b->namespaced ? strchr(after, '/') : NULL;
	if (!after)
		return;
	l->after_ns = slash ? xstrndup(after, (size_t)(slash - after)) : xstrdup("");
	l->after_name = xstrdup(slash ? slash + 1 : after);
}

/* A query that names its object needs no walk: watches of one object are the most common of all. */
static bool offer_named(const struct bucket *b, struct listing *l)
{
	const char *name = l->q->fields ? selector_requires(l->q->fields, "metadata.name") : NULL;
	if (!name || (b->namespaced && str_empty(l->q->ns)))
		return false;
	struct slot *s = bucket_find(b, b->namespaced ? l->q->ns : "", name);
	if (s)
		offer(l, s->obj);
	return true;
}

size_t bucket_list(const struct bucket *b, const struct bucket_query *q, void (*fn)(void *arg, struct cobj *o),
		   void *arg)
{
	struct listing l = {.q = q, .fn = fn, .arg = arg};
	AUTO_FREE struct slot **slots = NULL;
	size_t n = 0;
	parse_after(b, q->after, &l);
	bool named = offer_named(b, &l);
	if (!named && bucket_from_index(b, q, &slots, &n)) {
		for (size_t i = 0; i < n; i++)
			offer(&l, slots[i]->obj);
	} else if (!named) {
		const char *ns = str_empty(q->ns) || !b->namespaced ? NULL : q->ns;
		bool from_after = l.after_name && (!ns || strcmp(l.after_ns, ns) >= 0);
		struct slot *s = from_after ? bucket_seek(b, l.after_ns, l.after_name, NULL) : bucket_seek(b, ns ? ns : "", "", NULL);
		for (; s && (!ns || !strcmp(s->obj->ns, ns)); s = s->next[0])
			offer(&l, s->obj);
	}
	free(l.after_ns);
	free(l.after_name);
	return l.remaining;
}

bool bucket_has_behind(const struct bucket *b, const char *ns, const char *key)
{
	struct listing l = {0};
	if (!key)
		return b->len > 0;
	parse_after(b, key, &l);
	struct slot *s = bucket_seek(b, l.after_ns, l.after_name, NULL);
	if (s && !compare(s->obj, l.after_ns, l.after_name))
		s = s->next[0];
	free(l.after_ns);
	free(l.after_name);
	return s && (!*ns || !b->namespaced || !strcmp(s->obj->ns, ns));
}
