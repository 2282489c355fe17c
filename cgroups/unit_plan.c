/* Names and properties of systemd units.
 *
 * Happy path: one property for each resource that systemd knows; the files get all of them as well, so what it does not know is
 * not lost. What can fail: values out of range, with -EINVAL and the field. What always holds: pure; names are checked
 * before they become part of a path. */
#include "cgroups/unit_plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cgroups/dbus_message.h"
#include "cgroups/device_rules.h"
#include "cgroups/resources_plan.h"

#define UNIT_NAME_MAX 255
#define CPUS_MAX 65536
#define DEFAULT_PERIOD_US 100000
#define PERCENT_US 10000 /* of a second */

void unit_name_done(struct unit_name *n)
{
	free(n->name);
	free(n->slice);
	free(n->path);
	*n = (struct unit_name){ 0 };
}

bool unit_is_slice(const char *name)
{
	return str_has_suffix(name, ".slice");
}

static bool valid_name(const char *name)
{
	size_t n = strlen(name);
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(":-_.\\@", *p))
			return false;
	return n && n <= UNIT_NAME_MAX && *name != '.';
}

/* "/a.slice/a-b.slice" for "a-b.slice": dashes are the levels. */
static int expand_slice(const char *slice, struct str *ret, struct err *e)
{
	if (!valid_name(slice) || !unit_is_slice(slice) || strlen(slice) == strlen(".slice"))
		return err_set(e, -EINVAL, "invalid slice name: %.200s", slice);
	if (str_eq(slice, "-.slice"))
		return 0;
	AUTO_FREE char *stem = xstrndup(slice, strlen(slice) - strlen(".slice"));
	for (char *p = stem;; p++) {
		if (*p && *p != '-')
			continue;
		if (p == stem || p[-1] == '-')
			return err_set(e, -EINVAL, "invalid slice name: %.200s", slice);
		str_addf(ret, "/%.*s.slice", (int)(p - stem), stem);
		if (!*p)
			return 0;
	}
}

int unit_name_parse(const char *cgroups_path, const char *id, bool user, struct unit_name *ret, struct err *e)
{
	AUTO_UNIT_NAME n = { 0 };
	AUTO_STR path = STR_INIT;
	AUTO_STRV char **parts = str_empty(cgroups_path) ? NULL : str_split(cgroups_path, ':');
	if (parts && strv_len(parts) != 3)
		return err_set(e, -EINVAL, "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"%.200s\" "
					   "instead", cgroups_path);
	const char *name = parts ? parts[2] : id, *prefix = parts ? parts[1] : "knarr";
	n.slice = xstrdup(parts && *parts[0] ? parts[0] : user ? "user.slice" : "system.slice");
	n.name = unit_is_slice(name) ? xstrdup(name) : xasprintf("%s-%s.scope", prefix, name);
	if (!valid_name(n.name) || !*name)
		return err_set(e, -EINVAL, "invalid unit name \"%.200s\"", n.name);
	int r = unit_is_slice(n.name) ? 0 : expand_slice(n.slice, &path, e);
	if (r < 0)
		return r;
	if (!unit_is_slice(n.name)) {
		str_addf(&path, "/%s", n.name);
	} else { /* a slice's place follows from its own name */
		r = expand_slice(n.name, &path, e);
		if (r < 0)
			return r;
	}
	n.path = str_take(&path);
	*ret = n;
	memset(&n, 0, sizeof(n));
	return 0;
}

static void begin(struct str *out, const char *name, const char *type)
{
	dbus_add_align(out, 8);
	dbus_add_text(out, name);
	dbus_add_signature(out, type);
}

static void add_bool(struct str *out, const char *name, bool v)
{
	begin(out, name, "b");
	dbus_add_u32(out, v);
}

static void add_u64(struct str *out, const char *name, uint64_t v)
{
	begin(out, name, "t");
	dbus_add_u64(out, v);
}

static void add_text(struct str *out, const char *name, const char *v)
{
	begin(out, name, "s");
	dbus_add_text(out, v);
}

