/* Mount options: one table.
 *
 * Happy path: each word is looked up; what is not in the table goes to the file system as data. What can fail: a value
 * that is no text. What always holds: a later option overrides an earlier one, as mount(8) does it. */
#include "runtime/mount_options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/mem.h"
#include "base/str.h"
#include "runtime/syscalls.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#define MS_ATIME_MODES (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

enum kind { SET, CLEAR, PROPAGATION, SUPER, NOTHING, SWITCH };

struct option {
	const char *name;
	enum kind kind;
	bool recursive;
	uint64_t value;      /* MOUNT_ATTR_, MS_ of a propagation, or for SWITCH the member's offset */
	unsigned long flags; /* the MS_ flags of a plain attribute */
};
#define MEMBER(name) offsetof(struct mount_options, name)

static const struct option table[] = {
	{ "ro", SET, false, MOUNT_ATTR_RDONLY, MS_RDONLY },
	{ "rw", CLEAR, false, MOUNT_ATTR_RDONLY, MS_RDONLY },
	{ "nosuid", SET, false, MOUNT_ATTR_NOSUID, MS_NOSUID },
	{ "suid", CLEAR, false, MOUNT_ATTR_NOSUID, MS_NOSUID },
	{ "nodev", SET, false, MOUNT_ATTR_NODEV, MS_NODEV },
	{ "dev", CLEAR, false, MOUNT_ATTR_NODEV, MS_NODEV },
	{ "noexec", SET, false, MOUNT_ATTR_NOEXEC, MS_NOEXEC },
	{ "exec", CLEAR, false, MOUNT_ATTR_NOEXEC, MS_NOEXEC },
	{ "nosymfollow", SET, false, MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW },
	{ "symfollow", CLEAR, false, MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW },
	{ "nodiratime", SET, false, MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
	{ "diratime", CLEAR, false, MOUNT_ATTR_NODIRATIME, MS_NODIRATIME },
	{ "noatime", SET, false, MOUNT_ATTR_NOATIME, MS_NOATIME },
	{ "strictatime", SET, false, MOUNT_ATTR_STRICTATIME, MS_STRICTATIME },
	{ "relatime", SET, false, MOUNT_ATTR_RELATIME, MS_RELATIME },
	{ "atime", CLEAR, false, MOUNT_ATTR_NOATIME, MS_NOATIME },
	{ "norelatime", CLEAR, false, MOUNT_ATTR_RELATIME, MS_RELATIME },
	{ "nostrictatime", CLEAR, false, MOUNT_ATTR_STRICTATIME, MS_STRICTATIME },
	{ "rro", SET, true, MOUNT_ATTR_RDONLY, 0 },
	{ "rrw", CLEAR, true, MOUNT_ATTR_RDONLY, 0 },
	{ "rnosuid", SET, true, MOUNT_ATTR_NOSUID, 0 },
	{ "rsuid", CLEAR, true, MOUNT_ATTR_NOSUID, 0 },
	{ "rnodev", SET, true, MOUNT_ATTR_NODEV, 0 },
	{ "rdev", CLEAR, true, MOUNT_ATTR_NODEV, 0 },
	{ "rnoexec", SET, true, MOUNT_ATTR_NOEXEC, 0 },
	{ "rexec", CLEAR, true, MOUNT_ATTR_NOEXEC, 0 },
	{ "rnosymfollow", SET, true, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "rsymfollow", CLEAR, true, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "rnodiratime", SET, true, MOUNT_ATTR_NODIRATIME, 0 },
	{ "rdiratime", CLEAR, true, MOUNT_ATTR_NODIRATIME, 0 },
	{ "rnoatime", SET, true, MOUNT_ATTR_NOATIME, 0 },
	{ "rstrictatime", SET, true, MOUNT_ATTR_STRICTATIME, 0 },
	{ "rrelatime", SET, true, MOUNT_ATTR_RELATIME, 0 },
	{ "ratime", CLEAR, true, MOUNT_ATTR_NOATIME, 0 },
	{ "rnorelatime", CLEAR, true, MOUNT_ATTR_RELATIME, 0 },
	{ "rnostrictatime", CLEAR, true, MOUNT_ATTR_STRICTATIME, 0 },
	{ "private", PROPAGATION, false, MS_PRIVATE, 0 },
	{ "rprivate", PROPAGATION, true, MS_PRIVATE, 0 },
	{ "shared", PROPAGATION, false, MS_SHARED, 0 },
	{ "rshared", PROPAGATION, true, MS_SHARED, 0 },
	{ "slave", PROPAGATION, false, MS_SLAVE, 0 },
	{ "rslave", PROPAGATION, true, MS_SLAVE, 0 },
	{ "unbindable", PROPAGATION, false, MS_UNBINDABLE, 0 },
	{ "runbindable", PROPAGATION, true, MS_UNBINDABLE, 0 },
	{ "sync", SUPER, false, 1, 0 },
	{ "dirsync", SUPER, false, 1, 0 },
	{ "mand", SUPER, false, 1, 0 },
	{ "lazytime", SUPER, false, 1, 0 },
	{ "async", SUPER, false, 0, 0 },
	{ "nomand", SUPER, false, 0, 0 },
	{ "nolazytime", SUPER, false, 0, 0 },
	{ "silent", NOTHING, false, 0, 0 },
	{ "loud", NOTHING, false, 0, 0 },
	{ "defaults", NOTHING, false, 0, 0 },
	{ "iversion", NOTHING, false, 0, 0 },
	{ "noiversion", NOTHING, false, 0, 0 },
	{ "acl", NOTHING, false, 0, 0 },
	{ "noacl", NOTHING, false, 0, 0 },
	{ "bind", SWITCH, false, MEMBER(bind), 0 },
	{ "rbind", SWITCH, false, MEMBER(rbind), 0 },
	{ "tmpcopyup", SWITCH, false, MEMBER(tmpcopyup), 0 },
	{ "remount", SWITCH, false, MEMBER(remount), 0 },
	{ "idmap", SWITCH, false, MEMBER(idmap), 0 },
	{ "ridmap", SWITCH, false, MEMBER(ridmap), 0 },
	{ "src-nofollow", SWITCH, false, MEMBER(src_nofollow), 0 },
	{ "dest-nofollow", SWITCH, false, MEMBER(dest_nofollow), 0 },
	{ "copy-symlink", SWITCH, false, MEMBER(copy_symlink), 0 },
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

/* The same in the words of mount(2), where what is off by name differs from what was not mentioned. */
static void set_flags(const struct option *o, struct mount_options *m)
{
	if (o->kind == SET) {
		if (o->flags & MS_ATIME_MODES)
			m->flags &= ~(unsigned long)MS_ATIME_MODES;
		m->flags |= o->flags;
		m->cleared &= ~o->flags;
	} else {
		m->flags &= ~o->flags;
		m->cleared |= o->flags;
	}
}

static void use_option(const struct option *o, struct mount_options *m)
{
	switch (o->kind) {
	case SET:
	case CLEAR:
		set_attribute(o, m);
		set_flags(o, m);
		break;
	case PROPAGATION:
		m->propagation = o->value;
		m->propagation_rec = o->recursive;
		break;
	case SUPER:
		if (o->value)
			strv_add(&m->sb_flags, o->name);
		break;
	case SWITCH:
		*(bool *)((char *)m + o->value) = true;
		break;
	case NOTHING:
		break;
	}
}

/* "idmap=MAPPING" and "ridmap=MAPPING". */
static bool use_mapping(const char *s, struct mount_options *m)
{
	bool recursive = *s == 'r';
	if (!str_has_prefix(s + recursive, "idmap="))
		return false;
	m->idmap = true;
	m->ridmap |= recursive;
	free(m->mapping);
	m->mapping = xstrdup(strchr(s, '=') + 1);
	return true;
}

int mount_options_parse(const json_t *options, struct mount_options *ret, struct err *e)
{
	struct mount_options m = { 0 };
	size_t i;
	json_t *v;
	json_array_foreach(options, i, v)
	{
		const char *s = json_string_value(v);
		if (!s || strlen(s) != json_string_length(v)) {
			mount_options_done(&m);
			return err_set(e, -EINVAL, "mount option %zu is no text", i);
		}
		const struct option *o = find(s);
		if (o)
			use_option(o, &m);
		else if (*s && !use_mapping(s, &m))
			strv_add(&m.data, s);
	}
	m.bind |= m.rbind;
	m.idmap |= m.ridmap;
	*ret = m;
	return 0;
}

void mount_options_done(struct mount_options *o)
{
	free(o->mapping);
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
