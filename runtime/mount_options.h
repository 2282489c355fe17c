/* Mount options of config.json, sorted into what the mount API takes. */
#ifndef KNARR_RUNTIME_MOUNT_OPTIONS_H
#define KNARR_RUNTIME_MOUNT_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct mount_options {
	uint64_t attr_set, attr_clear; /* MOUNT_ATTR_ of the mount itself */
	uint64_t rec_set, rec_clear;   /* of it and everything below */
	uint64_t propagation;          /* MS_SHARED ..., 0: leave */
	bool propagation_rec;
	bool bind, rbind, tmpcopyup, remount, idmap, ridmap;
	char **sb_flags; /* superblock flags for fsconfig ("sync"), owned */
	char **data;     /* "size=64k", "ro" excluded; owned */
};

/* options: array of strings or NULL. -EINVAL. */
int mount_options_parse(const json_t *options, struct mount_options *ret, struct err *e);
void mount_options_done(struct mount_options *o);
/* "rslave" and the like to MS_ flags, 0 for anything else. */
unsigned long mount_propagation(const char *name);
/* All the names of the table, owned, for the features object. */
char **mount_option_names(void);

#endif
