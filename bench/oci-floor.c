/* oci-floor: what the kernel alone costs for one container, the bound of "knarr-oci run".
 *
 *   oci-floor ROOTFS CGROUP [SYSCALLS]   six namespaces, cgroup in every hierarchy, the mounts of `knarr-oci spec`,
 *                                        pivot_root, optionally a filter that allows the first so many system calls,
 *                                        /bin/true, wait, removal of the cgroup
 *   oci-floor                            nothing: the cost of a static program, and the container's /bin/true
 *   true pause                           waits for ever, for containers that must stay
 *   oci-floor memory PROGRAM [ARG]...    peak resident memory of another program, in KB
 *
 * Happy path: no configuration, no state, no checks, no device nodes, no masks: only the calls that nobody can leave out.
 * What can fail: everything; the step is named and the status is 1. What always holds: nothing is allocated. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIERARCHIES_MAX 24
#define SYSCALLS_MAX 512

struct hierarchy {
	char mount[128], dir[512], options[128];
	int v2, fd; /* the way in: v2's for the clone, v1's "tasks" for the child to write itself into */
};

static struct hierarchy hierarchies[HIERARCHIES_MAX];
static int n_hierarchies, pure_v2 = 1;

static void __attribute__((noreturn)) die(const char *step)
{
	perror(step);
	_exit(1);
}

static void check(int r, const char *step)
{
	if (r < 0)
		die(step);
}

static void find_hierarchies(const char *cgroup)
{
	static char text[1 << 16];
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	check((int)n, "mountinfo");
	close(fd);
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct hierarchy *h = &hierarchies[n_hierarchies];
		const char *dash = strstr(line, " - cgroup");
		if (!dash || n_hierarchies == HIERARCHIES_MAX)
			continue;
		h->v2 = dash[9] == '2';
		pure_v2 &= h->v2;
		sscanf(line, "%*s %*s %*s %*s %127s", h->mount);
		sscanf(dash, " - %*s %*s %127s", h->options);
		stpcpy(stpcpy(h->dir, h->mount), cgroup);
		n_hierarchies++;
	}
}

static void write_file(const char *dir, const char *file, const char *text)
{
	char path[640];
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd < 0 ? -1 : (int)write(fd, text, strlen(text)), path);
	close(fd);
}

/* cpuset on v1 takes nobody before it has processors and memory. */
static void inherit(const char *dir, const char *file)
{
	char path[640], text[256];
	snprintf(path, sizeof(path), "%s/../%s", dir, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	check((int)n, path);
	close(fd);
	text[n] = '\0';
	write_file(dir, file, text);
}

static void make_cgroup(void)
{
	for (int i = 0; i < n_hierarchies; i++) {
		struct hierarchy *h = &hierarchies[i];
		if (mkdir(h->dir, 0755) < 0 && errno != EEXIST)
			die(h->dir);
		if (!h->v2 && strstr(h->options, "cpuset")) {
			inherit(h->dir, "cpuset.cpus");
			inherit(h->dir, "cpuset.mems");
		}
		char door[640];
		snprintf(door, sizeof(door), "%s/%s", h->dir, h->v2 ? "" : "tasks");
		h->fd = open(door, (h->v2 ? O_PATH | O_DIRECTORY : O_WRONLY) | O_CLOEXEC);
		check(h->fd, door);
	}
}

static void add_mount(const char *type, const char *at, unsigned long flags, const char *data)
{
	check(mount(type, at, type, flags, data), at);
}

/* Below sys/fs/cgroup: one mount a hierarchy in a tmpfs, or cgroup2 alone. */
static void mount_cgroups(void)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	if (pure_v2)
		return add_mount("cgroup2", "sys/fs/cgroup", flags | MS_RDONLY, NULL);
	add_mount("tmpfs", "sys/fs/cgroup", flags, "mode=755");
	for (int i = 0; i < n_hierarchies; i++) {
		const struct hierarchy *h = &hierarchies[i];
		char at[256];
		const char *options = strchr(h->options, ',');
		snprintf(at, sizeof(at), "sys/fs/cgroup/%s", strrchr(h->mount, '/') + 1);
		check(mkdir(at, 0755), at);
		add_mount(h->v2 ? "cgroup2" : "cgroup", at, flags, h->v2 || !options ? NULL : options + 1);
	}
	check(mount("", "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL), "read-only cgroups");
}

static void mount_all(const char *rootfs)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	check(mount("", "/", NULL, MS_SLAVE | MS_REC, NULL), "propagation");
	check(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind");
	check(chdir(rootfs), "chdir");
	add_mount("proc", "proc", 0, NULL);
	add_mount("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
	check(mkdir("dev/pts", 0755) | mkdir("dev/shm", 0755) | mkdir("dev/mqueue", 0755), "directories of dev");
	add_mount("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_mount("tmpfs", "dev/shm", flags, "mode=1777,size=65536k");
	add_mount("mqueue", "dev/mqueue", flags, NULL);
	add_mount("sysfs", "sys", flags | MS_RDONLY, NULL);
	mount_cgroups();
	check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	check(umount2(".", MNT_DETACH), "umount");
	check(chdir("/"), "chdir");
}

/* Compares one number after the other, as a plain compiler of the list would. */
static void load_filter(int n)
{
	static struct sock_filter code[2 * SYSCALLS_MAX + 2];
	struct sock_filter *p = code;
	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	for (int i = 0; i < n; i++) {
		*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)i, 0, 1);
		*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog prog = { .len = (unsigned short)(p - code), .filter = code };
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	check((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), "seccomp");
}

static void __attribute__((noreturn)) child(const char *rootfs, int n_syscalls)
{
	char *argv[] = { "true", NULL }, *envp[] = { NULL };
	for (int i = 0; i < n_hierarchies; i++)
		check(hierarchies[i].v2 ? 0 : (int)write(hierarchies[i].fd, "0", 1), hierarchies[i].dir);
	check(setsid(), "setsid");
	check(unshare(CLONE_NEWCGROUP), "cgroup namespace");
	mount_all(rootfs);
	check(sethostname("floor", 5), "hostname");
	if (n_syscalls)
		load_filter(n_syscalls);
	execve("/bin/true", argv, envp);
	die("exec");
}

/* From here and not from the bench's script: a process starts with the peak of the one that made it. */
static int peak_memory(char **argv)
{
	struct rusage usage;
	int status = 0;
	pid_t pid = fork();
	check(pid, "fork");
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		execv(argv[0], argv);
		die(argv[0]);
	}
	check(wait4(pid, &status, 0, &usage), "wait");
	printf("%ld\n", usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "pause"))
		return pause();
	if (argc > 2 && !strcmp(argv[1], "memory"))
		return peak_memory(argv + 2);
	int status = 0, n_syscalls = argc > 3 ? atoi(argv[3]) : 0;
	if (argc < 3 || n_syscalls < 0 || n_syscalls > SYSCALLS_MAX || strlen(argv[2]) > 300)
		return argc < 2 ? 0 : 1;
	struct clone_args a = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD,
	};
	find_hierarchies(argv[2]);
	make_cgroup();
	for (int i = 0; i < n_hierarchies; i++) {
		if (hierarchies[i].v2) {
			a.flags |= 0x200000000ULL; /* CLONE_INTO_CGROUP */
			a.cgroup = (uint64_t)hierarchies[i].fd;
		}
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	check(pid, "clone");
	if (pid == 0)
		child(argv[1], n_syscalls);
	check(waitpid(pid, &status, 0), "wait");
	for (int i = 0; i < n_hierarchies; i++)
		rmdir(hierarchies[i].dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
