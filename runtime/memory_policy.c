/* Memory policy by set_mempolicy(2). What can fail: words that do not exist, combinations that the kernel refuses. What
 * always holds: without a policy nothing is called. */
#include "runtime/memory_policy.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"

static const char *const modes[] = { "MPOL_DEFAULT", "MPOL_PREFERRED",	    "MPOL_BIND",	       "MPOL_INTERLEAVE",
				     "MPOL_LOCAL",   "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE" };

static const struct {
	const char *name;
	int bit;
} flags[] = { { "MPOL_F_NUMA_BALANCING", 1 << 13 },
	      { "MPOL_F_RELATIVE_NODES", 1 << 14 },
	      { "MPOL_F_STATIC_NODES", 1 << 15 } };

static int parse_mode(const json_t *j, int *ret, struct err *e)
{
	const char *mode = json_str_or(j, "mode", "");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_eq(modes[i], mode)) {
			*ret = (int)i;
			return 0;
		}
	return err_set(e, -EINVAL, "invalid memory policy mode \"%.64s\"", mode);
}

static int parse_flags(const json_t *list, int *mode, struct err *e)
{
	size_t i;
	json_t *v;
	if (list && !json_is_array(list) && !json_is_null(list))
		return err_set(e, -EINVAL, "invalid memory policy flags: no array");
	json_array_foreach(list, i, v)
	{
		int bit = 0;
		for (size_t k = 0; k < ARRAY_LEN(flags); k++)
			if (str_eq(flags[k].name, json_string_value(v)))
				bit = flags[k].bit;
		if (!bit)
			return err_set(e, -EINVAL, "invalid memory policy flag \"%.64s\"",
				       json_is_string(v) ? json_string_value(v) : "");
		*mode |= bit;
	}
	return 0;
}

int memory_policy_parse(const json_t *j, struct memory_policy *ret, struct err *e)
{
	struct memory_policy p = { .given = json_object_size(j) > 0 };
	if (!p.given) {
		*ret = p;
		return 0;
	}
	int r = parse_mode(j, &p.mode, e);
	if (r == 0) {
		r = number_set_parse(json_str_or(j, "nodes", ""), &p.nodes, e);
		if (r < 0)
			return err_wrap(e, -EINVAL, "invalid memory policy nodes \"%.64s\"", json_str_or(j, "nodes", ""));
	}
	if (r == 0)
		r = parse_flags(json_object_get(j, "flags"), &p.mode, e);
	if (r == 0)
		*ret = p;
	return r;
}

int memory_policy_apply(const struct memory_policy *p, struct err *e)
{
	if (!p->given)
		return 0;
	/* The kernel counts one bit less than it is told. */
	const unsigned long *nodes = p->nodes.given ? p->nodes.bits : NULL;
	if (syscall(SYS_set_mempolicy, p->mode, nodes, nodes ? NUMBER_SET_MAX + 1ul : 0ul) < 0)
		return err_sys(e, "set_mempolicy");
	return 0;
}
