/* The default seccomp profile.
 *
 * A table of system calls that are allowed to all, tables of those that a capability admits, and a few with conditions on
 * arguments. What always holds: everything that is not named answers EPERM, clone3 without CAP_SYS_ADMIN answers ENOSYS so
 * that the C library falls back to clone, whose flags a filter can see. build-aux/seccomp-default.c compiles the profile into
 * seccomp_default_programs.c for the sets of capabilities that are common. */
#include "runtime/seccomp_default.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "base/mem.h"

/* New namespaces: what clone must not ask for without CAP_SYS_ADMIN. */
#define CLONE_NAMESPACES 0x7E020000
#define UNAME26 0x0020000
#define EVERYTHING 0xffffffff

static const char *const allowed[] = {
	"accept", "accept4", "access", "adjtimex", "alarm", "bind", "brk", "cachestat", "capget", "capset", "chdir", "chmod",
	"chown", "chown32", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64", "clock_gettime",
	"clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "close", "close_range", "connect", "copy_file_range",
	"creat", "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "execve", "execveat", "exit", "exit_group",
	"faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fanotify_mark", "fchdir", "fchmod", "fchmodat",
	"fchmodat2", "fchown", "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flistxattr", "flock",
	"fork", "fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate",
	"ftruncate64", "futex", "futex_requeue", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "futimesat",
	"getcpu", "getcwd", "getdents", "getdents64", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
	"getgroups", "getgroups32", "getitimer", "getpeername", "getpgid", "getpgrp", "getpid", "getppid", "getpriority",
	"getrandom", "getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "get_robust_list", "getrusage",
	"getsid", "getsockname", "getsockopt", "get_thread_area", "gettid", "gettimeofday", "getuid", "getuid32", "getxattr",
	"getxattrat", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel", "ioctl",
	"io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64", "ioprio_get", "ioprio_set", "io_setup",
	"io_submit", "ipc", "kill", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "lchown",
	"lchown32", "lgetxattr", "link", "linkat", "listen", "listxattr", "listxattrat", "llistxattr", "_llseek",
	"lremovexattr", "lseek", "lsetxattr", "lstat", "lstat64", "madvise", "map_shadow_stack", "membarrier",
	"memfd_create", "memfd_secret", "mincore", "mkdir", "mkdirat", "mknod", "mknodat", "mlock", "mlock2", "mlockall",
	"mmap", "mmap2", "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64",
	"mq_timedsend", "mq_timedsend_time64", "mq_unlink", "mremap", "mseal", "msgctl", "msgget", "msgrcv", "msgsnd", "msync",
	"munlock", "munlockall", "munmap", "name_to_handle_at", "nanosleep", "newfstatat", "_newselect", "open", "openat",
	"openat2", "pause", "pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "pkey_alloc", "pkey_free", "pkey_mprotect",
	"poll", "ppoll", "ppoll_time64", "prctl", "pread64", "preadv", "preadv2", "prlimit64", "process_mrelease",
	"pselect6", "pselect6_time64", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat",
	"readv", "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "remap_file_pages", "removexattr",
	"removexattrat", "rename", "renameat", "renameat2", "restart_syscall", "riscv_hwprobe", "rmdir", "rseq",
	"rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sched_getaffinity", "sched_getattr",
	"sched_getparam", "sched_get_priority_max", "sched_get_priority_min", "sched_getscheduler",
	"sched_rr_get_interval", "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr", "sched_setparam",
	"sched_setscheduler", "sched_yield", "seccomp", "select", "semctl", "semget", "semop", "semtimedop",
	"semtimedop_time64", "send", "sendfile", "sendfile64", "sendmmsg", "sendmsg", "sendto", "setfsgid", "setfsgid32",
	"setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setitimer", "setpgid", "setpriority",
	"setregid", "setregid32", "setresgid", "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32",
	"setrlimit", "set_robust_list", "setsid", "setsockopt", "set_thread_area", "set_tid_address", "setuid", "setuid32",
	"setxattr", "setxattrat", "shmat", "shmctl", "shmdt", "shmget", "shutdown", "sigaltstack", "signalfd", "signalfd4",
	"sigprocmask", "sigreturn", "socketcall", "socketpair", "splice", "stat", "stat64", "statfs", "statfs64",
	"statx", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "sysinfo", "tee", "tgkill",
	"time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
	"timer_settime64", "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
	"timerfd_settime64", "times", "tkill", "truncate", "truncate64", "ugetrlimit", "umask", "uname", "unlink",
	"unlinkat", "uretprobe", "utime", "utimensat", "utimensat_time64", "utimes", "vfork", "vmsplice", "wait4", "waitid",
	"waitpid", "write", "writev",
	/* safe since tracing is checked against the caller's own capabilities (Linux 4.8) */
	"process_vm_readv", "process_vm_writev", "ptrace",
#if defined(__x86_64__)
	"arch_prctl", "modify_ldt",
#elif defined(__aarch64__)
	"arm_fadvise64_64", "arm_sync_file_range", "sync_file_range2", "breakpoint", "cacheflush", "set_tls",
#elif defined(__riscv)
	"riscv_flush_icache",
#endif
	NULL,
};

