/* The common end of every write: prepare, default, validate, store, answer. */
#ifndef KNARR_CP_API_WRITE_H
#define KNARR_CP_API_WRITE_H

#include "cp/admission/admission.h"
#include "cp/api/api_internal.h"

struct write;

enum write_kind { WRITE_CREATE, WRITE_UPDATE, WRITE_STATUS, WRITE_PART /* another subresource */, WRITE_RAW /* no preparation: deletion marks, finalize */ };

/* Makes the new state of an object out of the old one (with its resourceVersion; borrowed; NULL when the object
 * does not exist). Called again with the newer state when the store had moved on. Returns a Status (nothing is written)
 * or NULL with *ret owned. */
typedef json_t *(*write_fn)(struct write *w, const json_t *old, json_t **ret);

struct write {
	struct req *q;
	const struct resource *res;
	enum write_kind kind;
	const char *ns;
	char *name;
	write_fn change;
	void *arg; /* change's own */
	void (*free_arg)(void *arg);
	bool create_allowed; /* an update may create */
	json_t *(*absent)(struct write *w); /* what there is to say, NULL or a Status, when there is nothing to update */
	bool applied;        /* change has seen to managedFields itself */
	bool admitted; /* admission has seen what asked for it (a binding, an eviction) */
	bool dry_run;
	/* Called with the outcome in place of the usual answer: a Status (borrowed) or NULL with the stored bytes. */
	void (*finish)(struct write *w, json_t *status, struct buf *json, bool created);

	/* Inside. */
	struct cobj *old;
	json_t *before; /* old, parsed */
	json_t *object;
	struct admit admit;
	struct buf *bytes;
	json_t *stored_form; /* what a webhook made of the object, for the store; NULL: the object itself */
	void *ticket;
	int attempts;
	int64_t asked_us; /* when the store was asked, monotonic */
	bool conditional; /* the caller named a resourceVersion: no retry */
	bool created;
	bool generated; /* the name of this attempt was chosen here */
	bool claimed; /* the store was asked for something that is unique (claims.h) */
	char *key;
};

/* Takes a reference to q, copies ns and name by need. */
struct write *write_new(struct req *q, const struct resource *res, enum write_kind kind, const char *ns,
			const char *name);
/* What an update or patch of q writes: the object, its status, another part. */
enum write_kind write_kind_of(const struct req *q);
void write_start(struct write *w);
/* The object that is w->arg, for change to give: itself where no other attempt can follow, else a copy. Returns owned. */
json_t *write_take_object(struct write *w);
/* Gives back what a removed object had reserved (cluster addresses, ports). last is its state before. */
void write_release(struct api *a, const struct resource *res, const struct cobj *last);
/* A Status for a store that failed; a bad store is the only reason for a 500 here. */
json_t *write_store_failed(const struct err *e);

/* write_object.c: what decoding makes of a request's object, what the server sets in it (old: the state before, NULL: none), what is
 * wrong with it, and what its author is told. */
void write_set_defaults(struct write *w);
void write_prepare(struct write *w, const json_t *old);
void write_validate(struct write *w, const json_t *old, struct field_errors *errors);
void write_warn(struct write *w, const json_t *old);

/* Fills metadata of a new object. */
void meta_prepare_create(const struct kind *k, const char *ns, json_t *object);
/* Labels, annotations, finalizers and owners as they were. */
void meta_keep(json_t *object, const json_t *old);
void meta_prepare_update(const struct resource *res, json_t *object, const json_t *old);

#endif
