/* Device access rules of OCI linux.resources.devices: the list, its v1 text form and its v2 program. */
#ifndef KNARR_CGROUPS_DEVICE_RULES_H
#define KNARR_CGROUPS_DEVICE_RULES_H

#include <jansson.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct device_rule {
	bool allow;
	char type;            /* 'a', 'b', 'c' */
	int64_t major, minor; /* -1: any */
	unsigned access;      /* BPF_DEVCG_ACC_ bits */
};

struct device_rules {
	struct device_rule *rules;
	size_t n;
};

/* From the JSON array (NULL: no rules); the last rule that matches decides, none denies. -EINVAL. */
int device_rules_parse(const json_t *devices, struct device_rules *ret, struct err *e);
void device_rules_done(struct device_rules *r);
#define AUTO_DEVICE_RULES AUTO(device_rules_done) struct device_rules

/* "c 1:3 rwm", as devices.allow and devices.deny take it. Adds to ret. */
void device_rule_text(const struct device_rule *r, struct str *ret);
/* The BPF_PROG_TYPE_CGROUP_DEVICE program. Returns owned instructions. */
struct bpf_insn *device_rules_program(const struct device_rules *r, size_t *ret_n);
/* Loads the program for the v2 directory dir and puts it in place of those that were attached before. */
int device_rules_attach(const struct device_rules *r, const char *dir, struct err *e);

#endif
