/* Makes one system call and prints its result: how the bats files of seccomp and security look at a filter from inside.
 *
 *   probe native NR [ARG ...]   by the machine's own call
 *   probe int80 NR [ARG ...]    x86-64: as a 32-bit program would, by int 0x80
 * An ARG is a number, or text whose address below 4 GiB is passed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long argument(const char *text, char **low)
{
	char *end;
	unsigned long n = strtoul(text, &end, 0);
	if (*text && !*end)
		return n;
	char *copy = strcpy(*low, text);
	*low += strlen(text) + 1;
	return (unsigned long)copy;
}

static long by_int80(const unsigned long *a)
{
#if defined(__x86_64__)
	long r;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4])
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
#else
	(void)a;
	return -ENOSYS;
#endif
}

int main(int argc, char **argv)
{
	unsigned long a[7] = { 0 };
	char *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (low == MAP_FAILED || argc < 3)
		return 99;
	for (int i = 2; i < argc && i < 9; i++)
		a[i - 2] = argument(argv[i], &low);
	long r;
	if (!strcmp(argv[1], "int80")) {
		r = by_int80(a);
	} else {
		r = syscall((long)a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
		r = r < 0 ? -errno : r;
	}
	printf("%ld\n", r);
	return 0;
}
