/* Kubernetes' protobuf encoding of request bodies (application/vnd.kubernetes.protobuf) to JSON values. */
#ifndef KNARR_CP_API_PROTOBUF_H
#define KNARR_CP_API_PROTOBUF_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* The envelope ("k8s" and a zero byte, then runtime.Unknown) with its object. -EINVAL: malformed, or a message that
 * cp/api/protobuf.tbl does not have. Fields that the table does not have are left out. Returns owned. */
int protobuf_parse(const void *bytes, size_t len, json_t **ret, struct err *e);

#endif
