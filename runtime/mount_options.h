/* Mount options of config.json to mount attributes, flags and file system data. */
#ifndef KNARR_RUNTIME_MOUNT_OPTIONS_H
#define KNARR_RUNTIME_MOUNT_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct mount_options {
	unsigned long flags, cleared;  /* MS_ flags of the mount itself that were asked for, and asked to be off */
	uint64_t attr_set, attr_clear; /* the same as MOUNT_ATTR_: what a new mount gets */
	uint64_t rec_set, rec_clear;   /* of it and everything below */
	uint64_t propagation;          /* MS_SHARED ..., 0: leave */
	bool propagation_rec;
	bool bind, rbind, tmpcopyup, remount, idmap, ridmap;
	bool src_nofollow, dest_nofollow, copy_symlink; /* what to do with a symbolic link at either end */
	char *mapping;   /* of "idmap=" and "ridmap=", NULL: none; owned */
	char **sb_flags; /* superblock flags for fsconfig ("sync"), owned */
	char **data;     /* "size=64k", "ro" excluded; owned */
};

/* options: array of strings or NULL. -EINVAL. OCI runtime-spec config.md, Linux mount options. */
int mount_options_parse(const json_t *options, struct mount_options *ret, struct err *e);
void mount_options_done(struct mount_options *o);
/* "rslave" and the like to MS_ flags, 0 for anything else. */
unsigned long mount_propagation(const char *name);
/* All the names of the table, owned, for the features object. */
char **mount_option_names(void);

#endif
