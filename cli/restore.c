/* knarr restore: a backup put in place.
 *
 * Happy path: the archive is unpacked beside its place and checked, what stands there is put aside (".old"), the new is
 * renamed into place; etcd's snapshot goes through etcd's own tool into a new data directory. What can fail: a server
 * that runs, an archive that is none, no tool. What always holds: nothing is replaced before all of it was read. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/backup.h"
#include "cli/cli.h"
#include "cp/store/store.h"

#define SKIP_REVISIONS 1000000000 /* more than were given out since any backup */

static const char usage[] =
    "Usage: knarr restore [flags] FILE\n\n"
    "Puts a backup's objects and certificates in place. No server may run. etcd's data goes into the new directory\n"
    "--etcd-data-dir, from which etcd is then started.\n\n";

/* Only what a backup has in it, and nothing that leads elsewhere. */
static bool is_good_name(const char *name)
{
	if (str_eq(name, BACKUP_ABOUT) || str_eq(name, BACKUP_DATABASE) || str_eq(name, BACKUP_SNAPSHOT))
		return true;
	AUTO_STRV char **parts = str_split(name, '/');
	if (strv_len(parts) < 2 || !str_eq(parts[0], BACKUP_PKI))
		return false;
	for (char **p = parts; *p; p++)
		if (!**p || str_eq(*p, ".") || str_eq(*p, ".."))
			return false;
	return true;
}

static int unpack_one(struct archive *a, const char *dir, const char *name, mode_t mode, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name), *parent = xstrdup(path);
	*strrchr(parent, '/') = '\0';
	int r = fs_mkdir_p(parent, 0700, e);
	AUTO_FD int fd = r < 0 ? -1 : open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode & 0644);
	if (r < 0)
		return r;
	if (fd < 0)
		return err_sys(e, "%s", path);
	if (archive_read_data_into_fd(a, fd) != ARCHIVE_OK)
		return err_set(e, -EUCLEAN, "%s: %s", name, archive_error_string(a));
	return fsync(fd) < 0 ? err_sys(e, "%s", path) : 0;
}

