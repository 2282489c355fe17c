/* Admission: the chain of plugins between a request that may be made and what is stored (Kubernetes, Admission
 * Controllers). Mutating plugins run on the defaulted object before it is prepared and validated, validating ones after.
 *
 * A plugin may suspend the chain (a webhook is called, a quota is charged) and resume it later: whoever runs a chain
 * gets its outcome through a callback, at once or from the loop. One thread: the loop's. */
#ifndef KNARR_CP_ADMISSION_ADMISSION_H
#define KNARR_CP_ADMISSION_ADMISSION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/list.h"
#include "base/str.h"
#include "cp/auth/authorize.h"
#include "cp/cache/cache.h"
#include "cp/schema/schema.h"
#include "cp/schema/status.h"
#include "io/loop.h"

enum admit_op { ADMIT_CREATE = 1, ADMIT_UPDATE = 2, ADMIT_DELETE = 4, ADMIT_CONNECT = 8 };

/* What admission needs of the server. All borrowed, valid until admission_free(). */
struct admission_config {
	struct loop *loop;
	struct schema *schema;
	struct cache *cache; /* with its buckets declared */
	const char *ca_file; /* the cluster CA, for nothing but tokens' and services' callers; may be NULL */
	/* Of the request that runs (struct admit.request): a text for the Warning header; an annotation of its audit
	 * event; whether its user may do something else. */
	void (*warn)(void *request, const char *text);
	void (*annotate)(void *request, const char *key, const char *value);
	bool (*may)(void *request, const struct auth_attributes *what);
	/* The n-th other kind that is served of the same objects (another version, events of another group); NULL behind the
	 * last. Valid as long as the request. NULL here: no kind has others. */
	const struct kind *(*equivalent)(void *request, const struct kind *kind, size_t n);
	/* Brings objects (an array, taken) of one of those kinds into the form of another. done, at once or from the loop, gets
	 * a Status (taken) or the array (borrowed). */
	void (*convert)(void *request, const struct kind *from, const struct kind *to, json_t *objects,
			void (*done)(void *arg, json_t *status, json_t *converted), void *arg);
	/* Stores the status of objects of one kind (an array, borrowed for the call) in one step, on the condition that they
	 * are the newest states (-ESTALE otherwise); done comes from the loop. */
	void *server;
	void (*store)(void *server, const char *group, const char *version, const char *plural, json_t *objects,
		      void (*done)(void *arg, int r, const struct err *e), void *arg);
};

struct admission; /* the server's: what plugins keep between requests */

int admission_new(const struct admission_config *c, struct admission **ret, struct err *e);
/* Ends every chain that waits with 503 first. NULL is fine. */
void admission_free(struct admission *n);
/* Whether requests in a namespace have been charged, or are being charged, and are not settled: its quotas may count what
 * is not there yet. */
bool admission_quota_is_busy(const struct admission *n, const char *ns);
/* Adds the counters of admission in Prometheus' text format. */
void admission_metrics(const struct admission *n, struct str *out);

/* status: why it is refused (taken by the callee), NULL: admitted. */
typedef void (*admit_done)(void *arg, json_t *status);

/* One request on its way through the chain. The caller fills the upper part (all borrowed until the outcome), zeroes the
 * rest, and keeps it in place until admit_settle(). */
struct admit {
	struct admission *n;
	void *request; /* the caller's, for the callbacks of the configuration */
	enum admit_op op;
	const struct kind *kind; /* of the resource, also for its subresources */
	const char *subresource; /* "" for the object itself */
	const char *ns, *name;	 /* "" for a cluster's own; the name is "" while it is generated */
	json_t *object;		 /* one reference, that a plugin may exchange for another object; NULL for a delete */
	const json_t *old;	 /* NULL for a create; the object that goes for a delete */
	const json_t *options;	 /* the request's CreateOptions ...; may be NULL */
	const struct auth_user *user;
	bool dry_run;
	/* Fills what a changed object lacks, as decoding does. NULL: nothing. */
	void (*set_defaults)(void *request, json_t *object);

	/* Inside. */
	struct list link; /* of those that wait */
	size_t at;
	bool validating, suspended, reinvoke, reinvoked;
	void (*cancel)(struct admit *a); /* of the plugin that waits: forget about it */
	void *waiting;			 /* that plugin's own */
	struct quota_ticket *quota;	 /* what this request was charged */
	struct hook_run *hooks;		 /* webhooks: what was called, what has to be called again */
	admit_done done;
	void *done_arg;
};

void admit_mutate(struct admit *a, admit_done done, void *arg);
void admit_validate(struct admit *a, admit_done done, void *arg);
/* The end, in any case: what was reserved becomes real, or is given back. May be called again, and for an admit that was
 * never run. */
void admit_settle(struct admit *a, bool committed);

#endif
