/* connect-time ROUNDS CLIENT-NETNS SERVER-NETNS PORT DIRECT SERVICE: what a connection to a service costs beside a direct
 * one. DIRECT and SERVICE are IPv4 addresses with ports ("10.0.0.2:8080"); whatever they lead to listens on PORT in the other
 * network namespace, TCP and UDP. Prints one line for each of connect (a TCP handshake), connection (from socket() to the
 * server's accept() and both ends closed) and datagram (of a new flow, until the server has it):
 *
 *   connect DIRECT SERVICE MORE LOW HIGH
 *
 * all in nanoseconds: both medians, the median of the differences of pairs, and the bounds between which it lies with 95 %.
 *
 * One thread is client and server, on one processor: over veth a packet's whole way is walked inside of the call that sends
 * it, so that the time of the call is that of the work. Direct and service take turns, in alternating order; what disturbs a
 * turn falls on one pair, and medians of thousands of pairs do not see it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WARM_ROUNDS = 200 };

static void fail(const char *what)
{
	fprintf(stderr, "connect-time: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		fail(path);
	close(fd);
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	char ip[32];
	unsigned port;
	if (sscanf(text, "%31[^:]:%u", ip, &port) != 2 || inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		fail(text);
	a.sin_port = htons((uint16_t)port);
	return a;
}

static int bound(int type, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval limit = {.tv_sec = 5};
	int s = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || (type == SOCK_STREAM && listen(s, 64) < 0))
		fail("server");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return s;
}

struct cost {
	int64_t connect, connection, datagram;
};

struct servers {
	int tcp, udp;
};

static void connect_once(const struct servers *s, const struct sockaddr_in *to, struct cost *ret)
{
	struct linger reset = {.l_onoff = 1}; /* no port is left waiting */
	int64_t began = now_ns();
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t t = now_ns();
	if (c < 0 || connect(c, (const struct sockaddr *)to, sizeof(*to)) < 0)
		fail("connect");
	ret->connect = now_ns() - t;
	int peer = accept4(s->tcp, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0)
		fail("accept");
	setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c);
	close(peer);
	ret->connection = now_ns() - began;
}

static void send_once(const struct servers *s, const struct sockaddr_in *to, struct cost *ret)
{
	char byte = 0;
	int c = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t t = now_ns();
	if (c < 0 || sendto(c, &byte, 1, 0, (const struct sockaddr *)to, sizeof(*to)) != 1 || recv(s->udp, &byte, 1, 0) != 1)
		fail("datagram");
	ret->datagram = now_ns() - t;
	close(c);
}

static struct cost measure(const struct servers *s, const struct sockaddr_in *to)
{
	struct cost c = {0};
	connect_once(s, to, &c);
	send_once(s, to, &c);
	return c;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int64_t median(int64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static size_t root(size_t n)
{
	size_t r = 1;
	while (r * r < n)
		r++;
	return r;
}

/* offset: of the measure in struct cost. The bounds are order statistics: half of the pairs lie on either side. */
static void tell(const char *what, const struct cost (*pairs)[2], size_t n, size_t offset)
{
	int64_t *v = calloc(n, sizeof(*v)), medians[2];
	if (!v)
		fail("memory");
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < n; i++)
			v[i] = *(const int64_t *)((const char *)&pairs[i][k] + offset);
		medians[k] = median(v, n);
	}
	for (size_t i = 0; i < n; i++)
		v[i] = *(const int64_t *)((const char *)&pairs[i][1] + offset) - *(const int64_t *)((const char *)&pairs[i][0] + offset);
	int64_t more = median(v, n);
	size_t off = root(n), low = n / 2 > off ? n / 2 - off : 0;
	printf("%s %lld %lld %lld %lld %lld\n", what, (long long)medians[0], (long long)medians[1], (long long)more, (long long)v[low],
	       (long long)v[n - 1 - low]);
	free(v);
}

static void pin(void)
{
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

int main(int argc, char **argv)
{
	if (argc != 7 || atoi(argv[1]) < 10) {
		fprintf(stderr, "usage: connect-time ROUNDS CLIENT-NETNS SERVER-NETNS PORT DIRECT SERVICE\n");
		return 2;
	}
	size_t n = (size_t)atoi(argv[1]);
	struct sockaddr_in to[2] = {address(argv[5]), address(argv[6])};
	struct cost(*pairs)[2] = calloc(n, sizeof(*pairs));
	if (!pairs)
		fail("memory");
	pin();
	enter(argv[3]);
	struct servers s = {bound(SOCK_STREAM, (uint16_t)atoi(argv[4])), bound(SOCK_DGRAM, (uint16_t)atoi(argv[4]))};
	enter(argv[2]);
	for (size_t i = 0; i < WARM_ROUNDS; i++)
		measure(&s, &to[i % 2]);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 2; k++)
			pairs[i][(i + k) % 2] = measure(&s, &to[(i + k) % 2]);
	tell("connect", (const void *)pairs, n, offsetof(struct cost, connect));
	tell("connection", (const void *)pairs, n, offsetof(struct cost, connection));
	tell("datagram", (const void *)pairs, n, offsetof(struct cost, datagram));
	free(pairs);
	return 0;
}
