/* Unpacking of foreign archives, in a child that has nothing to lose.
 *
 * The child is chrooted into the target directory, keeps only the capabilities that ownership and device nodes need, and
 * cannot gain more; libarchive runs there. Happy path: it unpacks, sends the digest of the uncompressed stream and the
 * opaque directories home, and exits with 0. What can fail: a broken archive (-EBADMSG), a full disk. What always holds: no
 * path of an archive can name anything outside of the target directory. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "rootfs/digest.h"
#include "rootfs/store_paths.h"

enum { BLOCK = 64 << 10 };
#define OPAQUE ".wh..wh..opq"
#define WHITEOUT ".wh."

/* The child's home: lines "D<digest>", "O<directory>" or "E<error>", each ended by NUL. */
static void tell(int home, char kind, const char *text)
{
	(void)fs_write_all(home, &kind, 1);
	(void)fs_write_all(home, text, strlen(text) + 1);
}

static _Noreturn void fail(int home, const char *what, struct archive *a)
{
	AUTO_FREE char *text = xasprintf("%s: %s", what, a && archive_error_string(a) ? archive_error_string(a) : strerror(errno));
	tell(home, 'E', text);
	_exit(1);
}

static int drop_capabilities(void)
{
	static const int keep[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP };
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { 0 } };
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		d[keep[i] / 32].effective |= 1U << keep[i] % 32;
		d[keep[i] / 32].permitted |= 1U << keep[i] % 32;
	}
	for (int c = 0; c <= CAP_LAST_CAP; c++) {
		bool kept = false;
		for (size_t i = 0; i < ARRAY_LEN(keep); i++)
			kept |= keep[i] == c;
		if (!kept)
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static void confine(int home, const char *dir)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
	if (chdir(dir) < 0 || chroot(".") < 0 || chdir("/") < 0 || drop_capabilities() < 0)
		fail(home, "confine", NULL);
}

/* The uncompressed bytes of the layer, hashed on their way to the tar reader. */
struct inflate {
	struct archive *a;
	struct digest *digest;
	char block[BLOCK];
};

static la_ssize_t read_block(struct archive *tar, void *arg, const void **ret)
{
	struct inflate *z = arg;
	la_ssize_t n = archive_read_data(z->a, z->block, sizeof(z->block));
	if (n < 0) {
		archive_set_error(tar, EBADMSG, "%s", archive_error_string(z->a));
		return ARCHIVE_FATAL;
	}
	if (n > 0)
		digest_add(z->digest, z->block, (size_t)n);
	*ret = z->block;
	return n;
}

static struct archive *open_filters(int fd, int home)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	if (archive_read_open_fd(a, fd, BLOCK) != ARCHIVE_OK || archive_read_next_header(a, &entry) != ARCHIVE_OK)
		fail(home, "read layer", a);
	return a;
}

static const char *relative(const char *path)
{
	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	return path;
}

/* Handles whiteouts; true when the entry was one. */
static bool whiteout(struct archive_entry *entry, int home)
{
	const char *path = relative(archive_entry_pathname(entry)), *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	AUTO_FREE char *dir = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	if (!str_has_prefix(base, WHITEOUT))
		return false;
	if (!strcmp(base, OPAQUE)) {
		(void)fs_mkdir_p(dir, 0755, NULL);
		tell(home, 'O', dir);
	} else {
		AUTO_FREE char *target = xasprintf("%s/%s", dir, base + strlen(WHITEOUT));
		(void)fs_mkdir_p(dir, 0755, NULL);
		if (mknod(target, S_IFCHR, makedev(0, 0)) < 0 && errno != EEXIST)
			fail(home, target, NULL);
	}
	return true;
}

static void copy_data(struct archive *from, struct archive *to, const char *path, int home)
{
	const void *block;
	size_t n;
	la_int64_t at;
	int r;
	while ((r = archive_read_data_block(from, &block, &n, &at)) == ARCHIVE_OK)
		if (archive_write_data_block(to, block, n, at) < ARCHIVE_OK)
			fail(home, path, to);
	if (r != ARCHIVE_EOF)
		fail(home, path, from);
}

