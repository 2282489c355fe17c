/* Counters of requests, by the original's names and labels (k8s.io/apiserver, endpoints/metrics). */
#ifndef KNARR_CP_API_METRICS_H
#define KNARR_CP_API_METRICS_H

#include "base/metrics.h"
#include "cp/api/api_internal.h"

/* Rows that have nothing to do with one request. */
void api_metrics_start(struct api *a);
/* A request is over: its answer, its duration, what it carried. */
void request_count(struct req *q);
/* It was ended by the server, or refused: 429, 504. */
void request_count_ended(const struct req *q, int code);
/* Who asked was found out, or was not; and whether she may. */
void request_count_authenticated(const struct req *q, bool ok);
void request_count_authorized(const struct req *q, bool allowed);
/* The rows of a watch's events: how many, how long. */
void watch_rows(const struct req *q, struct metric **ret_events, struct metric **ret_sizes);
/* What the store took for a write, in microseconds; operation: "create", "update", "delete". */
void store_count(struct api *a, const struct kind *k, const char *operation, int64_t took_us);
void audit_count(struct api *a);
/* Health checks: a check has been made. */
void health_count(struct api *a, const char *name, const char *type, bool ok);
/* What /metrics/slis tells. */
void api_write_slis(struct api *a, struct str *out);

#endif
