/* Terminals.
 *
 * Happy path: open dev/pts/ptmx in the container, unlock, get the slave by TIOCGPTPEER, never by name. What can fail: no
 * devpts there. What always holds: both ends are checked to belong to a devpts, so an image cannot put another file in
 * the terminal's place. */
#include "runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

int terminal_open(int root_fd, const struct process_conf *p, struct terminal *ret, struct err *e)
{
	struct statfs fs;
	int unlock = 0;
	AUTO_FD int master = fs_open_in_root(root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, e);
	if (master < 0)
		return master;
	if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, -ENODEV, "/dev/pts/ptmx is not on a devpts");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "unlock terminal");
	AUTO_FD int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(e, "open terminal");
	struct winsize size = { .ws_row = (unsigned short)p->rows, .ws_col = (unsigned short)p->columns };
	if (p->rows && p->columns && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return err_sys(e, "set console size");
	if (fchown(slave, p->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return err_sys(e, "set owner of terminal");
	ret->master_fd = TAKE_FD(master);
	ret->slave_fd = TAKE_FD(slave);
	return 0;
}

int terminal_take(int slave_fd, struct err *e)
{
	if (ioctl(slave_fd, TIOCSCTTY, 0) < 0)
		return err_sys(e, "set controlling terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(slave_fd, i) < 0)
			return err_sys(e, "terminal to descriptor %d", i);
	return 0;
}
