/* Facts of the machine from uname, /proc, /sys and os-release. What is not there is left empty; nothing here fails. */
#include "agent/node_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { IMAGES_MAX = 50 };

/* The first line of a file; returns owned. */
static char *first_line(const char *path)
{
	AUTO_STR text = STR_INIT;
	(void)fs_read_file(path, 65536, &text, NULL);
	return xstrndup(str_text(&text), strcspn(str_text(&text), "\n"));
}

static char *os_image(void)
{
	AUTO_STR text = STR_INIT;
	if (fs_read_file("/etc/os-release", 65536, &text, NULL) < 0)
		(void)fs_read_file("/usr/lib/os-release", 65536, &text, NULL);
	const char *p = strstr(str_text(&text), "PRETTY_NAME=");
	if (!p)
		return xstrdup("Linux");
	p += strlen("PRETTY_NAME=");
	bool quoted = *p == '"';
	p += quoted;
	return xstrndup(p, strcspn(p, quoted ? "\"\n" : "\n"));
}

/* "amd64" */
static const char *node_arch(void)
{
	static const char *const names[][2] = {{"x86_64", "amd64"},    {"aarch64", "arm64"},   {"armv7l", "arm"},
					       {"riscv64", "riscv64"}, {"ppc64le", "ppc64le"}, {"s390x", "s390x"},
					       {"i686", "386"}};
	static struct utsname u;
	uname(&u);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(u.machine, names[i][0]))
			return names[i][1];
	return u.machine;
}

json_t *node_system_info(void)
{
	struct utsname u;
	uname(&u);
	AUTO_FREE char *machine = first_line("/etc/machine-id"), *boot = first_line("/proc/sys/kernel/random/boot_id");
	AUTO_FREE char *system = first_line("/sys/class/dmi/id/product_uuid"), *image = os_image();
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "architecture", node_arch(), "bootID",
			 boot, "containerRuntimeVersion", "knarr://" KNARR_VERSION, "kernelVersion", u.release,
			 "kubeProxyVersion", "", "kubeletVersion", "v1.36.0-knarr." KNARR_VERSION, "machineID", machine,
			 "operatingSystem", "linux", "osImage", image, "systemUUID", *system ? system : machine);
}

static void add_hugepages(json_t *o)
{
	DIR *d = opendir("/sys/kernel/mm/hugepages");
	if (!d)
		return;
	for (struct dirent *de; (de = readdir(d));) {
		long kb;
		if (sscanf(de->d_name, "hugepages-%ldkB", &kb) != 1)
			continue;
		AUTO_FREE char *path = xasprintf("/sys/kernel/mm/hugepages/%s/nr_hugepages", de->d_name),
			       *n = first_line(path);
		AUTO_FREE char *name = kb % (1 << 20) == 0 ? xasprintf("hugepages-%ldGi", kb >> 20)
							   : xasprintf("hugepages-%ldMi", kb >> 10);
		json_object_set_new(o, name, atol(n) ? json_sprintf("%ldKi", atol(n) * kb) : json_string("0"));
	}
	closedir(d);
}

json_t *node_capacity(struct agent *a)
{
	AUTO_STR text = STR_INIT;
	struct statvfs fs = {0};
	long long kb = 0;
	(void)fs_read_file("/proc/meminfo", 65536, &text, NULL);
	const char *line = strstr(str_text(&text), "MemTotal:");
	if (line)
		kb = atoll(line + strlen("MemTotal:"));
	(void)statvfs(a->config->root_dir, &fs);
	a->cpu_milli = sysconf(_SC_NPROCESSORS_ONLN) * 1000;
	a->memory_bytes = kb * 1024;
	a->storage_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
	json_t *o = json_object();
	json_object_set_new(o, "cpu", json_sprintf("%lld", (long long)a->cpu_milli / 1000));
	json_object_set_new(o, "ephemeral-storage", json_sprintf("%lldKi", (long long)a->storage_bytes / 1024));
	add_hugepages(o);
	json_object_set_new(o, "memory", json_sprintf("%lldKi", kb));
	json_object_set_new(o, "pods", json_sprintf("%d", a->config->max_pods));
	return o;
}

/* What eviction keeps free: 100 MiB of memory, a tenth of the disk. */
json_t *node_allocatable(const json_t *capacity)
{
	json_t *o = json_deep_copy(capacity);
	long long memory = atoll(json_str_or(capacity, "memory", "0")),
		  disk = atoll(json_member(capacity, "ephemeral-storage"));
	json_object_set_new(o, "memory", json_sprintf("%lldKi", memory > NODE_RESERVED_BYTES / 1024 ? memory - NODE_RESERVED_BYTES / 1024 : memory));
	json_object_set_new(o, "ephemeral-storage", json_sprintf("%lld", disk * 1024 / 10 * 9));
	return o;
}

json_t *node_labels(const struct agent_config *c)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "beta.kubernetes.io/arch", node_arch(),
			      "beta.kubernetes.io/os", "linux", "kubernetes.io/arch", node_arch(),
			      "kubernetes.io/hostname", c->node_name, "kubernetes.io/os", "linux");
	for (char **l = c->node_labels; l && *l; l++) {
		const char *eq = strchr(*l, '=');
		AUTO_FREE char *key = xstrndup(*l, eq ? (size_t)(eq - *l) : strlen(*l));
		json_object_set_new(o, key, json_string(eq ? eq + 1 : ""));
	}
	return o;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = (*(struct image *const *)a)->size_bytes, y = (*(struct image *const *)b)->size_bytes;
	return x < y ? 1 : x > y ? -1 : 0;
}

json_t *node_images(struct image_store *s)
{
	struct image **all = NULL;
	size_t n = 0;
	json_t *list = json_array();
	if (image_list(s, &all, &n, NULL) < 0)
		return list;
	if (n) /* qsort() takes no null pointer */
		qsort(all, n, sizeof(*all), by_size);
	for (size_t i = 0; i < n; i++) {
		if (i < IMAGES_MAX)
			json_array_append_new(list, json_pack("{s:o, s:I}", "names", json_texts(all[i]->names),
							      "sizeBytes", (json_int_t)all[i]->size_bytes));
		image_free(all[i]);
	}
	free(all);
	return list;
}

bool node_memory_low(void)
{
	AUTO_STR text = STR_INIT;
	(void)fs_read_file("/proc/meminfo", 65536, &text, NULL);
	const char *line = strstr(str_text(&text), "MemAvailable:");
	return line && atoll(line + strlen("MemAvailable:")) < 102400;
}

bool node_disk_low(const char *path)
{
	struct statvfs fs;
	return statvfs(path, &fs) == 0 &&
	       (fs.f_bavail * 10 < fs.f_blocks || (fs.f_files && fs.f_ffree * 20 < fs.f_files));
}

bool node_pids_low(void)
{
	struct sysinfo si;
	AUTO_FREE char *max = first_line("/proc/sys/kernel/pid_max");
	return sysinfo(&si) == 0 && atol(max) > 0 && (long)si.procs * 20 > atol(max) * 19;
}
