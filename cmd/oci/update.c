/* knarr-oci update: options or a file to linux.resources.
 *
 * Happy path: each row of options names the field it sets and how its text is read. What can fail: a value, named with its
 * option. What always holds: a file that is given excludes the options. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"
#include "runtime/config_read.h"

#define RESOURCES_MAX (1 << 20)

enum form { IGNORED, NUMBER, BYTES, TEXT };

struct update_flags {
	const char *resources;
	int64_t blkio_weight, pids_limit;
	const char *cpu_period, *cpu_quota, *cpu_burst, *cpu_share, *cpu_rt_period, *cpu_rt_runtime, *cpu_idle, *cpuset_cpus,
		*cpuset_mems, *memory, *memory_reservation, *memory_swap, *kernel_memory, *kernel_memory_tcp, *l3, *bandwidth;
};

#define FIELD(member, option_name, text) ROW(struct update_flags, member, OPTION_TEXT, option_name, 0, text)

static const struct option_row rows[] = {
	ROW(struct update_flags, resources, OPTION_TEXT, "resources", 'r',
	    "file with linux.resources as JSON, or - for standard input; other options are ignored then"),
	ROW(struct update_flags, blkio_weight, OPTION_INT, "blkio-weight", 0, "weight of block IO, from 10 to 1000"),
	FIELD(cpu_period, "cpu-period", "CPU CFS period in us, 0 for the system's default"),
	FIELD(cpu_quota, "cpu-quota", "CPU CFS quota in us: CPU time in a period"),
	FIELD(cpu_burst, "cpu-burst", "CPU CFS burst in us: CPU time that may be saved for a later period"),
	FIELD(cpu_share, "cpu-share", "CPU shares, the weight beside other containers"),
	FIELD(cpu_rt_period, "cpu-rt-period", "CPU realtime period in us, 0 for the system's default"),
	FIELD(cpu_rt_runtime, "cpu-rt-runtime", "CPU realtime runtime in us: CPU time in a period"),
	FIELD(cpuset_cpus, "cpuset-cpus", "CPUs to use"),
	FIELD(cpuset_mems, "cpuset-mems", "memory nodes to use"),
	{ "kernel-memory", 0, OPTION_TEXT, offsetof(struct update_flags, kernel_memory), "ignored", NULL, true },
	{ "kernel-memory-tcp", 0, OPTION_TEXT, offsetof(struct update_flags, kernel_memory_tcp), "ignored", NULL, true },
	FIELD(memory, "memory", "memory limit in bytes"),
	FIELD(cpu_idle, "cpu-idle", "1: only CPU time that nobody else wants (SCHED_IDLE), 0: not so"),
	FIELD(memory_reservation, "memory-reservation", "memory soft limit in bytes"),
	FIELD(memory_swap, "memory-swap", "memory and swap in bytes, -1 for no limit"),
	ROW(struct update_flags, pids_limit, OPTION_INT, "pids-limit", 0, "number of processes, -1 for no limit"),
	FIELD(l3, "l3-cache-schema", "Intel RDT schema of the L3 cache"),
	FIELD(bandwidth, "mem-bw-schema", "Intel RDT schema of memory bandwidth"),
};

static const struct {
	size_t offset; /* of the text in struct update_flags */
	const char *option, *field;
	enum form form;
} fields[] = {
#define F(member, option, field, form) { offsetof(struct update_flags, member), option, field, form }
	F(cpu_period, "cpu-period", "cpu.period", NUMBER),
	F(cpu_quota, "cpu-quota", "cpu.quota", NUMBER),
	F(cpu_burst, "cpu-burst", "cpu.burst", NUMBER),
	F(cpu_share, "cpu-share", "cpu.shares", NUMBER),
	F(cpu_rt_period, "cpu-rt-period", "cpu.realtimePeriod", NUMBER),
	F(cpu_rt_runtime, "cpu-rt-runtime", "cpu.realtimeRuntime", NUMBER),
	F(cpu_idle, "cpu-idle", "cpu.idle", NUMBER),
	F(cpuset_cpus, "cpuset-cpus", "cpu.cpus", TEXT),
	F(cpuset_mems, "cpuset-mems", "cpu.mems", TEXT),
	F(memory, "memory", "memory.limit", BYTES),
	F(memory_reservation, "memory-reservation", "memory.reservation", BYTES),
	F(memory_swap, "memory-swap", "memory.swap", BYTES),
	F(kernel_memory, "kernel-memory", "memory.kernel", BYTES),
	F(kernel_memory_tcp, "kernel-memory-tcp", "memory.kernelTCP", BYTES),
#undef F
};

