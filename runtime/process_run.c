/* Becoming the container's process.
 *
 * Happy path: labels, priorities, filter if it needs privilege, bounding set, groups, user, capabilities, umask,
 * no_new_privs, directory, program; then at exec the filter if it needs none. What can fail: any step, named. What always
 * holds: nothing is allowed again once taken away; every descriptor beyond the preserved ones is closed by exec. */
#include "runtime/process_run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/caps.h"
#include "runtime/process_env.h"
#include "runtime/process_label.h"
#include "runtime/scheduling.h"
#include "runtime/sync.h"
#include "runtime/syscalls.h"

#define PROC_ROOT_INODE 1
#define NR_OPEN_DEFAULT_MAX (1024 * 1024) /* fs.nr_open as kernels set it */

int process_open_proc(struct err *e)
{
	struct statfs fs;
	AUTO_FD int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return err_sys(e, "open /proc");
	return fs.f_type == PROC_SUPER_MAGIC ? TAKE_FD(fd) : err_set(e, -ENODEV, "/proc is not a procfs");
}

int process_open_own_proc(struct err *e)
{
	AUTO_FD int fs = sys_fsopen("proc");
	if (fs >= 0 && sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
		int fd = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		if (fd >= 0)
			return fd;
	}
	struct stat st;
	AUTO_FD int fd = process_open_proc(e);
	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_ino != PROC_ROOT_INODE))
		return err_set(e, -EPERM, "/proc is not the root of a procfs");
	return TAKE_FD(fd);
}

int process_stdio(const int stdio[3], struct err *e)
{
	int high[3];
	/* First out of the way of 0..2, so that any order of sources works. */
	for (int i = 0; i < 3; i++) {
		high[i] = stdio[i] < 0 ? -1 : fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
		if (stdio[i] >= 0 && high[i] < 0)
			return err_sys(e, "descriptor %d", stdio[i]);
	}
	for (int i = 0; i < 3; i++)
		if (high[i] >= 0 && dup2(high[i], i) < 0)
			return err_sys(e, "descriptor %d", i);
	return 0;
}

/* Without the privilege (in a user namespace) for a hard limit above the own one, the creator is asked. */
static int set_limits(const struct process_run *run, struct err *e)
{
	const struct process_conf *p = run->process;
	size_t i = 0;
	while (i < p->n_rlimits && setrlimit((__rlimit_resource_t)p->rlimits[i].resource, &p->rlimits[i].limit) == 0)
		i++;
	if (i == p->n_rlimits)
		return 0;
	if (errno != EPERM)
		return err_sys(e, "error setting rlimit type %d", p->rlimits[i].resource);
	int r = sync_send(run->sync_fd, SYNC_LIMITS, 0, -1);
	return r < 0 ? err_code(e, r, "ask for limits") : sync_expect(run->sync_fd, SYNC_GO, NULL, e);
}

/* The standard descriptors were opened by somebody else and become the user's, so that /dev/stdout can be opened again;
 * their group stays (a devpts may want another one). Not the null device, which is everybody's. */
static int own_stdio(uid_t uid, struct err *e)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;
		if (fstat(fd, &st) < 0)
			return err_sys(e, "fstat descriptor %d", fd);
		if (st.st_uid == uid || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			continue;
		/* Ids without a mapping, owners outside the user namespace, read-only file systems: left alone. */
		if (fchown(fd, uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM && errno != EROFS)
			return err_sys(e, "chown descriptor %d", fd);
	}
	return 0;
}

static int set_user(const struct process_conf *p, struct err *e)
{
	int r = own_stdio(p->uid, e);
	if (r < 0)
		return r;
	if (setgroups(p->n_groups, p->groups) < 0 && (errno != EPERM || p->n_groups))
		return err_sys(e, "setgroups");
	if (setresgid(p->gid, p->gid, p->gid) < 0)
		return errno == EINVAL ? err_set(e, -EINVAL, "cannot setgid to unmapped gid %u in user namespace", p->gid)
				       : err_sys(e, "setgid %u", p->gid);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0)
		return err_sys(e, "keep capabilities");
	if (setresuid(p->uid, p->uid, p->uid) < 0)
		return errno == EINVAL ? err_set(e, -EINVAL, "cannot setuid to unmapped uid %u in user namespace", p->uid)
				       : err_sys(e, "setuid %u", p->uid);
	return 0;
}

/* A directory outside the container would be a way out of it: the kernel calls such a path unreachable. */
static int check_cwd(struct err *e)
{
	char buf[4097];
	long n = syscall(SYS_getcwd, buf, sizeof(buf));
	if (n < 0)
		return err_sys(e, "getcwd");
	return buf[0] == '/' ? 0 : err_set(e, -EPERM,
					   "current working directory is outside of container mount namespace root -- possible container breakout detected");
}

