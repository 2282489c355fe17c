/* knarr backup: what a cluster is made of, in one file.
 *
 * Happy path: a consistent copy of the store (asked of the server when it runs, read from the database when it does
 * not, a snapshot where etcd is named), then an archive of it with the certificates, synced and renamed. What can fail:
 * no store, no server, a full disk. What always holds: under the name stands a whole backup or what stood there. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/address.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/backup.h"
#include "cli/cli.h"
#include "cp/store/store.h"
#include "io/http_client.h"

static const char usage[] = "Usage: knarr backup [flags] FILE\n\n"
			    "Writes the cluster's objects and certificates into FILE, also while the cluster runs.\n\n";

struct download {
	struct loop *loop;
	int fd, status, r;
	struct str text; /* of an answer that is no success */
	struct err e;
};

static void on_status(void *arg, int status)
{
	((struct download *)arg)->status = status;
}

static void on_data(void *arg, const char *data, size_t len)
{
	struct download *d = arg;
	if (d->status != 200)
		str_addn(&d->text, data, MIN(len, 4096));
	else if (!d->r)
		d->r = fs_write_all(d->fd, data, len);
}

static void on_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct download *d = arg;
	(void)body, (void)len;
	if (e)
		d->r = err_set(&d->e, e->code, "%s", e->text);
	else if (status != 200)
		d->r = err_set(&d->e, -EIO, "the server answered %d: %s", status, str_text(&d->text));
	else if (d->r)
		err_code(&d->e, d->r, "cannot write");
	loop_stop(d->loop);
}

/* The running server's copy of its database. */
static int ask_server(const struct node_options *o, struct loop *l, int fd, struct err *e)
{
	AUTO_FREE char *ca = xasprintf("%s/pki/ca.crt", o->config_dir);
	AUTO_FREE char *crt = xasprintf("%s/pki/admin.crt", o->config_dir);
	AUTO_FREE char *key = xasprintf("%s/pki/admin.key", o->config_dir);
	AUTO_FREE char *host = address_host(o->node_ip ? o->node_ip : "127.0.0.1");
	AUTO_FREE char *url = xasprintf("https://%s:%s/knarr/backup", host, o->secure_port);
	struct download d = {.loop = l, .fd = fd, .e = ERR_INIT};
	struct http_client *c = NULL;
	struct http_client_config config = {.loop = l, .ca_file = ca, .cert_file = crt, .key_file = key};
	int r = http_client_new(&config, &c, e);
	if (r)
		return r;
	http_call_start(c, &(struct http_call_opts){.method = "POST",
						    .url = url,
						    .on_status = on_status,
						    .on_data = on_data,
						    .on_done = on_done,
						    .arg = &d});
	loop_run(l);
	http_client_free(c);
	str_done(&d.text);
	return d.r ? err_set(e, d.r, "%s", d.e.text) : 0;
}

static int ask_server_into(const struct node_options *o, struct loop *l, const char *to, struct err *e)
{
	AUTO_FD int fd = open(to, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_sys(e, "%s", to) : ask_server(o, l, fd, e);
}

static int copy_etcd(const struct node_options *o, struct loop *l, const char *to, struct err *e)
{
	struct store_etcd_config c = {.servers = o->etcd_servers,
				      .ca_file = o->etcd_ca_file,
				      .cert_file = o->etcd_cert_file,
				      .key_file = o->etcd_key_file,
				      .wait_s = 5};
	struct store *s = NULL;
	int r = store_open_etcd(l, &c, &s, e);
	if (!r)
		r = store_backup(s, to, e);
	store_close(s);
	return r;
}

/* Whoever has the database open is the server. */
static int copy_database(const struct node_options *o, struct loop *l, const char *to, struct err *e)
{
	AUTO_FREE char *db = xasprintf("%s/%s", o->data_dir, BACKUP_DATABASE);
	struct store *s = NULL;
	if (!fs_exists(db))
		return err_set(e, -ENOENT, "%s: there is no database here", db);
	int r = store_open_sqlite(l, db, 0, &s, e);
	if (r == -EBUSY)
		return ask_server_into(o, l, to, e);
	if (!r)
		r = store_backup(s, to, e);
	store_close(s);
	return r;
}

static int failed(struct archive *a, struct err *e, const char *name)
{
	return err_set(e, archive_errno(a) > 0 ? -archive_errno(a) : -EIO, "%s: %s", name, archive_error_string(a));
}

static int add_bytes(struct archive *a, const char *name, const void *bytes, size_t n, mode_t mode, struct err *e)
{
	struct archive_entry *x = archive_entry_new();
	archive_entry_set_pathname(x, name);
	archive_entry_set_size(x, (int64_t)n);
	archive_entry_set_filetype(x, AE_IFREG);
	archive_entry_set_perm(x, mode & 0777);
	archive_entry_set_mtime(x, clock_wall_ms() / 1000, 0);
	int r = archive_write_header(a, x) != ARCHIVE_OK || archive_write_data(a, bytes, n) != (la_ssize_t)n ? failed(a, e, name) : 0;
	archive_entry_free(x);
	return r;
}

static int add_file(struct archive *a, const char *name, const char *path, struct err *e)
{
	char bytes[64 * 1024];
	struct stat st;
	ssize_t n;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "%s", path);
	struct archive_entry *x = archive_entry_new();
	archive_entry_copy_stat(x, &st);
	archive_entry_set_pathname(x, name);
	int r = archive_write_header(a, x) != ARCHIVE_OK ? failed(a, e, name) : 0;
	while (!r && (n = read(fd, bytes, sizeof(bytes))) > 0)
		if (archive_write_data(a, bytes, (size_t)n) != (la_ssize_t)n)
			r = failed(a, e, name);
	archive_entry_free(x);
	return r;
}

