/* GET /stats/summary: what the node and its pods use, from cgroups and /proc. A cgroup that is gone counts as nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/cpu_rate.h"
#include "agent/fs_usage_cache.h"
#include "agent/server.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

static void set_u64(json_t *o, const char *path, uint64_t v)
{
	json_set_int(o, path, (int64_t)v);
}

static void add_usage(json_t *o, const struct agent *a, const char *path, int64_t since_ms)
{
	struct cgroup_stats st = {0};
	AUTO_CGROUP *cg = NULL;
	char now[RFC3339_MAX];
	rfc3339(clock_wall_ms(), now);
	if (cgroup_open(a->cgroups, path, &cg, NULL) < 0 || cgroup_stats(cg, &st, NULL) < 0)
		return;
	json_set_str(o, "cpu.time", now);
	set_u64(o, "cpu.usageCoreNanoSeconds", st.cpu_usage_ns);
	set_u64(o, "cpu.usageNanoCores", cpu_rates_take(a->cpu_rates, path, st.cpu_usage_ns, since_ms, clock_wall_ms()));
	json_set_str(o, "memory.time", now);
	set_u64(o, "memory.usageBytes", st.memory_usage_bytes);
	set_u64(o, "memory.workingSetBytes", st.memory_working_set_bytes);
	set_u64(o, "memory.rssBytes", st.memory_rss_bytes);
	set_u64(o, "memory.pageFaults", st.memory_page_faults);
	set_u64(o, "memory.majorPageFaults", st.memory_major_page_faults);
}

/* The layer that the container writes, and its logs. */
static void add_files(json_t *o, const struct pod *p, const struct container_state *c)
{
	AUTO_FREE char *upper = xasprintf("%s/containers/%s/upper", p->agent->config->data_dir, c->id);
	AUTO_FREE char *log = container_log_path(p, c, 0), *logs = xstrndup(log, (size_t)(strrchr(log, '/') - log));
	struct fs_usage_cache *cache = p->agent->fs_usages;
	json_object_set_new(o, "rootfs", fs_usage_cache_stats(cache, upper, clock_wall_ms()));
	json_object_set_new(o, "logs", fs_usage_cache_stats(cache, logs, clock_wall_ms()));
}

static json_t *container_stats(const struct pod *p, const struct container_state *c)
{
	char start[RFC3339_MAX];
	AUTO_FREE char *path = xasprintf("%s/%s", p->cgroup, c->name);
	json_t *o = json_pack("{s:s, s:s}", "name", c->name, "startTime", rfc3339(c->started_ms, start));
	add_usage(o, p->agent, path, c->started_ms);
	add_files(o, p, c);
	return o;
}

/* /proc/PID/net/dev of the sandbox: its interfaces, without loopback (which says nothing about the network). */
json_t *server_pod_network(const struct pod *p)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/net/dev", (int)p->pause_pid);
	AUTO_STR text = STR_INIT;
	char now[RFC3339_MAX];
	if (p->pause_pid <= 0 || fs_read_file(path, 65536, &text, NULL) < 0)
		return NULL;
	json_t *o = json_pack("{s:s}", "time", rfc3339(clock_wall_ms(), now));
	AUTO_STRV char **lines = str_split(str_text(&text), '\n');
	for (size_t i = 2; lines && i < strv_len(lines); i++) {
		char name[32];
		unsigned long long v[16];
		if (sscanf(lines[i], " %31[^:]: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu", name, &v[0], &v[1], &v[2], &v[3],
			   &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10]) != 12 ||
		    strcmp(name, "lo") == 0)
			continue;
		json_t *one = json_pack("{s:s,s:I,s:I,s:I,s:I}", "name", name, "rxBytes", (json_int_t)v[0], "rxErrors", (json_int_t)v[2],
					"txBytes", (json_int_t)v[8], "txErrors", (json_int_t)v[10]);
		if (!json_object_get(o, "name"))
			json_object_update(o, one);
		json_array_append_new(json_array_at(o, "interfaces"), one);
	}
	return o;
}

