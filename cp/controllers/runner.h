/* The generic runner: observe -> plan -> apply for one controller.
 *
 * Changes of the observed resources become keys; for each key the controller's sync function reads the cache, calls its
 * pure plan and hands back the plan, which the runner carries out. A key is in flight until every call of its plan has
 * been answered, and the cache shows a write before it is answered: so a plan never sees a state from before its own
 * writes. A key whose plan failed comes back with growing delay. */
#ifndef KNARR_CP_CONTROLLERS_RUNNER_H
#define KNARR_CP_CONTROLLERS_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "cp/api/api.h"
#include "cp/controllers/objects.h"
#include "cp/controllers/plan.h"

#define RUNNER_USER "system:kube-controller-manager"

struct runner;

/* What a sync function gets. Texts are valid during the call. */
struct sync {
	struct runner *runner;
	struct api *api;
	const char *key, *ns, *name; /* key is "ns/name", or "name" with ns "" */
	int64_t now_ms;              /* wall clock */
	const char *last_error;      /* what failed when the key was worked on last; NULL: nothing */
	void *state;
	struct plan *plan; /* to be filled */
};

struct controller_source {
	const char *group, *plural; /* plural "*": every stored resource */
	/* Turns a change into keys with runner_add*(). Objects that are there at the start come as CACHE_ADDED. */
	void (*map)(struct runner *r, const struct cache_event *ev);
};

struct controller {
	const char *name;      /* "deployment-controller" */
	const char *component; /* as events name their source */
	int workers;           /* keys in flight at once */
	struct controller_source sources[6];
	void (*sync)(struct sync *s);
	void *(*state_new)(struct api *a); /* the controller's own memory; both may be NULL */
	void (*state_free)(void *state);
};

/* objects is shared by the runners and must outlive them. -EINVAL: an observed resource is not stored. */
struct controllers_config;
int runner_start(struct api *a, const struct controller *c, const struct controllers_config *config, struct objects *objects,
		 struct runner **ret, struct err *e);
/* Starts nothing more. What is under way ends by itself, then the memory is freed. NULL is fine. */
void runner_stop(struct runner *r);

/* For map and sync functions. */
void runner_add(struct runner *r, const char *ns, const char *name);
void runner_add_key(struct runner *r, const char *key);
void runner_add_after(struct runner *r, const char *ns, const char *name, int64_t after_ms);
struct api *runner_api(struct runner *r);
void *runner_state(struct runner *r);
const struct controllers_config *runner_config(struct runner *r);
json_t *runner_parse(struct runner *r, const struct cobj *o); /* NULL for NULL; json_decref() it */

/* Ready-made maps. */
void runner_map_self(struct runner *r, const struct cache_event *ev);
/* The controlling owners of the given kind, of the new and the old state. */
void runner_map_owner(struct runner *r, const struct cache_event *ev, const char *kind);

/* Objects of b in ns (NULL: all) as an array of parsed objects (owned): those that keep() wants (NULL: all). */
json_t *runner_list(struct runner *r, struct bucket *b, const char *ns, bool (*keep)(void *arg, const struct cobj *o),
		    void *arg);
/* Calls fn for each object of b in ns. */
void runner_each(struct bucket *b, const char *ns, void (*fn)(void *arg, struct cobj *o), void *arg);

#endif
