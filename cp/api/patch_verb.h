/* Applying the body of a PATCH to a document. */
#ifndef KNARR_CP_API_PATCH_VERB_H
#define KNARR_CP_API_PATCH_VERB_H

#include "cp/api/write.h"

/* A patch as it came: its type and its document. */
struct patch_body {
	enum body_type type;
	json_t *patch;
};
json_t *patch_body_read(struct req *q, struct patch_body **ret); /* Status or NULL, ret owned */
void patch_body_free(void *body);
json_t *patch_options_check(struct req *q); /* of a PATCH: Status or NULL */
/* Decodes in place an object of type t, which the patch has made of old (NULL: of nothing); what does not fit is the
 * patch's fault. Status or NULL. */
json_t *patch_decode(struct req *q, const struct patch_body *p, const struct type *t, const json_t *old, json_t *object);
/* The state that a configuration of kind k, to be applied, makes of old (NULL: it does not exist), with its managers. Status or
 * NULL with ret owned. */
json_t *patch_apply_config(struct write *w, const struct patch_body *p, const struct kind *k, const json_t *old, json_t **ret);
/* doc changed by the patch; t gives strategies. Status or NULL with ret owned. */
json_t *patch_apply(const struct patch_body *p, const struct type *t, const json_t *doc, json_t **ret);

#endif
