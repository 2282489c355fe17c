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

/* A dead process keeps its number and name until its parent has waited for it. */
static bool is_dead(int pid)
{
	AUTO_FREE char *path = xasprintf("/proc/%d/stat", pid);
	AUTO_STR stat = STR_INIT;
	const char *state = fs_read_file(path, 4096, &stat, NULL) < 0 ? NULL : strrchr(stat.p, ')');
	return !state || str_has_prefix(state, ") Z") || str_has_prefix(state, ") X");
}

int daemon_pid(const struct node_options *o, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s.pid", o->run_dir, name);
	AUTO_STR text = STR_INIT;
	int64_t pid;
	if (fs_read_file(path, 64, &text, NULL) < 0)
		return 0;
	text.p[strcspn(text.p, "\n")] = '\0';
	if (str_to_i64(text.p, &pid) < 0 || pid < 2 || kill((pid_t)pid, 0) < 0 || is_dead((int)pid))
		return 0;
	AUTO_FREE char *comm_path = xasprintf("/proc/%d/comm", (int)pid);
	AUTO_STR comm = STR_INIT;
	/* The number may have passed on to a stranger. */
	return fs_read_file(comm_path, 64, &comm, NULL) == 0 && str_has_prefix(comm.p, "knarr") ? (int)pid : 0;
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
