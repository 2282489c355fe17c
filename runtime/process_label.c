/* Labels.
 *
 * Happy path: written to attr files of the own thread. What can fail: a kernel without the module, a profile that is not
 * loaded. What always holds: they are written through a descriptor of a real procfs and to a file that lies on it, never to
 * something that stands in its place or is mounted over it. */
#include "runtime/process_label.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

bool process_label_wanted(const struct process_conf *p)
{
	return !str_empty(p->apparmor) || !str_empty(p->selinux);
}

int process_label_check(const struct process_conf *p, struct err *e)
{
	struct statfs fs;
	if (str_empty(p->selinux) || (statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC))
		return 0;
	return err_set(e, -EINVAL, "selinux label is specified in config, but selinux is disabled or not supported");
}

/* "thread-self" is a link within procfs; its target is resolved below proc_fd, and nothing that is mounted there counts. */
static int write_attr(int proc_fd, const char *file, const char *text, struct err *e)
{
	struct statfs fs;
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
	AUTO_FREE char *path = xasprintf("thread-self/attr/%s", file);
	AUTO_FD int fd = (int)syscall(SYS_openat2, proc_fd, path, &how, sizeof(how));
	if (fd < 0)
		return err_sys(e, "open /proc/%s", path);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return err_set(e, -EPERM, "/proc/%s is not on a procfs", path);
	return write(fd, text, strlen(text)) < 0 ? err_sys(e, "write to /proc/%s", path) : 0;
}

static int set_apparmor(const char *profile, int proc_fd, struct err *e)
{
	AUTO_FREE char *text = xasprintf("exec %s", profile);
	int r = write_attr(proc_fd, "apparmor/exec", text, NULL);
	if (r == -ENOENT) /* kernels before 5.8 */
		r = write_attr(proc_fd, "exec", text, NULL);
	return r < 0 ? err_code(e, r, "unable to apply apparmor profile: apparmor failed to apply profile") : 0;
}

int process_label_set(const struct process_conf *p, int proc_fd, struct err *e)
{
	int r = str_empty(p->apparmor) ? 0 : set_apparmor(p->apparmor, proc_fd, e);
	if (r == 0 && !str_empty(p->selinux)) {
		r = write_attr(proc_fd, "exec", p->selinux, e);
		if (r < 0)
			return err_wrap(e, r, "can't set process label");
	}
	return r;
}

int process_label_keys(const struct process_conf *p, int proc_fd, struct err *e)
{
	return str_empty(p->selinux) ? 0 : write_attr(proc_fd, "keycreate", p->selinux, e);
}
