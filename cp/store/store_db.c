/* The SQLite side of the store.
 *
 * Happy path: a transaction inserts rows at the right edge of one table without any index, so that a commit appends a
 * page or two to the write-ahead log and syncs it once. What can fail: every write and sync; a failed commit is rolled
 * back here, and the following one overwrites what it left in the log file. What always holds: the connection has the
 * file locked exclusively from open to close, and the index of the write-ahead log lives on the heap (no -shm file). */
#include "cp/store/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define APPLICATION_ID 0x4b6e6172 /* "Knar" */
#define FORMAT_VERSION 1

enum { READ_BYTES = 16384, PASS_OVER = 8 };

enum statement { BEGIN, COMMIT, ROLLBACK, INSERT, DELETE, SET, GET, SCAN, READ, READ_ON, N_STATEMENTS };

static const char *const statements[N_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [INSERT] = "INSERT INTO log(id, rev, create_rev, prev_rev, at, deleted, key, value) VALUES(?,?,?,?,?,?,?,?)",
    [DELETE] = "DELETE FROM log WHERE id = ?",
    [SET] = "INSERT INTO number(name, value) VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
    [GET] = "SELECT value FROM number WHERE name = ?",
    [SCAN] = "SELECT id, rev, create_rev, prev_rev, at, deleted, key FROM log ORDER BY id",
    [READ] = "SELECT id, rev, create_rev, prev_rev, at, deleted, key, value FROM log WHERE id = ?",
    [READ_ON] = "SELECT id, rev, create_rev, prev_rev, at, deleted, key, value FROM log WHERE id >= ? ORDER BY id",
};

static const char *const numbers[] = {[STORE_RESERVED] = "reserved", [STORE_COMPACTED] = "compacted"};

struct store_db {
	sqlite3 *sql;
	sqlite3_stmt *st[N_STATEMENTS];
	int wal_pages;
	bool uncertain, reading;
	uint64_t pages_written;
};

static int code_of(struct store_db *d, int rc)
{
	int sys = d->sql ? sqlite3_system_errno(d->sql) : 0;
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_IOERR:
		return sys == ENOSPC || sys == EDQUOT ? -ENOSPC : -EIO;
	case SQLITE_CANTOPEN:
		return sys ? -sys : -EIO;
	default:
		return -EIO;
	}
}

static int fail(struct store_db *d, int rc, const char *what, struct err *e)
{
	return err_set(e, code_of(d, rc), "%s: %s (%d)", what, d->sql ? sqlite3_errmsg(d->sql) : sqlite3_errstr(rc),
		       rc);
}

