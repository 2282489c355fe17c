/* Decisions about mounts.
 *
 * Happy path: options in, attributes out. What can fail: what the kernel would not allow either, said with a reason
 * (-EPERM). What always holds: no system call, nothing global. */
#include "runtime/mounts_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/syscalls.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#define ST_NOSYMFOLLOW_ 0x2000

static const struct flag {
	unsigned long ms, st;
	uint64_t attr;
} flags_table[] = {
	{ MS_RDONLY, ST_RDONLY, MOUNT_ATTR_RDONLY },
	{ MS_NOSUID, ST_NOSUID, MOUNT_ATTR_NOSUID },
	{ MS_NODEV, ST_NODEV, MOUNT_ATTR_NODEV },
	{ MS_NOEXEC, ST_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ MS_NOSYMFOLLOW, ST_NOSYMFOLLOW_, MOUNT_ATTR_NOSYMFOLLOW },
	{ MS_NODIRATIME, ST_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	{ MS_NOATIME, ST_NOATIME, 0 },
	{ MS_RELATIME, ST_RELATIME, 0 },
};

#define ATIME_MODES (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)
#define ATIME_FLAGS (ATIME_MODES | MS_NODIRATIME)
#define LOCKABLE (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | ATIME_FLAGS)
#define PLAIN_ATTRS                                                                                                    \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW)

uint64_t mounts_plan_attrs(unsigned long flags)
{
	uint64_t attrs = 0;
	for (size_t i = 0; i < ARRAY_LEN(flags_table); i++)
		if (flags & flags_table[i].ms)
			attrs |= flags_table[i].attr;
	if (flags & MS_STRICTATIME)
		return attrs | MOUNT_ATTR_STRICTATIME;
	return attrs | (flags & MS_NOATIME ? MOUNT_ATTR_NOATIME : MOUNT_ATTR_RELATIME);
}

struct mounts_change mounts_plan_bind(const struct mount_options *o)
{
	struct mounts_change c = { 0, 0 };
	if (!(o->flags | o->cleared))
		return c;
	c.set = mounts_plan_attrs(o->flags);
	c.clear = PLAIN_ATTRS & ~c.set;
	if (o->flags & ATIME_FLAGS)
		c.clear |= MOUNT_ATTR__ATIME | (MOUNT_ATTR_NODIRATIME & ~c.set);
	return c;
}

unsigned long mounts_plan_statfs(unsigned long st_flags)
{
	unsigned long flags = 0;
	for (size_t i = 0; i < ARRAY_LEN(flags_table); i++)
		if (st_flags & flags_table[i].st)
			flags |= flags_table[i].ms;
	return flags & ATIME_MODES ? flags : flags | MS_STRICTATIME;
}

int mounts_plan_locked(const struct mount_options *o, unsigned long current, struct mounts_change *ret, struct err *e)
{
	if (current & o->cleared & LOCKABLE)
		return err_set(e, -EPERM, "cannot clear locked flags 0x%lx: operation not permitted",
			       current & o->cleared & LOCKABLE);
	if ((o->flags & ATIME_FLAGS) && (o->flags & ATIME_FLAGS) != (current & ATIME_FLAGS))
		return err_set(e, -EPERM, "cannot change locked atime flags 0x%lx: operation not permitted",
			       current & ATIME_FLAGS);
	uint64_t set = mounts_plan_attrs(o->flags) & PLAIN_ATTRS;
	*ret = (struct mounts_change){ set, MOUNT_ATTR_NOSYMFOLLOW & ~set };
	return 0;
}

/* Lexically: "/a//b/../c/" becomes "/a/c". */
static char *clean(const char *path)
{
	AUTO_STRV char **names = str_split(path, '/');
	AUTO_STR out = STR_INIT;
	for (size_t i = 0; i < strv_len(names); i++) {
		if (!*names[i] || str_eq(names[i], "."))
			continue;
		if (!str_eq(names[i], "..")) {
			str_addf(&out, "/%s", names[i]);
			continue;
		}
		char *slash = out.len ? strrchr(out.p, '/') : NULL;
		if (slash) {
			out.len = (size_t)(slash - out.p);
			*slash = '\0';
		}
	}
	if (!out.len)
		str_addc(&out, '/');
	return str_take(&out);
}

/* What is behind prefix in path: "" where they are equal, NULL where path does not lie there. */
static const char *below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);
	if (strncmp(path, prefix, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path + n;
}

char *mounts_plan_destination(const char *rootfs, const char *destination)
{
	AUTO_FREE char *d = clean(destination);
	AUTO_FREE char *root = clean(rootfs);
	const char *rest = root[1] ? below(d, root) : NULL;
	return rest ? xstrdup(*rest ? rest : "/") : TAKE(d);
}

static const char *const proc_allowed[] = { "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps",
					    "/proc/uptime", "/proc/loadavg", "/proc/slabinfo",
					    "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled", NULL };

int mounts_plan_check_proc(const struct mounts_place *p, struct err *e)
{
	const char *d = p->destination, *rest = below(d, "/proc");
	if (rest && !*rest) {
		if (p->bind ? p->source_is_proc : str_eq(p->type, "proc"))
			return 0;
		return err_set(e, -EPERM, "\"%s\" cannot be mounted because it is not of type proc", d);
	}
	if ((!rest && !p->target_in_proc) || strv_has((char *const *)proc_allowed, d))
		return 0;
	return err_set(e, -EPERM, "\"%s\" cannot be mounted because it is inside /proc", d);
}

/* 36 35 98:0 root point options [optional ...] - type source super */
enum { MOUNTINFO_ROOT = 3, MOUNTINFO_POINT, MOUNTINFO_OPTIONAL = 6 };

static bool is_exposed(char **f, const char *rootfs)
{
	size_t n = strv_len(f), i = MOUNTINFO_OPTIONAL;
	while (i < n && !str_eq(f[i], "-"))
		i++;
	if (i + 1 >= n || !str_eq(f[MOUNTINFO_ROOT], "/"))
		return false;
	if (!str_eq(f[i + 1], "proc") && !str_eq(f[i + 1], "sysfs"))
		return false;
	proc_unescape(f[MOUNTINFO_POINT]);
	return !below(f[MOUNTINFO_POINT], rootfs);
}

char **mounts_plan_exposed(const char *mountinfo, const char *rootfs)
{
	AUTO_STRV char **lines = str_split(mountinfo, '\n');
	AUTO_FREE char *root = clean(rootfs);
	char **out = NULL;
	for (size_t i = 0; i < strv_len(lines); i++) {
		AUTO_STRV char **f = str_split(lines[i], ' ');
		if (is_exposed(f, root))
			strv_add(&out, f[MOUNTINFO_POINT]);
	}
	return out;
}
