/* Own binary.
 *
 * Happy path: open_tree clone of /proc/self/exe, attribute read-only, execveat of the descriptor; the second time the mount
 * flags show that it is done. What can fail: without CAP_SYS_ADMIN a sealed copy in memory takes the mount's place. What
 * always holds: the program that goes on runs from a file that cannot be written through any descriptor of it. */
#include "runtime/self_protect.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "runtime/syscalls.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int sealed_copy(int self, struct err *e)
{
	struct stat st;
	AUTO_FD int fd = memfd_create("knarr-oci", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || fstat(self, &st) < 0)
		return err_sys(e, "copy of the own binary");
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = sendfile(fd, self, &done, (size_t)(st.st_size - done));
		if (n <= 0)
			return err_sys(e, "copy of the own binary");
	}
	return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? err_sys(e, "seal") : TAKE_FD(fd);
}

int self_protect(char **argv, struct err *e)
{
	struct statvfs fs;
	if (self_protect_done)
		return 0;
	AUTO_FD int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0 || fstatvfs(self, &fs) < 0)
		return err_sys(e, "open /proc/self/exe");
	if ((fs.f_flag & ST_RDONLY) || fcntl(self, F_GET_SEALS) == SEALS)
		return 0;
	AUTO_FD int tree = sys_open_tree(self, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree >= 0 && sys_mount_setattr(tree, 0, MOUNT_ATTR_RDONLY, 0, 0, -1) < 0)
		close_fd(&tree), tree = -1;
	AUTO_FD int copy = tree >= 0 ? -1 : sealed_copy(self, e);
	if (tree < 0 && copy < 0)
		return copy;
	syscall(SYS_execveat, tree >= 0 ? tree : copy, "", argv, environ, AT_EMPTY_PATH);
	return err_sys(e, "run from a read-only mount");
}
