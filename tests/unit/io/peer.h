/* A plain client socket driven by the same loop as the server under test. */
#ifndef KNARR_TESTS_IO_PEER_H
#define KNARR_TESTS_IO_PEER_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "io/loop.h"

static inline int peer_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static inline void peer_send(int fd, const void *bytes, size_t n)
{
	ck_assert_int_eq(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline void peer_say(int fd, const char *text)
{
	peer_send(fd, text, strlen(text));
}

/* Reads what is there without blocking; false at the end of the connection. */
static inline bool peer_read(int fd, struct str *in)
{
	char buf[65536];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		str_addn(in, buf, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Runs the loop until in holds text (true) or the connection ended or 3 s went by (false). */
static inline bool peer_until(struct loop *l, int fd, struct str *in, const char *text)
{
	int64_t end = clock_mono_ms() + 20000;
	while (clock_mono_ms() < end) {
		loop_run_once(l, 1);
		bool open = peer_read(fd, in);
		if (in->p && memmem(in->p, in->len, text, strlen(text)))
			return true;
		if (!open)
			return false;
	}
	return false;
}

/* Runs the loop until the server closes the connection; false after 3 s. */
static inline bool peer_until_end(struct loop *l, int fd, struct str *in)
{
	int64_t end = clock_mono_ms() + 20000;
	while (clock_mono_ms() < end) {
		loop_run_once(l, 1);
		if (!peer_read(fd, in))
			return true;
	}
	return false;
}

#endif
