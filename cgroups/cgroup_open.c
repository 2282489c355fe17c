/* Where a cgroup is: from a path, from OCI's cgroupsPath, below another, from a state file.
 *
 * Happy path: one clean path becomes one directory a hierarchy. What can fail: paths that name nothing (-EINVAL), a
 * hierarchy that the caller itself is not in. What always holds: a path never leaves the mount roots, because ".." is
 * refused or resolved by its text alone before a directory is named. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cgroups/unit.h"

/* "/a/b" from "a//b/./"; "" for nothing or "/". climb: ".." takes the last component away, if there is one. NULL for ".."
 * without it, for bytes that no cgroup can have and for too long ones. */
static char *normalise(const char *path, bool climb)
{
	AUTO_STRV char **parts = str_split(path, '/');
	AUTO_STR out = STR_INIT;
	for (size_t i = 0; i < strv_len(parts); i++) {
		if (!*parts[i] || (climb && str_eq(parts[i], ".")))
			continue;
		if (climb && str_eq(parts[i], "..")) {
			while (out.len && out.p[--out.len] != '/')
				;
			continue;
		}
		if (str_eq(parts[i], ".") || str_eq(parts[i], "..") || strlen(parts[i]) > NAME_MAX || strchr(parts[i], '\n'))
			return NULL;
		str_addf(&out, "/%s", parts[i]);
	}
	if (out.p)
		out.p[out.len] = '\0';
	return out.len < PATH_MAX / 2 ? str_take(&out) : NULL;
}

static struct cgroup *new_handle(enum cgroup_mode mode, const char *path, size_t n)
{
	struct cgroup *cg = xcalloc(1, sizeof(*cg));
	cg->mode = mode;
	cg->driver = mode == CGROUP_V2 ? &driver_v2 : &driver_v1;
	cg->path = xstrdup(path);
	cg->dirs = xcalloc(n + 1, sizeof(*cg->dirs));
	return cg;
}

static void add_dir(struct cgroup *cg, const char *controllers, const char *mount, const char *path)
{
	cg->dirs[cg->n++] = (struct cgroup_dir){
		.controllers = xstrdup(controllers), .mount = xstrdup(mount), .path = xasprintf("%s%s", mount, path)
	};
}

/* base[i] lies before path in the i-th hierarchy; NULL: nothing does. */
static struct cgroup *from_host(const struct cgroup_host *h, char *const *base, const char *path)
{
	AUTO_FREE char *first = xasprintf("%s%s", base ? base[h->v2.dir ? h->n_v1 : 0] : "", path);
	struct cgroup *cg = new_handle(h->mode, first, h->n_v1 + 1);
	for (size_t i = 0; i <= h->n_v1; i++) {
		const struct hierarchy *v = i < h->n_v1 ? &h->v1[i] : &h->v2;
		AUTO_FREE char *names = v->controllers ? str_join(v->controllers, ",") : xstrdup("");
		AUTO_FREE char *full = xasprintf("%s%s", base ? base[i] : "", path);
		if (v->dir)
			add_dir(cg, names, v->dir, full);
	}
	return cg;
}

int cgroup_open(const struct cgroup_host *h, const char *path, struct cgroup **ret, struct err *e)
{
	AUTO_FREE char *clean = normalise(path, false);
	if (str_empty(clean))
		return err_set(e, -EINVAL, "invalid cgroup path \"%.200s\"", path);
	*ret = from_host(h, NULL, clean);
	return 0;
}

/* The path behind "0::" or behind a line with the controller; owned, NULL where the process is in no such hierarchy. */
static char *own_path(const char *text, const char *controller)
{
	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		const char *names = memchr(line, ':', (size_t)(end - line));
		const char *path = names ? memchr(names + 1, ':', (size_t)(end - names - 1)) : NULL;
		if (!path)
			continue;
		AUTO_FREE char *listed = xstrndup(names + 1, (size_t)(path - names - 1));
		AUTO_STRV char **all = str_split(listed, ',');
		if (controller ? strv_has(all, controller) : !*listed)
			return xstrndup(path + 1, (size_t)(end - path - 1));
	}
	return NULL;
}

/* own as it is below the mount: without what the mount's root cuts off. "" for the mount itself. */
static char *below_root(const char *own, const char *root)
{
	size_t n = str_eq(root, "/") ? 0 : strlen(root);
	bool inside = !strncmp(own, root, n) && (own[n] == '/' || !own[n]);
	return normalise(inside ? own + n : own, true);
}

