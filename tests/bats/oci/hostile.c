/* The first process of a container that attacks whoever enters it: for SECONDS it tries to trace each other process, and to
 * reach files of the host through its /proc entries. A line for each success; a process of the container's own program
 * (/bin/...) is no prey.
 *
 *   hostile SECONDS MARKER      MARKER: absolute path of a file of the host that must not be reached */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *marker;

static void try_path(int pid, const char *entry)
{
	char path[600];
	snprintf(path, sizeof(path), "/proc/%d/%s%s", pid, entry, marker);
	if (access(path, F_OK) == 0)
		printf("REACHED %s\n", path);
}

static void try_exe(int pid)
{
	char path[64], target[400];
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (strncmp(target, "/bin/", 5) && fd >= 0)
		printf("OPENED %s\n", target);
	struct mount_attr writable = { .attr_clr = MOUNT_ATTR_RDONLY };
	if (strncmp(target, "/bin/", 5) && fd >= 0 &&
	    syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &writable, sizeof(writable)) == 0)
		printf("REACHED the mount of %s\n", target);
	if (fd >= 0)
		close(fd);
	fd = strncmp(target, "/bin/", 5) ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		printf("REACHED %s for writing\n", target);
		close(fd);
	}
}

static void try_fds(int pid)
{
	char path[64], entry[300];
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(entry, sizeof(entry), "fd/%s", e->d_name);
		try_path(pid, entry);
		snprintf(entry, sizeof(entry), "fd/%s/../../../../../..", e->d_name);
		try_path(pid, entry);
	}
	if (d)
		closedir(d);
}

static void try_places(int pid)
{
	try_exe(pid);
	try_path(pid, "cwd/../../../../../..");
	try_path(pid, "root");
	try_fds(pid);
}

/* What stands still shows everything that it has. */
static void try_trace(int pid)
{
	char path[64], target[400];
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0)
		return;
	waitpid(pid, NULL, __WALL);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n > 0 && strncmp(target, "/bin/", 5)) {
		printf("TRACED %.*s\n", (int)n, target);
		try_places(pid);
	}
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 99;
	marker = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ready\n");
	for (time_t end = time(NULL) + atoi(argv[1]); time(NULL) < end;) {
		DIR *d = opendir("/proc");
		for (struct dirent *e; d && (e = readdir(d));) {
			int pid = atoi(e->d_name);
			if (pid <= 1)
				continue;
			try_places(pid);
			try_trace(pid);
		}
		if (d)
			closedir(d);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	return 0;
}
