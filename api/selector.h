/* Label and field selectors: parsing and matching (Kubernetes API concepts, Labels and Selectors). */
#ifndef KNARR_API_SELECTOR_H
#define KNARR_API_SELECTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

struct selector;

/* Looks up a label or field; NULL when absent. */
typedef const char *(*selector_get)(const void *object, const char *key);

/* "a=b,c==d,e!=f,g in (x,y),h notin (z),i,!j". "" selects everything. -EINVAL with the reference's wording class. */
int selector_parse_labels(const char *text, struct selector **ret, struct err *e);
/* "metadata.name=x,spec.nodeName!=y" with escapes. The fields allowed are the caller's to check: selector_next(). */
int selector_parse_fields(const char *text, struct selector **ret, struct err *e);
/* A LabelSelector object (matchLabels, matchExpressions). NULL or null selects nothing, {} everything. */
int selector_from_json(const json_t *label_selector, struct selector **ret, struct err *e);
/* A plain map as Service.spec.selector has it. */
int selector_from_map(const json_t *map, struct selector **ret, struct err *e);
void selector_free(struct selector *s);
void selector_free_ptr(struct selector **s);
#define AUTO_SELECTOR AUTO(selector_free_ptr) struct selector

bool selector_is_everything(const struct selector *s);
bool selector_match(const struct selector *s, selector_get get, const void *object);
/* Matches a labels object (string map; NULL is empty). */
bool selector_match_labels(const struct selector *s, const json_t *labels);
/* Walks the requirements: *at starts at 0; ret_op is one of = != in notin exists !exists Gt Lt. */
bool selector_next(const struct selector *s, size_t *at, const char **ret_key, const char **ret_op,
		   char *const **ret_values);
/* If the selector demands key=value exactly, that value; else NULL (used to pick an index). */
const char *selector_requires(const struct selector *s, const char *key);

#endif
