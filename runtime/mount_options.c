/* Mount options: one table.
 *
 * Happy path: each word is looked up; what is not in the table goes to the file system as data. What can fail: a value
 * that is no string. What always holds: a later option overrides an earlier one, as mount(8) does it. */
#include "runtime/mount_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/mem.h"
#include "base/str.h"
#include "runtime/syscalls.h"

enum kind { SET, CLEAR, PROPAGATION, SUPER, NOTHING, BIND, RBIND, TMPCOPYUP, REMOUNT, IDMAP, RIDMAP };

struct option {
	const char *name;
	enum kind kind;
	bool recursive;
	uint64_t value;
};

static const struct option table[] = {
	{ "ro", SET, false, MOUNT_ATTR_RDONLY },
	{ "rw", CLEAR, false, MOUNT_ATTR_RDONLY },
	{ "nosuid", SET, false, MOUNT_ATTR_NOSUID },
	{ "suid", CLEAR, false, MOUNT_ATTR_NOSUID },
	{ "nodev", SET, false, MOUNT_ATTR_NODEV },
	{ "dev", CLEAR, false, MOUNT_ATTR_NODEV },
	{ "noexec", SET, false, MOUNT_ATTR_NOEXEC },
	{ "exec", CLEAR, false, MOUNT_ATTR_NOEXEC },
	{ "nosymfollow", SET, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "symfollow", CLEAR, false, MOUNT_ATTR_NOSYMFOLLOW },
	{ "nodiratime", SET, false, MOUNT_ATTR_NODIRATIME },
	{ "diratime", CLEAR, false, MOUNT_ATTR_NODIRATIME },
	{ "noatime", SET, false, MOUNT_ATTR_NOATIME },
	{ "strictatime", SET, false, MOUNT_ATTR_STRICTATIME },
	{ "relatime", SET, false, MOUNT_ATTR_RELATIME },
	{ "atime", CLEAR, false, MOUNT_ATTR_NOATIME },
	{ "norelatime", CLEAR, false, MOUNT_ATTR_RELATIME },
	{ "nostrictatime", CLEAR, false, MOUNT_ATTR_STRICTATIME },
	{ "rro", SET, true, MOUNT_ATTR_RDONLY },
	{ "rrw", CLEAR, true, MOUNT_ATTR_RDONLY },
	{ "rnosuid", SET, true, MOUNT_ATTR_NOSUID },
	{ "rsuid", CLEAR, true, MOUNT_ATTR_NOSUID },
	{ "rnodev", SET, true, MOUNT_ATTR_NODEV },
	{ "rdev", CLEAR, true, MOUNT_ATTR_NODEV },
	{ "rnoexec", SET, true, MOUNT_ATTR_NOEXEC },
	{ "rexec", CLEAR, true, MOUNT_ATTR_NOEXEC },
	{ "rnosymfollow", SET, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsymfollow", CLEAR, true, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnodiratime", SET, true, MOUNT_ATTR_NODIRATIME },
	{ "rdiratime", CLEAR, true, MOUNT_ATTR_NODIRATIME },
	{ "rnoatime", SET, true, MOUNT_ATTR_NOATIME },
	{ "rstrictatime", SET, true, MOUNT_ATTR_STRICTATIME },
	{ "rrelatime", SET, true, MOUNT_ATTR_RELATIME },
	{ "ratime", CLEAR, true, MOUNT_ATTR_NOATIME },
	{ "rnorelatime", CLEAR, true, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", CLEAR, true, MOUNT_ATTR_STRICTATIME },
	{ "private", PROPAGATION, false, MS_PRIVATE },
	{ "rprivate", PROPAGATION, true, MS_PRIVATE },
	{ "shared", PROPAGATION, false, MS_SHARED },
	{ "rshared", PROPAGATION, true, MS_SHARED },
	{ "slave", PROPAGATION, false, MS_SLAVE },
	{ "rslave", PROPAGATION, true, MS_SLAVE },
	{ "unbindable", PROPAGATION, false, MS_UNBINDABLE },
	{ "runbindable", PROPAGATION, true, MS_UNBINDABLE },
	{ "sync", SUPER, false, 1 },
	{ "dirsync", SUPER, false, 1 },
	{ "mand", SUPER, false, 1 },
	{ "lazytime", SUPER, false, 1 },
	{ "async", SUPER, false, 0 },
	{ "nomand", SUPER, false, 0 },
	{ "nolazytime", SUPER, false, 0 },
	{ "silent", NOTHING, false, 0 },
	{ "loud", NOTHING, false, 0 },
	{ "defaults", NOTHING, false, 0 },
	{ "iversion", NOTHING, false, 0 },
	{ "noiversion", NOTHING, false, 0 },
	{ "acl", NOTHING, false, 0 },
	{ "noacl", NOTHING, false, 0 },
	{ "bind", BIND, false, 0 },
	{ "rbind", RBIND, false, 0 },
	{ "tmpcopyup", TMPCOPYUP, false, 0 },
	{ "remount", REMOUNT, false, 0 },
	{ "idmap", IDMAP, false, 0 },
	{ "ridmap", RIDMAP, false, 0 },
};

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

/* The atime modes are one field: setting one clears the field, clearing one goes back to relatime (0). */
static uint64_t field_of(uint64_t value)
{
	return value == MOUNT_ATTR_NOATIME || value == MOUNT_ATTR_STRICTATIME || value == MOUNT_ATTR_RELATIME
		       ? MOUNT_ATTR__ATIME
		       : value;
}

static void set_attribute(const struct option *o, struct mount_options *m)
{
	uint64_t *set = o->recursive ? &m->rec_set : &m->attr_set;
	uint64_t *clear = o->recursive ? &m->rec_clear : &m->attr_clear;
	uint64_t field = field_of(o->value);
	*set &= ~field;
	*clear &= ~field;
	if (o->kind == SET)
		*set |= o->value;
	if (o->kind == CLEAR || field == MOUNT_ATTR__ATIME)
		*clear |= field;
}

static void use_option(const struct option *o, struct mount_options *m)
{
	switch (o->kind) {
	case SET:
	case CLEAR:
		set_attribute(o, m);
		break;
	case PROPAGATION:
		m->propagation = o->value;
		m->propagation_rec = o->recursive;
		break;
	case SUPER:
		if (o->value)
			strv_add(&m->sb_flags, o->name);
		break;
	case RBIND:
		m->rbind = true;
		m->bind = true;
		break;
	case BIND:
		m->bind = true;
		break;
	case TMPCOPYUP:
		m->tmpcopyup = true;
		break;
	case REMOUNT:
		m->remount = true;
		break;
	case IDMAP:
		m->idmap = true;
		break;
	case RIDMAP:
		m->ridmap = true;
		break;
	case NOTHING:
		break;
	}
}

int mount_options_parse(const json_t *options, struct mount_options *ret, struct err *e)
{
	struct mount_options m = { 0 };
	size_t i;
	json_t *v;
	json_array_foreach(options, i, v)
	{
		const char *s = json_string_value(v);
		if (!s) {
			mount_options_done(&m);
			return err_set(e, -EINVAL, "mount option %zu is no string", i);
		}
		const struct option *o = find(s);
		if (o)
			use_option(o, &m);
		else if (*s)
			strv_add(&m.data, s);
	}
	*ret = m;
	return 0;
}

void mount_options_done(struct mount_options *o)
{
	free_strv(&o->data);
	free_strv(&o->sb_flags);
	*o = (struct mount_options){ 0 };
}

unsigned long mount_propagation(const char *name)
{
	const struct option *o = name ? find(name) : NULL;
	return o && o->kind == PROPAGATION ? o->value | (o->recursive ? MS_REC : 0) : 0;
}

char **mount_option_names(void)
{
	char **out = NULL;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		strv_add(&out, table[i].name);
	return out;
}
