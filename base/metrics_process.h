/* What every program tells of its own process, under Prometheus' usual names. */
#ifndef KNARR_BASE_METRICS_PROCESS_H
#define KNARR_BASE_METRICS_PROCESS_H

#include "base/metrics.h"

/* Sets process_cpu_seconds_total, _resident_memory_bytes, _virtual_memory_bytes, _open_fds, _max_fds and
 * _start_time_seconds; for metrics_before_write(). What cannot be read is left out. */
void metrics_tell_process(struct metrics *m);

#endif
