/* The creator's side of a new process.
 *
 * What can fail: files under /proc, sockets; after any failure launch_done() kills the child. What always holds: the child
 * is never left waiting: either it got through or it is dead. */
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/notice.h"
#include "runtime/state.h"
#include "runtime/sync.h"
#include "runtime/syscalls.h"

void launch_done(struct launch *l)
{
	if (l->pid > 0 && l->pidfd >= 0) {
		sys_pidfd_send_signal(l->pidfd, SIGKILL);
		if (l->ours)
			while (waitpid(l->pid, NULL, __WALL) < 0 && errno == EINTR)
				;
	}
	l->pid = 0;
	close_fd(&l->pidfd);
	close_fd(&l->sync_fd);
	close_fd(&l->console_fd);
}

int launch_clone_cgroup(const struct cgroup *cg, int *ret, struct err *e)
{
	struct err mine = ERR_INIT;
	int fd = cgroup_clone_fd(cg, &mine);
	if (fd < 0 && fd != -EOPNOTSUPP) {
		if (e)
			*e = mine;
		return fd;
	}
	*ret = fd < 0 ? -1 : fd;
	return 0;
}

/* Raising protection needs CAP_SYS_RESOURCE; without it the process keeps what it inherited. */
static int set_oom_score(pid_t pid, int value, struct err *e)
{
	char path[64], text[16];
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	snprintf(text, sizeof(text), "%d", value);
	int r = fs_write_existing(path, text, e);
	if (r != -EACCES && r != -EPERM)
		return r;
	AUTO_STR now = STR_INIT;
	if (fs_read_file(path, 64, &now, NULL) == 0 && value < atoi(str_text(&now))) {
		if (e)
			*e = ERR_INIT;
		return 0;
	}
	return r;
}

int launch_set_oom_score(const struct process_conf *p, pid_t pid, struct err *e)
{
	return p->has_oom_score_adj ? set_oom_score(pid, p->oom_score_adj, e) : 0;
}

int launch_set_limits(const struct launch *l, const struct process_conf *p, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++)
		if (prlimit(l->pid, p->rlimits[i].resource, &p->rlimits[i].limit, NULL) < 0)
			return err_sys(e, "error setting rlimits for ready process: error setting rlimit type %d",
				       p->rlimits[i].resource);
	return sync_send(l->sync_fd, SYNC_GO, 0, -1);
}

int launch_check_preserved(int n, struct err *e)
{
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return err_set(e, -EBADF, "unable to preserve descriptor %d: it is not open", fd);
	return 0;
}

int launch_hand_console(struct launch *l, const struct container_opts *o, struct err *e)
{
	if (!o->console_socket || l->console_fd < 0)
		return 0;
	int r = sync_send_fd_to(o->console_socket, l->console_fd, "/dev/ptmx", e);
	close_fd(&l->console_fd);
	l->console_fd = -1;
	return r < 0 ? err_wrap(e, r, "console socket") : 0;
}

int launch_write_pid_file(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	AUTO_FREE char *tmp = xasprintf("%s.%d.tmp", path, getpid());
	snprintf(text, sizeof(text), "%d", pid);
	AUTO_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create %s", tmp);
	int r = fs_write_all(fd, text, strlen(text));
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r < 0 ? err_code(e, r, "write pid file %s", path) : 0;
}

int launch_finish(struct launch *l, const struct container_opts *o, const char *pid_file, struct container_proc *ret,
		  struct err *e)
{
	char letter;
	uint64_t start = l->start_time;
	int r = pid_file ? launch_write_pid_file(pid_file, l->pid, e) : 0;
	if (r == 0 && o->pidfd_socket)
		r = sync_send_fd_to(o->pidfd_socket, l->pidfd, "pidfd", e);
	if (r < 0)
		return r;
	if (!start)
		proc_stat(l->pid, &letter, &start);
	*ret = (struct container_proc){
		.pid = l->pid, .pidfd = TAKE_FD(l->pidfd), .console_fd = TAKE_FD(l->console_fd), .start_time = start };
	l->pid = 0;
	return 0;
}

void launch_warn(const struct process_conf *p)
{
	AUTO_FREE char *names = p->unknown_caps ? str_join(p->unknown_caps, " ") : NULL;
	if (names)
		notice_warn("ignoring unknown or unavailable capabilities: [%s]", names);
}

int launch_connect_agent(const struct seccomp_program *p, int *ret_sock, struct err *e)
{
	if (!p->notify)
		return 0;
	int sock = sync_connect(p->listener_path, e);
	if (sock < 0)
		return err_wrap(e, sock, "failed to connect with seccomp agent specified in the seccomp profile");
	*ret_sock = sock;
	return 0;
}

int launch_send_listener(int sock, int listener, const struct seccomp_program *p, const struct container_info *i, pid_t pid,
			 struct err *e)
{
	AUTO_JSON *j = json_pack("{s:s, s:[s], s:i, s:s, s:o}", "ociVersion", i->oci_version, "fds", "seccompFd", "pid", (int)pid,
				 "metadata", p->listener_metadata, "state", container_state_json(i));
	AUTO_FREE char *text = json_text(j);
	if (sock < 0 || listener < 0)
		return err_set(e, -EBADMSG, "a seccomp listener without an agent");
	int r = sync_send_fd(sock, listener, text, e);
	return r < 0 ? err_wrap(e, r, "cannot send seccomp fd to %s", p->listener_path) : 0;
}
