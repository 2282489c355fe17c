/* Managers of the scale subresource: entries of the workload that manage its replicas, in the scale's version, and back. */
#ifndef KNARR_CP_SCHEMA_MANAGED_SCALE_H
#define KNARR_CP_SCHEMA_MANAGED_SCALE_H

#include <jansson.h>

#define MANAGED_SCALE_REPLICAS "spec.replicas" /* of the scale */

struct managed_scale {
	const char *api_version; /* of the workload in the request */
	/* Where the replicas are ("spec.replicas") in that version; "": it has no scale, NULL: there is no such version. */
	const char *(*path)(const void *arg, const char *api_version);
	const void *arg;
};

/* managedFields of the scale by those of the workload; owned, NULL when there are none. */
json_t *managed_scale_show(const struct managed_scale *s, const json_t *managers);
/* managedFields of the workload after a write left shown in the scale; owned, NULL when there are none. */
json_t *managed_scale_store(const struct managed_scale *s, const json_t *managers, const json_t *shown);

#endif
