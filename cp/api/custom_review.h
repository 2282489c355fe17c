/* What is said between the server and a conversion webhook (apiextensions: ConversionReview). Pure. */
#ifndef KNARR_CP_API_CUSTOM_REVIEW_H
#define KNARR_CP_API_CUSTOM_REVIEW_H

#include <jansson.h>

/* The question: objects (borrowed) in the version wanted ("example.com/v1"). versions: the reviews that the webhook knows, best
 * first. Returns owned. */
json_t *custom_review(const json_t *versions, const char *uid, const char *wanted, json_t *objects);
/* What is wrong with the answer ("failed: ...", "returned ..."), owned, or NULL: then its response.convertedObjects have the metadata
 * of the objects that were sent but for labels and annotations. */
char *custom_review_check(const json_t *review, const json_t *versions, const char *uid, const char *wanted, const json_t *objects);

#endif
