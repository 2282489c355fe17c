/* linux.seccomp, parsed and checked: what the generator of the filter works on. */
#ifndef KNARR_RUNTIME_SECCOMP_PROFILE_H
#define KNARR_RUNTIME_SECCOMP_PROFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/seccomp_calls.h"

enum seccomp_op {
	SECCOMP_OP_EQ,
	SECCOMP_OP_GE,
	SECCOMP_OP_GT,
	SECCOMP_OP_LE,
	SECCOMP_OP_LT,
	SECCOMP_OP_MASKED_EQ, /* (argument & value) == (value_two & value) */
	SECCOMP_OP_NE,
};

struct seccomp_cond {
	uint8_t arg; /* 0 to 5 */
	uint8_t op;
	uint64_t value, value_two;
};

/* All conditions must hold; none: always. */
struct seccomp_rule {
	const struct seccomp_call *call;
	uint32_t action; /* SECCOMP_RET_ with data */
	uint32_t cond, n_cond;
};

/* Rules are in the order of the profile; those whose action is the default one are left out. */
struct seccomp_profile {
	uint32_t default_action;
	unsigned arches;		/* bits 1 << enum seccomp_arch, always with the native one */
	unsigned flags;			/* SECCOMP_FILTER_FLAG_ */
	bool notify;			/* some rule asks a listener */
	int32_t newest[SECCOMP_ARCHES]; /* highest number that any name has, 0: none */
	struct seccomp_rule *rules;
	size_t n_rules;
	struct seccomp_cond *conds;
	size_t n_conds;
	const char *listener_path, *listener_metadata; /* borrowed from the JSON */
};

/* OCI runtime-spec config-linux.md, Seccomp. Names that no table knows are passed over. -EINVAL with the wrong field,
 * -E2BIG. */
int seccomp_profile_parse(const json_t *seccomp, struct seccomp_profile *ret, struct err *e);
void seccomp_profile_done(struct seccomp_profile *p);
#define AUTO_SECCOMP_PROFILE AUTO(seccomp_profile_done) struct seccomp_profile

/* The OCI names that are understood, for the features object; index from 0, NULL at the end. */
const char *seccomp_action_name(size_t i);
const char *seccomp_operator_name(size_t i);
const char *seccomp_arch_name(size_t i);
const char *seccomp_flag_name(size_t i);
/* The flags of a profile that names none. */
unsigned seccomp_default_flags(void);
/* Known to the running kernel, and of use to any filter. */
bool seccomp_flag_supported(const char *name);

#endif
