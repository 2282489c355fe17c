/* NUMA memory policy (OCI runtime-spec config-linux.md, Memory policy). */
#ifndef KNARR_RUNTIME_MEMORY_POLICY_H
#define KNARR_RUNTIME_MEMORY_POLICY_H

#include <jansson.h>

#include "runtime/number_set.h"

struct memory_policy {
	bool given;
	int mode; /* MPOL_... with its flags */
	struct number_set nodes;
};

/* The object linux.memoryPolicy; NULL or an empty one: not given. -EINVAL with runc's texts. */
int memory_policy_parse(const json_t *j, struct memory_policy *ret, struct err *e);
/* For the calling process and what it makes. set_mempolicy(2). */
int memory_policy_apply(const struct memory_policy *p, struct err *e);

#endif
