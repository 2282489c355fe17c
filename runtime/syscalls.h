/* System calls that the C library does not wrap (everywhere); each returns -errno. */
#ifndef KNARR_RUNTIME_SYSCALLS_H
#define KNARR_RUNTIME_SYSCALLS_H

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

static inline int sys_ret(long r)
{
	return r < 0 ? -errno : (int)r;
}

static inline int sys_clone3(struct clone_args *args)
{
	return sys_ret(syscall(SYS_clone3, args, sizeof(*args)));
}

static inline int sys_pidfd_open(pid_t pid)
{
	return sys_ret(syscall(SYS_pidfd_open, pid, 0));
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
	return sys_ret(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return sys_ret(syscall(SYS_close_range, first, last, flags));
}

static inline int sys_open_tree(int dir_fd, const char *path, unsigned flags)
{
	return sys_ret(syscall(SYS_open_tree, dir_fd, path, flags));
}

/* Puts the mount behind fd onto the file behind target_fd. */
static inline int sys_move_mount(int fd, int target_fd)
{
	return sys_ret(syscall(SYS_move_mount, fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

static inline int sys_fsopen(const char *type)
{
	return sys_ret(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

static inline int sys_fspick(int fd)
{
	return sys_ret(syscall(SYS_fspick, fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
}

static inline int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return sys_ret(syscall(SYS_fsconfig, fd, cmd, key, value, aux));
}

static inline int sys_fsmount(int fs_fd, unsigned attrs)
{
	return sys_ret(syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC, attrs));
}

static inline int sys_mount_setattr(int fd, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation, int userns_fd)
{
	struct {
		uint64_t attr_set, attr_clr, propagation, userns_fd;
	} a = { set, clear, propagation, userns_fd < 0 ? 0 : (uint64_t)userns_fd };
	return sys_ret(syscall(SYS_mount_setattr, fd, "", flags | 0x1000 /* AT_EMPTY_PATH */, &a, sizeof(a)));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return sys_ret(syscall(SYS_pivot_root, new_root, put_old));
}

#endif
