/* pause: the process that holds a pod's namespaces. It sleeps, reaps orphans, and ends on SIGTERM or SIGINT.
 *
 * With an argument (--version, --help) it only prints what it is.
 *
 * No C library: four system calls on two architectures. What always holds: no memory beyond the stack and a few KB of
 * text; as process 1 of a pod it must take its signals by a handler, because the kernel ignores default actions there. */

#define SIGCHLD_NR 17
#define SIGINT_NR 2
#define SIGTERM_NR 15
#define SA_RESTORER_BIT 0x04000000UL
#define WNOHANG_BIT 1

#if defined(__x86_64__)
enum { NR_WRITE = 1, NR_RT_SIGACTION = 13, NR_PPOLL = 271, NR_WAIT4 = 61, NR_EXIT_GROUP = 231 };
static long call(long nr, long a, long b, long c, long d)
{
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = 0;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return r;
}
/* The kernel returns from a handler through this. */
__asm__(".globl restore\nrestore:\n\tmov $15, %eax\n\tsyscall\n");
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov (%rsp), %rdi\n\tand $-16, %rsp\n\tcall run\n");
#define RESTORER restore
#elif defined(__aarch64__)
enum { NR_WRITE = 64, NR_RT_SIGACTION = 134, NR_PPOLL = 73, NR_WAIT4 = 260, NR_EXIT_GROUP = 94 };
static long call(long nr, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
__asm__(".globl restore\nrestore:\n\tmov x8, 139\n\tsvc 0\n");
__asm__(".globl _start\n_start:\n\tldr x0, [sp]\n\tbl run\n");
#define RESTORER restore
#else
#error "pause knows x86_64 and aarch64"
#endif

void restore(void);
void run(long argc);

struct kernel_sigaction {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

static void on_signal(int sig)
{
	if (sig != SIGCHLD_NR)
		call(NR_EXIT_GROUP, 0, 0, 0, 0);
	while (call(NR_WAIT4, -1, 0, WNOHANG_BIT, 0) > 0)
		;
}

/* argc is what the kernel leaves on top of the stack. */
void __attribute__((noreturn)) run(long argc)
{
	static const char text[] = "pause " KNARR_VERSION ": holds the namespaces of a pod until SIGTERM or SIGINT\n";
	if (argc > 1) {
		call(NR_WRITE, 1, (long)text, sizeof(text) - 1, 0);
		call(NR_EXIT_GROUP, 0, 0, 0, 0);
	}
	static const int signals[] = { SIGCHLD_NR, SIGINT_NR, SIGTERM_NR };
	struct kernel_sigaction a = { on_signal, SA_RESTORER_BIT, RESTORER, 0 };
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		call(NR_RT_SIGACTION, signals[i], (long)&a, 0, sizeof(a.mask));
	for (;;)
		call(NR_PPOLL, 0, 0, 0, 0);
}
