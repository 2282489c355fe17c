/* Small parts of a container's kernel state: host name, domain name, sysctls, loopback, session keyring.
 *
 * What can fail: the kernel's refusals, named. What always holds: sysctls are written through a descriptor of a real
 * procfs, never by a path that the container could redirect. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "runtime/init.h"

static int write_sysctl(int proc_fd, const char *name, const char *value, struct err *e)
{
	AUTO_FREE char *path = xasprintf("sys/%s", name);
	bool dots = !strchr(name, '/');
	for (char *p = path; dots && *p; p++)
		if (*p == '.')
			*p = '/';
	if (strstr(path, ".."))
		return err_set(e, -EINVAL, "sysctl \"%s\" is invalid", name);
	AUTO_FD int fd = fs_open_in_root(proc_fd, path, O_WRONLY, 0, NULL);
	if (fd < 0)
		return err_code(e, fd, "open sysctl %s", name);
	ssize_t n = write(fd, value, strlen(value));
	return n < 0 ? err_sys(e, "write sysctl key %s", name) : 0;
}

int init_setup_names(const struct config *c, int proc_fd, struct err *e)
{
	const char *name;
	json_t *value;
	if (c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return err_sys(e, "sethostname");
	if (c->domainname && setdomainname(c->domainname, strlen(c->domainname)) < 0)
		return err_sys(e, "setdomainname");
	json_object_foreach((json_t *)c->sysctl, name, value)
	{
		if (!json_is_string(value))
			return err_set(e, -EINVAL, "linux.sysctl.%s is no string", name);
		int r = write_sysctl(proc_fd, name, json_string_value(value), e);
		if (r < 0)
			return r;
	}
	return 0;
}

int init_setup_loopback(const struct config *c, struct err *e)
{
	if (!c->ns[NS_NET].wanted || c->ns[NS_NET].path)
		return 0;
	AUTO_FD int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };
	if (sock < 0)
		return errno == EAFNOSUPPORT ? 0 : err_sys(e, "socket");
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		return errno == ENODEV ? 0 : err_sys(e, "loopback");
	ifr.ifr_flags |= IFF_UP;
	return ioctl(sock, SIOCSIFFLAGS, &ifr) < 0 ? err_sys(e, "loopback up") : 0;
}

int init_setup_keyring(const char *id, struct err *e)
{
	AUTO_FREE char *name = xasprintf("_ses.%s", id);
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
	if (key < 0 && errno != ENOSYS && errno != EPERM)
		return err_sys(e, "create session keyring");
	return 0;
}
