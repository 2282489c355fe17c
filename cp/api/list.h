/* Lists: one document out of the bytes of many objects. */
#ifndef KNARR_CP_API_LIST_H
#define KNARR_CP_API_LIST_H

#include "cp/api/snapshot.h"

/* Answers a snapshot in the form asked for. */
void list_reply(struct req *q, const struct snapshot *s, const struct list_plan *p);
json_t *list_too_old(const struct list_plan *p);

#endif
