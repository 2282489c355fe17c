/* Small parts of a container's kernel state: host name, domain name, sysctls, loopback, session keyring.
 *
 * What can fail: the kernel's refusals, named; a kernel without keyrings is none. What always holds: the host's session
 * keyring is not the container's. */
#include <errno.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <stdio.h>
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

#define KEY_PERM_USER_SEARCH 0x80000
#define KEY_PERM_OTHER_SEARCH 0x8

/* "type;uid;gid;perm;description" */
static int key_permissions(long key, unsigned *ret)
{
	char text[512];
	long n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[MIN((size_t)n, sizeof(text) - 1)] = '\0';
	return sscanf(text, "%*[^;];%*d;%*d;%x;", ret) == 1 ? 0 : -EBADMSG;
}

int init_setup_keyring(const char *id, const unsigned *add_permissions, struct err *e)
{
	AUTO_FREE char *name = xasprintf("_ses.%s", id);
	unsigned permissions = 0;
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
	if (key < 0)
		return errno == ENOSYS ? 0 : err_sys(e, "unable to join session keyring");
	if (!add_permissions)
		return 0;
	int r = key_permissions(key, &permissions);
	if (r == 0 && syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions | *add_permissions) < 0)
		r = -errno;
	return r < 0 ? err_code(e, r, "unable to mod keyring permissions") : 0;
}

int init_setup_new_keyring(const struct config *c, const char *id, struct err *e)
{
	const unsigned add = c->ns[NS_USER].wanted ? KEY_PERM_OTHER_SEARCH : KEY_PERM_USER_SEARCH;
	return init_setup_keyring(id, &add, e);
}
