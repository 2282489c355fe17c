/* Values of objects that were just written, for whoever writes them next: a pod is bound and given a status four times
 * within a second, and to read it each time costs as much as to write it.
 *
 * A value is kept by whoever made it and taken by the next one: it has one owner at a time, who may change it. The oldest
 * gives way to a new one, and after some seconds without writes none is left. Nothing here can fail. */
#include "base/clock.h"
#include "base/json.h"
#include "cp/cache/internal.h"

static void drop(struct kept_value *v)
{
	cobj_unref(v->o);
	json_decref(v->value);
	*v = (struct kept_value){0};
}

void kept_done(struct kept *k)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		drop(&k->v[i]);
	timer_free(k->timer);
	k->timer = NULL;
}

static void on_timer(void *arg)
{
	struct kept *k = arg;
	int64_t now = clock_mono_ms();
	bool some = false;
	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (k->v[i].o && k->v[i].until_ms <= now)
			drop(&k->v[i]);
		some = some || k->v[i].o;
	}
	if (some)
		timer_start_slack(k->timer, KEPT_MS, KEPT_MS);
}

void cobj_keep(struct cobj *o, json_t *value)
{
	struct cache *c = object_cache(o);
	struct kept *k = &c->kept;
	if (o->json->len > KEPT_BYTES) {
		json_decref(value);
		return;
	}
	if (!k->timer)
		k->timer = timer_new(c->loop, on_timer, k);
	if (!timer_is_active(k->timer))
		timer_start_slack(k->timer, KEPT_MS, KEPT_MS);
	struct kept_value *v = &k->v[k->next];
	k->next = (k->next + 1) % KEPT_MAX;
	drop(v);
	*v = (struct kept_value){cobj_ref(o), value, clock_mono_ms() + KEPT_MS};
}

json_t *cobj_take(struct cobj *o)
{
	struct kept *k = &object_cache(o)->kept;
	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (k->v[i].o != o)
			continue;
		json_t *value = TAKE(k->v[i].value);
		drop(&k->v[i]);
		return value;
	}
	return cobj_parse(o);
}
