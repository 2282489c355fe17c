/* What a run cost: wall time, the CPU time of the server by /proc/PID/stat, percentiles. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/load.h"

/* utime and stime, the 14th and 15th field, in ms. */
static int64_t cpu_ms(int64_t pid)
{
	char path[64], text[1024] = "";
	unsigned long long user = 0, system = 0;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	FILE *f = pid ? fopen(path, "re") : NULL;
	if (!f)
		return 0;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	const char *behind = strrchr(text, ')');
	if (behind && sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		return 0;
	return (int64_t)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

void load_meter_start(struct load_meter *m, int64_t pid)
{
	*m = (struct load_meter){.pid = pid, .from_us = clock_wall_us(), .cpu_ms = cpu_ms(pid)};
}

double load_meter_seconds(const struct load_meter *m)
{
	return (double)(clock_wall_us() - m->from_us) / 1e6;
}

double load_meter_cpu_ms(const struct load_meter *m)
{
	return (double)(cpu_ms(m->pid) - m->cpu_ms);
}

void load_samples_add(struct load_samples *s, int64_t us)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 4096;
		s->v = xreallocarray(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = (int)us;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

double load_samples_ms(struct load_samples *s, double p)
{
	if (!s->n)
		return 0;
	qsort(s->v, s->n, sizeof(*s->v), by_value);
	return s->v[(size_t)((double)(s->n - 1) * p)] / 1000.0;
}