static int exec(struct store_db *d, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(d->sql, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(d, rc, "store", e);
}

/* Steps a statement that gives no rows, and resets it. */
static int run(struct store_db *d, enum statement which, struct err *e)
{
	int rc = sqlite3_step(d->st[which]);
	int r = rc == SQLITE_DONE ? 0 : fail(d, rc, "store", e);
	sqlite3_reset(d->st[which]);
	return r;
}

static int on_wal(void *arg, sqlite3 *sql, const char *name, int pages)
{
	(void)sql, (void)name;
	struct store_db *d = arg;
	d->wal_pages = pages;
	return SQLITE_OK;
}

static int pragma_int(struct store_db *d, const char *sql, int64_t *ret, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(d->sql, sql, -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	int r = rc == SQLITE_ROW ? 0 : fail(d, rc, "store", e);
	if (!r)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return r;
}

static int create_tables(struct store_db *d, struct err *e)
{
	char sql[700];
	snprintf(sql, sizeof(sql),
		 "BEGIN IMMEDIATE;"
		 "CREATE TABLE log(id INTEGER PRIMARY KEY, rev INTEGER NOT NULL, create_rev INTEGER NOT NULL,"
		 " prev_rev INTEGER NOT NULL, at INTEGER NOT NULL, deleted INTEGER NOT NULL, key TEXT NOT NULL,"
		 " value BLOB);"
		 "CREATE TABLE number(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
		 "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;",
		 APPLICATION_ID, FORMAT_VERSION);
	int r = exec(d, sql, e);
	if (r)
		sqlite3_exec(d->sql, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

/* -EUCLEAN for a database of somebody else's. ret_empty: it has nothing in it yet. */
static int check_format(struct store_db *d, bool *ret_empty, struct err *e)
{
	int64_t id, version, tables;
	int r = pragma_int(d, "PRAGMA application_id", &id, e);
	if (!r)
		r = pragma_int(d, "PRAGMA user_version", &version, e);
	if (!r)
		r = pragma_int(d, "SELECT count(*) FROM sqlite_schema", &tables, e);
	if (r)
		return r;
	*ret_empty = !id && !version && !tables;
	if (*ret_empty)
		return 0;
	if (id != APPLICATION_ID)
		return err_set(e, -EUCLEAN, "not a store of Knarr's (application id %lld)", (long long)id);
	if (version > FORMAT_VERSION)
		return err_set(e, -EPROTONOSUPPORT, "store format %lld is newer than this program's %d",
			       (long long)version, FORMAT_VERSION);
	return 0;
}

/* The order matters: exclusive locking before the first touch of the log keeps its index on the heap, and a file of
 * somebody else's is left as it is. */
static int configure(struct store_db *d, struct err *e)
{
	bool empty = false;
	sqlite3_extended_result_codes(d->sql, 1);
	int r = exec(d, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF", e);
	if (!r)
		r = check_format(d, &empty, e);
	if (!r)
		r = exec(d,
			 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
			 "PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY; BEGIN IMMEDIATE; COMMIT",
			 e);
	if (!r && empty)
		r = create_tables(d, e);
	sqlite3_wal_hook(d->sql, on_wal, d);
	for (size_t i = 0; !r && i < N_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(d->sql, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &d->st[i], NULL);
		if (rc != SQLITE_OK)
			r = (rc & 0xff) == SQLITE_ERROR ? err_set(e, -EUCLEAN, "store: %s", sqlite3_errmsg(d->sql))
							: fail(d, rc, "store", e);
	}
	return r;
}

int store_db_open(const char *path, struct store_db **ret, struct err *e)
{
	/* Secrets live in it: private from birth. SQLite gives its log the mode of the database. */
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno != EEXIST)
		return err_sys(e, "%s", path);
	close_fd(&fd);
	struct store_db *d = xcalloc(1, sizeof(*d));
	int rc = sqlite3_open_v2(path, &d->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	int r = rc == SQLITE_OK ? configure(d, e) : fail(d, rc, "store", e);
	if (r) {
		store_db_close(d);
		return err_wrap(e, r, "%s", path);
	}
	*ret = d;
	return 0;
}

void store_db_close(struct store_db *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(d->st[i]);
	sqlite3_close(d->sql);
	free(d);
}

void store_db_read_ahead(struct store_db *d, bool on)
{
	if (d->reading == on)
		return;
	d->reading = on;
	/* Where mapping is refused, reading goes on as before. */
	sqlite3_exec(d->sql, on ? "PRAGMA mmap_size=17179869184; BEGIN" : "COMMIT; PRAGMA mmap_size=0", NULL, NULL, NULL);
}

int store_db_begin(struct store_db *d, struct err *e)
{
	store_db_read_ahead(d, false);
	return run(d, BEGIN, e);
}

int store_db_commit(struct store_db *d, struct err *e)
{
	int r = run(d, COMMIT, e);
	/* SQLITE_FULL comes from writing, and the frame that makes a commit valid is written last. */
	if (!r || (sqlite3_errcode(d->sql) & 0xff) != SQLITE_FULL)
		d->uncertain = r != 0;
	if (r)
		store_db_rollback(d);
	int pages = 0, high = 0;
	sqlite3_db_status(d->sql, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &high, 1);
	d->pages_written += (uint64_t)pages;
	return r;
}

bool store_db_uncertain(const struct store_db *d)
{
	return d->uncertain;
}

void store_db_rollback(struct store_db *d)
{
	if (!sqlite3_get_autocommit(d->sql))
		run(d, ROLLBACK, NULL);
}

int store_db_insert(struct store_db *d, const struct store_row *row, const struct buf *value, struct err *e)
{
	sqlite3_stmt *st = d->st[INSERT];
	sqlite3_bind_int64(st, 1, row->id);
	sqlite3_bind_int64(st, 2, (int64_t)row->rev);
	sqlite3_bind_int64(st, 3, (int64_t)row->create_rev);
	sqlite3_bind_int64(st, 4, (int64_t)row->prev_rev);
	sqlite3_bind_int64(st, 5, row->at);
	sqlite3_bind_int(st, 6, row->deleted);
	sqlite3_bind_text(st, 7, row->key, -1, SQLITE_STATIC);
	if (value)
		sqlite3_bind_blob64(st, 8, value->data, value->len, SQLITE_STATIC);
	int r = run(d, INSERT, e);
	sqlite3_clear_bindings(st);
	return r;
}

int store_db_delete(struct store_db *d, int64_t id, struct err *e)
{
	sqlite3_bind_int64(d->st[DELETE], 1, id);
	return run(d, DELETE, e);
}

int store_db_set(struct store_db *d, enum store_number which, uint64_t value, struct err *e)
{
	sqlite3_bind_text(d->st[SET], 1, numbers[which], -1, SQLITE_STATIC);
	sqlite3_bind_int64(d->st[SET], 2, (int64_t)value);
	return run(d, SET, e);
}

int store_db_get(struct store_db *d, enum store_number which, uint64_t otherwise, uint64_t *ret, struct err *e)
{
	sqlite3_stmt *st = d->st[GET];
	sqlite3_bind_text(st, 1, numbers[which], -1, SQLITE_STATIC);
	int rc = sqlite3_step(st), r = 0;
	if (rc == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(st, 0);
	else if (rc == SQLITE_DONE)
		*ret = otherwise;
	else
		r = fail(d, rc, "store", e);
	sqlite3_reset(st);
	return r;
}

/* -EUCLEAN for a row that this program cannot have written. */
static int row_of(sqlite3_stmt *st, struct store_row *ret, struct err *e)
{
	*ret = (struct store_row){
	    .id = sqlite3_column_int64(st, 0),
	    .rev = (uint64_t)sqlite3_column_int64(st, 1),
	    .create_rev = (uint64_t)sqlite3_column_int64(st, 2),
	    .prev_rev = (uint64_t)sqlite3_column_int64(st, 3),
	    .at = sqlite3_column_int64(st, 4),
	    .deleted = sqlite3_column_int(st, 5) != 0,
	    .key = (const char *)sqlite3_column_text(st, 6),
	};
	if (!ret->key || ret->rev > INT64_MAX || !ret->rev)
		return err_set(e, -EUCLEAN, "store: row %lld is damaged", (long long)ret->id);
	return 0;
}

int store_db_scan(struct store_db *d, int (*fn)(void *arg, const struct store_row *row), void *arg, struct err *e)
{
	int rc, r = 0;
	while (!r && (rc = sqlite3_step(d->st[SCAN])) != SQLITE_DONE) {
		struct store_row row;
		r = rc == SQLITE_ROW ? row_of(d->st[SCAN], &row, e) : fail(d, rc, "store", e);
		if (!r)
			r = fn(arg, &row);
	}
	sqlite3_reset(d->st[SCAN]);
	return r;
}

/* A value: valid until the statement moves. p is not NULL where n is not 0. */
struct blob {
	const void *p;
	size_t n;
	bool null;
};

static int blob_of(struct store_db *d, sqlite3_stmt *st, struct blob *ret, struct err *e)
{
	const void *p = sqlite3_column_blob(st, 7);
	bool null = sqlite3_column_type(st, 7) == SQLITE_NULL;
	if (!null && !p && sqlite3_errcode(d->sql) == SQLITE_NOMEM)
		return err_set(e, -ENOMEM, "store: row %lld", (long long)sqlite3_column_int64(st, 0));
	*ret = (struct blob){p, p ? (size_t)sqlite3_column_bytes(st, 7) : 0, null};
	return 0;
}

int store_db_read(struct store_db *d, int64_t id, struct store_row *ret, char **ret_key, struct buf **ret_value,
		  struct err *e)
{
	sqlite3_stmt *st = d->st[READ];
	sqlite3_bind_int64(st, 1, id);
	int rc = sqlite3_step(st);
	struct store_row row;
	int r = rc == SQLITE_ROW    ? row_of(st, &row, e)
		: rc == SQLITE_DONE ? err_set(e, -ENOENT, "store: row %lld is missing", (long long)id)
				    : fail(d, rc, "store", e);
	struct blob v;
	if (!r)
		r = blob_of(d, st, &v, e);
	if (!r) {
		*ret_value = v.null ? NULL : buf_new(v.p, v.n);
		*ret = row;
		ret->key = *ret_key = xstrdup(row.key);
	}
	sqlite3_reset(st);
	return r;
}

/* Bytes that are read one after another: in the same block, unless somebody keeps it. */
static struct buf *fill(struct buf **scratch, size_t *cap, const struct blob *v)
{
	if (!*scratch || *cap < v->n || __atomic_load_n(&(*scratch)->refs, __ATOMIC_ACQUIRE) > 1) {
		buf_unref_ptr(scratch);
		*cap = MAX(v->n, (size_t)READ_BYTES);
		*scratch = buf_alloc(*cap);
	}
	struct buf *b = *scratch;
	b->len = v->n;
	if (v->n)
		memcpy(b->data, v->p, v->n);
	b->data[v->n] = '\0';
	return b;
}

/* The statement at row id, which is behind where it stands: rows between are passed over, many of them by a search. */
static int step_to(struct store_db *d, int64_t id, bool begun, struct err *e)
{
	sqlite3_stmt *st = d->st[READ_ON];
	int rc = begun ? sqlite3_step(st) : SQLITE_ROW;
	for (int i = 0; begun && i < PASS_OVER && rc == SQLITE_ROW && sqlite3_column_int64(st, 0) < id; i++)
		rc = sqlite3_step(st);
	if (!begun || (rc == SQLITE_ROW && sqlite3_column_int64(st, 0) < id)) {
		sqlite3_reset(st);
		sqlite3_bind_int64(st, 1, id);
		rc = sqlite3_step(st);
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return fail(d, rc, "store", e);
	if (rc == SQLITE_DONE || sqlite3_column_int64(st, 0) != id)
		return err_set(e, -ENOENT, "store: row %lld is missing", (long long)id);
	return 0;
}

int store_db_read_rows(struct store_db *d, const int64_t *ids, size_t n,
		       int (*fn)(void *arg, const struct store_row *row, struct buf *value), void *arg, struct err *e)
{
	sqlite3_stmt *st = d->st[READ_ON];
	AUTO_BUF *scratch = NULL;
	size_t cap = 0;
	int r = 0;
	for (size_t i = 0; !r && i < n; i++) {
		struct store_row row;
		r = step_to(d, ids[i], i > 0, e);
		if (!r)
			r = row_of(st, &row, e);
		if (r)
			break;
		struct blob v;
		r = blob_of(d, st, &v, e);
		if (!r)
			r = fn(arg, &row, v.null ? NULL : fill(&scratch, &cap, &v));
	}
	sqlite3_reset(st);
	return r;
}

void store_db_checkpoint(struct store_db *d, int min_pages)
{
	if (d->wal_pages < min_pages)
		return;
	int pages = 0, moved = 0;
	if (sqlite3_wal_checkpoint_v2(d->sql, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved) == SQLITE_OK)
		d->wal_pages = pages - moved;
}

uint64_t store_db_bytes_written(struct store_db *d)
{
	return d->pages_written * 4096;
}

static int vacuum_into(struct store_db *d, const char *path, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(d->sql, "VACUUM INTO ?", -1, &st, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_bind_text(st, 1, path, -1, SQLITE_STATIC);
		rc = sqlite3_step(st);
	}
	int r = rc == SQLITE_DONE ? 0 : fail(d, rc, "backup", e);
	sqlite3_finalize(st);
	return r;
}

/* The copy itself is safe; its name may be lost with the power until the directory is written: ignoring errors. */
static void sync_parent(const char *path)
{
	AUTO_FREE char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	AUTO_FD int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

int store_db_backup(struct store_db *d, const char *path, struct err *e)
{
	store_db_read_ahead(d, false);
	AUTO_FREE char *tmp = xasprintf("%s.tmp", path);
	unlink(tmp);
	AUTO_FD int fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "%s", tmp);
	int r = vacuum_into(d, tmp, e);
	if (!r && fsync(fd) < 0)
		r = err_sys(e, "%s", tmp);
	if (!r && rename(tmp, path) < 0)
		r = err_sys(e, "%s", path);
	if (!r)
		sync_parent(path);
	if (r)
		unlink(tmp);
	return r;
}