void unit_add_basics(struct str *out, const char *name, const char *slice, pid_t pid, bool v2)
{
	AUTO_FREE char *description = xasprintf("container %s", name);
	add_text(out, "Description", description);
	if (unit_is_slice(name)) {
		begin(out, "Wants", "as");
		size_t a = dbus_array_begin(out, 4);
		dbus_add_text(out, slice);
		dbus_array_end(out, a, 4);
	} else {
		add_text(out, "Slice", slice);
		add_bool(out, "Delegate", true);
	}
	if (pid > 0 && !unit_is_slice(name)) {
		begin(out, "PIDs", "au");
		size_t a = dbus_array_begin(out, 4);
		dbus_add_u32(out, (uint32_t)pid);
		dbus_array_end(out, a, 4);
	}
	add_bool(out, "MemoryAccounting", true);
	add_bool(out, "CPUAccounting", true);
	add_bool(out, v2 ? "IOAccounting" : "BlockIOAccounting", true);
	add_bool(out, "TasksAccounting", true);
	add_bool(out, "DefaultDependencies", false);
	if (!unit_is_slice(name)) /* a failed one is nobody's to keep */
		add_text(out, "CollectMode", "inactive-or-failed");
}

/* "0-2,5" to bits, the first processor in the lowest bit of the first byte. -EINVAL. Adds to ret. */
static int unit_cpuset_bits(const char *list, struct str *ret)
{
	uint8_t bits[CPUS_MAX / 8] = { 0 };
	size_t top = 0;
	AUTO_STRV char **parts = str_split(list, ',');
	for (size_t i = 0; i < strv_len(parts); i++) {
		char *p = parts[i] + strspn(parts[i], " \t\n"), *end = NULL;
		if (!*p)
			continue;
		unsigned long first = isdigit((unsigned char)*p) ? strtoul(p, &end, 10) : CPUS_MAX, last = first;
		if (end && *end == '-')
			last = isdigit((unsigned char)end[1]) ? strtoul(end + 1, &end, 10) : CPUS_MAX;
		if (!end || end[strspn(end, " \t\n")] || first > last || last >= CPUS_MAX)
			return -EINVAL;
		for (unsigned long n = first; n <= last; n++)
			bits[n / 8] |= (uint8_t)(1 << n % 8);
		top = MAX(top, last / 8 + 1);
	}
	if (!top)
		return -EINVAL;
	str_addn(ret, bits, top);
	return 0;
}

static int add_cpuset(struct str *out, const char *name, const char *list, struct err *e)
{
	AUTO_STR bits = STR_INIT;
	if (str_empty(list))
		return 0;
	if (unit_cpuset_bits(list, &bits) < 0)
		return err_set(e, -EINVAL, "%s: \"%.100s\" is no list of numbers", name, list);
	begin(out, name, "ay");
	size_t a = dbus_array_begin(out, 1);
	str_addn(out, bits.p, bits.len);
	dbus_array_end(out, a, 1);
	return 0;
}

static uint64_t quota_per_second(int64_t quota, int64_t period)
{
	if (quota <= 0)
		return UINT64_MAX;
	uint64_t us = (uint64_t)((unsigned __int128)quota * 1000000 / (uint64_t)(period > 0 ? period : DEFAULT_PERIOD_US));
	return (us + PERCENT_US - 1) / PERCENT_US * PERCENT_US;
}

static void add_quota(struct str *out, int64_t quota, int64_t period)
{
	if (period > 0)
		add_u64(out, "CPUQuotaPeriodUSec", (uint64_t)period);
	if (quota || period)
		add_u64(out, "CPUQuotaPerSecUSec", quota_per_second(quota, period));
}

json_t *unit_round_quota(const json_t *resources)
{
	json_t *copy = resources ? json_deep_copy(resources) : json_object();
	int64_t quota = json_int_at(copy, "cpu.quota", 0), period = json_int_at(copy, "cpu.period", 0);
	if (quota > 0) {
		uint64_t per_second = quota_per_second(quota, period);
		json_set_int(copy, "cpu.quota",
			     (int64_t)((unsigned __int128)per_second * (uint64_t)(period > 0 ? period : DEFAULT_PERIOD_US) / 1000000));
	}
	return copy;
}