/* The caller's own cgroup in every hierarchy: the base of relative paths. Returns an owned vector. */
static int own_base(const struct cgroup_host *h, char ***ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	AUTO_STRV char **base = NULL;
	int r = fs_read_file("/proc/self/cgroup", 1 << 20, &text, e);
	for (size_t i = 0; r == 0 && i <= h->n_v1; i++) {
		const struct hierarchy *v = i < h->n_v1 ? &h->v1[i] : &h->v2;
		AUTO_FREE char *own = v->dir ? own_path(str_text(&text), v->controllers ? *v->controllers : NULL) : xstrdup("/");
		AUTO_FREE char *below = own ? below_root(own, v->root ? v->root : "/") : NULL;
		if (!below)
			return err_set(e, -ENOENT, "/proc/self/cgroup does not say where in %s the caller is", v->dir);
		char *slash = strrchr(below, '/');
		if (h->mode == CGROUP_V2 && slash)
			*slash = '\0'; /* the one above: it has no processes, so it may hand controllers down */
		strv_add(&base, below);
	}
	if (r == 0)
		*ret = TAKE(base);
	return r;
}

int cgroup_resolve(const struct cgroup_host *h, const char *cgroups_path, const char *id, struct cgroup **ret, struct err *e)
{
	bool given = !str_empty(cgroups_path);
	const char *wanted = given ? cgroups_path : id;
	AUTO_FREE char *clean = normalise(wanted, true);
	AUTO_STRV char **base = NULL;
	if (str_empty(clean))
		return err_set(e, -EINVAL, "invalid cgroup path \"%.200s\"", wanted);
	int r = *wanted == '/' ? 0 : own_base(h, &base, e);
	if (r < 0)
		return r;
	*ret = from_host(h, base, clean);
	(*ret)->by_default = !given;
	return 0;
}

int cgroup_resolve_unit(const struct cgroup_host *h, const char *cgroups_path, const char *id, const json_t *annotations,
			struct cgroup **ret, struct err *e)
{
	AUTO_UNIT_NAME name = { 0 };
	AUTO_STR path = STR_INIT;
	bool user = driver_unprivileged();
	int r = unit_name_parse(cgroups_path, id, user, &name, e);
	if (r == 0)
		r = unit_manager_cgroup(user, &path, e);
	if (r < 0)
		return r;
	str_add(&path, name.path);
	AUTO_FREE char *clean = normalise(str_text(&path), false);
	if (!clean)
		return err_set(e, -EINVAL, "invalid cgroup path \"%.200s\"", str_text(&path));
	struct cgroup *cg = from_host(h, NULL, clean);
	cg->unit = xcalloc(1, sizeof(*cg->unit));
	cg->unit->user = user;
	cg->unit->annotations = annotations ? json_deep_copy(annotations) : NULL;
	cg->unit->name = name;
	name = (struct unit_name){ 0 };
	*ret = cg;
	return 0;
}

static struct cgroup *copy(const struct cgroup *cg)
{
	struct cgroup *c = new_handle(cg->mode, cg->path, cg->n);
	for (; c->n < cg->n; c->n++) {
		const struct cgroup_dir *d = &cg->dirs[c->n];
		c->dirs[c->n] = (struct cgroup_dir){
			.controllers = xstrdup(d->controllers), .mount = xstrdup(d->mount), .path = xstrdup(d->path)
		};
	}
	c->by_default = cg->by_default;
	if (cg->unit) {
		const struct unit_name *n = &cg->unit->name;
		c->unit = xcalloc(1, sizeof(*c->unit));
		c->unit->user = cg->unit->user;
		c->unit->begun = cg->unit->begun;
		c->unit->name = (struct unit_name){ xstrdup(n->name), xstrdup(n->slice), xstrdup(n->path) };
	}
	return c;
}

/* -EINVAL for a path that climbs out of where it starts. */
static int check_below(const char *path, char **ret, struct err *e)
{
	AUTO_STRV char **parts = str_split(path, '/');
	int depth = 0;
	for (size_t i = 0; depth >= 0 && i < strv_len(parts); i++)
		depth += str_eq(parts[i], "..") ? -1 : *parts[i] && !str_eq(parts[i], ".");
	char *clean = depth < 0 ? NULL : normalise(path, true);
	if (!clean)
		return err_set(e, -EINVAL, "%.200s is not a sub cgroup path", path);
	*ret = clean;
	return 0;
}

static void go_below(struct cgroup_dir *d, const char *clean)
{
	char *path = d->path;
	d->path = path ? xasprintf("%s%s", path, clean) : NULL;
	free(path);
}

/* "controller[,controller]:path" */
static int enter_controllers(struct cgroup *cg, const char *form, char ***seen, struct err *e)
{
	const char *colon = strchr(form, ':');
	AUTO_FREE char *list = xstrndup(form, (size_t)(colon - form)), *clean = NULL;
	AUTO_STRV char **names = str_split(list, ',');
	int r = check_below(colon + 1, &clean, e);
	if (r == 0 && !*list)
		r = err_set(e, -EINVAL, "invalid --cgroup argument: %s (empty <controller> prefix)", form);
	for (size_t i = 0; r == 0 && i < strv_len(names); i++) {
		struct cgroup_dir *d = cg->mode == CGROUP_V2 ? NULL : driver_place(cg, names[i]);
		if (!*names[i])
			r = err_set(e, -EINVAL, "invalid --cgroup argument: %s (empty <controller> prefix)", form);
		else if (strv_has(*seen, names[i]))
			r = err_set(e, -EINVAL, "invalid --cgroup argument(s): controller %s specified multiple times", names[i]);
		else if (!d)
			r = err_set(e, -EINVAL, "unknown controller %s in SubCgroupPaths", names[i]);
		else if (!strv_has(*seen, d->controllers)) /* several names of one hierarchy move it once */
			go_below(d, clean);
		strv_add(seen, names[i]);
		if (d)
			strv_add(seen, d->controllers);
	}
	return r;
}

