/* Intel RDT by the resctrl file system.
 *
 * Happy path: a group directory named by closID or by the container, one line a schema, the pid in its tasks, and in those
 * of a monitoring group. What can fail: schemas that the machine does not know, a group that should have been there. What
 * always holds: a group with a closID belongs to somebody else and is not removed. */
#include "runtime/intel_rdt.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

int intel_rdt_parse(const json_t *j, struct intel_rdt *ret, struct err *e)
{
	const char *id = json_str_or(j, "closID", ""), *l3 = json_str_or(j, "l3CacheSchema", "");
	const char *bandwidth = json_str_or(j, "memBwSchema", "");
	struct intel_rdt r = { .given = json_is_object(j),
			       .monitoring = json_bool_at(j, "enableMonitoring", false),
			       .clos_id = *id ? id : NULL,
			       .l3 = *l3 ? l3 : NULL,
			       .bandwidth = *bandwidth ? bandwidth : NULL,
			       .schemata = json_object_get(j, "schemata") };
	size_t i;
	json_t *line;
	if (str_eq(id, ".") || str_eq(id, "..") || strchr(id, '/'))
		return err_set(e, -EINVAL, "invalid intelRdt.ClosID \"%.64s\"", id);
	if (r.schemata && !json_is_array(r.schemata))
		return err_set(e, -EINVAL, "linux.intelRdt.schemata is no array");
	json_array_foreach(r.schemata, i, line)
	{
		if (!json_is_string(line) || strchr(json_string_value(line), '\n'))
			return err_set(e, -EINVAL, "linux.intelRdt.schemata[%zu] is no line", i);
	}
	*ret = r;
	return 0;
}

const char *intel_rdt_root(void)
{
	struct statfs fs;
	return statfs(INTEL_RDT_ROOT, &fs) == 0 && fs.f_type == RDTGROUP_SUPER_MAGIC ? INTEL_RDT_ROOT : NULL;
}

static bool knows(const char *root, const char *resource)
{
	AUTO_FREE char *path = root ? xasprintf("%s/info/%s", root, resource) : NULL;
	return path && fs_exists(path);
}

int intel_rdt_check(const struct intel_rdt *r, const char *root, struct err *e)
{
	if (r->l3 && !knows(root, "L3") && !knows(root, "L3CODE"))
		return err_set(e, -EINVAL, "intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled");
	if (r->bandwidth && !knows(root, "MB"))
		return err_set(e, -EINVAL, "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled");
	if (json_array_size(r->schemata) && !root)
		return err_set(e, -EINVAL, "intelRdt.schemata is specified in config, but Intel RDT is not enabled");
	if (r->monitoring && !root)
		return err_set(e, -EINVAL, "intelRdt.enableMonitoring is specified in config, but Intel RDT is not enabled");
	return 0;
}

static char *group_dir(const struct intel_rdt *r, const char *root, const char *id)
{
	return xasprintf("%s/%s", root, r->clos_id ? r->clos_id : id);
}

static int write_file(const char *root, const char *dir, const char *name, const char *text, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name), *status = xasprintf("%s/info/last_cmd_status", root);
	AUTO_STR why = STR_INIT;
	int w = fs_write_existing(path, text, NULL);
	if (w == 0)
		return 0;
	fs_read_file(status, 4096, &why, NULL); /* the file system's own words for it */
	return err_set(e, w, "intelrdt: unable to write %.200s to %s: %s, last_cmd_status: %.200s", text, path, err_reason(w),
		       str_text(&why));
}

static int write_schemata(const struct intel_rdt *r, const char *root, const char *dir, struct err *e)
{
	AUTO_STR text = STR_INIT;
	size_t i;
	json_t *line;
	if (r->l3)
		str_addf(&text, "%s\n", r->l3);
	if (r->bandwidth)
		str_addf(&text, "%s\n", r->bandwidth);
	json_array_foreach(r->schemata, i, line) str_addf(&text, "%s\n", json_string_value(line));
	return text.len ? write_file(root, dir, "schemata", str_text(&text), e) : 0;
}

static int add_task(const char *root, const char *dir, pid_t pid, struct err *e)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", pid);
	return write_file(root, dir, "tasks", text, e);
}

int intel_rdt_enter(const struct intel_rdt *r, const char *root, const char *id, pid_t pid, struct err *e)
{
	if (!r->given || !root)
		return 0;
	AUTO_FREE char *dir = group_dir(r, root, id), *monitor = xasprintf("%s/mon_groups/%s", dir, id);
	bool plain = !r->l3 && !r->bandwidth && !json_array_size(r->schemata);
	if (r->clos_id && plain && !fs_exists(dir))
		return err_set(e, -ENOENT,
			       "unable to apply Intel RDT configuration: clos dir not accessible (must be pre-created when "
			       "l3CacheSchema, schemata and memBwSchema are empty): %s", dir);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "unable to apply Intel RDT configuration: mkdir %s", dir);
	int w = write_schemata(r, root, dir, e);
	if (w == 0)
		w = add_task(root, dir, pid, e);
	if (w < 0 || !r->monitoring)
		return w;
	if (mkdir(monitor, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "unable to apply Intel RDT configuration: mkdir %s", monitor);
	return add_task(root, monitor, pid, e);
}

int intel_rdt_join(const struct intel_rdt *r, const char *root, const char *id, pid_t pid, struct err *e)
{
	if (!r->given || !root)
		return 0;
	AUTO_FREE char *dir = group_dir(r, root, id), *monitor = xasprintf("%s/mon_groups/%s", dir, id);
	if (!fs_exists(dir))
		return 0;
	int w = add_task(root, dir, pid, e);
	return w == 0 && r->monitoring ? add_task(root, monitor, pid, e) : w;
}

int intel_rdt_change(const struct intel_rdt *r, const char *root, const char *id, pid_t pid, const struct intel_rdt *to,
		     struct err *e)
{
	AUTO_FREE char *dir = group_dir(r, root, id);
	int w = mkdir(dir, 0755) == 0 ? add_task(root, dir, pid, e) : errno == EEXIST ? 0 : err_sys(e, "make %s", dir);
	return w < 0 ? w : write_schemata(to, root, dir, e);
}

void intel_rdt_leave(const struct intel_rdt *r, const char *root, const char *id)
{
	if (!r->given || !root)
		return;
	AUTO_FREE char *dir = group_dir(r, root, id), *monitor = xasprintf("%s/mon_groups/%s", dir, id);
	if (r->monitoring)
		rmdir(monitor);
	if (!r->clos_id)
		rmdir(dir);
}
