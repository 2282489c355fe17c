/* The same as self_protect(), before the C library starts.
 *
 * A static program of the C library first asks the processor for its features, which on virtual machines costs more than all
 * else of its start; a program that is about to execute itself again need not pay that twice. Happy path: entered by the
 * kernel, a verb that makes processes in containers is among the arguments, the own file is not yet on a read-only mount:
 * run it again from one. What can fail: everything, and then nothing is said: self_protect() meets the same failure later
 * and knows how to speak. What always holds: no relocated data, no C library, no stack protector are used in this file, and
 * the library's own entry finds stack and registers as the kernel left them. */
#include "runtime/self_protect.h"

#ifdef __x86_64__
#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define EARLY static __attribute__((no_stack_protector, optimize("no-tree-loop-distribute-patterns")))
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define FS_READ_ONLY 1 /* statfs(2), ST_RDONLY */

bool self_protect_done;
void self_protect_early(long *stack);

__asm__(".pushsection .text\n"
	".globl self_protect_entry\n"
	".type self_protect_entry, @function\n"
	"self_protect_entry:\n"
	"	mov %rsp, %rdi\n"
	"	push %rdx\n"
	"	sub $8, %rsp\n"
	"	call self_protect_early\n"
	"	add $8, %rsp\n"
	"	pop %rdx\n"
	"	jmp _start\n"
	".size self_protect_entry, . - self_protect_entry\n"
	".popsection\n");

EARLY long call5(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return r;
}

EARLY bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Too many is harmless (a container may be called "run"), too few are left to main. */
EARLY bool enters_containers(char *const *argv)
{
	for (; *argv; argv++)
		if (same(*argv, "run") || same(*argv, "create") || same(*argv, "exec") || same(*argv, "restore"))
			return true;
	return false;
}

EARLY bool is_protected(long self)
{
	struct statfs fs;
	fs.f_flags = 0;
	if (call5(SYS_fstatfs, self, (long)&fs, 0, 0, 0) < 0)
		return false;
	return (fs.f_flags & FS_READ_ONLY) || call5(SYS_fcntl, self, F_GET_SEALS, 0, 0, 0) == SEALS;
}

__attribute__((no_stack_protector)) void self_protect_early(long *stack)
{
	char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	if (stack[0] < 2 || !enters_containers(argv + 1))
		return;
	long self = call5(SYS_open, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (self < 0)
		return;
	self_protect_done = is_protected(self);
	long tree = self_protect_done ? -1 : call5(SYS_open_tree, self, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0);
	if (tree >= 0) {
		if (call5(SYS_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof(attr)) == 0)
			call5(SYS_execveat, tree, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH);
		call5(SYS_close, tree, 0, 0, 0, 0);
	}
	call5(SYS_close, self, 0, 0, 0, 0);
}
#else
bool self_protect_done;
#endif
