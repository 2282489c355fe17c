/* knarr-oci exec. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/oci/oci.h"
#include "runtime/caps.h"
#include "runtime/config_read.h"

#define NOT_STARTED 255

struct flags {
	const char *process, *user, *cwd, *console, *pid_file, *apparmor, *label, *pidfd;
	char **env, **caps, **gids, **cgroups;
	int64_t preserve;
	bool tty, detach, no_new_privs, ignore_paused, ignored;
};

static const struct option_row rows[] = {
	ROW(struct flags, console, OPTION_TEXT, "console-socket", 0, "AF_UNIX socket that receives the pty master"),
	ROW(struct flags, pidfd, OPTION_TEXT, "pidfd-socket", 0, "AF_UNIX socket that receives the pidfd of the process"),
	ROW(struct flags, cwd, OPTION_TEXT, "cwd", 0, "current working directory in the container"),
	ROW(struct flags, env, OPTION_LIST, "env", 'e', "set an environment variable"),
	ROW(struct flags, tty, OPTION_FLAG, "tty", 't', "allocate a pseudo terminal"),
	ROW(struct flags, user, OPTION_TEXT, "user", 'u', "uid[:gid]"),
	ROW(struct flags, gids, OPTION_LIST, "additional-gids", 'g', "additional group ids"),
	ROW(struct flags, process, OPTION_TEXT, "process", 'p', "path to a process.json"),
	ROW(struct flags, detach, OPTION_FLAG, "detach", 'd', "detach from the process"),
	ROW(struct flags, pid_file, OPTION_TEXT, "pid-file", 0, "file to write the process id to"),
	ROW(struct flags, label, OPTION_TEXT, "process-label", 0, "SELinux label"),
	ROW(struct flags, apparmor, OPTION_TEXT, "apparmor", 0, "AppArmor profile"),
	ROW(struct flags, no_new_privs, OPTION_FLAG, "no-new-privs", 0, "set no_new_privs"),
	ROW(struct flags, caps, OPTION_LIST, "cap", 'c', "add a capability"),
	ROW(struct flags, preserve, OPTION_INT, "preserve-fds", 0, "number of additional descriptors to pass"),
	ROW(struct flags, cgroups, OPTION_LIST, "cgroup", 0, "run in a cgroup below the container's: [controller[,controller]:]path"),
	ROW(struct flags, ignore_paused, OPTION_FLAG, "ignore-paused", 0, "also in a paused container"),
	ROW(struct flags, ignored, OPTION_FLAG, "no-subreaper", 0, "accepted for compatibility"),
};

static int add_user(json_t *p, const struct flags *f, struct err *e)
{
	uint32_t id;
	AUTO_STRV char **parts = f->user ? str_split(f->user, ':') : NULL;
	if (strv_len(parts) > 2)
		return err_set(e, -EINVAL, "invalid user \"%s\"", f->user);
	static const char *const keys[] = { "user.uid", "user.gid" };
	for (size_t i = 0; i < ARRAY_LEN(keys) && parts && parts[i]; i++) {
		if (str_to_u32(parts[i], &id) < 0)
			return err_set(e, -EINVAL, "bad %s: \"%s\" is no number", keys[i] + 5, parts[i]);
		json_set_int(p, keys[i], id);
	}
	for (size_t i = 0; i < strv_len(f->gids); i++) {
		if (str_to_u32(f->gids[i], &id) < 0)
			return err_set(e, -EINVAL, "parsing %s as additional gid failed", f->gids[i]);
		json_array_append_new(json_array_at(p, "user.additionalGids"), json_integer(id));
	}
	return 0;
}

static void append_all(json_t *list, char *const *texts)
{
	for (size_t i = 0; i < strv_len(texts); i++)
		json_array_append_new(list, json_string(texts[i]));
}

/* Starts from the container's own process and changes what the flags say. */
static int build(const struct globals *g, const char *id, const struct flags *f, char *const *args, json_t **ret_config,
		 json_t **ret, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s/config.json", g->root, id);
	AUTO_JSON *config = NULL;
	int r = json_read_file(path, &config, e);
	if (r < 0)
		return r == -ENOENT ? err_set(e, -ENOENT, "container does not exist") : r;
	if (!args[0])
		return err_set(e, -EINVAL, "exec args cannot be empty");
	AUTO_JSON *p = json_deep_copy(json_object_get(config, "process"));
	json_object_del(p, "consoleSize");
	json_object_set_new(p, "args", json_array());
	append_all(json_object_get(p, "args"), args);
	json_object_set_new(p, "terminal", json_boolean(f->tty));
	append_all(json_array_at(p, "env"), f->env);
	if (f->cwd)
		json_set_str(p, "cwd", f->cwd);
	if (f->no_new_privs)
		json_object_set_new(p, "noNewPrivileges", json_true());
	if (f->apparmor)
		json_set_str(p, "apparmorProfile", f->apparmor);
	if (f->label)
		json_set_str(p, "selinuxLabel", f->label);
	static const char *const sets[] = { "bounding", "effective", "permitted", "ambient" };
	for (size_t i = 0; f->caps && i < ARRAY_LEN(sets); i++) {
		AUTO_FREE char *set = xasprintf("capabilities.%s", sets[i]);
		if (i < 3 || json_array_size(json_at(p, "capabilities.inheritable")))
			append_all(json_array_at(p, set), f->caps);
	}
	r = f->user || f->gids ? add_user(p, f, e) : 0;
	if (r == 0) {
		*ret = TAKE(p);
		*ret_config = TAKE(config);
	}
	return r;
}

