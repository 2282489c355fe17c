/* The generic runner.
 *
 * Happy path: a watch reports a change, the controller's map adds keys, the pump (deferred to the end of the loop's
 * turn, so that a burst is one turn) takes due keys, the sync function fills a plan, the plan's actions are called
 * stage by stage, the key is done. What can fail are the calls: the first failure of a plan stops its later stages (but
 * those marked PLAN_ALWAYS), is logged when it is new, remembered for the next sync, and the key is retried. Always
 * holds: one job per key; the runner lives until its last call was answered and its last deferred pump has run; nothing
 * wakes up unless a key is due; a key whose sync is costly (a set of thousands of pods) rests after it in proportion, so
 * that a change of each of them does not keep everybody else waiting. */
#include "cp/controllers/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/controllers/events.h"
#include "cp/controllers/object.h"
#include "cp/controllers/queue.h"
#include "cp/controllers/queue_metrics.h"

enum { CALLS_MAX = 16, TURN_MAX = 32, RETRY_BASE_MS = 5, RETRY_MAX_MS = 1000000 };
enum { COSTLY_US = 3000, REST = 9 /* times what it took */ };

struct runner {
	struct api *api;
	const struct controller *c;
	const struct controllers_config *config;
	struct objects *objects;
	struct queue *queue;
	struct queue_metrics counts;
	struct events *events;
	struct map *errors; /* key -> text of its last failure */
	struct timer *timer;
	struct source_watch {
		struct runner *runner;
		void (*map)(struct runner *r, const struct cache_event *ev);
		struct cache_watch *watch;
		struct bucket *bucket;
	} * *watches;
	size_t n_watches;
	void *state;
	int jobs, refs;
	bool pumping, stopped;
};

struct job {
	struct runner *runner;
	char *key;
	int64_t begun_us, cost_us; /* cost: CPU time of its sync */
	struct plan plan;
	size_t next; /* the next action to start */
	int stage, calls;
	bool conflict;
	char *error;
};

struct call {
	struct job *job;
	size_t action;
};

static void runner_unref(struct runner *r)
{
	if (--r->refs > 0)
		return;
	events_free(r->events);
	queue_free(r->queue);
	map_free(r->errors);
	if (r->c->state_free)
		r->c->state_free(r->state);
	free(r);
}

static void pump(void *arg);

static void wake(struct runner *r)
{
	if (r->pumping || r->stopped)
		return;
	r->pumping = true;
	r->refs++;
	loop_defer(api_loop(r->api), pump, r);
}

static void on_timer(void *arg)
{
	wake(arg);
}

/* Sets the timer for the earliest key that waits. */
static void rearm(struct runner *r)
{
	int64_t at = queue_next_at(r->queue), now = clock_mono_ms();
	if (at == INT64_MAX || r->jobs >= r->c->workers)
		timer_stop(r->timer);
	else if (at <= now)
		wake(r);
	else
		timer_start(r->timer, at - now);
}

static void note(struct runner *r, const struct plan_note *n, json_t *answer, const char *error)
{
	if (!n->reason || r->stopped)
		return;
	AUTO_STR text = STR_INIT;
	for (const char *p = n->message; *p; p++) {
		if (p[0] == '%' && p[1] == 'n')
			str_add(&text, object_name(answer)), p++;
		else if (p[0] == '%' && p[1] == 'e')
			str_add(&text, error), p++;
		else
			str_addc(&text, *p);
	}
	events_record(r->events, n->involved, n->type, n->reason, str_text(&text));
}

/* The end of a job: what becomes of its key. */
static void job_end(struct job *j)
{
	struct runner *r = j->runner;
	int64_t now = clock_mono_ms();
	metric_observe(r->counts.work, (double)(clock_mono_us() - j->begun_us) / 1e6);
	if (j->error) {
		const char *before = map_get(r->errors, j->key);
		if (!str_eq(before, j->error) && !j->conflict)
			log_warn("sync failed controller=%s key=%s error=%s", r->c->name, j->key, j->error);
		if (!j->conflict)
			map_set(r->errors, j->key, TAKE(j->error));
		queue_retry(r->queue, j->key, now);
		metric_add(r->counts.retries, 1);
	} else {
		map_remove(r->errors, j->key);
		queue_forget(r->queue, j->key);
		if (j->plan.again_ms)
			queue_add_at(r->queue, j->key, now + j->plan.again_ms);
	}
	queue_done(r->queue, j->key, j->cost_us > COSTLY_US ? now + j->cost_us * REST / 1000 : 0);
	r->jobs--;
	plan_done(&j->plan);
	free(j->error);
	free(j->key);
	free(j);
	if (!r->stopped)
		rearm(r);
	runner_unref(r);
}

static bool is_fine(const struct action *a, const struct err *e)
{
	return !e || ((a->flags & PLAN_ABSENT_OK) && e->code == -ENOENT) ||
	       ((a->flags & PLAN_EXISTS_OK) && e->code == -EEXIST) ||
	       ((a->flags & PLAN_REFUSED_OK) && e->code == -EACCES);
}

