/* Packets with descriptors.
 *
 * Happy path: one sendmsg(2) or recvmsg(2) a message. What can fail: what the socket reports. What always holds: nothing is
 * allocated; a received descriptor is close-on-exec and either handed to the caller or closed. */
#include "base/fd_pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one more than are passed: the padding of a control message can hold a descriptor that nobody asked for. */
union control {
	char bytes[CMSG_SPACE(sizeof(int) * (FD_PASS_MAX + 1))];
	struct cmsghdr align;
};

int fd_pass_send(int sock, const void *bytes, size_t n, const int *fds, int n_fds, int flags)
{
	union control control = { { 0 } };
	struct iovec v = { (void *)bytes, n };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	size_t size = sizeof(int) * (size_t)n_fds;
	if (n_fds < 0 || n_fds > FD_PASS_MAX)
		return -EINVAL;
	if (n_fds) {
		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(size) };
		memcpy(CMSG_DATA(c), fds, size);
	}
	ssize_t r;
	do
		r = sendmsg(sock, &h, flags | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* The descriptors of one control message to the free places from *at on; closes what has none. */
static void take(const struct cmsghdr *c, int *fds, int max_fds, int *at)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
		if (*at < max_fds)
			fds[(*at)++] = fd;
		else
			close(fd);
	}
}

ssize_t fd_pass_receive(int sock, void *bytes, size_t n, int *fds, int max_fds, int flags)
{
	union control control;
	struct iovec v = { bytes, n };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1 };
	int at = 0;
	ssize_t r;
	memset(bytes, 0, n);
	for (int i = 0; i < max_fds; i++)
		fds[i] = -1;
	do {
		h.msg_control = control.bytes;
		h.msg_controllen = sizeof(control.bytes);
		r = recvmsg(sock, &h, flags | MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take(c, fds, max_fds, &at);
	return r;
}
