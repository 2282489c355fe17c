/* hostPath volumes: the path is checked, or made, as its type says. Kubernetes concepts, Volumes, hostPath. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/volumes.h"
#include "base/fs.h"
#include "base/mem.h"

static int make_file(const char *path, struct err *e)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? err_sys(e, "create %s", path) : 0;
}

int host_path_check(const char *path, const char *type, struct err *e)
{
	static const struct {
		const char *name, *what;
		mode_t format;
		bool create;
	} types[] = {{"DirectoryOrCreate", "a directory", S_IFDIR, true},
		     {"Directory", "a directory", S_IFDIR, false},
		     {"FileOrCreate", "a file", S_IFREG, true},
		     {"File", "a file", S_IFREG, false},
		     {"Socket", "a socket", S_IFSOCK, false},
		     {"CharDevice", "a character device", S_IFCHR, false},
		     {"BlockDevice", "a block device", S_IFBLK, false}};
	struct stat st;
	bool exists = stat(path, &st) == 0;
	if (!type || !*type)
		return exists ? 0 : fs_mkdir_p(path, 0755, e); /* as container runtimes do for a bind source */
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(type, types[i].name))
			continue;
		if (!exists && types[i].create)
			return types[i].format == S_IFDIR ? fs_mkdir_p(path, 0755, e) : make_file(path, e);
		if (!exists || (st.st_mode & S_IFMT) != types[i].format)
			return err_set(e, -EINVAL, "hostPath type check failed: %s is not %s", path, types[i].what);
		return 0;
	}
	return err_set(e, -EINVAL, "hostPath type %s is unknown", type);
}
