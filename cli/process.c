/* Programs beside us: where they are, whether they run, running one to its end. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/cli.h"

extern char **environ;

char *program_dir(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
	return xstrdup(slash ? path : "/usr/local/bin");
}

int daemon_pid(const struct node_options *o, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s.pid", o->run_dir, name);
	pid_t pid = proc_read_pid_file(path);
	if (pid < 0 || !proc_is_alive(pid))
		return 0;
	AUTO_FREE char *comm_path = xasprintf("/proc/%d/comm", pid);
	AUTO_STR comm = STR_INIT;
	/* The number may have passed on to a stranger. */
	return fs_read_file(comm_path, 64, &comm, NULL) == 0 && str_has_prefix(comm.p, "knarr") ? pid : 0;
}

int run_program(char *const *argv, struct err *e)
{
	pid_t pid;
	int status, r = -posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (r < 0)
		return err_code(e, r, "run %s", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "wait for %s", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
