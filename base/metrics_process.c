/* Figures of this process. Purpose: CPU time, memory and descriptors beside a program's own figures. Happy path: rows are
 * set just before they are told. What cannot be read (/proc) is left out. */
#include "base/metrics_process.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"

#define DEF(id, name, help, type) METRIC_DEF(id, name, help, type, "")

DEF(cpu, "process_cpu_seconds_total", "User and system CPU time.", METRIC_COUNTER);
DEF(resident, "process_resident_memory_bytes", "Resident memory.", METRIC_GAUGE);
DEF(size, "process_virtual_memory_bytes", "Virtual memory.", METRIC_GAUGE);
DEF(open_fds, "process_open_fds", "Open file descriptors.", METRIC_GAUGE);
DEF(max_fds, "process_max_fds", "How many may be open.", METRIC_GAUGE);
DEF(start_time, "process_start_time_seconds", "When the process began, since the epoch.", METRIC_GAUGE);

static void set(struct metrics *m, const struct metric_def *d, double value)
{
	metric_set(metrics_row(m, d, NULL), value);
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

static void tell_memory(struct metrics *m)
{
	AUTO_STR text = STR_INIT;
	if (fs_read_file("/proc/self/statm", 4096, &text, NULL) < 0)
		return;
	char *at = NULL;
	unsigned long pages = strtoul(str_text(&text), &at, 10), resident_pages = strtoul(at, NULL, 10);
	set(m, &size, (double)pages * (double)sysconf(_SC_PAGESIZE));
	set(m, &resident, (double)resident_pages * (double)sysconf(_SC_PAGESIZE));
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

void metrics_tell_process(struct metrics *m)
{
	struct rusage u;
	struct rlimit l;
	if (getrusage(RUSAGE_SELF, &u) == 0)
		set(m, &cpu,
		    (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	if (getrlimit(RLIMIT_NOFILE, &l) == 0)
		set(m, &max_fds, (double)l.rlim_cur);
	set(m, &open_fds, (double)count_fds());
	if (metric_value(metrics_row(m, &start_time, NULL)) == 0)
		set(m, &start_time, began());
	tell_memory(m);
}
