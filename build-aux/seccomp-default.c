/* Compiles the default seccomp profile for the common sets of capabilities: run by the build, prints rows of C for
 * runtime/seccomp_default_programs.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "runtime/seccomp_bpf.h"
#include "runtime/seccomp_default.h"

/* None at all; what container engines give; that and the administrator's; the engines' with what debuggers and schedulers
 * are given most. */
static char *const sets[][3] = {
	{ NULL },
	{ "CAP_SYS_CHROOT", NULL },
	{ "CAP_SYS_CHROOT", "CAP_SYS_ADMIN", NULL },
	{ "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", NULL },
	{ "CAP_SYS_CHROOT", "CAP_SYS_NICE", NULL },
};

static void print_program(size_t set)
{
	AUTO_JSON *json = seccomp_default_profile(sets[set]);
	AUTO_SECCOMP_PROFILE p = { 0 };
	AUTO_FREE struct sock_filter *insns = NULL;
	size_t n = 0;
	struct err e = ERR_INIT;
	if (seccomp_profile_parse(json, &p, &e) < 0 || seccomp_bpf_generate(&p, SECCOMP_NATIVE, &insns, &n, &e) < 0) {
		fprintf(stderr, "default seccomp profile: %s\n", err_text(&e));
		exit(EXIT_FAILURE);
	}
	printf("static const struct sock_filter program_%zu[] = {\n", set);
	for (size_t i = 0; i < n; i++)
		printf("{%u,%u,%u,%#xu},%s", insns[i].code, insns[i].jt, insns[i].jf, insns[i].k, i % 6 == 5 ? "\n" : "");
	printf("};\n");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		print_program(i);
	printf("static const struct made programs[] = {\n");
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		printf("{ %#xu, program_%zu, ARRAY_LEN(program_%zu) },\n", seccomp_default_mask(sets[i]), i, i);
	printf("};\n");
	return EXIT_SUCCESS;
}
