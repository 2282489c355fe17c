/* Talking to systemd.
 *
 * Happy path: the manager's private socket (no bus in between, so it also works before or without one), one round of
 * authentication, then calls one after the other; ends of jobs that come meanwhile are kept. What can fail: nobody listens,
 * the manager refuses, nothing comes within 30 seconds. What always holds: one call is outstanding at a time, and no byte of
 * an answer is trusted before it was bounded. */
#include "cgroups/dbus_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define WAIT_MS 30000
#define MANAGER "org.freedesktop.systemd1"

void dbus_conn_done(struct dbus_conn *c)
{
	close_fd(&c->fd);
	str_done(&c->in);
	str_done(&c->last);
	free(c->jobs);
	*c = DBUS_CONN_INIT;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (!path || strlen(path) >= sizeof(a.sun_path))
		return -ENOENT;
	strcpy(a.sun_path, path);
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int receive_more(struct dbus_conn *c, int64_t until, struct err *e)
{
	char buf[4096];
	int64_t left = until - clock_mono_ms();
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int r = left > 0 ? poll(&p, 1, (int)left) : 0;
	if (r < 0)
		return errno == EINTR ? 0 : err_sys(e, "poll");
	if (r == 0)
		return err_set(e, -ETIMEDOUT, "systemd does not answer");
	ssize_t n = read(c->fd, buf, sizeof(buf));
	if (n <= 0)
		return n < 0 ? err_sys(e, "read from systemd") : err_set(e, -ECONNRESET, "systemd closed the connection");
	str_addn(&c->in, buf, (size_t)n);
	return 0;
}

/* The other side knows who we are by the socket. */
static int authenticate(struct dbus_conn *c, struct err *e)
{
	static const char hello[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	int64_t until = clock_mono_ms() + WAIT_MS;
	int r = fs_write_all(c->fd, hello, sizeof(hello) - 1);
	if (r < 0)
		return err_code(e, r, "write to systemd");
	for (int lines = 0; lines < 2;) {
		char *end = c->in.len ? memmem(c->in.p, c->in.len, "\r\n", 2) : NULL;
		if (!end) {
			r = receive_more(c, until, e);
			if (r < 0)
				return r;
			continue;
		}
		if (strncmp(c->in.p, lines ? "OK" : "DATA", lines ? 2 : 4))
			return err_set(e, -EACCES, "systemd refuses the connection: %.*s", (int)(end - c->in.p), c->in.p);
		str_consume(&c->in, (size_t)(end - c->in.p) + 2);
		lines++;
	}
	return 0;
}

/* Text of the addresses "unix:path=/x,guid=..." and plain paths. */
static char *bus_path(bool user)
{
	const char *env = getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	if (env && str_has_prefix(env, "unix:path=")) {
		const char *path = env + strlen("unix:path=");
		return xstrndup(path, strcspn(path, ",;"));
	}
	if (user)
		return runtime ? xasprintf("%s/bus", runtime) : NULL;
	return xstrdup("/run/dbus/system_bus_socket");
}

static int call(struct dbus_conn *c, const struct dbus_call *m, const struct str *body, struct dbus_message *ret, struct err *e);

/* A bus wants a greeting, and asks what to pass on. */
static int greet_bus(struct dbus_conn *c, struct err *e)
{
	struct dbus_call hello = { "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", "" };
	struct dbus_call match = { "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s" };
	AUTO_STR none = STR_INIT, rule = STR_INIT;
	dbus_add_text(&rule, "type='signal',interface='" MANAGER ".Manager',member='JobRemoved'");
	int r = call(c, &hello, &none, NULL, e);
	if (r == 0)
		r = call(c, &match, &rule, NULL, e);
	return r == 0 ? dbus_call_manager(c, MANAGER ".Manager", "Subscribe", "", &none, NULL, e) : r;
}

int dbus_connect(bool user, struct dbus_conn *ret, struct err *e)
{
	AUTO_DBUS c = DBUS_CONN_INIT;
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	AUTO_FREE char *own = user ? runtime ? xasprintf("%s/systemd/private", runtime) : NULL : xstrdup("/run/systemd/private");
	AUTO_FREE char *bus = bus_path(user);
	c.fd = connect_to(own);
	if (c.fd < 0) {
		c.fd = connect_to(bus);
		c.bus = true;
	}
	if (c.fd < 0)
		return err_set(e, c.fd, "connect to the %s's systemd (%s, %s): %s", user ? "user" : "system", own ? own : "no XDG_RUNTIME_DIR",
			       bus ? bus : "no bus", strerror(-c.fd));
	int r = authenticate(&c, e);
	if (r == 0 && c.bus)
		r = greet_bus(&c, e);
	if (r < 0)
		return err_wrap(e, r, "systemd");
	*ret = c;
	c = DBUS_CONN_INIT;
	return 0;
}

/* The next whole message into c->last. */
static int next_message(struct dbus_conn *c, int64_t until, struct dbus_message *ret, struct err *e)
{
	size_t n = 0;
	for (;;) {
		int r = c->in.len < DBUS_HEADER ? 0 : dbus_message_length((const uint8_t *)c->in.p, &n, e);
		if (r < 0)
			return r;
		if (n && c->in.len >= n)
			break;
		r = receive_more(c, until, e);
		if (r < 0)
			return r;
	}
	str_reset(&c->last);
	str_addn(&c->last, c->in.p, n);
	str_consume(&c->in, n);
	return dbus_message_parse((const uint8_t *)c->last.p, n, ret, e);
}

static void keep_job(struct dbus_conn *c, struct dbus_message *m)
{
	uint32_t id;
	const char *path, *unit, *result;
	if (m->type != DBUS_SIGNAL || !str_eq(m->member, "JobRemoved") || dbus_read_u32(m, &id) < 0 || dbus_read_text(m, &path) < 0 ||
	    dbus_read_text(m, &unit) < 0 || dbus_read_text(m, &result) < 0)
		return;
	char *had = c->jobs;
	c->jobs = xasprintf("%s%s %s\n", had ? had : "", path, result);
	free(had);
}

static int refusal(struct dbus_message *m, const char *member, struct err *e)
{
	const char *text = "";
	if (str_has_prefix(m->signature, "s"))
		dbus_read_text(m, &text);
	int code = str_eq(m->error, MANAGER ".UnitExists") ? -EEXIST : str_eq(m->error, MANAGER ".NoSuchUnit") ? -ENOENT : -EIO;
	return err_set(e, code, "%s: %s (%s)", member, text, m->error);
}

static int call(struct dbus_conn *c, const struct dbus_call *m, const struct str *body, struct dbus_message *ret, struct err *e)
{
	AUTO_STR out = STR_INIT;
	struct dbus_message answer;
	int64_t until = clock_mono_ms() + WAIT_MS;
	dbus_add_call(&out, m, ++c->serial, body);
	int r = fs_write_all(c->fd, out.p, out.len);
	if (r < 0)
		return err_code(e, r, "write to systemd");
	for (;;) {
		r = next_message(c, until, &answer, e);
		if (r < 0)
			return r;
		keep_job(c, &answer);
		if ((answer.type == DBUS_REPLY || answer.type == DBUS_ERROR) && answer.reply_to == c->serial)
			break;
	}
	if (answer.type == DBUS_ERROR)
		return refusal(&answer, m->member, e);
	if (ret)
		*ret = answer;
	return 0;
}

int dbus_call_manager(struct dbus_conn *c, const char *interface, const char *member, const char *signature,
		      const struct str *body, struct dbus_message *ret_reply, struct err *e)
{
	struct dbus_call m = { MANAGER, "/org/freedesktop/systemd1", interface, member, signature };
	return call(c, &m, body, ret_reply, e);
}

int dbus_await_job(struct dbus_conn *c, const char *job, const char *unit, struct err *e)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	AUTO_FREE char *key = xasprintf("%s ", job);
	const char *found;
	while (!(found = c->jobs ? strstr(c->jobs, key) : NULL)) {
		struct dbus_message m;
		int r = next_message(c, until, &m, e);
		if (r < 0)
			return err_wrap(e, r, "waiting for unit %s", unit);
		keep_job(c, &m);
	}
	found += strlen(key);
	if (strncmp(found, "done\n", 5))
		return err_set(e, -EIO, "systemd unit `%s`: got `%.*s`", unit, (int)strcspn(found, "\n"), found);
	return 0;
}