/* A path that systemd turns back into numbers; NULL for what it has no form for. */
static char *device_path(const struct device_rule *r)
{
	const char *kind = r->type == 'b' ? "block" : "char";
	if (r->major < 0)
		return r->minor < 0 ? xasprintf("%s-*", kind) : NULL;
	if (r->minor < 0)
		return xasprintf("%s-%lld", kind, (long long)r->major);
	return xasprintf("/dev/%s/%lld:%lld", kind, (long long)r->major, (long long)r->minor);
}

static bool same_device(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

/* What rule i allows and no later rule for the same numbers takes away. */
static unsigned lasting_access(const struct device_rules *rules, size_t i)
{
	unsigned access = rules->rules[i].access;
	for (size_t k = i + 1; k < rules->n; k++)
		if (!rules->rules[k].allow && same_device(&rules->rules[k], &rules->rules[i]))
			access &= ~rules->rules[k].access;
	return access;
}

static void add_device(struct str *out, const struct device_rule *r, unsigned access)
{
	AUTO_FREE char *path = device_path(r);
	AUTO_STR letters = STR_INIT;
	if (!path || !access)
		return;
	dbus_add_align(out, 8);
	dbus_add_text(out, path);
	str_addf(&letters, "%s%s%s", access & BPF_DEVCG_ACC_READ ? "r" : "", access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		 access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
	dbus_add_text(out, str_text(&letters));
}

static int add_devices(struct str *out, const json_t *devices, struct err *e)
{
	AUTO_DEVICE_RULES rules = { 0 };
	size_t first = 0;
	bool all = false;
	int r = device_rules_parse(devices, &rules, e);
	if (r < 0 || !devices)
		return r;
	for (size_t i = 0; i < rules.n; i++)
		if (rules.rules[i].type == 'a') {
			first = i + 1;
			all = rules.rules[i].allow;
		}
	/* Only lists of what is allowed can be said; exceptions from "all" are left to our own program. */
	begin(out, "DeviceAllow", "a(ss)");
	dbus_array_end(out, dbus_array_begin(out, 8), 8);
	add_text(out, "DevicePolicy", all ? "auto" : "strict");
	if (all)
		return 0;
	begin(out, "DeviceAllow", "a(ss)");
	size_t a = dbus_array_begin(out, 8);
	for (size_t i = first; i < rules.n; i++)
		if (rules.rules[i].allow)
			add_device(out, &rules.rules[i], lasting_access(&rules, i));
	dbus_array_end(out, a, 8);
	return 0;
}

static int add_v2_memory(struct str *out, const json_t *resources, struct err *e)
{
	int64_t limit = json_int_at(resources, "memory.limit", 0), low = json_int_at(resources, "memory.reservation", 0), swap = 0;
	int r = resources_v2_swap(json_int_at(resources, "memory.swap", 0), limit, &swap, e);
	if (r < 0)
		return r;
	if (limit)
		add_u64(out, "MemoryMax", (uint64_t)limit);
	if (low)
		add_u64(out, "MemoryLow", (uint64_t)low);
	if (swap || json_int_at(resources, "memory.swap", 0) > 0)
		add_u64(out, "MemorySwapMax", (uint64_t)swap);
	return 0;
}

static const struct {
	const char *file, *property;
} unified_numbers[] = { { "memory.high", "MemoryHigh" }, { "memory.low", "MemoryLow" },	 { "memory.min", "MemoryMin" },
			{ "memory.max", "MemoryMax" },	 { "memory.swap.max", "MemorySwapMax" }, { "pids.max", "TasksMax" } };

static int add_unified_number(struct str *out, const char *file, const char *property, const char *value, struct err *e)
{
	int64_t n = -1;
	if (!str_eq(value, "max") && (str_to_i64(value, &n) < 0 || n < 0))
		return err_set(e, -EINVAL, "unified resource \"%s\" value conversion error: \"%.100s\"", file, value);
	add_u64(out, property, (uint64_t)n);
	return 0;
}

static int add_unified_max(struct str *out, const char *value, struct err *e)
{
	int64_t quota = 0, period = DEFAULT_PERIOD_US;
	AUTO_STRV char **parts = str_split(value, ' ');
	size_t n = strv_len(parts);
	if (n < 1 || n > 2 || (!str_eq(parts[0], "max") && str_to_i64(parts[0], &quota) < 0) ||
	    (n == 2 && str_to_i64(parts[1], &period) < 0))
		return err_set(e, -EINVAL, "unified resource \"cpu.max\" value invalid: \"%.100s\"", value);
	add_quota(out, quota, period);
	return 0;
}

static int add_unified(struct str *out, const json_t *resources, bool idle, struct err *e)
{
	const char *file;
	json_t *v;
	int r = 0;
	json_object_foreach(json_at(resources, "unified"), file, v)
	{
		const char *raw = json_string_value(v) ? json_string_value(v) : "";
		raw += strspn(raw, " \t\n");
		size_t n = strlen(raw);
		while (n && isspace((unsigned char)raw[n - 1]))
			n--;
		AUTO_FREE char *value = xstrndup(raw, n);
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(unified_numbers); i++)
			if (str_eq(file, unified_numbers[i].file))
				r = add_unified_number(out, file, unified_numbers[i].property, value, e);
		if (r == 0 && str_eq(file, "cpu.max"))
			r = add_unified_max(out, value, e);
		if (r == 0 && str_eq(file, "cpu.weight") && !idle)
			r = add_unified_number(out, file, "CPUWeight", value, e);
		if (r == 0 && str_eq(file, "cpuset.cpus"))
			r = add_cpuset(out, "AllowedCPUs", value, e);
		if (r == 0 && str_eq(file, "cpuset.mems"))
			r = add_cpuset(out, "AllowedMemoryNodes", value, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static void add_weight(struct str *out, const json_t *resources, bool idle)
{
	uint64_t weight = cpu_shares_to_weight((uint64_t)json_int_at(resources, "cpu.shares", 0));
	if (idle || weight)
		add_u64(out, "CPUWeight", idle ? 0 : weight);
}

static int add_common(struct str *out, const json_t *resources, struct err *e)
{
	int64_t pids = json_int_at(resources, "pids.limit", 0);
	add_quota(out, json_int_at(resources, "cpu.quota", 0), json_int_at(resources, "cpu.period", 0));
	if (pids)
		add_u64(out, "TasksMax", pids < 0 ? UINT64_MAX : (uint64_t)pids);
	int r = add_cpuset(out, "AllowedCPUs", json_str_at(resources, "cpu.cpus"), e);
	return r == 0 ? add_cpuset(out, "AllowedMemoryNodes", json_str_at(resources, "cpu.mems"), e) : r;
}

int unit_add_resources(struct str *out, const json_t *resources, bool v2, bool idle_known, struct err *e)
{
	int64_t shares = json_int_at(resources, "cpu.shares", 0), limit = json_int_at(resources, "memory.limit", 0);
	int64_t blkio = json_int_at(resources, "blockIO.weight", 0);
	const char *unified_idle = json_string_value(json_object_get(json_at(resources, "unified"), "cpu.idle"));
	bool idle = idle_known && (json_int_at(resources, "cpu.idle", 0) == 1 || str_eq(unified_idle, "1"));
	int r = add_devices(out, json_at(resources, "devices"), e);
	if (r == 0)
		r = add_common(out, resources, e);
	if (r < 0)
		return r;
	if (v2) {
		add_weight(out, resources, idle);
		r = add_v2_memory(out, resources, e);
		return r == 0 ? add_unified(out, resources, idle, e) : r;
	}
	if (limit)
		add_u64(out, "MemoryLimit", (uint64_t)limit);
	if (shares > 0)
		add_u64(out, "CPUShares", (uint64_t)shares);
	if (blkio > 0)
		add_u64(out, "BlockIOWeight", (uint64_t)blkio);
	return 0;
}
