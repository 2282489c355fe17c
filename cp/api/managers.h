/* The managers of a write's fields: names, the plain writes, server-side apply. */
#ifndef KNARR_CP_API_MANAGERS_H
#define KNARR_CP_API_MANAGERS_H

#include "cp/api/write.h"

/* Brings metadata.managedFields of w->object, the state that a create, update or patch asks for, up to date. */
void managers_update(struct write *w, const json_t *old);
/* Sets those of an object that is answered and not stored. */
void managers_of_review(const struct req *q, const struct kind *k, json_t *object);
/* The state that applying config to old (NULL: it does not exist) makes. Status or NULL with ret owned. */
json_t *managers_apply(struct write *w, const json_t *old, const json_t *config, bool force, json_t **ret);

#endif
