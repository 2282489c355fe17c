/* Words to the supervisor.
 *
 * Happy path: one datagram. What can fail: no such socket, nobody reads it. What always holds: without NOTIFY_SOCKET
 * nothing happens. */
#include "base/sd_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd_pass.h"
#include "base/mem.h"

/* A socket connected to the supervisor's; -ENOTCONN where none is named. */
static int connect_supervisor(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (!path)
		return -ENOTCONN;
	if ((*path != '/' && *path != '@') || strlen(path) >= sizeof(to.sun_path))
		return -EINVAL;
	memcpy(to.sun_path, path, strlen(path));
	if (*path == '@')
		to.sun_path[0] = '\0'; /* the abstract name space */
	AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	return fd < 0 || connect(fd, (struct sockaddr *)&to, len) < 0 ? -errno : TAKE_FD(fd);
}

int sd_notify_send(const char *text)
{
	AUTO_FD int fd = connect_supervisor();
	if (fd < 0)
		return fd == -ENOTCONN ? 0 : fd;
	return send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int sd_notify_barrier(int timeout_ms)
{
	int ends[2];
	AUTO_FD int fd = connect_supervisor();
	if (fd < 0)
		return fd == -ENOTCONN ? 0 : fd;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	int r = fd_pass_send(fd, "BARRIER=1", strlen("BARRIER=1"), &ends[1], 1, 0);
	close(ends[1]);
	AUTO_FD int reading = ends[0];
	struct pollfd p = { .fd = reading, .events = POLLIN };
	if (r < 0)
		return r;
	do /* the pipe hangs up when the last of its other ends is closed, which is the supervisor's */
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : r < 0 ? -errno : -ETIMEDOUT;
}
