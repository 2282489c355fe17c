/* Readiness of a container.
 *
 * Happy path: a datagram socket in a directory that is bound read-only at /run/notify; READY= comes in, READY=, MAINPID=
 * and BARRIER= go out. What can fail: the socket; a supervisor that does not read is not waited for longer than its
 * barrier. What always holds: nothing else that the container says is handed on, above all no other MAINPID. */
#include "cmd/oci/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/sd_notify.h"
#include "base/str.h"

#define INSIDE "/run/notify"
#define FILE_NAME "notify.sock"
#define BARRIER_MS 30000

void notify_done(struct notify *n)
{
	close_fd(&n->fd);
	n->fd = -1;
}

bool notify_wanted(void)
{
	return !str_empty(getenv("NOTIFY_SOCKET"));
}

void notify_configure(json_t *config, const char *root, const char *id)
{
	AUTO_FREE char *source = xasprintf("%s/%s/notify", root, id);
	json_t *mount = json_pack("{s:s, s:s, s:[s,s,s,s,s]}", "destination", INSIDE, "source", source, "options", "bind",
				  "nosuid", "noexec", "nodev", "ro");
	json_array_append_new(json_array_at(config, "mounts"), mount);
	json_array_append_new(json_array_at(config, "process.env"), json_string("NOTIFY_SOCKET=" INSIDE "/" FILE_NAME));
}

int notify_bind(struct notify *n, const char *root, const char *id, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	AUTO_FREE char *dir = xasprintf("%s/%s/notify", root, id);
	AUTO_FD int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (dir_fd < 0 || fd < 0)
		return err_sys(e, "notify socket in %s", dir);
	/* By the descriptor, since an address holds no long path. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" FILE_NAME, dir_fd);
	unlinkat(dir_fd, FILE_NAME, 0);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || fchmodat(dir_fd, FILE_NAME, 0777, 0) < 0)
		return err_sys(e, "notify socket in %s", dir);
	n->fd = TAKE_FD(fd);
	return 0;
}

/* The line of text that begins with READY=; owned, NULL without. */
static char *ready_line(const char *text)
{
	AUTO_STRV char **lines = str_split(text, '\n');
	for (size_t i = 0; i < strv_len(lines); i++)
		if (str_has_prefix(lines[i], "READY="))
			return xasprintf("%s\n", lines[i]);
	return NULL;
}

bool notify_pass(struct notify *n, pid_t main_pid)
{
	char text[4096];
	ssize_t len = recv(n->fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[len > 0 ? len : 0] = '\0';
	AUTO_FREE char *ready = ready_line(text), *pid = xasprintf("MAINPID=%d\n", main_pid);
	if (!ready)
		return false;
	if (sd_notify_send(ready) == 0 && sd_notify_send(pid) == 0)
		sd_notify_barrier(BARRIER_MS);
	return true;
}

int notify_relay(struct notify *n, pid_t main_pid, int pidfd, struct err *e)
{
	enum { SOCKET, EXIT };
	struct pollfd f[] = { [SOCKET] = { .fd = n->fd, .events = POLLIN }, [EXIT] = { .fd = pidfd, .events = POLLIN } };
	while (n->fd >= 0) {
		if (poll(f, ARRAY_LEN(f), -1) < 0 && errno != EINTR)
			return err_sys(e, "wait for the container's readiness");
		if ((f[SOCKET].revents && notify_pass(n, main_pid)) || f[EXIT].revents)
			return 0;
	}
	return 0;
}
