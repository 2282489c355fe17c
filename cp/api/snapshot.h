/* The objects of a bucket at a revision, as a list shows them. */
#ifndef KNARR_CP_API_SNAPSHOT_H
#define KNARR_CP_API_SNAPSHOT_H

#include "cp/api/api_internal.h"
#include "cp/api/list_plan.h"

struct snapshot {
	struct cobj **v; /* referenced, in key order */
	size_t n, cap;
	size_t remaining; /* how many follow behind the limit */
	uint64_t rev;
};

/* -EOVERFLOW: the revision is too old; -ERANGE: it has not come yet. ns "" is all. */
int snapshot_take(struct api *a, struct bucket *b, const char *ns, const struct list_plan *p, struct snapshot *ret,
		  struct err *e);
void snapshot_done(struct snapshot *s);
/* "ns/name" or "name". Returns owned. */
char *snapshot_key(const struct cobj *o);

#endif
