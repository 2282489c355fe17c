/* GET /logs/: directories and files below --log-dir, for who may look at nodes/log.
 *
 * Happy path: a directory is told as a page of links, a file is sent in pieces as fast as the client takes them. What can
 * fail: no such file (404), one that is neither file nor directory (403). What always holds: nothing outside of the
 * directory is opened, whatever links lie in it (openat2), and nothing that would wait or answer when it is opened. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/server.h"
#include "base/fs.h"
#include "base/mem.h"

enum { PIECE = 32768, NAMES_MAX = 100000 };

struct sending {
	struct http_exchange *x;
	int fd;
	off_t left; /* what was there when it was asked for */
	bool ended;
};

static void on_close(void *arg, struct http_exchange *x)
{
	struct sending *s = arg;
	(void)x;
	close_fd(&s->fd);
	free(s);
}

static void pump(struct sending *s)
{
	char buf[PIECE];
	while (!s->ended && s->left > 0 && http_pending_bytes(s->x) < 4 * PIECE) {
		ssize_t n = read(s->fd, buf, (size_t)MIN(s->left, (off_t)sizeof(buf)));
		s->left = n > 0 ? s->left - n : 0; /* cut meanwhile: that is all */
		if (n > 0)
			http_write(s->x, buf, (size_t)n);
	}
	if (s->left <= 0 && !s->ended) {
		s->ended = true;
		http_end(s->x);
	}
}

static void on_drain(void *arg, struct http_exchange *x)
{
	(void)x;
	pump(arg);
}

static void send_file(struct http_exchange *x, int fd, off_t size)
{
	static const struct http_header headers[] = {
	    {"content-type", "text/plain; charset=utf-8"}, {"x-content-type-options", "nosniff"}, {NULL, NULL}};
	struct sending *s = xcalloc(1, sizeof(*s));
	*s = (struct sending){.x = x, .fd = fd, .left = strcmp(http_method(x), "HEAD") != 0 ? size : 0};
	http_on_close(x, on_close, s);
	http_on_drain(x, on_drain, s);
	http_start(x, 200, headers);
	pump(s);
}

static void add_html(struct str *out, const char *text)
{
	static const struct {
		char c;
		const char *as;
	} escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}};
	for (; *text; text++) {
		size_t i = 0;
		while (i < ARRAY_LEN(escapes) && escapes[i].c != *text)
			i++;
		if (i < ARRAY_LEN(escapes))
			str_add(out, escapes[i].as);
		else
			str_addc(out, *text);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void server_files_page(char **names, struct str *out)
{
	size_t n = strv_len(names);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	str_add(out, "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n");
	for (size_t i = 0; i < n; i++) {
		bool dir = str_has_suffix(names[i], "/");
		AUTO_FREE char *bare = xstrndup(names[i], strlen(names[i]) - dir);
		str_add(out, "<a href=\"./"); /* a colon in a name is no scheme */
		str_add_url(out, bare);
		str_addf(out, "%s\">", dir ? "/" : "");
		add_html(out, names[i]);
		str_add(out, "</a>\n");
	}
	str_add(out, "</pre>\n");
}

static void send_directory(struct http_exchange *x, int fd)
{
	static const struct http_header headers[] = {{"content-type", "text/html; charset=utf-8"}, {NULL, NULL}};
	AUTO_STRV char **names = NULL;
	AUTO_STR out = STR_INIT;
	DIR *d = fdopendir(fd); /* takes fd */
	size_t n = 0;
	if (!d)
		close(fd);
	for (const struct dirent *de; d && n < NAMES_MAX && (de = readdir(d));) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		AUTO_FREE char *name = xasprintf("%s%s", de->d_name, de->d_type == DT_DIR ? "/" : "");
		strv_add(&names, name);
		n++;
	}
	if (d)
		closedir(d);
	server_files_page(names, &out);
	http_respond(x, 200, headers, out.p, out.len);
}

static void redirect(struct http_exchange *x, const char *to)
{
	const struct http_header headers[] = {{"location", to}, {NULL, NULL}};
	http_respond(x, 301, headers, "", 0);
}

/* Looked at before it is opened. -EPERM for what is neither. */
static int open_inside(const char *dir, const char *path, struct stat *ret, struct err *e)
{
	AUTO_FD int root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "%s", dir);
	AUTO_FD int fd = fs_open_in_root(root, path, O_PATH, 0, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, ret) < 0 || (!S_ISREG(ret->st_mode) && !S_ISDIR(ret->st_mode)))
		return err_set(e, -EPERM, "%s is neither file nor directory", path);
	AUTO_FREE char *self = xasprintf("/proc/self/fd/%d", fd);
	int readable = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return readable < 0 ? err_sys(e, "%s", path) : readable;
}

static void refuse(struct http_exchange *x, int r)
{
	bool forbidden = r == -EPERM || r == -EACCES || r == -ELOOP || r == -EXDEV;
	server_text(x, forbidden ? 403 : 404, forbidden ? "403 Forbidden\n" : "404 page not found\n");
}

void server_files(struct agent *a, struct http_exchange *x, const struct target *t)
{
	const char *method = http_method(x), *path = http_path(x) + strlen("/logs");
	struct err e = ERR_INIT;
	struct stat st;
	(void)t;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		server_text(x, 405, "Method Not Allowed\n");
		return;
	}
	int fd = open_inside(a->config->log_dir, *path ? path : "/", &st, &e);
	if (fd < 0) {
		refuse(x, fd);
	} else if (!S_ISDIR(st.st_mode)) {
		send_file(x, fd, st.st_size);
	} else if (!str_has_suffix(path, "/")) {
		AUTO_STR to = STR_INIT;
		str_add_url(&to, strrchr(http_path(x), '/') + 1);
		str_addc(&to, '/');
		close(fd);
		redirect(x, to.p);
	} else {
		send_directory(x, fd);
	}
}
