/* Everything that the kernel counts about a cgroup, as the text of the "data" object that `runc events --stats` prints. */
#ifndef KNARR_CGROUPS_STATS_H
#define KNARR_CGROUPS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "cgroups/cgroup.h"

/* Adds the members cpu, cpuset, memory, pids, blkio, hugetlb to out, which ends in the '{' of an object. Text, since the JSON
 * library knows no number beyond 2^63-1, which "no limit" is. What a missing controller would say is 0 or left out.
 * -ENOENT: no such cgroup. */
int cgroup_stats_text(const struct cgroup *cg, struct str *out, struct err *e);

/* The pieces, pure. Each adds one member behind what is there, with a comma where one is due. */
void stats_open(struct str *out, const char *name);
void stats_close(struct str *out);
/* always: also when it is 0. */
void stats_number(struct str *out, const char *name, uint64_t value, bool always);
/* "key 12\n..." as an object; no text, no member. */
void stats_flat(struct str *out, const char *name, const char *text);
/* The text of a .pressure file as the object psi; no text, no member. */
void stats_pressure(struct str *out, const char *text);
/* "12 13 14" as an array; none, no member. */
void stats_list(struct str *out, const char *name, const char *text);
/* "0-2,7" as the array [0,1,2,7]. */
void stats_ranges(struct str *out, const char *name, const char *text);
/* Column 1.. of cpuacct.usage_all, whose first line is a head, as an array. */
void stats_column(struct str *out, const char *name, const char *text, unsigned column);
/* "8:0 Read 12\n..." (blkio, v1) as an array of entries; lines without a device are left out. */
void stats_blkio(struct str *out, const char *name, const char *text);
/* "8:0 rbytes=1 wbytes=2 ..." (io.stat, v2) in the same form; keys name what counts as Read and Write. */
void stats_io(struct str *out, const char *name, const char *text, const char *read_key, const char *write_key);

/* What the drivers' files share. */
struct stats_row {
	const char *name, *file;
	bool always;
};
/* One number of a file: "max" is UINT64_MAX, what cannot be read 0. dir may be NULL. */
uint64_t stats_read(const char *dir, const char *file);
/* An object of limit, usage, max and failcnt; a file that is NULL counts 0. */
void stats_memory_entry(struct str *out, const char *name, const char *dir, const char *const files[4]);
/* cpuset of a directory, all zero for NULL. */
void stats_cpuset(struct str *out, const char *dir);
/* The object hugetlb: for each page size of the host usage, max and failcnt; suffixes name the files of one size. */
void stats_hugetlb(struct str *out, const char *dir, const char *usage, const char *max, const char *failcnt);
int stats_v1(const struct cgroup *cg, struct str *out);
int stats_v2(const struct cgroup *cg, struct str *out);

#endif
