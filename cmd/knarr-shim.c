/* knarr-shim: a pod's supervisor. Started by the agent; returns to it once the socket listens, and lives on by itself. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/shim/supervisor.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cgroups/cgroup.h"

static const char help[] =
	"Usage: knarr-shim --dir DIR [--cgroup PATH]\n"
	"Supervises the containers of one pod for knarr-agent: parent of their processes, writer of their logs.\n\n"
	"  --dir DIR       the pod's run directory; the socket is DIR/" SHIM_SOCKET_NAME "\n"
	"  --cgroup PATH   the pod's cgroup; the supervisor goes into PATH/shim\n"
	"  --version, --help\n";

/* The agent waits for this pipe: one byte when the supervisor listens, text when it cannot. */
static int wait_for_child(int fd)
{
	char text[256];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n == 1 && text[0] == '+')
		return EXIT_SUCCESS;
	text[n > 0 ? n : 0] = '\0';
	fprintf(stderr, "knarr-shim: %s\n", n > 0 ? text : "the supervisor ended at once");
	return EXIT_FAILURE;
}

static void enter_cgroup(const char *path)
{
	AUTO_CGROUP_HOST *host = NULL;
	AUTO_CGROUP *cg = NULL;
	char own[SHIM_PATH_MAX];
	snprintf(own, sizeof(own), "%s/shim", path);
	if (cgroup_host_open(&host, NULL) == 0 && cgroup_open(host, own, &cg, NULL) == 0 && cgroup_create(cg, NULL) == 0)
		(void)cgroup_attach(cg, getpid(), NULL); /* ignoring: accounting only */
}

static void write_pid(void)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", getpid());
	(void)fs_write_atomic(SHIM_PID_NAME, text, (size_t)n, 0600, NULL);
}

static int serve(int ready, const char *dir, const char *cgroup)
{
	setsid();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	if (cgroup)
		enter_cgroup(cgroup);
	int r = supervisor_init(dir, cgroup);
	if (r < 0) {
		dprintf(ready, "%s: %s", dir, strerror(-r));
		return EXIT_FAILURE;
	}
	write_pid();
	(void)!write(ready, "+", 1);
	close(ready);
	return supervisor_run();
}

int main(int argc, char **argv)
{
	static const struct option opts[] = { { "dir", 1, NULL, 'd' }, { "cgroup", 1, NULL, 'c' },
					      { "version", 0, NULL, 'V' }, { "help", 0, NULL, 'h' }, { 0 } };
	const char *dir = NULL, *cgroup = NULL;
	for (int c; (c = getopt_long(argc, argv, "", opts, NULL)) != -1;) {
		switch (c) {
		case 'd': dir = optarg; break;
		case 'c': cgroup = optarg; break;
		case 'V': puts("knarr-shim " KNARR_VERSION); return EXIT_SUCCESS;
		case 'h': fputs(help, stdout); return EXIT_SUCCESS;
		default: return 2;
		}
	}
	if (!dir || optind < argc) {
		fputs(help, stderr);
		return 2;
	}
	int ready[2];
	if (pipe2(ready, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	pid_t pid = fork();
	if (pid == 0) {
		close(ready[0]);
		return serve(ready[1], dir, cgroup);
	}
	close(ready[1]);
	return pid < 0 ? EXIT_FAILURE : wait_for_child(ready[0]);
}
