/* OCI linux.resources to kernel files, for v1 and v2.
 *
 * Happy path: a table a version for what maps one to one, functions for what needs arithmetic (shares, swap, io).
 * What can fail: values of the wrong type or out of range (-EINVAL, named). What always holds: pure; file names never
 * hold a slash, so nothing outside the cgroup's directory can be named. */
#include "cgroups/resources_plan.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define WRITES_MAX 4096
#define SHARES_MIN 2
#define SHARES_MAX 262144

/* A quadratic in the logarithm that goes through the least, the default (1024 and 100) and the greatest of both scales. */
uint64_t cpu_shares_to_weight(uint64_t shares)
{
	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0));
}

uint64_t blkio_weight_to_io(uint64_t weight)
{
	if (weight == 0)
		return 0;
	weight = weight < 10 ? 10 : weight > 1000 ? 1000 : weight;
	return 1 + (weight - 10) * 9999 / 990;
}

static void add(struct resources_plan *p, const char *controller, bool optional, const char *file, char *value)
{
	if (p->n % 16 == 0)
		p->writes = xreallocarray(p->writes, p->n + 16, sizeof(*p->writes));
	p->writes[p->n++] = (struct resource_write){ controller, xstrdup(file), value, optional, false };
}

/* What was added last counts only where the file of what comes next is missing: the other order of reading is that the next one
 * is written instead. */
static void or_else(struct resources_plan *p)
{
	p->writes[p->n - 1].or_next = true;
}

static void add_int(struct resources_plan *p, const char *controller, bool optional, const char *file, int64_t v)
{
	add(p, controller, optional, file, xasprintf("%" PRId64, v));
}

void resources_plan_done(struct resources_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->writes[i].file);
		free(p->writes[i].value);
	}
	free(p->writes);
	*p = (struct resources_plan){ 0 };
}

/* What a value becomes: INT as it is (0 is unset), INT0 as it is (0 counts), MAX: a negative is "max", TEXT, BOOL: true is 1. */
enum form { FORM_INT, FORM_INT0, FORM_MAX, FORM_TEXT, FORM_BOOL, FORM_SHARES };

struct row {
	const char *field, *controller, *file;
	enum form form;
	bool optional;
};

static const struct row v1_rows[] = {
	{ "cpu.shares", "cpu", "cpu.shares", FORM_INT, false },
	{ "cpu.period", "cpu", "cpu.cfs_period_us", FORM_INT, false },
	{ "cpu.quota", "cpu", "cpu.cfs_quota_us", FORM_INT, false },
	{ "cpu.burst", "cpu", "cpu.cfs_burst_us", FORM_INT0, false },
	{ "cpu.realtimePeriod", "cpu", "cpu.rt_period_us", FORM_INT, false },
	{ "cpu.realtimeRuntime", "cpu", "cpu.rt_runtime_us", FORM_INT, false },
	{ "cpu.idle", "cpu", "cpu.idle", FORM_INT0, false },
	{ "cpu.cpus", "cpuset", "cpuset.cpus", FORM_TEXT, false },
	{ "cpu.mems", "cpuset", "cpuset.mems", FORM_TEXT, false },
	{ "memory.limit", "memory", "memory.limit_in_bytes", FORM_INT, false },
	{ "memory.swap", "memory", "memory.memsw.limit_in_bytes", FORM_INT, false },
	{ "memory.reservation", "memory", "memory.soft_limit_in_bytes", FORM_INT, false },
	{ "memory.kernelTCP", "memory", "memory.kmem.tcp.limit_in_bytes", FORM_INT, true },
	{ "memory.swappiness", "memory", "memory.swappiness", FORM_INT0, false },
	{ "memory.disableOOMKiller", "memory", "memory.oom_control", FORM_BOOL, false },
	{ "pids.limit", "pids", "pids.max", FORM_MAX, false },
	{ "blockIO.leafWeight", "blkio", "blkio.leaf_weight", FORM_INT, true },
	{ "network.classID", "net_cls", "net_cls.classid", FORM_INT, false },
};

static const struct row v2_rows[] = {
	{ "cpu.shares", "cpu", "cpu.weight", FORM_SHARES, false },
	{ "cpu.burst", "cpu", "cpu.max.burst", FORM_INT0, false },
	{ "cpu.idle", "cpu", "cpu.idle", FORM_INT0, false },
	{ "cpu.cpus", "cpuset", "cpuset.cpus", FORM_TEXT, false },
	{ "cpu.mems", "cpuset", "cpuset.mems", FORM_TEXT, false },
	{ "memory.limit", "memory", "memory.max", FORM_MAX, false },
	{ "memory.reservation", "memory", "memory.low", FORM_MAX, false },
	{ "pids.limit", "pids", "pids.max", FORM_MAX, false },
};

