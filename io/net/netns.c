/* Network namespaces of the calling thread.
 *
 * netns_enter() keeps a descriptor of the namespace it leaves; netns_leave() goes back. Opening fails where a path is
 * missing or is no namespace (checked by the namespace ioctl, so an ordinary file is never passed to setns()). The own
 * namespace is asked of a socket: for /proc/thread-self the kernel would make a dozen inodes of a process that ends at
 * once. What always holds: a thread never stays in a foreign namespace by accident, netns_leave() aborts instead. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/net/rtnl.h"

int netns_open(const char *path, struct err *e)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "network namespace %s", path);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
		return err_set(e, -EINVAL, "%s is not a network namespace", path);
	return TAKE_FD(fd);
}

/* The thread's own namespace. Without CAP_NET_ADMIN in it a socket does not tell. */
static int open_own(void)
{
	AUTO_FD int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = s >= 0 ? ioctl(s, SIOCGSKNS) : -1;
	return fd >= 0 ? fd : open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

int netns_open_own(struct err *e)
{
	int fd = open_own();
	return fd >= 0 ? fd : err_sys(e, "own network namespace");
}

int netns_enter(int netns_fd, struct err *e)
{
	AUTO_FD int previous = netns_open_own(e);
	if (previous < 0)
		return previous;
	if (setns(netns_fd, CLONE_NEWNET))
		return err_sys(e, "enter network namespace");
	return TAKE_FD(previous);
}

void netns_leave(int previous_fd)
{
	if (previous_fd < 0)
		return;
	if (setns(previous_fd, CLONE_NEWNET))
		abort();
	close(previous_fd);
}

bool netns_is_current(int netns_fd)
{
	struct stat own, other;
	AUTO_FD int fd = open_own();
	return fd >= 0 && !fstat(fd, &own) && !fstat(netns_fd, &other) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}
