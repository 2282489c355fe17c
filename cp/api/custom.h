/* Custom resources: what CustomResourceDefinitions make the server serve. A definition's state becomes a struct custom,
 * never changed once made; requests that run by it keep it alive. */
#ifndef KNARR_CP_API_CUSTOM_H
#define KNARR_CP_API_CUSTOM_H

#include "cp/api/api_internal.h"
#include "cp/schema/crd.h"

/* One version of a definition. */
struct custom_version {
	struct crd_schema *schema;
	struct kind kind;
	struct custom_kind details;
	struct resource resource;
	struct custom_table *table;
	char *prefix; /* how its objects' bytes begin: {"apiVersion":"g/v","kind":"K", */
	bool served, storage;
};

struct custom {
	int refs;
	json_t *crd;    /* the definition; texts of the kinds point into it */
	uint64_t since; /* objects written at this revision or later were written by this schema */
	struct custom_version *v;
	size_t n;
	struct custom_version *stored;
	const char *group, *plural;
	bool terminating, webhook;
	char **texts; /* made texts, kept for the kinds */
	struct map *converted; /* "uid/revision/version" -> json_t *: what the webhook made (custom_convert.c); NULL: nothing */
};

/* By a definition with accepted names. since is the revision at which its spec last changed. Returns owned. */
struct custom *custom_new(struct api *a, const json_t *crd, uint64_t since);
struct custom *custom_ref(struct custom *c);
void custom_unref(struct custom *c); /* NULL is fine */

/* An object of an older schema or another version as res shows it, or as it is stored; in place. */
void custom_show(const struct resource *res, json_t *object, uint64_t rev);
void custom_store(const struct resource *res, json_t *object);
/* Whether the bytes of a stored object are what res shows. */
bool custom_is_plain(const struct resource *res, const struct buf *json, uint64_t rev);

/* --- conversion by webhook (custom_convert.c) --- */

/* Whether res is shown in another form than it is stored in, and only a webhook knows both. */
bool custom_needs_webhook(const struct resource *res);
/* Objects may stand in other versions than this one, whichever is stored now, and only a webhook converts them. */
bool custom_reads_by_webhook(const struct resource *res);
/* The stored bytes are of the resource's version, whatever schema it had then. */
bool custom_is_in_version(const struct resource *res, const struct buf *json);
/* Whether an object can be shown as res without asking. */
bool custom_is_ready(const struct resource *res, const struct cobj *o);
/* The converted object; NULL: it was not converted. Borrowed. */
json_t *custom_converted(const struct resource *res, const char *uid, uint64_t rev);
void custom_remember(const struct resource *res, uint64_t rev, const json_t *object);
/* Converts objects (an array, taken) to a version; done gets a Status (taken) or the converted array (borrowed). It may
 * be called before the call returns. */
typedef void (*convert_done)(void *arg, json_t *status, json_t *converted);
void custom_convert(struct api *a, struct custom *c, const char *version, json_t *objects, convert_done done, void *arg);
/* Makes objects ready; done gets a Status (taken) or NULL, also before the call returns. */
void custom_prepare(struct api *a, const struct resource *res, struct cobj *const *v, size_t n,
		    void (*done)(void *arg, json_t *status), void *arg);
/* The same for all that a request will look at; done's arg is the request. */
void custom_prepare_request(struct req *q, void (*done)(void *arg, json_t *status));

/* The registry of an api: serves what is established and follows the definitions. */
struct customs;
void customs_start(struct api *a); /* the established ones are served when it returns */
void customs_free(struct customs *s);
const struct resource *customs_resource(const struct customs *s, const char *group, const char *version, const char *plural);
/* Calls fn for each served resource until it says true; returns that one, or NULL. */
const struct resource *customs_each(const struct customs *s, bool (*fn)(const struct resource *res, void *arg), void *arg);

/* Deletes all objects of a definition that is going, then lets it go (custom_delete.c). */
struct custom_cleanup;
struct custom_cleanup *custom_cleanup_start(struct api *a, const json_t *crd, struct custom *c);
void custom_cleanup_stop(struct custom_cleanup *d); /* NULL is fine */

#endif