static int plan_integer(const struct row *row, int64_t n, struct resources_plan *p, struct err *e)
{
	/* Without accounting of swap there is no limit to lift. */
	bool optional = row->optional || (n == -1 && str_eq(row->field, "memory.swap"));
	if ((n == 0 && row->form != FORM_INT0) || (n == -1 && str_eq(row->field, "memory.swappiness")))
		return 0;
	if (row->form == FORM_MAX && n < 0) {
		add(p, row->controller, row->optional, row->file, xstrdup("max"));
		return 0;
	}
	if (row->form == FORM_SHARES) {
		if (n < 0)
			return err_set(e, -EINVAL, "linux.resources.%s: %" PRId64 " is negative", row->field, n);
		n = (int64_t)cpu_shares_to_weight((uint64_t)n);
	}
	add_int(p, row->controller, optional, row->file, n);
	return 0;
}

static int plan_row(const json_t *resources, const struct row *row, struct resources_plan *p, struct err *e)
{
	const json_t *v = json_at(resources, row->field);
	if (!v || json_is_null(v))
		return 0;
	if (row->form == FORM_TEXT && json_is_string(v)) {
		if (*json_string_value(v))
			add(p, row->controller, row->optional, row->file, xstrdup(json_string_value(v)));
		return 0;
	}
	if (row->form == FORM_BOOL && json_is_boolean(v)) {
		if (json_is_true(v))
			add(p, row->controller, row->optional, row->file, xstrdup("1"));
		return 0;
	}
	if (row->form != FORM_TEXT && row->form != FORM_BOOL && json_is_integer(v))
		return plan_integer(row, json_integer_value(v), p, e);
	return err_set(e, -EINVAL, "linux.resources.%s has the wrong type", row->field);
}

/* v1: no limit on memory means none on memory and swap. */
static void plan_v1_swap(const json_t *resources, struct resources_plan *p)
{
	if (json_int_at(resources, "memory.limit", 0) == -1 && json_int_at(resources, "memory.swap", 0) == 0)
		add(p, "memory", true, "memory.memsw.limit_in_bytes", xstrdup("-1"));
}

int resources_v2_swap(int64_t swap, int64_t limit, int64_t *ret, struct err *e)
{
	if (swap <= 0 || limit == -1) {
		*ret = swap < 0 || (swap == 0 && limit == -1) ? -1 : swap;
		return 0;
	}
	if (limit == 0)
		return err_set(e, -EINVAL, "unable to set swap limit without memory limit");
	if (limit < 0)
		return err_set(e, -EINVAL, "invalid memory value: %" PRId64, limit);
	if (swap < limit)
		return err_set(e, -EINVAL, "memory+swap limit should be >= memory limit");
	*ret = swap - limit;
	return 0;
}

static int plan_v2_swap(const json_t *resources, struct resources_plan *p, struct err *e)
{
	int64_t swap = json_int_at(resources, "memory.swap", 0), own = 0;
	int r = resources_v2_swap(swap, json_int_at(resources, "memory.limit", 0), &own, e);
	if (r < 0 || (own == 0 && swap <= 0))
		return r;
	add(p, "memory", own <= 0, "memory.swap.max", own < 0 ? xstrdup("max") : xasprintf("%" PRId64, own));
	return 0;
}

static void plan_v2_cpu_max(const json_t *resources, struct resources_plan *p)
{
	int64_t quota = json_int_at(resources, "cpu.quota", 0), period = json_int_at(resources, "cpu.period", 0);
	if (quota == 0 && period == 0)
		return;
	AUTO_STR v = STR_INIT;
	if (quota > 0)
		str_addf(&v, "%" PRId64, quota);
	else
		str_add(&v, "max");
	if (period > 0)
		str_addf(&v, " %" PRId64, period);
	add(p, "cpu", false, "cpu.max", str_take(&v));
}

struct throttle {
	const char *field, *v1_file, *v2_key;
};

static const struct throttle throttles[] = {
	{ "throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps" },
	{ "throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps" },
	{ "throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops" },
	{ "throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops" },
};

