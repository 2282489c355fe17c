/* Units of systemd.
 *
 * Happy path: one connection and one or two calls each. What can fail: no manager, a refusal, a job that does not end. What
 * always holds: a unit that could not be started leaves nothing, because a failed one is reset. */
#include "cgroups/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cgroups/dbus_conn.h"

#define MANAGER "org.freedesktop.systemd1.Manager"
#define IDLE_SINCE 252 /* the version from which a weight of 0 means idle */

void unit_free(struct cgroup_unit *u)
{
	if (!u)
		return;
	unit_name_done(&u->name);
	json_decref(u->resources);
	json_decref(u->annotations);
	free(u);
}

static int get_property(struct dbus_conn *c, const char *name, const char **ret, struct err *e)
{
	struct dbus_message m;
	const char *type;
	AUTO_STR body = STR_INIT;
	dbus_add_text(&body, MANAGER);
	dbus_add_text(&body, name);
	int r = dbus_call_manager(c, "org.freedesktop.DBus.Properties", "Get", "ss", &body, &m, e);
	if (r < 0)
		return r;
	if (dbus_read_signature(&m, &type) < 0 || !str_eq(type, "s") || dbus_read_text(&m, ret) < 0)
		return err_set(e, -EBADMSG, "systemd's property %s is no text", name);
	return 0;
}

int unit_manager_cgroup(bool user, struct str *ret, struct err *e)
{
	AUTO_DBUS c = DBUS_CONN_INIT;
	const char *path = "";
	int r = user ? dbus_connect(true, &c, e) : 0;
	if (r == 0 && user)
		r = get_property(&c, "ControlGroup", &path, e);
	if (r == 0)
		str_add(ret, path);
	return r;
}

static bool wants_idle(const json_t *resources)
{
	return json_int_at(resources, "cpu.idle", 0) == 1 || json_object_get(json_at(resources, "unified"), "cpu.idle");
}

/* Asked only where it matters. */
static bool knows_idle(struct dbus_conn *c, const json_t *resources)
{
	const char *text;
	if (!wants_idle(resources) || get_property(c, "Version", &text, NULL) < 0)
		return false;
	return atoi(text + strspn(text, "v\"")) >= IDLE_SINCE;
}

static void reset_failed(struct dbus_conn *c, const char *name)
{
	AUTO_STR body = STR_INIT;
	dbus_add_text(&body, name);
	dbus_call_manager(c, MANAGER, "ResetFailedUnit", "s", &body, NULL, NULL);
}

/* A call that makes a job, and its end. */
static int run_job(struct dbus_conn *c, const char *member, const char *signature, const struct str *body, const char *unit,
		   struct err *e)
{
	struct dbus_message m;
	const char *job;
	int r = dbus_call_manager(c, MANAGER, member, signature, body, &m, e);
	if (r < 0)
		return r;
	if (dbus_read_text(&m, &job) < 0)
		return err_set(e, -EBADMSG, "%s: no job", member);
	AUTO_FREE char *copy = xstrdup(job);
	return dbus_await_job(c, copy, unit, e);
}

static int start_body(struct dbus_conn *c, const struct cgroup *cg, struct str *body, struct err *e)
{
	const struct cgroup_unit *u = cg->unit;
	bool v2 = cg->mode == CGROUP_V2;
	dbus_add_text(body, u->name.name);
	dbus_add_text(body, "replace");
	size_t a = dbus_array_begin(body, 8);
	unit_add_basics(body, u->name.name, u->name.slice, u->pid, v2);
	int r = unit_add_annotations(body, u->annotations, e);
	if (r == 0)
		r = unit_add_resources(body, u->resources, v2, knows_idle(c, u->resources), e);
	dbus_array_end(body, a, 8);
	dbus_array_end(body, dbus_array_begin(body, 8), 8); /* no auxiliary units */
	return r;
}

int unit_start(const struct cgroup *cg, struct err *e)
{
	const struct cgroup_unit *u = cg->unit;
	AUTO_DBUS c = DBUS_CONN_INIT;
	AUTO_STR body = STR_INIT;
	struct err why = ERR_INIT;
	int r = dbus_connect(u->user, &c, &why);
	if (r == 0)
		r = start_body(&c, cg, &body, &why);
	for (int try = 0; r == 0; try++) {
		r = run_job(&c, "StartTransientUnit", "ssa(sv)a(sa(sv))", &body, u->name.name, &why);
		if (r == -EEXIST && unit_is_slice(u->name.name))
			return 0; /* a slice may be there already */
		if (r != -EEXIST || try > 0)
			break;
		reset_failed(&c, u->name.name);
		r = 0;
	}
	if (r < 0 && c.fd >= 0)
		reset_failed(&c, u->name.name);
	if (r < 0 && e)
		*e = why;
	return r < 0 ? err_wrap(e, r, "unable to start unit \"%s\"", u->name.name) : 0;
}

static int set_properties(const struct cgroup *cg, const json_t *resources, struct err *e)
{
	const struct cgroup_unit *u = cg->unit;
	AUTO_DBUS c = DBUS_CONN_INIT;
	AUTO_STR body = STR_INIT;
	int r = dbus_connect(u->user, &c, e);
	if (r < 0)
		return r;
	dbus_add_text(&body, u->name.name);
	dbus_add_u32(&body, true); /* until the next boot */
	size_t a = dbus_array_begin(&body, 8);
	r = unit_add_resources(&body, resources, cg->mode == CGROUP_V2, knows_idle(&c, resources), e);
	dbus_array_end(&body, a, 8);
	if (r == 0)
		r = dbus_call_manager(&c, MANAGER, "SetUnitProperties", "sba(sv)", &body, NULL, e);
	return r < 0 ? err_wrap(e, r, "unable to set unit properties") : 0;
}

int unit_set(struct cgroup *cg, const json_t *resources, struct err *e)
{
	/* On v1 systemd first denies all devices: nothing may run in between. */
	bool still = cg->mode != CGROUP_V2 && json_at(resources, "devices") && !cgroup_is_frozen(cg) && cgroup_freeze(cg, NULL) == 0;
	int r = set_properties(cg, resources, e);
	if (still)
		cgroup_thaw(cg, NULL);
	return r;
}

int unit_attach(const struct cgroup *cg, pid_t pid, struct err *e)
{
	AUTO_DBUS c = DBUS_CONN_INIT;
	AUTO_STR body = STR_INIT;
	int r = dbus_connect(cg->unit->user, &c, e);
	if (r < 0)
		return r;
	dbus_add_text(&body, cg->unit->name.name);
	dbus_add_text(&body, "/");
	size_t a = dbus_array_begin(&body, 4);
	dbus_add_u32(&body, (uint32_t)pid);
	dbus_array_end(&body, a, 4);
	return dbus_call_manager(&c, MANAGER, "AttachProcessesToUnit", "ssau", &body, NULL, e);
}

int unit_stop(const struct cgroup *cg, struct err *e)
{
	const char *name = cg->unit->name.name;
	AUTO_DBUS c = DBUS_CONN_INIT;
	AUTO_STR body = STR_INIT;
	struct err why = ERR_INIT;
	int r = dbus_connect(cg->unit->user, &c, e);
	if (r < 0)
		return r;
	dbus_add_text(&body, name);
	dbus_add_text(&body, "replace");
	r = run_job(&c, "StopUnit", "ss", &body, name, &why);
	if (r == -ENOENT) /* its last process is gone, and so is it */
		return 0;
	reset_failed(&c, name);
	if (r < 0 && e)
		*e = why;
	return r;
}
