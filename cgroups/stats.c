/* What the statistics of v1 and v2 share.
 *
 * Happy path: rows of a table name file and member. What can fail: only that the cgroup is not there; a file that is
 * missing counts as 0, as controllers may be. */
#include "cgroups/stats.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cgroups/driver.h"

uint64_t stats_read(const char *dir, const char *file)
{
	AUTO_FREE char *text = dir && file ? driver_read(dir, file) : NULL;
	if (!text)
		return 0;
	return str_eq(text, "max") ? UINT64_MAX : strtoull(text, NULL, 10);
}

static void stats_rows(struct str *out, const char *dir, const struct stats_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		stats_number(out, rows[i].name, stats_read(dir, rows[i].file), rows[i].always);
}

void stats_memory_entry(struct str *out, const char *name, const char *dir, const char *const files[4])
{
	const struct stats_row rows[] = { { "limit", files[0], true },
					  { "usage", files[1], false },
					  { "max", files[2], false },
					  { "failcnt", files[3], true } };
	stats_open(out, name);
	stats_rows(out, dir, rows, ARRAY_LEN(rows));
	stats_close(out);
}

void stats_cpuset(struct str *out, const char *dir)
{
	static const struct stats_row rows[] = {
		{ "mem_hardwall", "cpuset.mem_hardwall", true },
		{ "mem_exclusive", "cpuset.mem_exclusive", true },
		{ "memory_migrate", "cpuset.memory_migrate", true },
		{ "memory_spread_page", "cpuset.memory_spread_page", true },
		{ "memory_spread_slab", "cpuset.memory_spread_slab", true },
		{ "memory_pressure", "cpuset.memory_pressure", true },
		{ "sched_load_balance", "cpuset.sched_load_balance", true },
	};
	AUTO_FREE char *cpus = dir ? driver_read(dir, "cpuset.cpus") : NULL;
	AUTO_FREE char *mems = dir ? driver_read(dir, "cpuset.mems") : NULL;
	AUTO_FREE char *level = dir ? driver_read(dir, "cpuset.sched_relax_domain_level") : NULL;
	stats_open(out, "cpuset");
	stats_ranges(out, "cpus", cpus);
	stats_number(out, "cpu_exclusive", stats_read(dir, "cpuset.cpu_exclusive"), true);
	stats_ranges(out, "mems", mems);
	stats_rows(out, dir, rows, ARRAY_LEN(rows));
	str_addf(out, ",\"sched_relax_domain_level\":%d", level ? atoi(level) : 0); /* -1 is usual */
	stats_close(out);
}

/* As the kernel writes sizes in the names of these files: "2MB", "1GB", "64KB". */
static void size_name(unsigned long kb, char *ret, size_t size)
{
	if (kb >= 1024 * 1024)
		snprintf(ret, size, "%luGB", kb / (1024 * 1024));
	else if (kb >= 1024)
		snprintf(ret, size, "%luMB", kb / 1024);
	else
		snprintf(ret, size, "%luKB", kb);
}

/* One size; failcnt may be "file:key" for a flat keyed file. */
static void add_size(struct str *out, const char *dir, const char *size, const char *const suffixes[3])
{
	AUTO_FREE char *usage = xasprintf("hugetlb.%s.%s", size, suffixes[0]);
	AUTO_FREE char *max = xasprintf("hugetlb.%s.%s", size, suffixes[1] ? suffixes[1] : "");
	AUTO_FREE char *failcnt = xasprintf("hugetlb.%s.%s", size, suffixes[2]);
	AUTO_FREE char *text = driver_read(dir, failcnt);
	AUTO_FREE char *used = driver_read(dir, usage);
	if (!used)
		return;
	bool keyed = text && *text && (*text < '0' || *text > '9');
	stats_open(out, size);
	stats_number(out, "usage", stats_read(dir, usage), false);
	stats_number(out, "max", suffixes[1] ? stats_read(dir, max) : 0, false);
	stats_number(out, "failcnt", keyed ? driver_keyed_u64(text, "max") : stats_read(dir, failcnt), true);
	stats_close(out);
}

void stats_hugetlb(struct str *out, const char *dir, const char *usage, const char *max, const char *failcnt)
{
	const char *const suffixes[] = { usage, max, failcnt };
	DIR *d = dir ? opendir("/sys/kernel/mm/hugepages") : NULL;
	stats_open(out, "hugetlb");
	for (struct dirent *de; d && (de = readdir(d));) {
		unsigned long kb;
		char size[32];
		if (sscanf(de->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		size_name(kb, size, sizeof(size));
		add_size(out, dir, size, suffixes);
	}
	if (d)
		closedir(d);
	stats_close(out);
}

int cgroup_stats_text(const struct cgroup *cg, struct str *out, struct err *e)
{
	if (!cgroup_exists(cg))
		return err_set(e, -ENOENT, "cgroup %s does not exist", cgroup_path(cg));
	return cgroup_mode(cg) == CGROUP_V2 ? stats_v2(cg, out) : stats_v1(cg, out);
}
