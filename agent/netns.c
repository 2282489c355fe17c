/* A pod's network namespace.
 *
 * Happy path: a short-lived child leaves ours for a new one, brings lo up and binds it to the file. What can fail:
 * fork, unshare, mount. What always holds: the agent's own namespace never changes. */
#include "agent/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fs.h"
#include "base/mem.h"
#include "io/net/rtnl.h"

static bool is_ns(const char *path)
{
	struct statfs st;
	return statfs(path, &st) == 0 && st.f_type == NSFS_MAGIC;
}

/* Only async-signal-safe calls: the parent may have threads. Exits with an errno. */
static _Noreturn void child(const char *path)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	if (unshare(CLONE_NEWNET) < 0)
		_exit(errno);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &lo) < 0)
		_exit(errno);
	_exit(mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0 ? errno : 0);
}

int netns_make(const char *path, struct err *e)
{
	if (is_ns(path))
		return 0;
	AUTO_FREE char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int r = fs_mkdir_p(dir, 0755, e);
	if (r < 0)
		return r;
	AUTO_FD int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444);
	if (fd < 0)
		return err_sys(e, "create %s", path);
	pid_t pid = fork();
	if (pid == 0)
		child(path);
	int status = 0;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	r = pid < 0 ? -errno : WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
	unlink(path);
	return err_code(e, r, "make network namespace %s", path);
}

int netns_drop(const char *path, struct err *e)
{
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(e, "remove %s", path);
	return 0;
}

void netns_announce(const char *path, const char *ifname)
{
	struct ifreq q = {0};
	AUTO_FD int ns = netns_open(path, NULL);
	int back = ns < 0 ? -1 : netns_enter(ns, NULL);
	if (back < 0)
		return;
	AUTO_FD int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	netns_leave(back);
	strncpy(q.ifr_name, ifname, IFNAMSIZ - 1);
	if (s >= 0 && ioctl(s, SIOCGIFHWADDR, &q) == 0)
		(void)ioctl(s, SIOCSIFHWADDR, &q); /* the socket belongs to the pod's namespace for life */
}
