/* A bounded memory of parsed objects.
 *
 * Slots are chosen by a hash of the uid, so that a newer state of an object replaces its older one and the memory never
 * grows past its bound. A slot holds a reference to the cached object and serves only that very state. */
#include "cp/controllers/objects.h"

#include <stdlib.h>

#include "base/mem.h"

struct slot {
	struct cobj *obj;
	json_t *parsed;
};

struct objects {
	size_t n;
	struct slot slots[];
};

struct objects *objects_new(size_t max)
{
	struct objects *o = xcalloc(1, sizeof(*o) + max * sizeof(o->slots[0]));
	o->n = max;
	return o;
}

/* Forgets them all. */
static void objects_clear(struct objects *o)
{
	for (size_t i = 0; i < o->n; i++) {
		cobj_unref(o->slots[i].obj);
		json_decref(o->slots[i].parsed);
		o->slots[i] = (struct slot){0};
	}
}

void objects_free(struct objects *o)
{
	if (!o)
		return;
	objects_clear(o);
	free(o);
}

json_t *objects_get(struct objects *o, const struct cobj *obj)
{
	size_t hash = 5381;
	for (const char *p = obj->uid; p && *p; p++)
		hash = hash * 33 ^ (unsigned char)*p;
	struct slot *s = &o->slots[hash % o->n];
	if (s->obj != obj) {
		cobj_unref(s->obj);
		json_decref(s->parsed);
		s->obj = cobj_ref((struct cobj *)obj);
		s->parsed = cobj_parse(obj);
	}
	return json_incref(s->parsed);
}
