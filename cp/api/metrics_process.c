/* Metrics that are looked up when somebody asks: objects, the store, this process, health. Purpose: what dashboards show
 * beside requests. Happy path: rows are set just before they are told. What cannot be read (/proc) is left out. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "cp/api/custom.h"
#include "cp/api/metrics.h"
#include "cp/store/store.h"

#define VALUES(...) ((const char *const[]){__VA_ARGS__})
#define DEF(id, name, help, type, labels) static const struct metric_def id = {name, help, type, labels, NULL, 0, 0}

DEF(storage_objects, "apiserver_storage_objects", "Objects that are stored.", METRIC_GAUGE, "resource");
DEF(objects, "apiserver_resource_objects", "Objects that are stored.", METRIC_GAUGE, "group,resource");
DEF(object_bytes, "apiserver_resource_size_estimate_bytes", "Bytes of the objects that are stored.", METRIC_GAUGE, "group,resource");
DEF(txns, "knarr_store_transactions_total", "Transactions of the store.", METRIC_COUNTER, "");
DEF(commits, "knarr_store_commits_total", "Commits (fsync) of the store.", METRIC_COUNTER, "");
DEF(written, "knarr_store_written_bytes_total", "Bytes written by the store.", METRIC_COUNTER, "");
DEF(cpu, "process_cpu_seconds_total", "User and system CPU time.", METRIC_COUNTER, "");
DEF(resident, "process_resident_memory_bytes", "Resident memory.", METRIC_GAUGE, "");
DEF(size, "process_virtual_memory_bytes", "Virtual memory.", METRIC_GAUGE, "");
DEF(open_fds, "process_open_fds", "Open file descriptors.", METRIC_GAUGE, "");
DEF(max_fds, "process_max_fds", "How many may be open.", METRIC_GAUGE, "");
DEF(start_time, "process_start_time_seconds", "When the process began, since the epoch.", METRIC_GAUGE, "");
DEF(build, "kubernetes_build_info", "What this server is, always 1.", METRIC_GAUGE,
    "build_date,compiler,git_commit,git_tree_state,git_version,go_version,major,minor,platform");
DEF(health, "kubernetes_healthcheck", "The last outcome of a health check.", METRIC_GAUGE, "name,type");
DEF(healths, "kubernetes_healthchecks_total", "Health checks by outcome.", METRIC_COUNTER, "name,status,type");

static void set(struct api *a, const struct metric_def *d, double value)
{
	metric_set(metrics_row(a->numbers, d, NULL), value);
}

static bool tell_resource(const struct resource *res, void *arg)
{
	struct api *a = arg;
	const struct kind *k = res->kind;
	AUTO_FREE char *name = status_qualified(k->group, k->plural);
	if (!res->bucket)
		return false;
	metric_set(metrics_row(a->numbers, &storage_objects, VALUES(name)), (double)bucket_len(res->bucket));
	metric_set(metrics_row(a->numbers, &objects, VALUES(k->group, k->plural)), (double)bucket_len(res->bucket));
	metric_set(metrics_row(a->numbers, &object_bytes, VALUES(k->group, k->plural)), (double)bucket_bytes(res->bucket));
	return false;
}

static void tell_store(struct api *a)
{
	struct store_stats s;
	store_get_stats(cache_store(a->cache), &s);
	set(a, &txns, (double)s.txns);
	set(a, &commits, (double)s.commits);
	set(a, &written, (double)s.bytes_written);
}

static size_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* itself and the two dots */
}

static void tell_memory(struct api *a)
{
	AUTO_STR text = STR_INIT;
	unsigned long pages = 0, resident_pages = 0;
	if (fs_read_file("/proc/self/statm", 4096, &text, NULL) < 0)
		return;
	char *at = NULL;
	pages = strtoul(str_text(&text), &at, 10);
	resident_pages = strtoul(at, NULL, 10);
	set(a, &size, (double)pages * (double)sysconf(_SC_PAGESIZE));
	set(a, &resident, (double)resident_pages * (double)sysconf(_SC_PAGESIZE));
}

static void tell_process(struct api *a)
{
	struct rusage u;
	struct rlimit l;
	if (getrusage(RUSAGE_SELF, &u) == 0)
		set(a, &cpu,
		    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	if (getrlimit(RLIMIT_NOFILE, &l) == 0)
		set(a, &max_fds, (double)l.rlim_cur);
	set(a, &open_fds, (double)count_fds());
	tell_memory(a);
}

static void tell_all(void *arg)
{
	struct api *a = arg;
	metric_vec_clear(metrics_vec(a->numbers, &storage_objects));
	metric_vec_clear(metrics_vec(a->numbers, &objects));
	metric_vec_clear(metrics_vec(a->numbers, &object_bytes));
	for (size_t i = 0; i < a->n_resources; i++)
		tell_resource(&a->resources[i], a);
	(void)customs_each(a->customs, tell_resource, a); /* never stops by itself */
	tell_store(a);
	tell_process(a);
}

/* The process's start, as the kernel tells it: seconds since the epoch. */
static double began(void)
{
	char letter;
	uint64_t ticks = 0;
	struct timespec up;
	if (proc_stat(getpid(), &letter, &ticks) < 0 || clock_gettime(CLOCK_BOOTTIME, &up) < 0)
		return (double)clock_wall_ms() / 1000;
	double age = (double)up.tv_sec + (double)up.tv_nsec / 1e9 - (double)ticks / (double)sysconf(_SC_CLK_TCK);
	return (double)clock_wall_ms() / 1000 - age;
}

void process_metrics_start(struct api *a)
{
	set(a, &start_time, began());
	metric_set(metrics_row(a->numbers, &build,
			       VALUES("", "cc", KNARR_VERSION, "clean", "v1.36.0+knarr", "none", "1", "36", "linux")),
		   1);
	a->slis = metrics_new();
	metrics_before_write(a->numbers, tell_all, a);
}

void health_count(struct api *a, const char *name, const char *type, bool ok)
{
	metric_set(metrics_row(a->slis, &health, VALUES(name, type)), ok);
	metric_add(metrics_row(a->slis, &healths, VALUES(name, ok ? "success" : "error", type)), 1);
}

void api_write_slis(struct api *a, struct str *out)
{
	metrics_write(a->slis, out);
}