static int plan_throttle(const json_t *blkio, const struct throttle *t, bool v2, struct resources_plan *p, struct err *e)
{
	size_t i;
	json_t *d;
	json_array_foreach(json_object_get(blkio, t->field), i, d)
	{
		int64_t major = json_int_at(d, "major", -1), minor = json_int_at(d, "minor", -1), rate = json_int_at(d, "rate", -1);
		if (major < 0 || minor < 0 || rate < 0 || p->n > WRITES_MAX)
			return err_set(e, -EINVAL, "linux.resources.blockIO.%s[%zu] is invalid", t->field, i);
		if (v2 && rate == 0)
			add(p, "io", false, "io.max", xasprintf("%" PRId64 ":%" PRId64 " %s=max", major, minor, t->v2_key));
		else if (v2)
			add(p, "io", false, "io.max",
			    xasprintf("%" PRId64 ":%" PRId64 " %s=%" PRId64, major, minor, t->v2_key, rate));
		else
			add(p, "blkio", false, t->v1_file, xasprintf("%" PRId64 ":%" PRId64 " %" PRId64, major, minor, rate));
	}
	return 0;
}

static int plan_weight_devices(const json_t *blkio, bool v2, struct resources_plan *p, struct err *e)
{
	size_t i;
	json_t *d;
	json_array_foreach(json_object_get(blkio, "weightDevice"), i, d)
	{
		int64_t major = json_int_at(d, "major", -1), minor = json_int_at(d, "minor", -1);
		int64_t weight = json_int_at(d, "weight", 0), leaf = json_int_at(d, "leafWeight", 0);
		if (major < 0 || minor < 0 || p->n > WRITES_MAX)
			return err_set(e, -EINVAL, "linux.resources.blockIO.weightDevice[%zu] is invalid", i);
		AUTO_FREE char *value = xasprintf("%" PRId64 ":%" PRId64 " %" PRId64, major, minor, weight);
		if (weight && v2)
			add(p, "io", true, "io.bfq.weight", xstrdup(value));
		if (weight && !v2) {
			add(p, "blkio", true, "blkio.weight_device", xstrdup(value));
			or_else(p);
			add(p, "blkio", false, "blkio.bfq.weight_device", xstrdup(value));
		}
		if (leaf && !v2)
			add(p, "blkio", true, "blkio.leaf_weight_device",
			    xasprintf("%" PRId64 ":%" PRId64 " %" PRId64, major, minor, leaf));
	}
	return 0;
}

static int plan_block_io(const json_t *resources, bool v2, struct resources_plan *p, struct err *e)
{
	const json_t *blkio = json_at(resources, "blockIO");
	int64_t weight = json_int_at(blkio, "weight", 0);
	if (weight > 0) {
		add_int(p, v2 ? "io" : "blkio", true, v2 ? "io.bfq.weight" : "blkio.weight", weight);
		or_else(p);
		add_int(p, v2 ? "io" : "blkio", false, v2 ? "io.weight" : "blkio.bfq.weight",
			v2 ? (int64_t)blkio_weight_to_io((uint64_t)weight) : weight);
	}
	int r = plan_weight_devices(blkio, v2, p, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(throttles); i++)
		r = plan_throttle(blkio, &throttles[i], v2, p, e);
	return r;
}

/* A part of a file name: letters, digits and a few signs, no slash. */
static bool plain_name(const char *s)
{
	if (!s || !*s || strlen(s) > 200 || *s == '.')
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			return false;
	return true;
}

static int plan_hugepages(const json_t *resources, bool v2, struct resources_plan *p, struct err *e)
{
	size_t i;
	json_t *l;
	json_array_foreach(json_at(resources, "hugepageLimits"), i, l)
	{
		const char *size = json_str_or(l, "pageSize", json_str_at(l, "pagesize")); /* either is seen */
		json_t *limit = json_object_get(l, "limit");
		if (!plain_name(size) || !json_is_integer(limit) || p->n > WRITES_MAX)
			return err_set(e, -EINVAL, "linux.resources.hugepageLimits[%zu] is invalid", i);
		AUTO_FREE char *file = xasprintf("hugetlb.%s.%s", size, v2 ? "max" : "limit_in_bytes");
		AUTO_FREE char *rsvd = xasprintf("hugetlb.%s.rsvd.%s", size, v2 ? "max" : "limit_in_bytes");
		add(p, "hugetlb", false, file, xasprintf("%" PRIu64, (uint64_t)json_integer_value(limit)));
		add(p, "hugetlb", true, rsvd, xasprintf("%" PRIu64, (uint64_t)json_integer_value(limit)));
	}
	return 0;
}