static int read_process(const char *path, bool tty, json_t **ret, struct err *e)
{
	int r = json_read_file(path, ret, e);
	if (r == 0 && tty)
		json_object_set_new(*ret, "terminal", json_true());
	return r;
}

static int start(const struct globals *g, const char *id, const struct flags *f, char *const *args,
		 struct container_proc *p, struct err *e)
{
	AUTO_JSON *process = NULL, *config = NULL;
	int r = check_preserved(f->preserve, e);
	if (r < 0)
		return r;
	r = f->process ? read_process(f->process, f->tty, &process, e) : build(g, id, f, args, &config, &process, e);
	if (r < 0)
		return r;
	struct container_opts o = CONTAINER_OPTS_INIT;
	o.root = g->root;
	o.id = id;
	o.config = config;
	o.process = process;
	o.pid_file = f->pid_file;
	o.console_socket = f->console;
	o.console_bare = !f->console;
	o.pidfd_socket = f->pidfd;
	o.preserve_fds = (int)f->preserve;
	o.cgroups = f->cgroups;
	o.ignore_paused = f->ignore_paused;
	o.detached = f->detach;
	o.systemd_cgroup = g->systemd_cgroup;
	o.rootless = g->rootless;
	return container_exec(&o, p, e);
}

static int run_exec(const struct globals *g, const struct call *c)
{
	struct flags *f = c->values;
	AUTO_CONTAINER_PROC p = CONTAINER_PROC_INIT;
	struct err e = ERR_INIT;
	if (f->console && !f->detach)
		return report_text(g, NOT_STARTED, "exec failed: cannot use console socket if the runtime will not detach or "
						   "allocate tty");
	if (start(g, c->argv[0], f, c->argv + 1, &p, &e) < 0)
		return report(g, NOT_STARTED, "exec failed", &e);
	return f->detach ? 0 : session_run(&p, NULL);
}

const struct verb verb_exec = {
	.name = "exec",
	.brief = "execute a new process inside the container",
	.args = "<container-id> <command> [command options]  || --process process.json <container-id>",
	.about = "Options stand before the id. Ends with the exit status of the process, with 255 where it did not start.",
	VERB_OPTIONS(struct flags, rows),
	.order = OPTIONS_FIRST,
	.enters = true,
	.min_args = 1,
	.max_args = -1,
	.run = run_exec,
};
