/* Messages of creator and child.
 *
 * Happy path: one packet a message. What can fail: the other side dies, which reads as -EPIPE: neither side ever waits for
 * a process that is gone. What always holds: messages have one fixed size, received descriptors are close-on-exec. */
#include "runtime/sync.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd_pass.h"
#include "base/mem.h"
#include "runtime/notice.h"

struct message {
	int type, value;
	char text[1024];
};

int sync_pair(int ret[2], struct err *e)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? err_sys(e, "socketpair") : 0;
}

static int send_with_fd(int sock, const void *bytes, size_t n, int fd)
{
	return fd_pass_send(sock, bytes, n, &fd, fd >= 0, 0);
}

int sync_send(int sock, enum sync_type type, int value, int fd)
{
	struct message m = { .type = (int)type, .value = value };
	return send_with_fd(sock, &m, sizeof(m), fd);
}

int sync_send_error(int sock, const struct err *why)
{
	struct message m = { .type = SYNC_ERROR, .value = why->code ? why->code : -EIO };
	snprintf(m.text, sizeof(m.text), "%s", err_text(why));
	return send_with_fd(sock, &m, sizeof(m), -1);
}

int sync_send_notice(int sock, int level, const char *text)
{
	struct message m = { .type = SYNC_NOTICE, .value = level };
	snprintf(m.text, sizeof(m.text), "%s", text);
	return send_with_fd(sock, &m, sizeof(m), -1);
}

/* A peer that ended without reading all that was sent to it shows as an error first; what it sent itself comes after. */
static ssize_t receive(int sock, struct message *m, int *fd)
{
	ssize_t n = fd_pass_receive(sock, m, sizeof(*m), fd, 1, 0);
	return n == -ECONNRESET ? fd_pass_receive(sock, m, sizeof(*m), fd, 1, 0) : n;
}

int sync_receive(int sock, enum sync_type *ret_type, int *ret_value, int *ret_fd, struct err *e)
{
	struct message m;
	AUTO_FD int fd = -1;
	ssize_t n;
	while ((n = receive(sock, &m, &fd)) == (ssize_t)sizeof(m) && m.type == SYNC_NOTICE) {
		m.text[sizeof(m.text) - 1] = '\0';
		notice_emit(m.value == CONTAINER_WARNING ? CONTAINER_WARNING : CONTAINER_DEBUG, m.text);
		close_fd(&fd);
		fd = -1;
	}
	if (n == 0 || n == -ECONNRESET)
		return err_set(e, -EPIPE, "the container's process ended unexpectedly");
	if (n != (ssize_t)sizeof(m))
		return err_set(e, n < 0 ? (int)n : -EBADMSG, "broken message from the container's process");
	m.text[sizeof(m.text) - 1] = '\0';
	if (m.type == SYNC_ERROR)
		return err_set(e, m.value < 0 ? m.value : -EIO, "%s", m.text);
	*ret_type = (enum sync_type)m.type;
	if (ret_value)
		*ret_value = m.value;
	if (ret_fd)
		*ret_fd = TAKE_FD(fd);
	return 0;
}

int sync_expect(int sock, enum sync_type type, int *ret_value, struct err *e)
{
	enum sync_type got;
	int r = sync_receive(sock, &got, ret_value, NULL, e);
	if (r == 0 && got != type)
		return err_set(e, -EBADMSG, "message %d where %d was due", (int)got, (int)type);
	return r;
}

int sync_send_go(int sock, pid_t pid, struct cgroup_doors *doors)
{
	struct message m = { .type = SYNC_GO, .value = pid };
	int r = fd_pass_send(sock, &m, sizeof(m), doors->fds, (int)doors->n, 0);
	cgroup_doors_done(doors);
	/* It has ended already: why, is in the message that it left. */
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int sync_await_go(int sock, struct err *e)
{
	struct message m;
	struct cgroup_doors doors = { 0 };
	ssize_t n = fd_pass_receive(sock, &m, sizeof(m), doors.fds, CGROUP_DOORS_MAX, 0);
	while (doors.n < CGROUP_DOORS_MAX && doors.fds[doors.n] >= 0)
		doors.n++;
	if (n != (ssize_t)sizeof(m) || m.type != SYNC_GO) {
		cgroup_doors_done(&doors);
		return err_set(e, n < 0 ? (int)n : -EPIPE, "the runtime ended unexpectedly");
	}
	int r = cgroup_doors_enter(&doors);
	return r < 0 ? err_code(e, r, "enter the cgroup") : 0;
}

int sync_connect(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(e, -ENAMETOOLONG, "socket path %s is too long", path);
	strcpy(a.sun_path, path);
	AUTO_FD int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "connect to %s", path);
	return TAKE_FD(sock);
}

int sync_send_fd(int sock, int fd, const char *message, struct err *e)
{
	int r = send_with_fd(sock, message, strlen(message), fd);
	return r < 0 ? err_code(e, r, "send descriptor") : 0;
}

int sync_send_fd_to(const char *path, int fd, const char *message, struct err *e)
{
	AUTO_FD int sock = sync_connect(path, e);
	return sock < 0 ? sock : sync_send_fd(sock, fd, message, e);
}
