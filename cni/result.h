/* Results of ADD between versions of the specification. Inside, every result has the shape of version 1.1.0:
 * {"interfaces": [{name, mac, sandbox, mtu}], "ips": [{address, gateway, interface}], "routes": [...], "dns": {...}}.
 */
#ifndef KNARR_CNI_RESULT_H
#define KNARR_CNI_RESULT_H

#include <jansson.h>

#include "base/err.h"

/* From any version to the inner shape. Returns owned; -EINVAL where it is no result. */
int cni_result_import(const json_t *result, json_t **ret, struct err *e);
/* From the inner shape to a version's own. Returns owned; -EINVAL where the version cannot say it. */
int cni_result_export(const json_t *result, const char *version, json_t **ret, struct err *e);

#endif