static int plan_rdma(const json_t *resources, struct resources_plan *p, struct err *e)
{
	const char *device;
	json_t *limits;
	json_object_foreach(json_at(resources, "rdma"), device, limits)
	{
		json_t *handles = json_object_get(limits, "hcaHandles"), *objects = json_object_get(limits, "hcaObjects");
		if (!plain_name(device) || (!handles && !objects) || p->n > WRITES_MAX)
			return err_set(e, -EINVAL, "linux.resources.rdma[\"%.64s\"] is invalid", device);
		AUTO_STR v = STR_INIT;
		str_add(&v, device);
		if (handles)
			str_addf(&v, " hca_handle=%" PRId64, (int64_t)json_integer_value(handles));
		if (objects)
			str_addf(&v, " hca_object=%" PRId64, (int64_t)json_integer_value(objects));
		add(p, "rdma", false, "rdma.max", str_take(&v));
	}
	return 0;
}

static int plan_priorities(const json_t *resources, struct resources_plan *p, struct err *e)
{
	size_t i;
	json_t *prio;
	json_array_foreach(json_at(resources, "network.priorities"), i, prio)
	{
		const char *name = json_str_at(prio, "name");
		if (!plain_name(name) || p->n > WRITES_MAX)
			return err_set(e, -EINVAL, "linux.resources.network.priorities[%zu] is invalid", i);
		add(p, "net_prio", false, "net_prio.ifpriomap",
		    xasprintf("%s %" PRId64, name, json_int_at(prio, "priority", 0)));
	}
	return 0;
}

static int plan_unified(const json_t *resources, bool v2, struct resources_plan *p, struct err *e)
{
	const json_t *unified = json_at(resources, "unified");
	if (json_object_size(unified) && !v2)
		return err_set(e, -EINVAL, "invalid configuration: cannot use unified on cgroup v1");
	const char *file;
	json_t *value;
	json_object_foreach((json_t *)unified, file, value)
	{
		if (strchr(file, '/') || (strchr(file, '.') && !plain_name(file)))
			return err_set(e, -EINVAL, "unified resource \"%.64s\" must be a file name (no slashes)", file);
		if (!strchr(file, '.') || !plain_name(file))
			return err_set(e, -EINVAL, "unified resource \"%.64s\" must be in the form CONTROLLER.PARAMETER", file);
		if (!json_is_string(value) || p->n > WRITES_MAX)
			return err_set(e, -EINVAL, "unified resource \"%.64s\" is no text", file);
		AUTO_STRV char **lines = str_split(json_string_value(value), '\n');
		for (size_t i = 0; i < strv_len(lines); i++)
			if (*lines[i])
				add(p, "unified", false, file, xstrdup(lines[i]));
	}
	return 0;
}

int resources_plan(const json_t *resources, bool v2, struct resources_plan *ret, struct err *e)
{
	AUTO_RESOURCES_PLAN p = { 0 };
	int64_t shares = json_int_at(resources, "cpu.shares", 0), swappiness = json_int_at(resources, "memory.swappiness", -1);
	const struct row *rows = v2 ? v2_rows : v1_rows;
	size_t n = v2 ? ARRAY_LEN(v2_rows) : ARRAY_LEN(v1_rows);
	if (resources && !json_is_object(resources))
		return err_set(e, -EINVAL, "linux.resources is no object");
	if (!v2 && shares > 0 && (shares < SHARES_MIN || shares > SHARES_MAX))
		return err_set(e, -EINVAL, "the %s allowed cpu-shares is %d", shares < SHARES_MIN ? "minimum" : "maximum",
			       shares < SHARES_MIN ? SHARES_MIN : SHARES_MAX);
	if (swappiness < -1 || swappiness > 100)
		return err_set(e, -EINVAL, "invalid memory swappiness value: %" PRId64 " (valid range is 0-100)", swappiness);
	int r = 0;
	if (v2)
		plan_v2_cpu_max(resources, &p);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = plan_row(resources, &rows[i], &p, e);
	if (r == 0 && v2)
		r = plan_v2_swap(resources, &p, e);
	if (!v2)
		plan_v1_swap(resources, &p);
	if (r == 0)
		r = plan_block_io(resources, v2, &p, e);
	if (r == 0)
		r = plan_hugepages(resources, v2, &p, e);
	if (r == 0)
		r = plan_rdma(resources, &p, e);
	if (r == 0 && !v2)
		r = plan_priorities(resources, &p, e);
	if (r == 0)
		r = plan_unified(resources, v2, &p, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct resources_plan){ 0 };
	return 0;
}
