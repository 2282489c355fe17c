/* Small parts of a container's kernel state: host name, domain name, sysctls, loopback, session keyring.
 *
 * What can fail: the kernel's refusals, named. */
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
#include "runtime/sysctl.h"

int init_setup_names(const struct config *c, int proc_fd, struct err *e)
{
	if (c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return err_sys(e, "sethostname");
	if (c->domainname && setdomainname(c->domainname, strlen(c->domainname)) < 0)
		return err_sys(e, "setdomainname");
	return sysctl_apply(c, proc_fd, e);
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
