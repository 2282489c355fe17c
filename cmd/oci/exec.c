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
	const char *process, *user, *cwd, *console, *pid_file, *apparmor, *label, *preserve, *pidfd;
	char **env, **caps, **gids, **cgroups;
	bool tty, detach, no_new_privs, ignore_paused, ignored;
};

static void free_flags(struct flags *f)
{
	free_strv(&f->env);
	free_strv(&f->caps);
	free_strv(&f->gids);
	free_strv(&f->cgroups);
}

static int parse(const struct globals *g, int argc, char **argv, struct flags *f)
{
	const struct option_row rows[] = {
		{ "process", 'p', &f->process, NULL, NULL, "path to a process.json" },
		{ "tty", 't', NULL, &f->tty, NULL, "allocate a pseudo terminal" },
		{ "user", 'u', &f->user, NULL, NULL, "uid[:gid]" },
		{ "additional-gids", 'g', NULL, NULL, &f->gids, "additional group ids" },
		{ "cwd", 0, &f->cwd, NULL, NULL, "current working directory in the container" },
		{ "env", 'e', NULL, NULL, &f->env, "set an environment variable" },
		{ "cap", 'c', NULL, NULL, &f->caps, "add a capability" },
		{ "detach", 'd', NULL, &f->detach, NULL, "detach from the process" },
		{ "console-socket", 0, &f->console, NULL, NULL, "AF_UNIX socket that receives the pty master" },
		{ "pid-file", 0, &f->pid_file, NULL, NULL, "file to write the process id to" },
		{ "pidfd-socket", 0, &f->pidfd, NULL, NULL, "AF_UNIX socket that receives the pidfd" },
		{ "process-label", 0, &f->label, NULL, NULL, "SELinux label" },
		{ "apparmor", 0, &f->apparmor, NULL, NULL, "AppArmor profile" },
		{ "no-new-privs", 0, NULL, &f->no_new_privs, NULL, "set no_new_privs" },
		{ "preserve-fds", 0, &f->preserve, NULL, NULL, "number of additional descriptors to pass" },
		{ "cgroup", 0, NULL, NULL, &f->cgroups, "run in a cgroup below the container's: [controller[,controller]:]path" },
		{ "ignore-paused", 0, NULL, &f->ignore_paused, NULL, "also in a paused container" },
		{ "no-subreaper", 0, NULL, &f->ignored, NULL, "accepted for compatibility" },
	};
	return parse_options(g, argc, argv, rows, ARRAY_LEN(rows), true, "exec [options] <container-id> <command> [args]");
}

static int add_user(json_t *p, const struct flags *f, struct err *e)
{
	uint32_t id;
	AUTO_STRV char **parts = str_split(f->user ? f->user : "0", ':');
	if (strv_len(parts) > 2)
		return err_set(e, -EINVAL, "invalid user \"%s\"", f->user);
	static const char *const keys[] = { "user.uid", "user.gid" };
	for (size_t i = 0; i < ARRAY_LEN(keys) && parts && parts[i]; i++) {
		if (str_to_u32(parts[i], &id) < 0)
			return err_set(e, -EINVAL, "parsing %s as int for %s failed", parts[i], keys[i] + 5);
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
static int build(const struct globals *g, const char *id, const struct flags *f, char *const *args, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s/config.json", g->root, id);
	AUTO_JSON *config = NULL;
	int r = json_read_file(path, &config, e);
	if (r < 0)
		return r == -ENOENT ? err_set(e, -ENOENT, "container does not exist") : r;
	AUTO_JSON *p = json_deep_copy(json_object_get(config, "process"));
	if (f->user)
		json_object_del(p, "user");
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
	if (r == 0)
		*ret = TAKE(p);
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
	AUTO_JSON *process = NULL;
	uint32_t preserve = 0;
	if (f->preserve && (str_to_u32(f->preserve, &preserve) < 0 || preserve > 65536))
		return err_set(e, -EINVAL, "invalid value \"%s\" for --preserve-fds", f->preserve);
	int r = f->process ? read_process(f->process, f->tty, &process, e) : build(g, id, f, args, &process, e);
	if (r < 0)
		return r;
	struct container_opts o = CONTAINER_OPTS_INIT;
	o.root = g->root;
	o.id = id;
	o.process = process;
	o.pid_file = f->pid_file;
	o.console_socket = f->console;
	o.console_bare = !f->console;
	o.pidfd_socket = f->pidfd;
	o.preserve_fds = (int)preserve;
	o.cgroups = f->cgroups;
	o.ignore_paused = f->ignore_paused;
	return container_exec(&o, p, e);
}

int verb_exec(const struct globals *g, int argc, char **argv)
{
	AUTO(free_flags) struct flags f = { 0 };
	AUTO_CONTAINER_PROC p = CONTAINER_PROC_INIT;
	struct err e = ERR_INIT;
	int at = parse(g, argc, argv, &f);
	if (at < 0)
		return PARSE_EXIT(at);
	if (argc - at < 1 || (argc - at < 2 && !f.process))
		return report_text(g, 1, "\"knarr-oci exec\" requires a container id and a command");
	if (f.detach && f.tty && !f.console)
		return report_text(g, NOT_STARTED, "exec failed: cannot allocate tty if it will detach without setting console "
						   "socket");
	if (start(g, argv[at], &f, argv + at + 1, &p, &e) < 0)
		return report(g, NOT_STARTED, "exec failed", &e);
	return f.detach ? 0 : session_run(&p);
}
