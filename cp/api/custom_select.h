/* Field selectors of custom resources whose fields only the shown version has: what is stored in another one is converted
 * by a webhook first, and selected then. */
#ifndef KNARR_CP_API_CUSTOM_SELECT_H
#define KNARR_CP_API_CUSTOM_SELECT_H

#include "cp/api/snapshot.h"

/* Whether the cache cannot answer for these fields (NULL: none). */
bool custom_selects_late(const struct resource *res, const struct selector *fields);
/* Whether the object, which is ready (custom_is_ready()), has the fields as res shows it. */
bool custom_selects(const struct resource *res, const struct cobj *o, const struct selector *fields);
/* snapshot_take() for what res shows. What is not ready stays in, for the caller to refuse. */
int custom_snapshot(struct api *a, const struct resource *res, const char *ns, const struct list_plan *p, struct snapshot *ret,
		    struct err *e);

#endif
