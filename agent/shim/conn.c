/* The supervisor's clients: agents, one of them at most times. Packets in, packets out; a client that breaks the rules or
 * does not read is cut off and may connect again. */
#include "agent/shim/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum { MAX_FDS = 3 };

static void close_all(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Copies the descriptors of a message out; returns how many. */
static int take_fds(struct msghdr *mh, int fds[MAX_FDS])
{
	int n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		int got = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		int all[MAX_FDS];
		if (got > MAX_FDS - n)
			got = MAX_FDS - n;
		memcpy(all, CMSG_DATA(c), (size_t)got * sizeof(int));
		for (int i = 0; i < got; i++)
			fds[n++] = all[i];
	}
	return n;
}

/* 1: a packet, 0: nothing now, -1: the client is gone. */
static int receive(int fd, struct shim_request *req, int fds[MAX_FDS], int *n_fds)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { req, sizeof(*req) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf) };
	memset(req, 0, sizeof(*req));
	*n_fds = 0;
	ssize_t n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	*n_fds = take_fds(&mh, fds);
	req->id[SHIM_ID_MAX - 1] = req->exec[SHIM_ID_MAX - 1] = '\0';
	req->path[SHIM_PATH_MAX - 1] = req->log[SHIM_PATH_MAX - 1] = '\0';
	return 1;
}

static void on_packet(struct source *s, uint32_t events)
{
	(void)events;
	int conn = (int)(CONTAINER_OF(s, struct conn, src) - sv.conns);
	struct shim_request req;
	int fds[MAX_FDS], n_fds, r;
	while (s->fd >= 0 && (r = receive(s->fd, &req, fds, &n_fds)) != 0) {
		if (r < 0) {
			source_close(s);
			sv.conns[conn].gen++;
			return;
		}
		request_handle(conn, &req, fds, n_fds);
		close_all(fds, n_fds);
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
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { (void *)m, sizeof(*m) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd >= 0) {
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	if (sendmsg(sv.conns[conn].src.fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
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
