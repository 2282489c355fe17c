/* cni-time COUNT KEEP PLUGIN CONF: runs a plugin's ADD and, unless KEEP is 1, its DEL COUNT times, each as one process
 * with the file CONF as its input and a container id of its own, and prints microseconds, ADD and DEL each: medians,
 * minima, and medians of the processor's time, which says more on a machine that has other things to do.
 * With PLUGIN true it measures what starting a program costs. The other variables come from the environment. */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 10000

static int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct cost {
	int64_t wall_us, cpu_us;
};

static struct cost run(const char *command, const char *plugin, const char *conf)
{
	posix_spawn_file_actions_t fa;
	char *argv[] = {(char *)plugin, NULL};
	struct rusage used;
	int status = 0;
	pid_t pid;
	setenv("CNI_COMMAND", command, 1);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, conf, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	int64_t start = now_us();
	if (posix_spawn(&pid, plugin, &fa, NULL, argv, environ) || wait4(pid, &status, 0, &used) < 0 || status) {
		fprintf(stderr, "cni-time: %s %s failed\n", plugin, command);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&fa);
	return (struct cost){now_us() - start, (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
						   used.ru_utime.tv_usec + used.ru_stime.tv_usec};
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

struct series {
	int64_t wall[COUNT_MAX], cpu[COUNT_MAX];
};

static void note(struct series *s, int i, struct cost c)
{
	s->wall[i] = c.wall_us;
	s->cpu[i] = c.cpu_us;
}

static void sort(struct series *s, int n)
{
	qsort(s->wall, (size_t)n, sizeof(*s->wall), by_value);
	qsort(s->cpu, (size_t)n, sizeof(*s->cpu), by_value);
}

int main(int argc, char **argv)
{
	static struct series add, del;
	int n = argc == 5 ? atoi(argv[1]) : 0;
	if (n < 1 || n > COUNT_MAX)
		return 2;
	for (int i = 0; i < n; i++) {
		char id[32];
		snprintf(id, sizeof(id), "bench%d", i);
		setenv("CNI_CONTAINERID", id, 1);
		note(&add, i, run("ADD", argv[3], argv[4]));
		note(&del, i, *argv[2] == '1' ? (struct cost){0} : run("DEL", argv[3], argv[4]));
	}
	sort(&add, n);
	sort(&del, n);
	printf("%lld %lld %lld %lld %lld %lld\n", (long long)add.wall[n / 2], (long long)del.wall[n / 2],
	       (long long)add.wall[0], (long long)del.wall[0], (long long)add.cpu[n / 2], (long long)del.cpu[n / 2]);
	return 0;
}
