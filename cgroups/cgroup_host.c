/* The host's cgroup hierarchies.
 *
 * Happy path: each line of mountinfo with a cgroup or cgroup2 file system names one hierarchy; the first mount of each
 * counts. What can fail: nothing mounted (-ENOENT). What always holds: the mode follows from what was found: v2 alone is
 * V2, v1 alone is V1, both are HYBRID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/proc.h"
#include "cgroups/driver.h"

/* Superblock options of a v1 mount that are not controllers. */
static const char *const not_controllers[] = { "rw", "ro", "xattr", "clone_children", "noprefix", "cpuset_v2_mode", NULL };

static char *unescaped(const char *s)
{
	char *out = xstrdup(s);
	proc_unescape(out);
	return out;
}

static char **controllers_of(const char *options)
{
	AUTO_STRV char **all = str_split(options, ',');
	char **out = NULL;
	for (size_t i = 0; i < strv_len(all); i++) {
		const char *o = all[i];
		if (strv_has((char *const *)not_controllers, o) || str_has_prefix(o, "release_agent="))
			continue;
		strv_add(&out, o);
	}
	return out;
}

static void add_v1(struct cgroup_host *h, const char *root, const char *dir, const char *options)
{
	char **controllers = controllers_of(options);
	if (!controllers || cgroup_host_mount(h, controllers[0])) {
		free_strv(&controllers);
		return;
	}
	h->v1 = xreallocarray(h->v1, h->n_v1 + 1, sizeof(*h->v1));
	h->v1[h->n_v1++] = (struct hierarchy){controllers, unescaped(dir), unescaped(root)};
}

/* "36 35 98:0 /root /mount/point opts shared:1 - type source superopts" */
static void add_line(struct cgroup_host *h, const char *line)
{
	AUTO_STRV char **f = str_split(line, ' ');
	size_t n = strv_len(f), dash = 6;
	while (dash < n && strcmp(f[dash], "-"))
		dash++;
	if (dash + 3 >= n)
		return;
	if (str_eq(f[dash + 1], "cgroup2") && !h->v2.dir)
		h->v2 = (struct hierarchy){NULL, unescaped(f[4]), unescaped(f[3])};
	else if (str_eq(f[dash + 1], "cgroup"))
		add_v1(h, f[3], f[4], f[dash + 3]);
}

int cgroup_host_parse(const char *mountinfo, struct cgroup_host **ret, struct err *e)
{
	AUTO_CGROUP_HOST *h = xcalloc(1, sizeof(*h));
	for (const char *line = mountinfo, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		const char *type = memmem(line, (size_t)(end - line), " - cgroup", 9);
		if (!type)
			continue;
		AUTO_FREE char *copy = xstrndup(line, (size_t)(end - line));
		add_line(h, copy);
	}
	if (!h->n_v1 && !h->v2.dir)
		return err_set(e, -ENOENT, "no cgroup file system is mounted");
	h->mode = !h->n_v1 ? CGROUP_V2 : h->v2.dir ? CGROUP_HYBRID : CGROUP_V1;
	*ret = TAKE(h);
	return 0;
}

int cgroup_host_open(struct cgroup_host **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file("/proc/self/mountinfo", 16 << 20, &text, e);
	return r < 0 ? r : cgroup_host_parse(str_text(&text), ret, e);
}

void cgroup_host_free(struct cgroup_host *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n_v1; i++) {
		free_strv(&h->v1[i].controllers);
		free(h->v1[i].dir);
		free(h->v1[i].root);
	}
	free(h->v1);
	free(h->v2.dir);
	free(h->v2.root);
	free(h);
}

void cgroup_host_free_ptr(struct cgroup_host **h)
{
	cgroup_host_free(*h);
}

enum cgroup_mode cgroup_host_mode(const struct cgroup_host *h)
{
	return h->mode;
}

const char *cgroup_host_mount(const struct cgroup_host *h, const char *controller)
{
	if (!*controller)
		return h->v2.dir;
	for (size_t i = 0; i < h->n_v1; i++)
		if (strv_has(h->v1[i].controllers, controller))
			return h->v1[i].dir;
	return NULL;
}