static json_t *pod_stats(const struct pod *p)
{
	const struct pod_state *s = p->state;
	char start[RFC3339_MAX];
	json_t *list = json_array();
	for (size_t i = 0; i < s->n; i++)
		if (s->containers[i].phase == PHASE_RUNNING)
			json_array_append_new(list, container_stats(p, &s->containers[i]));
	json_t *o = json_pack("{s:{s:s, s:s, s:s}, s:s, s:o}", "podRef", "name", s->name, "namespace", s->ns, "uid",
			      s->uid, "startTime", rfc3339(s->start_ms, start), "containers", list);
	add_usage(o, p->agent, p->cgroup, s->start_ms);
	json_t *network = server_pod_network(p);
	if (network)
		json_object_set_new(o, "network", network);
	return o;
}

/* The first line of /proc/stat counts in USER_HZ, 100 a second on every architecture's ABI. */
uint64_t server_node_cpu_ns(void)
{
	AUTO_STR text = STR_INIT;
	unsigned long long v[8] = {0};
	(void)fs_read_file("/proc/stat", 1 << 20, &text, NULL);
	sscanf(str_text(&text), "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
	       &v[6], &v[7]);
	return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * 10000000;
}

static uint64_t meminfo(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

uint64_t server_node_working_set_bytes(void)
{
	AUTO_STR text = STR_INIT;
	(void)fs_read_file("/proc/meminfo", 65536, &text, NULL);
	return meminfo(str_text(&text), "MemTotal:") - meminfo(str_text(&text), "MemAvailable:");
}

static json_t *node_stats(const struct agent *a)
{
	AUTO_STR text = STR_INIT;
	struct statvfs fs = {0};
	char now[RFC3339_MAX];
	json_t *o = json_object();
	(void)fs_read_file("/proc/meminfo", 65536, &text, NULL);
	(void)statvfs(a->config->root_dir, &fs);
	rfc3339(clock_wall_ms(), now);
	uint64_t total = meminfo(str_text(&text), "MemTotal:"), available = meminfo(str_text(&text), "MemAvailable:");
	json_set_str(o, "nodeName", a->config->node_name);
	json_set_str(o, "cpu.time", now);
	uint64_t cpu = server_node_cpu_ns();
	set_u64(o, "cpu.usageCoreNanoSeconds", cpu);
	set_u64(o, "cpu.usageNanoCores", cpu_rates_take(a->cpu_rates, "node", cpu, clock_wall_ms() - clock_mono_ms(), clock_wall_ms()));
	json_set_str(o, "memory.time", now);
	set_u64(o, "memory.availableBytes", available);
	set_u64(o, "memory.usageBytes", total - meminfo(str_text(&text), "MemFree:"));
	set_u64(o, "memory.workingSetBytes", total - available);
	json_set_str(o, "fs.time", now);
	set_u64(o, "fs.capacityBytes", (uint64_t)fs.f_blocks * fs.f_frsize);
	set_u64(o, "fs.availableBytes", (uint64_t)fs.f_bavail * fs.f_frsize);
	set_u64(o, "fs.usedBytes", (uint64_t)(fs.f_blocks - fs.f_bfree) * fs.f_frsize);
	set_u64(o, "fs.inodes", fs.f_files);
	set_u64(o, "fs.inodesFree", fs.f_ffree);
	set_u64(o, "fs.inodesUsed", fs.f_files - fs.f_ffree);
	return o;
}

void server_stats(struct agent *a, struct http_exchange *x, const struct target *t)
{
	if (strcmp(t->parts[0], "summary")) {
		server_text(x, 404, "404 page not found\n");
		return;
	}
	json_t *pods = json_array();
	size_t at = 0;
	const char *uid;
	struct pod *p;
	fs_usage_cache_begin(a->fs_usages, clock_wall_ms());
	while (map_next(a->pods, &at, &uid, &p))
		json_array_append_new(pods, pod_stats(p));
	cpu_rates_forget(a->cpu_rates, clock_wall_ms());
	AUTO_JSON *o = json_pack("{s:o, s:o}", "node", node_stats(a), "pods", pods);
	server_json(x, 200, o);
}
