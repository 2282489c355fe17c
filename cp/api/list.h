/* Lists: one document out of the bytes of many objects. */
#ifndef KNARR_CP_API_LIST_H
#define KNARR_CP_API_LIST_H

#include "cp/api/snapshot.h"

/* The list document {"kind":"PodList",...,"items":[...]}; items go without their kind and apiVersion. next may be NULL;
 * remaining < 0: not said. Returns owned. */
struct buf *list_splice(const struct resource *res, struct cobj *const *v, size_t n, uint64_t rev, const char *next,
			int64_t remaining);
/* Answers a snapshot in the form asked for. */
void list_reply(struct req *q, const struct snapshot *s, const struct list_plan *p);
json_t *list_too_old(const struct list_plan *p);

#endif