static const struct {
	const char *cap;
	const char *const names[28];
} admitted[] = {
	{ "CAP_DAC_READ_SEARCH", { "open_by_handle_at" } },
	{ "CAP_SYS_ADMIN",
	  { "bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "listmount", "lookup_dcookie", "mount",
	    "mount_setattr", "move_mount", "open_tree", "perf_event_open", "quotactl", "quotactl_fd", "setdomainname",
	    "sethostname", "setns", "statmount", "syslog", "umount", "umount2", "unshare" } },
	{ "CAP_SYS_BOOT", { "reboot" } },
	{ "CAP_SYS_CHROOT", { "chroot" } },
	{ "CAP_SYS_MODULE", { "delete_module", "init_module", "finit_module" } },
	{ "CAP_SYS_PACCT", { "acct" } },
	{ "CAP_SYS_PTRACE", { "kcmp", "pidfd_getfd", "process_madvise" } },
	{ "CAP_SYS_RAWIO", { "iopl", "ioperm" } },
	{ "CAP_SYS_TIME", { "settimeofday", "stime", "clock_settime", "clock_settime64" } },
	{ "CAP_SYS_TTY_CONFIG", { "vhangup" } },
	{ "CAP_SYS_NICE", { "get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node" } },
	{ "CAP_SYSLOG", { "syslog" } },
	{ "CAP_BPF", { "bpf" } },
	{ "CAP_PERFMON", { "perf_event_open" } },
};

static void add(json_t *list, const char *name, const char *action, int errno_ret, json_t *args)
{
	json_t *rule = json_pack("{s:[s], s:s}", "names", name, "action", action);
	if (errno_ret)
		json_object_set_new(rule, "errnoRet", json_integer(errno_ret));
	if (args)
		json_object_set_new(rule, "args", args);
	json_array_append_new(list, rule);
}

static json_t *condition(unsigned index, const char *op, uint64_t value, uint64_t two)
{
	return json_pack("[{s:i, s:I, s:I, s:s}]", "index", (int)index, "value", (json_int_t)value, "valueTwo", (json_int_t)two, "op",
			 op);
}

static void add_allowed(json_t *list)
{
	json_t *names = json_array();
	for (size_t i = 0; allowed[i]; i++)
		json_array_append_new(names, json_string(allowed[i]));
	json_array_append_new(list, json_pack("{s:o, s:s}", "names", names, "action", "SCMP_ACT_ALLOW"));
}

static void add_conditional(json_t *list, bool admin)
{
	static const uint64_t personalities[] = { PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, EVERYTHING };
	for (size_t i = 0; i < ARRAY_LEN(personalities); i++)
		add(list, "personality", "SCMP_ACT_ALLOW", 0, condition(0, "SCMP_CMP_EQ", personalities[i], 0));
	/* Sockets to the hypervisor do not belong to any network namespace. */
	add(list, "socket", "SCMP_ACT_ALLOW", 0, condition(0, "SCMP_CMP_NE", AF_VSOCK, 0));
	if (admin)
		return;
	add(list, "clone", "SCMP_ACT_ALLOW", 0, condition(0, "SCMP_CMP_MASKED_EQ", CLONE_NAMESPACES, 0));
	add(list, "clone3", "SCMP_ACT_ERRNO", ENOSYS, NULL);
}

static json_t *architectures(void)
{
#if defined(__x86_64__)
	return json_pack("[s,s,s]", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32");
#elif defined(__aarch64__)
	return json_pack("[s,s]", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM");
#else
	return json_array();
#endif
}

/* Bits of the capabilities that make a difference, in the order of the table. */
uint32_t seccomp_default_mask(char *const *caps)
{
	uint32_t mask = 0;
	for (size_t i = 0; i < ARRAY_LEN(admitted); i++)
		mask |= strv_has(caps, admitted[i].cap) ? 1u << i : 0;
	return mask;
}

json_t *seccomp_default_reference(char *const *caps)
{
	json_t *list = json_array();
	for (size_t i = 0; i < ARRAY_LEN(admitted); i++)
		if (strv_has(caps, admitted[i].cap))
			json_array_append_new(list, json_string(admitted[i].cap));
	return json_pack("{s:s, s:o}", "defaultAction", "SCMP_ACT_ERRNO", SECCOMP_DEFAULT_REFERENCE, list);
}

json_t *seccomp_default_profile(char *const *caps)
{
	json_t *list = json_array();
	add_allowed(list);
	for (size_t i = 0; i < ARRAY_LEN(admitted); i++)
		for (size_t k = 0; strv_has(caps, admitted[i].cap) && k < ARRAY_LEN(admitted[i].names) && admitted[i].names[k]; k++)
			add(list, admitted[i].names[k], "SCMP_ACT_ALLOW", 0, NULL);
	add_conditional(list, strv_has(caps, "CAP_SYS_ADMIN"));
	return json_pack("{s:s, s:i, s:o, s:o}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", EPERM, "architectures",
			 architectures(), "syscalls", list);
}
