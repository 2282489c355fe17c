/* Clocks, RFC 3339 times and Kubernetes durations. */
#ifndef KNARR_BASE_CLOCK_H
#define KNARR_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void); /* since the epoch */
int64_t clock_wall_us(void);
int64_t clock_cpu_us(void); /* that the calling thread has used */

#define RFC3339_MAX 40
/* "2026-01-02T03:04:05Z"; ret has room for RFC3339_MAX. Returns ret. */
char *rfc3339(int64_t wall_ms, char *ret);
/* "2026-01-02T03:04:05.123456Z" (Kubernetes MicroTime). */
char *rfc3339_micro(int64_t wall_us, char *ret);
/* "...05.123456789Z", as CRI log lines and OCI images use it. */
char *rfc3339_nano(int64_t sec, int32_t nsec, char *ret);
/* Any RFC 3339 time with fraction and offset; 0 or -EINVAL. */
int rfc3339_parse(const char *s, int64_t *ret_wall_us);
/* Go duration ("1h30m", "1.5s", "300ms"); 0 or -EINVAL. */
int duration_parse(const char *s, int64_t *ret_ns);
/* kubectl's short human age ("5s", "3m12s", "4h", "2d3h"); ret has room for 24. Returns ret. */
char *duration_human(int64_t ms, char *ret);

#endif
