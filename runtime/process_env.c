/* Environment. What can fail: settings without a name or "=". What always holds: every variable is there once, and the last
 * setting of the configuration is the one that counts. */
#include "runtime/process_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

#define PASSWD_MAX (1 << 20)

int process_env_clean(char **env, struct err *e)
{
	size_t n = strv_len(env), w = n;
	AUTO_MAP *seen = map_new(NULL);
	for (size_t i = 0; i < n; i++) {
		if (!strchr(env[i], '='))
			return err_set(e, -EINVAL, "invalid environment variable: missing '='");
		if (*env[i] == '=')
			return err_set(e, -EINVAL, "invalid environment variable: name cannot be empty");
	}
	/* From the end, so that the last setting is met first; what stays gathers at the end and moves to the front. */
	for (size_t i = n; i-- > 0;) {
		char *setting = env[i];
		AUTO_FREE char *name = xstrndup(setting, strcspn(setting, "="));
		bool again = map_has(seen, name);
		map_set(seen, name, env);
		if (again || str_eq(setting, "HOME="))
			free(setting);
		else
			env[--w] = setting;
	}
	if (n)
		memmove(env, env + w, (n - w + 1) * sizeof(*env));
	return 0;
}

const char *process_env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; env && env[i]; i++)
		if (!strncmp(env[i], name, n) && env[i][n] == '=')
			return env[i] + n + 1;
	return NULL;
}

char *process_env_home(const char *passwd, uid_t uid)
{
	AUTO_STRV char **lines = str_split(passwd, '\n');
	for (size_t i = 0; i < strv_len(lines); i++) {
		AUTO_STRV char **f = str_split(lines[i], ':');
		uint32_t n;
		if (strv_len(f) >= 6 && str_to_u32(f[2], &n) == 0 && n == uid && *f[5])
			return xstrdup(f[5]);
	}
	return xstrdup("/");
}

char **process_env_complete(char *const *env, uid_t uid)
{
	if (!env)
		return NULL;
	char **all = strv_dup(env);
	if (process_env_get(env, "HOME"))
		return all;
	/* Neither blocking nor through a link into procfs, for an image may have anything under that name. */
	AUTO_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int fd = fs_open_in_root(root, "etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, NULL);
	AUTO_STR text = STR_INIT;
	if (fd >= 0)
		fs_read_fd(fd, PASSWD_MAX, &text, NULL);
	AUTO_FREE char *home = process_env_home(str_text(&text), uid);
	AUTO_FREE char *setting = xasprintf("HOME=%s", home);
	strv_add(&all, setting);
	return all;
}