static int unpack_all(struct archive *a, const char *dir, struct err *e)
{
	struct archive_entry *x;
	int r = 0, got = ARCHIVE_OK;
	while (!r && (got = archive_read_next_header(a, &x)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(x);
		if (archive_entry_filetype(x) != AE_IFREG || !name || !is_good_name(name))
			r = err_set(e, -EINVAL, "not a backup: it has \"%s\" in it", name ? name : "");
		else
			r = unpack_one(a, dir, name, archive_entry_perm(x), e);
	}
	return !r && got != ARCHIVE_EOF ? err_set(e, -EINVAL, "not a backup: %s", archive_error_string(a)) : r;
}

static int unpack(const char *file, const char *dir, struct err *e)
{
	struct archive *a = archive_read_new();
	archive_read_support_format_tar(a);
	int r = 0;
	if (access(file, R_OK) < 0)
		r = err_code(e, -errno, "cannot read it");
	else if (archive_read_open_filename(a, file, 64 * 1024) != ARCHIVE_OK)
		r = err_set(e, -EINVAL, "not a backup: %s", archive_error_string(a));
	else
		r = unpack_all(a, dir, e);
	archive_read_free(a);
	return r < 0 ? err_wrap(e, r, "%s", file) : 0;
}

static int check_about(const char *dir, bool *ret_etcd, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/" BACKUP_ABOUT, dir), *db = xasprintf("%s/" BACKUP_DATABASE, dir);
	AUTO_FREE char *snapshot = xasprintf("%s/" BACKUP_SNAPSHOT, dir);
	AUTO_JSON *about = NULL;
	int r = json_read_file(path, &about, NULL);
	if (r < 0)
		return err_set(e, -EINVAL, "not a backup: it has no " BACKUP_ABOUT);
	if (json_int_at(about, "format", 0) != BACKUP_FORMAT)
		return err_set(e, -EPROTONOSUPPORT, "a backup of format %lld, this program knows %d",
			       (long long)json_int_at(about, "format", 0), BACKUP_FORMAT);
	*ret_etcd = str_eq(json_str_at(about, "store"), "etcd");
	if (!fs_exists(*ret_etcd ? snapshot : db))
		return err_set(e, -EINVAL, "not a backup: it has no store");
	return 0;
}

/* Opens and closes a database: what is whole can be opened, and nobody else has it open. */
static int try_database(const char *path, struct err *e)
{
	struct loop *l = NULL;
	struct store *s = NULL;
	int r = loop_new(&l, e);
	if (!r)
		r = store_open_sqlite(l, path, 0, &s, e);
	store_close(s);
	loop_free(l);
	return r;
}

static int put_aside(const char *path, const char *suffix, struct err *e)
{
	AUTO_FREE char *from = xasprintf("%s%s", path, suffix), *to = xasprintf("%s.old%s", path, suffix);
	if (rename(from, to) < 0 && errno != ENOENT)
		return err_sys(e, "%s", from);
	return 0;
}

static int put_database(const struct node_options *o, const char *dir, struct err *e)
{
	AUTO_FREE char *from = xasprintf("%s/" BACKUP_DATABASE, dir), *to = xasprintf("%s/" BACKUP_DATABASE, o->data_dir);
	int r = fs_exists(to) ? try_database(to, NULL) : 0;
	if (r == -EBUSY)
		return err_set(e, r, "%s: a server runs; stop it first", to);
	if ((r = try_database(from, e)) < 0)
		return err_wrap(e, r, "the backup's database");
	if ((r = store_sqlite_skip(from, SKIP_REVISIONS, e)) < 0)
		return r;
	/* The log file of the old database must never meet the new one. */
	r = put_aside(to, "-wal", e);
	if (!r)
		r = put_aside(to, "", e);
	if (!r && rename(from, to) < 0)
		r = err_sys(e, "%s", to);
	return r;
}

static int put_pki(const struct node_options *o, const char *dir, struct err *e)
{
	AUTO_FREE char *from = xasprintf("%s/" BACKUP_PKI, dir), *to = xasprintf("%s/pki", o->config_dir);
	AUTO_FREE char *old = xasprintf("%s.old", to);
	if (!fs_exists(from))
		return 0;
	int r = fs_mkdir_p(o->config_dir, 0755, e);
	if (!r)
		r = fs_remove_tree(old, e);
	if (!r)
		r = put_aside(to, "", e);
	if (!r && rename(from, to) < 0) {
		/* Another file system: copied by the system's own tool. */
		char *const argv[] = {"cp", "-a", from, to, NULL};
		r = errno == EXDEV ? run_program(argv, e) : err_sys(e, "%s", to);
		if (r > 0)
			r = err_set(e, -EIO, "%s: cp ended with status %d", to, r);
	}
	return r;
}

static bool in_path(const char *program)
{
	AUTO_STRV char **dirs = str_split(getenv("PATH") ? getenv("PATH") : "/usr/bin", ':');
	for (char **d = dirs; d && *d; d++) {
		AUTO_FREE char *path = xasprintf("%s/%s", *d, program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static int put_snapshot(const struct node_options *o, const char *dir, struct err *e)
{
	AUTO_FREE char *from = xasprintf("%s/" BACKUP_SNAPSHOT, dir);
	const char *tool = in_path("etcdutl") ? "etcdutl" : "etcdctl";
	if (!in_path(tool))
		return err_set(e, -ENOENT, "etcd's own tool is needed for its snapshot and neither etcdutl nor etcdctl is "
					   "installed (Debian: etcd-client)");
	if (str_empty(o->etcd_data_dir))
		return err_set(e, -EINVAL, "--etcd-data-dir: where the restored data is to be put is not given");
	if (fs_exists(o->etcd_data_dir))
		return err_set(e, -EEXIST, "--etcd-data-dir: %s exists", o->etcd_data_dir);
	char *const argv[] = {(char *)tool, "snapshot", "restore", from, "--data-dir", o->etcd_data_dir, NULL};
	setenv("ETCDCTL_API", "3", 1);
	int r = run_program(argv, e);
	return r > 0 ? err_set(e, -EIO, "%s ended with status %d", tool, r) : r;
}

static int restore(const struct node_options *o, const char *file, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/restore-XXXXXX", o->data_dir);
	bool etcd = false;
	int r = fs_mkdir_p(o->data_dir, 0700, e);
	if (r < 0)
		return r;
	if (!mkdtemp(dir))
		return err_sys(e, "%s", dir);
	r = unpack(file, dir, e);
	if (!r)
		r = check_about(dir, &etcd, e);
	if (!r)
		r = etcd ? put_snapshot(o, dir, e) : put_database(o, dir, e);
	if (!r)
		r = put_pki(o, dir, e);
	fs_remove_tree(dir, NULL);
	return r;
}

int cmd_restore(int argc, char **argv)
{
	struct node_options o = {0};
	struct err e = ERR_INIT;
	const char *file = NULL;
	int r = node_options_operand(&o, argc, argv, usage, "FILE", &file, &e);
	if (!r)
		r = restore(&o, file, &e);
	if (r < 0)
		fprintf(stderr, "knarr restore: %s\n", err_text(&e));
	node_options_done(&o);
	return r < 0;
}
