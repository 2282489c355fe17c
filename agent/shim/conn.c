/* The supervisor's clients: agents, one of them at most times. Packets in, packets out; a client that breaks the rules or
 * does not read is cut off and may connect again. */
#include "agent/shim/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_pass.h"
#include "base/mem.h"

enum { MAX_FDS = 3 };

static int count(const int fds[MAX_FDS])
{
	int n = 0;
	while (n < MAX_FDS && fds[n] >= 0)
		n++;
	return n;
}

static void close_all(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* 1: a packet, 0: nothing now, -1: the client is gone. */
static int receive(int fd, struct shim_request *req, int fds[MAX_FDS])
{
	ssize_t n = fd_pass_receive(fd, req, sizeof(*req), fds, MAX_FDS, MSG_DONTWAIT);
	if (n <= 0)
		return n == -EAGAIN ? 0 : -1;
	req->id[SHIM_ID_MAX - 1] = req->exec[SHIM_ID_MAX - 1] = '\0';
	req->path[SHIM_PATH_MAX - 1] = req->log[SHIM_PATH_MAX - 1] = '\0';
	return 1;
}

static void on_packet(struct source *s, uint32_t events)
{
	(void)events;
	int conn = (int)(CONTAINER_OF(s, struct conn, src) - sv.conns);
	struct shim_request req;
	int fds[MAX_FDS], r;
	while (s->fd >= 0 && (r = receive(s->fd, &req, fds)) != 0) {
		if (r < 0) {
			source_close(s);
			sv.conns[conn].gen++;
			return;
		}
		request_handle(conn, &req, fds, count(fds));
		close_all(fds, MAX_FDS);
	}
}

static bool is_root(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == geteuid();
}

void conn_accept(struct source *s, uint32_t events)
{
	(void)events;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; i < MAX_CONNS && is_root(fd); i++) {
		if (sv.conns[i].src.fd >= 0)
			continue;
		int room = 1 << 20;
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		sv.conns[i].gen++;
		if (source_add(&sv.conns[i].src, fd, EPOLLIN, on_packet) == 0)
			return;
		break;
	}
	close(fd);
}

void conn_send(int conn, uint32_t gen, const struct shim_message *m, int fd)
{
	if (conn < 0 || sv.conns[conn].src.fd < 0 || sv.conns[conn].gen != gen)
		return;
	if (fd_pass_send(sv.conns[conn].src.fd, m, sizeof(*m), &fd, fd >= 0, MSG_DONTWAIT) < 0) {
		source_close(&sv.conns[conn].src);
		sv.conns[conn].gen++;
	}
}

void conn_broadcast(const struct shim_message *m)
{
	for (int i = 0; i < MAX_CONNS; i++)
		conn_send(i, sv.conns[i].gen, m, -1);
}

void conn_reply(int conn, uint32_t id_no, int code, const char *text)
{
	struct shim_message m = { .version = SHIM_PROTO_VERSION, .type = SHIM_REPLY, .id_no = id_no, .code = code };
	snprintf(m.text, sizeof(m.text), "%s", text ? text : code < 0 ? strerror(-code) : "");
	if (conn >= 0)
		conn_send(conn, sv.conns[conn].gen, &m, -1);
}
