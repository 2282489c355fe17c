/* Kernel parameters.
 *
 * Happy path: each name becomes a path, is found in the table of what IPC, UTS and network namespaces keep apart, and is
 * written when the namespaces have been entered. What can fail: names of the whole machine or of a namespace that the
 * container shares with the host; the kernel's refusals, named. What always holds: what was checked is the path that is
 * written, through a descriptor of a real procfs, never by a path that the container could redirect. */
#include "runtime/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

/* A name that ends in '/' stands for all below it. */
static const struct {
	const char *path;
	int ns;
} namespaced[] = {
	{ "fs/mqueue/", NS_IPC },    { "kernel/msgmax", NS_IPC }, { "kernel/msgmnb", NS_IPC },	   { "kernel/msgmni", NS_IPC },
	{ "kernel/sem", NS_IPC },    { "kernel/shmall", NS_IPC }, { "kernel/shmmax", NS_IPC },	   { "kernel/shmmni", NS_IPC },
	{ "kernel/shm_rmid_forced", NS_IPC }, { "kernel/hostname", NS_UTS }, { "kernel/domainname", NS_UTS }, { "net/", NS_NET },
};

char *sysctl_path(const char *name)
{
	char *path = xstrdup(name);
	bool dots = path[strcspn(path, "./")] == '.';
	for (char *p = path; dots && *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return path;
}

/* The NS_ of a path, NS_COUNT: none. */
static int namespace_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(namespaced); i++) {
		size_t n = strlen(namespaced[i].path);
		if (namespaced[i].path[n - 1] == '/' ? !strncmp(path, namespaced[i].path, n) : str_eq(path, namespaced[i].path))
			return namespaced[i].ns;
	}
	return NS_COUNT;
}

static int check_one(const struct config *c, const char *name, bool host_net, struct err *e)
{
	AUTO_FREE char *path = sysctl_path(name);
	if (*path == '/' || strstr(path, "..") || strstr(path, "//"))
		return err_set(e, -EINVAL, "sysctl \"%.100s\" is invalid", name);
	int ns = namespace_of(path);
	if (ns == NS_IPC && !c->ns[NS_IPC].wanted)
		return err_set(e, -EINVAL, "sysctl \"%.100s\" is not allowed in the hosts ipc namespace", name);
	if (ns == NS_NET && host_net)
		return err_set(e, -EINVAL, "sysctl \"%.100s\" not allowed in host network namespace", name);
	if (ns == NS_UTS && c->ns[NS_UTS].wanted && str_eq(path, "kernel/hostname"))
		return err_set(e, -EINVAL, "sysctl \"%.100s\" is not allowed as it conflicts with the OCI \"hostname\" field", name);
	if (ns == NS_COUNT || (ns == NS_UTS && !c->ns[NS_UTS].wanted))
		return err_set(e, -EINVAL, "sysctl \"%.100s\" is not in a separate kernel namespace", name);
	return 0;
}

int sysctl_check(const struct config *c, bool host_net, struct err *e)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)c->sysctl, name, value)
	{
		if (!json_is_string(value))
			return err_set(e, -EINVAL, "linux.sysctl.%.100s is no string", name);
		int r = check_one(c, name, host_net, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int sysctl_host_net(const struct config *c, struct err *e)
{
	struct stat own, given;
	if (!c->ns[NS_NET].wanted)
		return 1;
	if (!c->ns[NS_NET].path || !json_object_size(c->sysctl))
		return 0;
	if (stat("/proc/self/ns/net", &own) < 0 || stat(c->ns[NS_NET].path, &given) < 0)
		return err_sys(e, "invalid netns path: %s", c->ns[NS_NET].path);
	return own.st_dev == given.st_dev && own.st_ino == given.st_ino;
}

int sysctl_apply(const struct config *c, int proc_fd, struct err *e)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)c->sysctl, name, value)
	{
		AUTO_FREE char *path = sysctl_path(name);
		AUTO_FREE char *full = xasprintf("sys/%s", path);
		AUTO_FD int fd = fs_open_in_root(proc_fd, full, O_WRONLY, 0, NULL);
		if (fd < 0)
			return err_code(e, fd, "open sysctl %s", name);
		if (write(fd, json_string_value(value), json_string_length(value)) < 0)
			return err_sys(e, "write sysctl key %s", name);
	}
	return 0;
}
