/* Statistics from the unified hierarchy. */
#include "cgroups/driver.h"
#include "cgroups/stats.h"

static void add_cpu(const char *dir, struct str *out)
{
	AUTO_FREE char *stat = driver_read(dir, "cpu.stat"), *pressure = driver_read(dir, "cpu.pressure");
	stats_open(out, "cpu");
	stats_open(out, "usage");
	stats_number(out, "total", driver_keyed_u64(stat, "usage_usec") * 1000, false);
	stats_number(out, "kernel", driver_keyed_u64(stat, "system_usec") * 1000, true);
	stats_number(out, "user", driver_keyed_u64(stat, "user_usec") * 1000, true);
	stats_close(out);
	stats_open(out, "throttling");
	stats_number(out, "periods", driver_keyed_u64(stat, "nr_periods"), false);
	stats_number(out, "throttledPeriods", driver_keyed_u64(stat, "nr_throttled"), false);
	stats_number(out, "throttledTime", driver_keyed_u64(stat, "throttled_usec") * 1000, false);
	stats_close(out);
	stats_pressure(out, pressure);
	stats_close(out);
}

/* v1 counted memory and swap together, and so do the readers of this object. */
static void add_swap(const char *dir, struct str *out)
{
	uint64_t limit = stats_read(dir, "memory.swap.max"), memory = stats_read(dir, "memory.max");
	if (limit != UINT64_MAX)
		limit = memory == UINT64_MAX ? UINT64_MAX : limit + memory;
	stats_open(out, "swap");
	stats_number(out, "limit", limit, true);
	stats_number(out, "usage", stats_read(dir, "memory.swap.current") + stats_read(dir, "memory.current"), false);
	stats_number(out, "max", stats_read(dir, "memory.swap.peak"), false);
	stats_number(out, "failcnt", 0, true);
	stats_close(out);
}

static void add_memory(const char *dir, struct str *out)
{
	static const char *const usage[] = { "memory.max", "memory.current", "memory.peak", NULL };
	static const char *const none[] = { NULL, NULL, NULL, NULL };
	AUTO_FREE char *stat = driver_read(dir, "memory.stat"), *pressure = driver_read(dir, "memory.pressure");
	stats_open(out, "memory");
	stats_number(out, "cache", driver_keyed_u64(stat, "file"), false);
	stats_memory_entry(out, "usage", dir, usage);
	add_swap(dir, out);
	stats_memory_entry(out, "kernel", dir, none);
	stats_memory_entry(out, "kernelTCP", dir, none);
	stats_flat(out, "raw", stat);
	stats_pressure(out, pressure);
	stats_close(out);
}

static void add_pids(const struct cgroup *cg, const char *dir, struct str *out)
{
	uint64_t limit = stats_read(dir, "pids.max"), current = stats_read(dir, "pids.current");
	AUTO_FREE pid_t *pids = NULL;
	size_t n = 0;
	if (!current && cgroup_pids(cg, true, &pids, &n, NULL) == 0) /* no such controller here: count */
		current = n;
	stats_open(out, "pids");
	stats_number(out, "current", current, false);
	stats_number(out, "limit", limit == UINT64_MAX ? 0 : limit, false);
	stats_close(out);
}

static void add_io(const char *dir, struct str *out)
{
	AUTO_FREE char *stat = driver_read(dir, "io.stat"), *pressure = driver_read(dir, "io.pressure");
	stats_open(out, "blkio");
	stats_io(out, "ioServiceBytesRecursive", stat, "rbytes", "wbytes");
	stats_io(out, "ioServicedRecursive", stat, "rios", "wios");
	stats_pressure(out, pressure);
	stats_close(out);
}

int stats_v2(const struct cgroup *cg, struct str *out)
{
	const char *dir = driver_dir(cg, "");
	add_cpu(dir, out);
	stats_cpuset(out, NULL);
	add_memory(dir, out);
	add_pids(cg, dir, out);
	add_io(dir, out);
	stats_hugetlb(out, dir, "current", NULL, "events");
	return 0;
}