int cgroup_open_below(const struct cgroup *cg, char *const *forms, struct cgroup **ret, struct err *e)
{
	AUTO_CGROUP *c = copy(cg);
	AUTO_STRV char **seen = NULL;
	int r = 0;
	for (size_t i = 0; r == 0 && i < strv_len(forms); i++) {
		AUTO_FREE char *clean = NULL;
		if (strchr(forms[i], ':')) {
			r = enter_controllers(c, forms[i], &seen, e);
			continue;
		}
		if (strv_len(forms) != 1)
			return err_set(e, -EINVAL, "invalid --cgroup argument: %s (missing <controller>: prefix)", forms[i]);
		r = check_below(forms[i], &clean, e);
		for (size_t k = 0; r == 0 && k < c->n; k++)
			go_below(&c->dirs[k], clean);
	}
	if (r == 0)
		*ret = TAKE(c);
	return r;
}

int cgroup_open_of(const struct cgroup *like, pid_t pid, struct cgroup **ret, struct err *e)
{
	char file[32];
	AUTO_STR text = STR_INIT;
	if (like->mode != CGROUP_V2 || !like->n)
		return err_set(e, -EOPNOTSUPP, "no unified cgroup hierarchy");
	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	int r = fs_read_file(file, 1 << 20, &text, e);
	AUTO_FREE char *path = r < 0 ? NULL : own_path(str_text(&text), NULL);
	AUTO_FREE char *clean = path ? normalise(path, false) : NULL;
	if (r < 0 || !clean)
		return err_set(e, r < 0 ? r : -ENOENT, "cgroup of process %d", pid);
	struct cgroup *cg = new_handle(CGROUP_V2, clean, 1);
	add_dir(cg, "", like->dirs[0].mount, clean);
	*ret = cg;
	return 0;
}

json_t *cgroup_save(const struct cgroup *cg)
{
	json_t *dirs = json_array();
	for (size_t i = 0; i < cg->n; i++) {
		const struct cgroup_dir *d = &cg->dirs[i];
		if (d->path)
			json_array_append_new(dirs, json_pack("[s, s, s]", d->controllers, d->mount, d->path + strlen(d->mount)));
	}
	json_t *j = json_pack("{s:i, s:s, s:b, s:o}", "mode", (int)cg->mode, "path", cg->path, "byDefault", cg->by_default, "dirs", dirs);
	if (cg->unit)
		json_object_set_new(j, "unit", json_pack("{s:s, s:s, s:b}", "name", cg->unit->name.name, "slice",
							 cg->unit->name.slice, "user", cg->unit->user));
	return j;
}

int cgroup_load(const json_t *saved, struct cgroup **ret, struct err *e)
{
	const json_t *dirs = json_object_get(saved, "dirs");
	int64_t mode = json_int_at(saved, "mode", -1);
	if (!json_is_array(dirs) || mode < CGROUP_V1 || mode > CGROUP_V2 || json_array_size(dirs) > 64)
		return err_set(e, -EINVAL, "the state does not name the container's cgroup");
	AUTO_CGROUP *cg = new_handle((enum cgroup_mode)mode, json_str_or(saved, "path", "/"), json_array_size(dirs));
	cg->by_default = json_bool_at(saved, "byDefault", false);
	const json_t *unit = json_object_get(saved, "unit");
	if (unit) {
		cg->unit = xcalloc(1, sizeof(*cg->unit));
		cg->unit->name.name = xstrdup(json_str_or(unit, "name", ""));
		cg->unit->name.slice = xstrdup(json_str_or(unit, "slice", ""));
		cg->unit->user = json_bool_at(unit, "user", false);
		cg->unit->begun = true;
	}
	size_t i;
	json_t *d;
	json_array_foreach(dirs, i, d)
	{
		const char *names = json_string_value(json_array_get(d, 0)), *mount = json_string_value(json_array_get(d, 1));
		const char *path = json_string_value(json_array_get(d, 2));
		if (!names || !mount || !path || *mount != '/' || *path != '/')
			return err_set(e, -EINVAL, "the state names a bad cgroup directory");
		add_dir(cg, names, mount, path);
	}
	*ret = TAKE(cg);
	return 0;
}

void cgroup_free(struct cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < cg->n; i++) {
		free(cg->dirs[i].controllers);
		free(cg->dirs[i].mount);
		free(cg->dirs[i].path);
	}
	unit_free(cg->unit);
	free(cg->dirs);
	free(cg->path);
	free(cg);
}

void cgroup_free_ptr(struct cgroup **cg)
{
	cgroup_free(*cg);
}
