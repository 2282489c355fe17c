/* knarr-oci update: flags or a file to linux.resources. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"
#include "runtime/config_read.h"

enum form { NUMBER, BYTES, TEXT };

static const struct {
	const char *flag, *field;
	enum form form;
	const char *help;
} fields[] = {
	{ "blkio-weight", "blockIO.weight", NUMBER, "per cgroup io weight" },
	{ "cpu-period", "cpu.period", NUMBER, "CPU CFS period" },
	{ "cpu-quota", "cpu.quota", NUMBER, "CPU CFS quota" },
	{ "cpu-burst", "cpu.burst", NUMBER, "CPU CFS burst" },
	{ "cpu-share", "cpu.shares", NUMBER, "CPU shares" },
	{ "cpu-rt-period", "cpu.realtimePeriod", NUMBER, "CPU realtime period" },
	{ "cpu-rt-runtime", "cpu.realtimeRuntime", NUMBER, "CPU realtime runtime" },
	{ "cpu-idle", "cpu.idle", NUMBER, "cgroup SCHED_IDLE" },
	{ "cpuset-cpus", "cpu.cpus", TEXT, "CPUs to use" },
	{ "cpuset-mems", "cpu.mems", TEXT, "memory nodes to use" },
	{ "memory", "memory.limit", BYTES, "memory limit in bytes" },
	{ "memory-reservation", "memory.reservation", BYTES, "memory soft limit in bytes" },
	{ "memory-swap", "memory.swap", BYTES, "memory and swap in bytes, -1 for no limit" },
	{ "pids-limit", "pids.limit", NUMBER, "number of processes, -1 for no limit" },
	{ "kernel-memory", "memory.kernel", BYTES, "accepted for compatibility" },
	{ "kernel-memory-tcp", "memory.kernelTCP", BYTES, "TCP buffers in bytes" },
};

/* "512", "-1", "64m", "1G". */
static int parse_bytes(const char *s, int64_t *ret)
{
	static const char units[] = "kmgt";
	size_t n = strlen(s);
	const char *unit = n ? strchr(units, s[n - 1] | 0x20) : NULL;
	AUTO_FREE char *digits = xstrndup(s, unit && *unit ? n - 1 : n);
	int r = str_to_i64(digits, ret);
	for (const char *u = units; r == 0 && unit && u <= unit; u++)
		if (__builtin_mul_overflow(*ret, 1024, ret))
			return -ERANGE;
	return r;
}

static int build(const char *const *values, json_t *resources, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		int64_t n;
		if (!values[i])
			continue;
		if (fields[i].form == TEXT) {
			json_set_str(resources, fields[i].field, values[i]);
			continue;
		}
		int r = fields[i].form == BYTES ? parse_bytes(values[i], &n) : str_to_i64(values[i], &n);
		if (r < 0)
			return err_set(e, r, "invalid value for %s: %s", fields[i].flag, values[i]);
		json_set_int(resources, fields[i].field, n);
	}
	return 0;
}

static int read_resources(const char *file, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(strcmp(file, "-") ? file : "/dev/stdin", 1 << 20, &text, e);
	return r < 0 ? r : config_read_text(text.p, text.len, ret, e);
}

int verb_update(const struct globals *g, int argc, char **argv)
{
	const char *values[ARRAY_LEN(fields)] = { 0 }, *file = NULL;
	struct option_row rows[ARRAY_LEN(fields) + 1];
	struct err e = ERR_INIT;
	AUTO_JSON *resources = NULL;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		rows[i] = (struct option_row){ fields[i].flag, 0, &values[i], NULL, NULL, fields[i].help };
	rows[ARRAY_LEN(fields)] = (struct option_row){ "resources", 'r', &file, NULL, NULL, "file with resources, - for stdin" };
	int at = parse_options(g, argc, argv, rows, ARRAY_LEN(rows), false, "update [options] <container-id>");
	if (at < 0)
		return PARSE_EXIT(at);
	const char *id = only_id(g, argc, argv, at);
	if (!id)
		return 1;
	int r = file ? read_resources(file, &resources, &e) : 0;
	if (!resources)
		resources = json_object();
	if (r == 0 && !file)
		r = build(values, resources, &e);
	if (r == 0)
		r = container_update(g->root, id, resources, &e);
	return r < 0 ? report(g, 1, NULL, &e) : 0;
}