static void job_go_on(struct job *j);

static void on_answer(void *arg, int status, json_t *answer, const struct err *e)
{
	struct call *call = arg;
	struct job *j = call->job;
	const struct action *a = &j->plan.v[call->action];
	(void)status;
	free(call);
	j->calls--;
	if (!e) {
		note(j->runner, &a->ok, answer, "");
	} else if (!is_fine(a, e)) {
		if (e->code == -ESTALE && !j->error)
			j->conflict = true;
		else if (e->code != -ESTALE)
			j->conflict = false;
		note(j->runner, &a->failed, answer, err_text(e));
		if (!j->error || !j->conflict) {
			free(j->error);
			j->error = xstrdup(err_text(e));
		}
	}
	job_go_on(j);
}

static void start_action(struct job *j, size_t i)
{
	struct action *a = &j->plan.v[i];
	if (!a->method) {
		note(j->runner, &a->ok, NULL, "");
		return;
	}
	struct call *call = xmalloc(sizeof(*call));
	*call = (struct call){j, i};
	j->calls++;
	api_local(j->runner->api, RUNNER_USER, a->method, a->path, a->content_type, a->body, on_answer, call);
}

/* Starts what may be started now; ends the job when nothing is left. */
static void job_go_on(struct job *j)
{
	while (j->next < j->plan.n && j->calls < CALLS_MAX) {
		const struct action *a = &j->plan.v[j->next];
		if (a->stage != j->stage) {
			if (j->calls)
				return;
			j->stage = a->stage;
		}
		size_t i = j->next++;
		if (!(j->error || j->runner->stopped) || (a->flags & PLAN_ALWAYS))
			start_action(j, i);
	}
	if (!j->calls && j->next == j->plan.n)
		job_end(j);
}

static void work(struct runner *r, const char *key)
{
	struct job *j = xcalloc(1, sizeof(*j));
	j->runner = r;
	j->key = xstrdup(key);
	j->begun_us = clock_mono_us();
	r->jobs++;
	r->refs++;
	const char *slash = strchr(j->key, '/');
	AUTO_FREE char *ns = xstrndup(j->key, slash ? (size_t)(slash - j->key) : 0);
	struct sync s = {.runner = r,
			 .api = r->api,
			 .key = j->key,
			 .ns = ns,
			 .name = slash ? slash + 1 : j->key,
			 .now_ms = clock_wall_ms(),
			 .last_error = map_get(r->errors, j->key),
			 .state = r->state,
			 .plan = &j->plan};
	j->cost_us = -clock_cpu_us();
	r->c->sync(&s);
	j->cost_us += clock_cpu_us();
	j->stage = j->plan.n ? j->plan.v[0].stage : 0;
	job_go_on(j);
}

static void pump(void *arg)
{
	struct runner *r = arg;
	r->pumping = false;
	const char *key;
	for (int i = 0; i < TURN_MAX && !r->stopped && r->jobs < r->c->workers; i++) {
		if (!(key = queue_take(r->queue, clock_mono_ms())))
			break;
		work(r, key);
	}
	if (!r->stopped)
		rearm(r);
	runner_unref(r);
}

static void on_change(void *arg, const struct cache_event *ev)
{
	struct source_watch *w = arg;
	if (ev->type != CACHE_BOOKMARK)
		w->map(w->runner, ev);
}

static void on_existing(void *arg, struct cobj *o)
{
	struct cache_event ev = {.type = CACHE_ADDED, .obj = o, .rev = o->rev};
	on_change(arg, &ev);
}

static int add_watch(struct runner *r, struct bucket *b, const struct controller_source *s, struct err *e)
{
	struct source_watch *w = xcalloc(1, sizeof(*w));
	*w = (struct source_watch){.runner = r, .map = s->map, .bucket = b};
	r->watches = xreallocarray(r->watches, r->n_watches + 1, sizeof(struct source_watch *));
	r->watches[r->n_watches++] = w;
	bucket_list(b, &(struct bucket_query){0}, on_existing, w);
	return bucket_watch(b, UINT64_MAX, NULL, on_change, w, &w->watch, e);
}

