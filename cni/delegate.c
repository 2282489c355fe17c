/* Delegation to another plugin.
 *
 * A plugin that is this very program under another name (its first bytes, with the linker's build id among them, are
 * ours) is called rather than executed, which saves most of the time of an ADD. Any other runs as a child: it gets the
 * configuration as a memory file (nothing to feed, so no deadlock whatever its size), our standard error, and a pipe
 * that is read to its end. Fails where the program is missing, cannot run, exits with an error (its own code and
 * message are passed on) or prints no JSON. What always holds: the child is reaped. */
#include "cni/delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "cni/plugins.h"
#include "cni/result.h"

#define OUTPUT_MAX (4u << 20)
#define HEAD_BYTES 1024 /* of an ELF file: headers and notes */

extern const char __ehdr_start[]; /* the linker's: this program's first bytes */

static int find_plugin(const char *path, const char *type, char **ret, struct err *e)
{
	AUTO_STRV char **dirs = str_split(path, ':');
	if (strchr(type, '/') || !*type)
		return err_set(e, -EINVAL, "invalid plugin name: %s", type);
	for (size_t i = 0; dirs && dirs[i]; i++) {
		AUTO_FREE char *file = *dirs[i] ? xasprintf("%s/%s", dirs[i], type) : NULL;
		if (file && !access(file, X_OK)) {
			*ret = TAKE(file);
			return 0;
		}
	}
	return err_set(e, -ENOENT, "failed to find plugin \"%s\" in path [%s]", type, path);
}

/* Our environment with CNI_COMMAND set to command. The strings are borrowed but for the last. */
static char **child_env(const char *command)
{
	size_t n = 0, k = 0;
	while (environ[n])
		n++;
	char **env = xcalloc(n + 2, sizeof(*env));
	for (size_t i = 0; i < n; i++)
		if (!str_has_prefix(environ[i], "CNI_COMMAND="))
			env[k++] = environ[i];
	env[k] = xasprintf("CNI_COMMAND=%s", command);
	return env;
}

static void free_env(char **env)
{
	size_t n = 0;
	while (env[n])
		n++;
	free(env[n - 1]);
	free(env);
}

static int conf_file(const json_t *conf)
{
	AUTO_FREE char *text = json_text(conf);
	AUTO_FD int fd = memfd_create("cni", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fs_write_all(fd, text, strlen(text));
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int start(const char *file, const char *command, int in, int out, pid_t *ret)
{
	char *argv[] = {(char *)file, NULL};
	char **env = child_env(command);
	posix_spawn_file_actions_t fa;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	int r = posix_spawn(ret, file, &fa, NULL, argv, env);
	posix_spawn_file_actions_destroy(&fa);
	free_env(env);
	return -r;
}

/* Runs file to its end; its output in out, its wait status in *ret_status. */
static int run(const char *file, const char *command, const json_t *conf, struct str *out, int *ret_status,
	       struct err *e)
{
	int pipes[2];
	pid_t pid;
	AUTO_FD int in = conf_file(conf);
	if (in < 0)
		return err_code(e, in, "pass configuration to %s", file);
	if (pipe2(pipes, O_CLOEXEC))
		return err_sys(e, "pipe");
	AUTO_FD int reader = pipes[0];
	int r = start(file, command, in, pipes[1], &pid);
	close(pipes[1]);
	if (r < 0)
		return err_code(e, r, "run %s", file);
	r = fs_read_fd(reader, OUTPUT_MAX, out, e);
	close(TAKE_FD(reader));
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int told_failure(const char *type, const struct str *out, int status, struct err *e)
{
	AUTO_JSON *j = NULL;
	const char *details;
	if (json_parse(str_text(out), out->len, &j, NULL) < 0 || !json_str_at(j, "msg"))
		return err_set(e, -EIO,
			       WIFSIGNALED(status) ? "plugin %s was killed by signal %d"
						   : "plugin %s failed with exit status %d",
			       type, WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	details = json_str_at(j, "details");
	return cni_fail(e, (int)json_int_at(j, "code", CNI_INTERNAL), "%s%s%s", json_str_at(j, "msg"),
			details ? "\n" : "", details ? details : "");
}

static bool is_this_program(const char *file)
{
	char head[HEAD_BYTES];
	AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 && pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       !memcmp(head, __ehdr_start, sizeof(head));
}

static int call(const struct cni_plugin *p, const struct cni_call *c, const char *command, json_t **ret, struct err *e)
{
	struct cni_call inner = *c;
	AUTO_JSON *result = NULL;
	inner.command = command;
	int r = cni_plugin_call(p, &inner, &result, e);
	if (r >= 0 && ret)
		*ret = TAKE(result);
	return r;
}

int cni_delegate(const struct cni_call *c, const char *type, const char *command, json_t **ret, struct err *e)
{
	AUTO_FREE char *file = NULL;
	AUTO_STR out = STR_INIT;
	AUTO_JSON *j = NULL;
	int status = 0, r = find_plugin(c->path, type, &file, e);
	if (r < 0)
		return r;
	const struct cni_plugin *own = cni_plugin_named(type);
	if (own && is_this_program(file))
		return call(own, c, command, ret, e);
	if ((r = run(file, command, c->conf, &out, &status, e)) < 0)
		return r;
	if (status)
		return told_failure(type, &out, status, e);
	if (!ret)
		return 0;
	if (!out.len) {
		*ret = NULL;
		return 0;
	}
	if ((r = json_parse(out.p, out.len, &j, e)) < 0)
		return err_wrap(e, r, "result of plugin %s", type);
	return cni_result_import(j, ret, e);
}
