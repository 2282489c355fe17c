/* Terminals.
 *
 * Happy path: open dev/pts/ptmx in the container, unlock, get the slave by TIOCGPTPEER, never by name. What can fail: no
 * devpts there. What always holds: both ends are checked to be what a devpts has under those names, so that neither an
 * image nor a process of the container can put another file in the terminal's place. */
#include "runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define PTMX_INODE 2 /* of every devpts instance */

static bool is_device(int fd, unsigned major_number, unsigned minor_number, ino_t inode)
{
	struct statfs fs;
	struct stat st;
	return fstatfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(major_number, minor_number) && (!inode || st.st_ino == inode);
}

static int open_master(int root_fd, struct err *e)
{
	/* Looked at before it is opened, because opening a device may do something. */
	AUTO_FD int place = fs_open_in_root(root_fd, "dev/pts/ptmx", O_PATH | O_NOFOLLOW, 0, e);
	if (place < 0)
		return place;
	if (!is_device(place, TTYAUX_MAJOR, 2, PTMX_INODE))
		return err_set(e, -ENODEV, "/dev/pts/ptmx is not the ptmx of a devpts");
	AUTO_FD int master = fs_open_in_root(root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0, e);
	if (master >= 0 && !is_device(master, TTYAUX_MAJOR, 2, PTMX_INODE))
		return err_set(e, -ENODEV, "/dev/pts/ptmx is not the ptmx of a devpts");
	return TAKE_FD(master);
}

static int open_slave(int master, struct err *e)
{
	int unlock = 0;
	unsigned number = 0;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return err_sys(e, "unlock terminal");
	AUTO_FD int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_sys(e, "open terminal");
	if (!is_device(slave, UNIX98_PTY_SLAVE_MAJOR, number, 0))
		return err_set(e, -ENODEV, "/dev/pts/%u is not a terminal of its devpts", number);
	return TAKE_FD(slave);
}

static int set_modes(int slave, const struct process_conf *p, bool bare, struct err *e)
{
	struct winsize size = { .ws_row = (unsigned short)p->rows, .ws_col = (unsigned short)p->columns };
	struct termios t;
	if (p->rows && p->columns && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return err_sys(e, "set console size");
	if (!bare)
		return 0;
	if (tcgetattr(slave, &t) < 0)
		return err_sys(e, "terminal attributes");
	t.c_oflag &= ~(tcflag_t)ONLCR;
	return tcsetattr(slave, TCSANOW, &t) < 0 ? err_sys(e, "terminal attributes") : 0;
}

int terminal_open(int root_fd, const struct process_conf *p, bool bare, struct terminal *ret, struct err *e)
{
	AUTO_FD int master = open_master(root_fd, e);
	if (master < 0)
		return master;
	AUTO_FD int slave = open_slave(master, e);
	int r = slave < 0 ? slave : set_modes(slave, p, bare, e);
	if (r < 0)
		return r;
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