static int enter_cwd(const char *cwd, struct err *e)
{
	if (chdir(cwd) < 0)
		return err_sys(e, "chdir to cwd (\"%s\") set in config.json failed", cwd);
	return check_cwd(e);
}

/* A seccomp profile older than faccessat2() refuses it with EPERM; then the mode decides here and the kernel at execve(). */
static int can_exec(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0)
		return 0;
	return (errno == EPERM || errno == ENOSYS) && st.st_mode & 0111 ? 0 : -EACCES;
}

static int find_in_path(const char *name, const char *path, char **ret, struct err *e)
{
	AUTO_STRV char **dirs = str_split(path ? path : "", ':');
	for (size_t i = 0; i < strv_len(dirs); i++) {
		AUTO_FREE char *full = xasprintf("%s/%s", *dirs[i] ? dirs[i] : ".", name);
		if (can_exec(full) == 0) {
			*ret = TAKE(full);
			return 0;
		}
	}
	return err_set(e, -ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

/* The program behind argv[0] by the PATH in env, as the calling process may execute it. Returns owned. */
static int process_find(const char *name, char *const *env, char **ret, struct err *e)
{
	if (!strchr(name, '/'))
		return find_in_path(name, process_env_get(env, "PATH"), ret, e);
	int r = can_exec(name);
	if (r == -EACCES || r == -EPERM)
		return err_set(e, -EACCES, "exec: \"%s\": permission denied", name);
	if (r == -EISDIR)
		return err_set(e, -EACCES, "exec: \"%s\": is a directory", name);
	if (r < 0)
		return err_set(e, r == -ENOTDIR ? -ENOENT : r, "exec: \"%s\": stat %s: %s", name, name, err_reason(r));
	*ret = xstrdup(name);
	return 0;
}

int process_confine(struct process_run *run, struct err *e)
{
	int r = run->confined ? 0 : seccomp_apply(run->seccomp, run->sync_fd, e);
	run->confined = r == 0;
	return r;
}

static int drop_privileges(struct process_run *run, struct err *e)
{
	const struct process_conf *p = run->process;
	int r = p->no_new_privs ? 0 : process_confine(run, e);
	if (r == 0)
		r = caps_apply_bounding(&p->caps, e);
	if (r == 0)
		r = set_user(p, e);
	if (r == 0)
		r = caps_apply(&p->caps, e);
	if (r < 0)
		return r;
	if (p->umask >= 0)
		umask((mode_t)p->umask);
	prctl(PR_SET_KEEPCAPS, 0);
	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	return 0;
}

/* Descriptors from first on are not the program's. Before the filter, which may refuse close_range(); kernels older than it
 * (5.11) are asked one by one. */
static void close_on_exec(unsigned first)
{
	if (sys_close_range(first, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */) == 0)
		return;
	for (unsigned fd = first; fd < NR_OPEN_DEFAULT_MAX; fd++)
		fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

int process_become(struct process_run *run, struct err *e)
{
	const struct process_conf *p = run->process;
	close_on_exec((unsigned)(3 + run->preserve_fds));
	int r = scheduling_apply(p, e);
	if (r == 0)
		r = memory_policy_apply(&p->memory_policy, e);
	if (r == 0)
		r = personality_apply(p->personality, e);
	if (r == 0)
		r = set_limits(run, e);
	if (r == 0)
		r = process_label_set(p, run->proc_fd, e);
	if (r < 0)
		return r;
	/* As root first; again as the user where root may not enter. */
	int entered = enter_cwd(p->cwd, e);
	if (entered < 0 && entered != -EACCES)
		return entered;
	run->envp = process_env_complete(p->envp, p->uid);
	r = drop_privileges(run, e);
	if (r == 0 && entered < 0)
		r = enter_cwd(p->cwd, e);
	if (r == 0)
		r = process_find(p->argv[0], run->envp, &run->path, e);
	return r == 0 && run->seccomp->notify ? process_confine(run, e) : r;
}

int process_exec(struct process_run *run, struct err *e)
{
	int r = process_confine(run, e);
	if (r < 0)
		return r;
	execve(run->path, run->process->argv, run->envp);
	run->refused = true;
	int code = errno == ENOENT ? -ENOENT : errno == EACCES || errno == ENOEXEC ? -EACCES : -errno;
	return err_set(e, code, "exec %s: %s", run->path, err_reason(errno));
}
