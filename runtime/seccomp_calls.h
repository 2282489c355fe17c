/* System calls by name: their numbers on every architecture that this runtime filters. */
#ifndef KNARR_RUNTIME_SECCOMP_CALLS_H
#define KNARR_RUNTIME_SECCOMP_CALLS_H

#include <stddef.h>
#include <stdint.h>

enum seccomp_arch {
	SECCOMP_X86_64,
	SECCOMP_X86,
	SECCOMP_X32,
	SECCOMP_AARCH64,
	SECCOMP_ARM,
	SECCOMP_RISCV64,
	SECCOMP_ARCHES,
};

/* The architecture that this program was built for. */
#if defined(__x86_64__)
#define SECCOMP_NATIVE SECCOMP_X86_64
#elif defined(__aarch64__)
#define SECCOMP_NATIVE SECCOMP_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define SECCOMP_NATIVE SECCOMP_RISCV64
#else
#error "no table of system calls for this architecture"
#endif

/* Set in the numbers of x32 calls, which come with the audit architecture of x86-64. */
#define SECCOMP_X32_BIT 0x40000000

/* -1: the architecture has no such call. On x86, -101 to -120 are the calls behind socketcall(2) and -201 to -224 those
 * behind ipc(2): 100 or 200 plus the number of the operation. */
struct seccomp_call {
	char name[32];
	int32_t nr[SECCOMP_ARCHES];
};

/* NULL for a name that no architecture here knows. */
const struct seccomp_call *seccomp_call_find(const char *name);
/* The i-th of the sorted table, NULL beyond its end. */
const struct seccomp_call *seccomp_call_at(size_t i);
/* x86: the number of the direct call with the same meaning as a multiplexed one (below -100), or -1. */
int32_t seccomp_call_direct(int32_t multiplexed);

#endif
