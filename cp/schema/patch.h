/* Patches: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7396), strategic merge patch (Kubernetes API conventions). */
#ifndef KNARR_CP_SCHEMA_PATCH_H
#define KNARR_CP_SCHEMA_PATCH_H

#include <jansson.h>

#include "base/err.h"
#include "cp/schema/schema.h"

/* Each returns a new document and leaves doc alone. -EINVAL: malformed patch (400); -ENOENT: a path or a test of a JSON
 * patch that does not hold (422); -E2BIG: more than 10,000 operations, or copies that blow the document up (413); -EPROTO:
 * a strategic patch that cannot be merged (500, as the original answers). */
int patch_json(const json_t *doc, const json_t *patch, json_t **ret, struct err *e);
int patch_merge(const json_t *doc, const json_t *patch, json_t **ret, struct err *e);
/* With $patch (replace, delete, merge), $retainKeys, $setElementOrder/, $deleteFromPrimitiveList/; list keys and
 * strategies from t. */
int patch_strategic(const struct type *t, const json_t *doc, const json_t *patch, json_t **ret, struct err *e);

#endif