static void unpack_entries(struct archive *tar, int home)
{
	struct archive *disk = archive_write_disk_new();
	struct archive_entry *entry;
	int r;
	archive_write_disk_set_options(disk, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_UNLINK |
		ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS);
	while ((r = archive_read_next_header(tar, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		const char *path = archive_entry_pathname(entry), *link = archive_entry_hardlink(entry);
		if (!path)
			fail(home, "an entry without a name", NULL);
		if (whiteout(entry, home))
			continue;
		AUTO_FREE char *clean = xstrdup(relative(path));
		if (!*clean)
			strcpy(clean = xrealloc(clean, 2), ".");
		AUTO_FREE char *clean_link = link ? xstrdup(relative(link)) : NULL;
		archive_entry_copy_pathname(entry, clean);
		if (clean_link)
			archive_entry_copy_hardlink(entry, clean_link);
		if (archive_write_header(disk, entry) < ARCHIVE_WARN)
			fail(home, clean, disk);
		copy_data(tar, disk, clean, home);
		if (archive_write_finish_entry(disk) < ARCHIVE_WARN)
			fail(home, clean, disk);
	}
	if (r != ARCHIVE_EOF)
		fail(home, "layer", tar);
	if (archive_write_free(disk) < ARCHIVE_WARN)
		fail(home, "layer", NULL);
}

static _Noreturn void unpack_child(int layer_fd, const char *dir, int home)
{
	struct inflate *z = xcalloc(1, sizeof(*z));
	struct archive *tar = archive_read_new();
	char text[DIGEST_MAX];
	confine(home, dir);
	z->digest = digest_new();
	z->a = open_filters(layer_fd, home);
	archive_read_support_format_tar(tar);
	archive_read_support_format_empty(tar);
	if (archive_read_open(tar, z, NULL, read_block, NULL) != ARCHIVE_OK)
		fail(home, "layer", tar);
	unpack_entries(tar, home);
	/* The digest covers what stands behind the end-of-archive mark, too. */
	const void *rest;
	la_ssize_t n;
	while ((n = read_block(tar, z, &rest)) > 0)
		;
	if (n < 0)
		fail(home, "layer", tar);
	digest_finish(z->digest, text);
	tell(home, 'D', text);
	_exit(0);
}

static _Noreturn void extract_child(const char *path, const char *dir, int home)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	if (fd < 0)
		fail(home, path, NULL);
	confine(home, dir);
	struct archive *disk = archive_write_disk_new();
	archive_write_disk_set_options(disk, ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_UNLINK);
	archive_read_support_filter_all(a);
	archive_read_support_format_tar(a);
	if (archive_read_open_fd(a, fd, BLOCK) != ARCHIVE_OK)
		fail(home, path, a);
	while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(entry);
		AUTO_FREE char *clean = xstrdup(name ? relative(name) : "");
		bool link = archive_entry_hardlink(entry) || archive_entry_filetype(entry) == AE_IFLNK;
		/* docker save makes links between layer files that are the same; they stay inside the directory. */
		if (!*clean || (archive_entry_filetype(entry) != AE_IFREG && !link))
			continue;
		archive_entry_copy_pathname(entry, clean);
		archive_entry_set_perm(entry, 0600);
		if (archive_write_header(disk, entry) < ARCHIVE_WARN)
			fail(home, clean, disk);
		copy_data(a, disk, clean, home);
	}
	if (r != ARCHIVE_EOF || archive_write_free(disk) < ARCHIVE_WARN)
		fail(home, path, a);
	tell(home, 'D', "");
	_exit(0);
}

static int mark_opaque(const char *dir, const char *path, struct err *e)
{
	AUTO_FD int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int fd = root < 0 ? -1 : fs_open_in_root(root, path, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return fd;
	return fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0 ? err_sys(e, "mark %s opaque", path) : 0;
}

/* Acts on what the child told; the last thing must be a digest. */
static int read_report(const struct str *report, const char *dir, char *ret_digest, struct err *e)
{
	bool done = false;
	for (size_t at = 0; at < report->len; at += strlen(report->p + at) + 1) {
		const char *text = report->p + at + 1;
		int r = 0;
		if (report->p[at] == 'E')
			return err_set(e, -EBADMSG, "%s", text);
		if (report->p[at] == 'O')
			r = mark_opaque(dir, text, e);
		else if (report->p[at] == 'D' && (done = true) && ret_digest)
			snprintf(ret_digest, DIGEST_MAX, "%s", text);
		if (r < 0)
			return r;
	}
	return done ? 0 : err_set(e, -EIO, "the unpacking child ended early");
}

/* Forks, runs the child with its end of a pipe, collects the report. */
static int run_child(int layer_fd, const char *path, const char *dir, char *ret_digest, struct err *e)
{
	int p[2];
	AUTO_STR report = STR_INIT;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		if (path)
			extract_child(path, dir, p[1]);
		unpack_child(layer_fd, dir, p[1]);
	}
	close(p[1]);
	int r = pid < 0 ? err_sys(e, "fork") : fs_read_fd(p[0], 16 << 20, &report, e);
	close(p[0]);
	int status = 0;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r < 0 ? r : read_report(&report, dir, ret_digest, e);
}

int layer_unpack(int layer_fd, const char *dir, char *ret_diff_id, struct err *e)
{
	return run_child(layer_fd, NULL, dir, ret_diff_id, e);
}

int archive_extract(const char *path, const char *dir, struct err *e)
{
	return run_child(-1, path, dir, NULL, e);
}
