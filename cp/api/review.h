/* What reviews share (review.c, review_access.c). */
#ifndef KNARR_CP_API_REVIEW_H
#define KNARR_CP_API_REVIEW_H

#include "cp/api/api_internal.h"

/* The review of the path's kind, its managers set, owned; false when it has been answered with what is wrong. */
bool review_read(struct req *q, const struct kind **ret_kind, json_t **ret);
/* Answers with the review, 201. */
void review_reply(struct req *q, const struct kind *k, json_t *review);
/* The user that a spec names (the member name_of), exactly: nothing is added. To be done with auth_user_done(). */
void review_user(const json_t *spec, const char *name_of, struct auth_user *ret);

#endif
