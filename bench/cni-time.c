/* cni-time COUNT KEEP PLUGIN CONF: runs a plugin's ADD and, unless KEEP is 1, its DEL COUNT times, each as one process
 * with the file CONF as its input and a container id of its own, and prints the medians in microseconds: "ADD DEL".
 * With PLUGIN true it measures what starting a program costs. The other variables come from the environment. */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static int64_t run(const char *command, const char *plugin, const char *conf)
{
	posix_spawn_file_actions_t fa;
	char *argv[] = {(char *)plugin, NULL};
	int status = 0;
	pid_t pid;
	setenv("CNI_COMMAND", command, 1);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, conf, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	int64_t start = now_us();
	if (posix_spawn(&pid, plugin, &fa, NULL, argv, environ) || waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "cni-time: %s %s failed\n", plugin, command);
		exit(1);
	}
	posix_spawn_file_actions_destroy(&fa);
	return now_us() - start;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static int64_t add[COUNT_MAX], del[COUNT_MAX];
	int n = argc == 5 ? atoi(argv[1]) : 0;
	if (n < 1 || n > COUNT_MAX)
		return 2;
	for (int i = 0; i < n; i++) {
		char id[32];
		snprintf(id, sizeof(id), "bench%d", i);
		setenv("CNI_CONTAINERID", id, 1);
		add[i] = run("ADD", argv[3], argv[4]);
		del[i] = *argv[2] == '1' ? 0 : run("DEL", argv[3], argv[4]);
	}
	qsort(add, (size_t)n, sizeof(*add), by_value);
	qsort(del, (size_t)n, sizeof(*del), by_value);
	printf("%lld %lld\n", (long long)add[n / 2], (long long)del[n / 2]);
	return 0;
}
