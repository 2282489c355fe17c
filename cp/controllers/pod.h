/* What controllers read from a Pod. All pure. */
#ifndef KNARR_CP_CONTROLLERS_POD_H
#define KNARR_CP_CONTROLLERS_POD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

const char *pod_phase(const json_t *pod); /* "" when unknown */
bool pod_is_terminal(const json_t *pod);  /* Succeeded or Failed */
bool pod_is_active(const json_t *pod);    /* neither terminal nor being deleted */
bool pod_is_ready(const json_t *pod);
int64_t pod_ready_since_ms(const json_t *pod); /* -1: not ready */
/* Ready for min_ready_s seconds. Where only time is missing, *ret_wait_ms (may be NULL) is how much, else -1. */
bool pod_is_available(const json_t *pod, int64_t min_ready_s, int64_t now_ms, int64_t *ret_wait_ms);
int64_t pod_restarts(const json_t *pod); /* the most that one container has */

#endif
