/* Admission's door in the API server: what the verbs hand to the chain (cp/admission). */
#ifndef KNARR_CP_API_ADMIT_H
#define KNARR_CP_API_ADMIT_H

#include "cp/admission/admission.h"
#include "cp/api/write.h"

/* Other kinds of the same objects, and objects in their form; as struct admission_config says (equivalent.c). */
const struct kind *equivalent_kind(void *request, const struct kind *kind, size_t n);
void equivalent_convert(void *request, const struct kind *from, const struct kind *to, json_t *objects,
			void (*done)(void *arg, json_t *status, json_t *converted), void *arg);

int admit_init(struct api *a, struct err *e);
/* Fills w->admit for the attempt that stands in w. */
void admit_write(struct write *w);
/* Fills a for a delete of old. All borrowed. */
void admit_delete(struct admit *a, struct req *q, const struct kind *k, const char *ns, const char *name, json_t *old,
		  bool dry_run);

/* A request that stores nothing itself: a connection (op ADMIT_CONNECT, object the options), a Binding or an Eviction
 * (ADMIT_CREATE). Runs the whole chain over object (referenced), kind and names taken from q; done is called once, at
 * once or from the loop: with a Status that refuses (taken), or NULL and the object as admission left it (borrowed). The
 * request is kept until then. */
void admit_request(struct req *q, enum admit_op op, json_t *object,
		   void (*done)(struct req *q, json_t *status, json_t *object));

/* The options of a connection (exec, attach, portforward) as an object, made of the query. Returns owned. */
json_t *admit_connect_options(const struct req *q);

#endif
