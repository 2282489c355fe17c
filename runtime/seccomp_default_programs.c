/* The default seccomp profile as the build has compiled it (build-aux/seccomp-default.c): a program for each common set of
 * capabilities. Any other set is compiled from the table when it is asked for. */
#include "base/mem.h"
#include "runtime/seccomp_default.h"

struct made {
	uint32_t mask;
	const struct sock_filter *insns;
	size_t n;
};

#include "seccomp_default_programs.inc"

bool seccomp_default_program(uint32_t mask, const struct sock_filter **ret, size_t *ret_n)
{
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		if (programs[i].mask == mask) {
			*ret = programs[i].insns;
			*ret_n = programs[i].n;
			return true;
		}
	}
	return false;
}
