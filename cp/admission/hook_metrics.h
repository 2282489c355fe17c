/* Counters of webhooks, under the original's names. */
#ifndef KNARR_CP_ADMISSION_HOOK_METRICS_H
#define KNARR_CP_ADMISSION_HOOK_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct hook_metrics;

struct hook_metrics *hook_metrics_new(void);
void hook_metrics_free(struct hook_metrics *m);
/* type: "admit" or "validating"; op: "CREATE" ... */
void hook_metrics_called(struct hook_metrics *m, const char *name, const char *type, const char *op, bool rejected,
			 int64_t took_ms);
void hook_metrics_rejected(struct hook_metrics *m, const char *name, const char *type, const char *op, const char *error,
			   int code);
void hook_metrics_failed_open(struct hook_metrics *m, const char *name, const char *type);
void hook_metrics_write(const struct hook_metrics *m, struct str *out);

#endif
