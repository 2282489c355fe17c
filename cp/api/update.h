/* Checks that PUT, PATCH and the subresources share. */
#ifndef KNARR_CP_API_UPDATE_H
#define KNARR_CP_API_UPDATE_H

#include "cp/api/write.h"

/* Each returns a Status or NULL. */
json_t *namespace_matches(struct req *q, const json_t *object);
json_t *update_check_identity(const struct req *q, const json_t *object); /* the name in the path */
/* resourceVersion and uid that object demands against old; sets w->conditional. */
json_t *update_check_preconditions(struct write *w, const json_t *object, const json_t *old);
/* The 409 of a uid that is not that of the object. */
json_t *update_other_uid(const struct write *w, const char *uid, const json_t *old);
void write_free_json(void *arg);

#endif