/* "512", "-1", "64m", "1.5G", "10 KiB". */
static int parse_bytes(const char *s, int64_t *ret)
{
	static const char units[] = "bkmgtp";
	char *end;
	if (str_eq(s, "-1")) {
		*ret = -1;
		return 0;
	}
	if (!isdigit((unsigned char)*s) && *s != '.')
		return -EINVAL;
	double n = strtod(s, &end);
	end += *end == ' ';
	const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
	if (!unit)
		return -EINVAL;
	if (*end && unit != units && tolower((unsigned char)end[1]) == 'i')
		end++;
	if (*end && (unit == units || tolower((unsigned char)end[1]) != 'b' ? end[1] : end[2]))
		return -EINVAL;
	for (const char *u = units; u < unit; u++)
		n *= 1024;
	if (n >= 9223372036854775808.0)
		return -ERANGE;
	*ret = (int64_t)n;
	return 0;
}

static int set_field(size_t i, const char *value, json_t *resources, struct err *e)
{
	int64_t n = 0;
	if (str_empty(value))
		return 0;
	if (fields[i].form == TEXT) {
		json_set_str(resources, fields[i].field, value);
		return 0;
	}
	int r = fields[i].form == BYTES ? parse_bytes(value, &n) : str_to_i64(value, &n);
	if (r < 0)
		return err_set(e, r, "invalid value for %s: parsing \"%s\": %s", fields[i].option, value,
			       r == -ERANGE ? "value out of range" : "invalid syntax");
	json_set_int(resources, fields[i].field, n);
	return 0;
}

static int build(const struct update_flags *f, json_t *resources, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *value;
		memcpy(&value, (const char *)f + fields[i].offset, sizeof(value));
		int r = set_field(i, value, resources, e);
		if (r < 0)
			return r;
	}
	if (f->blkio_weight)
		json_set_int(resources, "blockIO.weight", f->blkio_weight);
	if (f->pids_limit)
		json_set_int(resources, "pids.limit", f->pids_limit);
	return 0;
}

static int read_resources(const char *file, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = str_eq(file, "-") ? fs_read_fd(STDIN_FILENO, RESOURCES_MAX, &text, e) :
				    fs_read_file(file, RESOURCES_MAX, &text, e);
	if (r == 0)
		r = config_read_text(text.p, text.len, ret, e);
	if (r == 0 && !json_is_object(*ret)) {
		json_decref(*ret);
		*ret = NULL;
		r = err_set(e, -EINVAL, "%s: resources must be an object", file);
	}
	return r;
}

/* Memory without limit means swap without limit, unless that is said; kernel memory has no limit of its own any more. */
static void fix_up(json_t *resources)
{
	if (json_int_at(resources, "memory.limit", 0) == -1 && !json_at(resources, "memory.swap"))
		json_set_int(resources, "memory.swap", -1);
	if (json_at(resources, "memory.kernel") || json_at(resources, "memory.kernelTCP"))
		oci_log(OCI_WARNING, "Kernel memory settings are ignored and will be removed");
	json_del_at(resources, "memory.kernel");
	json_del_at(resources, "memory.kernelTCP");
}

static int run_update(const struct globals *g, const struct call *c)
{
	const struct update_flags *f = c->values;
	struct err e = ERR_INIT;
	AUTO_JSON *resources = NULL;
	AUTO_CONTAINER_INFO i = { 0 };
	int r = container_state(g->root, c->argv[0], &i, &e);
	if (r == 0 && !str_empty(f->resources))
		r = read_resources(f->resources, &resources, &e);
	if (!resources)
		resources = json_object();
	if (r == 0 && str_empty(f->resources))
		r = build(f, resources, &e);
	if (r < 0)
		return report(g, 1, NULL, &e);
	if (f->l3 && access("/sys/fs/resctrl/info/L3", F_OK) < 0)
		return report_text(g, 1, "Intel RDT/CAT: l3 cache schema is not enabled");
	if (f->bandwidth && access("/sys/fs/resctrl/info/MB", F_OK) < 0)
		return report_text(g, 1, "Intel RDT/MBA: memory bandwidth schema is not enabled");
	fix_up(resources);
	r = container_update(g->root, c->argv[0], resources, &e);
	if (r == 0 && (f->l3 || f->bandwidth))
		r = container_update_rdt(g->root, c->argv[0], f->l3, f->bandwidth, &e);
	return r < 0 ? report(g, 1, NULL, &e) : 0;
}

const struct verb verb_update = {
	.name = "update",
	.brief = "update container resource constraints",
	.args = "<container-id>",
	.about = "What is not named stays as it is. Sizes may have a unit: 64M, 1.5g.",
	VERB_OPTIONS(struct update_flags, rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 1,
	.max_args = 1,
	.run = run_update,
};
