/* Statistics from the controllers of v1. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroups/driver.h"
#include "cgroups/stats.h"

/* The directory of a controller, owned; NULL where it is absent. */
static char *dir_of(const struct cgroup *cg, const char *controller)
{
	AUTO_STR dir = STR_INIT;
	return cgroup_dir(cg, controller, &dir) < 0 ? NULL : str_take(&dir);
}

static char *text_of(const char *dir, const char *file)
{
	return dir ? driver_read(dir, file) : NULL;
}

static void add_usage(struct str *out, const char *dir)
{
	AUTO_FREE char *percpu = text_of(dir, "cpuacct.usage_percpu"), *all = text_of(dir, "cpuacct.usage_all");
	AUTO_FREE char *stat = text_of(dir, "cpuacct.stat");
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	stats_open(out, "usage");
	stats_number(out, "total", stats_read(dir, "cpuacct.usage"), false);
	stats_list(out, "percpu", percpu);
	stats_column(out, "percpu_kernel", all, 2);
	stats_column(out, "percpu_user", all, 1);
	stats_number(out, "kernel", driver_keyed_u64(stat, "system") * tick_ns, true);
	stats_number(out, "user", driver_keyed_u64(stat, "user") * tick_ns, true);
	stats_close(out);
}

static void add_cpu(const struct cgroup *cg, struct str *out)
{
	AUTO_FREE char *acct = dir_of(cg, "cpuacct"), *cpu = dir_of(cg, "cpu");
	AUTO_FREE char *stat = text_of(cpu, "cpu.stat");
	stats_open(out, "cpu");
	add_usage(out, acct);
	stats_open(out, "throttling");
	stats_number(out, "periods", driver_keyed_u64(stat, "nr_periods"), false);
	stats_number(out, "throttledPeriods", driver_keyed_u64(stat, "nr_throttled"), false);
	stats_number(out, "throttledTime", driver_keyed_u64(stat, "throttled_time"), false);
	stats_close(out);
	stats_close(out);
}

#define MEMORY_FILES(kind)                                                                                             \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		"memory." kind "limit_in_bytes", "memory." kind "usage_in_bytes", "memory." kind "max_usage_in_bytes", \
			"memory." kind "failcnt"                                                                       \
	}

static void add_memory(const struct cgroup *cg, struct str *out)
{
	AUTO_FREE char *dir = dir_of(cg, "memory"), *stat = text_of(dir, "memory.stat");
	stats_open(out, "memory");
	stats_number(out, "cache", driver_keyed_u64(stat, "cache"), false);
	stats_memory_entry(out, "usage", dir, MEMORY_FILES(""));
	stats_memory_entry(out, "swap", dir, MEMORY_FILES("memsw."));
	stats_memory_entry(out, "kernel", dir, MEMORY_FILES("kmem."));
	stats_memory_entry(out, "kernelTCP", dir, MEMORY_FILES("kmem.tcp."));
	stats_flat(out, "raw", stat);
	stats_close(out);
}

static void add_pids(const struct cgroup *cg, struct str *out)
{
	AUTO_FREE char *dir = dir_of(cg, "pids");
	uint64_t limit = stats_read(dir, "pids.max");
	stats_open(out, "pids");
	stats_number(out, "current", stats_read(dir, "pids.current"), false);
	stats_number(out, "limit", limit == UINT64_MAX ? 0 : limit, false);
	stats_close(out);
}

/* BFQ counts where it is the scheduler of some device; throttling counts everywhere. */
static void add_blkio(const struct cgroup *cg, struct str *out)
{
	static const char *const tables[][3] = {
		{ "ioServiceBytesRecursive", "blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive" },
		{ "ioServicedRecursive", "blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive" },
		{ "ioQueueRecursive", "blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive" },
		{ "ioServiceTimeRecursive", "blkio.bfq.io_service_time_recursive", "blkio.io_service_time_recursive" },
		{ "ioWaitTimeRecursive", "blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive" },
		{ "ioMergedRecursive", "blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive" },
		{ "ioTimeRecursive", "blkio.bfq.time_recursive", "blkio.time_recursive" },
		{ "sectorsRecursive", "blkio.bfq.sectors_recursive", "blkio.sectors_recursive" },
	};
	AUTO_FREE char *dir = dir_of(cg, "blkio");
	AUTO_FREE char *bfq = text_of(dir, tables[1][1]);
	bool has_bfq = bfq && strchr(bfq, ':');
	stats_open(out, "blkio");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		AUTO_FREE char *text = text_of(dir, tables[i][has_bfq ? 1 : 2]);
		stats_blkio(out, tables[i][0], text);
	}
	stats_close(out);
}

int stats_v1(const struct cgroup *cg, struct str *out)
{
	AUTO_FREE char *cpuset = dir_of(cg, "cpuset"), *hugetlb = dir_of(cg, "hugetlb");
	add_cpu(cg, out);
	stats_cpuset(out, cpuset);
	add_memory(cg, out);
	add_pids(cg, out);
	add_blkio(cg, out);
	stats_hugetlb(out, hugetlb, "usage_in_bytes", "max_usage_in_bytes", "failcnt");
	return 0;
}