static int add_every(struct runner *r, const struct controller_source *s, struct err *e)
{
	AUTO_MAP *seen = map_new(NULL);
	const struct kind *k;
	for (size_t i = 0; (k = schema_kind_nth(api_schema(r->api), i)); i++) {
		struct bucket *b = api_bucket(r->api, k->group, k->plural);
		AUTO_FREE char *id = xasprintf("%p", (void *)b);
		if (!b || map_has(seen, id))
			continue;
		map_set(seen, id, b);
		int rc = add_watch(r, b, s, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Custom resources appear while the runner runs. */
static void on_new_kind(void *arg, struct bucket *b)
{
	struct runner *r = arg;
	for (size_t i = 0; i < r->n_watches; i++)
		if (r->watches[i]->bucket == b)
			return;
	for (const struct controller_source *s = r->c->sources; s < r->c->sources + ARRAY_LEN(r->c->sources) && s->plural; s++)
		if (str_eq(s->plural, "*"))
			(void)add_watch(r, b, s, NULL); /* from now on: cannot fail */
}

static int add_source(struct runner *r, const struct controller_source *s, struct err *e)
{
	if (str_eq(s->plural, "*"))
		return add_every(r, s, e);
	struct bucket *b = api_bucket(r->api, s->group, s->plural);
	if (!b)
		return err_set(e, -EINVAL, "%s: resource %s is not stored", r->c->name, s->plural);
	return add_watch(r, b, s, e);
}

static void tell_depth(void *arg)
{
	struct runner *r = arg;
	metric_set(r->counts.depth, (double)queue_depth(r->queue));
}

int runner_start(struct api *a, const struct controller *c, const struct controllers_config *config, struct objects *objects,
		 struct runner **ret, struct err *e)
{
	struct runner *r = xcalloc(1, sizeof(*r));
	*r = (struct runner){.api = a, .c = c, .config = config, .objects = objects, .refs = 1};
	r->queue = queue_new(RETRY_BASE_MS, RETRY_MAX_MS);
	queue_metrics_init(&r->counts, api_metrics(a), c->name);
	metrics_before_write(api_metrics(a), tell_depth, r);
	r->events = events_new(a, RUNNER_USER, c->component);
	r->errors = map_new(free);
	r->timer = timer_new(api_loop(a), on_timer, r);
	r->state = c->state_new ? c->state_new(a) : NULL;
	for (const struct controller_source *s = c->sources; s < c->sources + ARRAY_LEN(c->sources) && s->plural; s++) {
		int rc = add_source(r, s, e);
		if (rc < 0) {
			runner_stop(r);
			return rc;
		}
	}
	api_watch_kinds(a, on_new_kind, r);
	*ret = r;
	return 0;
}

void runner_stop(struct runner *r)
{
	if (!r)
		return;
	r->stopped = true;
	metrics_forget_before_write(api_metrics(r->api), r);
	api_unwatch_kinds(r->api, r);
	for (size_t i = 0; i < r->n_watches; i++) {
		cache_watch_stop(r->watches[i]->watch);
		free(r->watches[i]);
	}
	free(r->watches);
	timer_free(r->timer);
	runner_unref(r);
}

void runner_add_key(struct runner *r, const char *key)
{
	queue_add(r->queue, key);
	metric_add(r->counts.adds, 1);
	wake(r);
}

static char *key_of(const char *ns, const char *name)
{
	return str_empty(ns) ? xstrdup(name) : xasprintf("%s/%s", ns, name);
}

void runner_add(struct runner *r, const char *ns, const char *name)
{
	AUTO_FREE char *key = key_of(ns, name);
	runner_add_key(r, key);
}

void runner_add_after(struct runner *r, const char *ns, const char *name, int64_t after_ms)
{
	AUTO_FREE char *key = key_of(ns, name);
	queue_add_at(r->queue, key, clock_mono_ms() + MAX(after_ms, 0));
	if (!r->pumping)
		rearm(r);
}

struct api *runner_api(struct runner *r)
{
	return r->api;
}

const struct controllers_config *runner_config(struct runner *r)
{
	return r->config;
}

void *runner_state(struct runner *r)
{
	return r->state;
}

json_t *runner_parse(struct runner *r, const struct cobj *o)
{
	return o ? objects_get(r->objects, o) : NULL;
}

void runner_map_self(struct runner *r, const struct cache_event *ev)
{
	runner_add(r, ev->obj->ns, ev->obj->name);
}

static void add_owner(struct runner *r, const struct cobj *o, const char *kind)
{
	struct cobj_owner owner;
	for (size_t i = 0; cobj_owner(o, i, &owner); i++) {
		if (owner.controller && str_eq(owner.kind, kind))
			runner_add(r, o->ns, owner.name);
	}
}

void runner_map_owner(struct runner *r, const struct cache_event *ev, const char *kind)
{
	add_owner(r, ev->obj, kind);
	if (ev->prev)
		add_owner(r, ev->prev, kind);
}

void runner_each(struct bucket *b, const char *ns, void (*fn)(void *arg, struct cobj *o), void *arg)
{
	bucket_list(b, &(struct bucket_query){.ns = ns}, fn, arg);
}

struct lister {
	struct runner *runner;
	json_t *all;
	bool (*keep)(void *arg, const struct cobj *o);
	void *arg;
};

static void list_one(void *arg, struct cobj *o)
{
	struct lister *l = arg;
	if (!l->keep || l->keep(l->arg, o))
		json_array_append_new(l->all, objects_get(l->runner->objects, o));
}

json_t *runner_list(struct runner *r, struct bucket *b, const char *ns, bool (*keep)(void *arg, const struct cobj *o),
		    void *arg)
{
	struct lister l = {r, json_array(), keep, arg};
	runner_each(b, ns, list_one, &l);
	return l.all;
}
