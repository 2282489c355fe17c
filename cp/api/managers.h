/* The managers of a write's fields: names, the plain writes, server-side apply. */
#ifndef KNARR_CP_API_MANAGERS_H
#define KNARR_CP_API_MANAGERS_H

#include "cp/api/write.h"

/* Brings metadata.managedFields of w->object, the state that a create, update or patch asks for, up to date. */
void managers_update(struct write *w, const json_t *old);
/* The same of any object that a request is about: of a review, which is answered and not stored, or of a scale. live may be NULL. */
void managers_update_of(struct req *q, const struct kind *k, const json_t *live, json_t *object);
/* The state that applying config of kind k to old (NULL: it does not exist) makes. Status or NULL with ret owned. */
json_t *managers_apply(struct write *w, const struct kind *k, const json_t *old, const json_t *config, bool force, json_t **ret);

#endif