/* nftw() has no argument for its callback. */
static struct {
	char **paths;
} found;

static int note_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type == FTW_F)
		strv_add(&found.paths, path);
	return 0;
}

static int add_pki(struct archive *a, const struct node_options *o, struct err *e)
{
	AUTO_FREE char *dir = xasprintf("%s/pki", o->config_dir);
	int r = 0;
	if (nftw(dir, note_file, 16, FTW_PHYS) < 0 && errno != ENOENT)
		return err_sys(e, "%s", dir);
	for (char **p = found.paths; !r && p && *p; p++) {
		AUTO_FREE char *name = xasprintf(BACKUP_PKI "%s", *p + strlen(dir));
		r = add_file(a, name, *p, e);
	}
	free_strv(&found.paths);
	return r;
}

static int add_about(struct archive *a, bool etcd, struct err *e)
{
	char now[RFC3339_MAX];
	AUTO_JSON *about = json_pack("{s:i,s:s,s:s,s:s}", "format", BACKUP_FORMAT, "store", etcd ? "etcd" : "sqlite", "at",
				     rfc3339(clock_wall_ms(), now), "version", KNARR_VERSION);
	AUTO_FREE char *text = json_text(about);
	return add_bytes(a, BACKUP_ABOUT, text, strlen(text), 0644, e);
}

static int write_archive(const struct node_options *o, int fd, const char *store, struct err *e)
{
	bool etcd = !str_empty(o->etcd_servers);
	struct archive *a = archive_write_new();
	archive_write_set_format_pax_restricted(a);
	int r = archive_write_open_fd(a, fd) != ARCHIVE_OK ? failed(a, e, "archive") : 0;
	if (!r)
		r = add_about(a, etcd, e);
	if (!r)
		r = add_file(a, etcd ? BACKUP_SNAPSHOT : BACKUP_DATABASE, store, e);
	if (!r)
		r = add_pki(a, o, e);
	if (!r && archive_write_close(a) != ARCHIVE_OK)
		r = failed(a, e, "archive");
	archive_write_free(a);
	return r;
}

static int backup(const struct node_options *o, const char *file, struct err *e)
{
	AUTO_FREE char *store = xasprintf("%s.store", file), *tmp = xasprintf("%s.tmp", file);
	struct loop *l = NULL;
	int r = loop_new(&l, e);
	if (r)
		return r;
	r = str_empty(o->etcd_servers) ? copy_database(o, l, store, e) : copy_etcd(o, l, store, e);
	loop_free(l);
	AUTO_FD int fd = r ? -1 : open(tmp, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (!r && fd < 0)
		r = err_sys(e, "%s", tmp);
	if (!r)
		r = write_archive(o, fd, store, e);
	if (!r && (fsync(fd) < 0 || rename(tmp, file) < 0))
		r = err_sys(e, "%s", file);
	unlink(store);
	if (r && fd >= 0)
		unlink(tmp);
	return r;
}

int cmd_backup(int argc, char **argv)
{
	struct node_options o = {0};
	struct err e = ERR_INIT;
	const char *file = NULL;
	int r = node_options_operand(&o, argc, argv, usage, "FILE", &file, &e);
	if (!r)
		r = backup(&o, file, &e);
	if (r < 0)
		fprintf(stderr, "knarr backup: %s\n", err_text(&e));
	node_options_done(&o);
	return r < 0;
}
