/* Datagrams. Happy path: a batch is received with one call, answered, and the answers sent with one call; those that have to
 * wait for another server follow one by one. What can fail: a datagram that cannot be sent is lost, as any may be. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/server_internal.h"
#include "io/net/ip_socket.h"

enum { BATCH = 32, BATCHES_MAX = 8, REQUEST_MAX = 1536 };

/* Replies that are ready while a batch is handled. */
struct batch {
	struct mmsghdr out[BATCH];
	struct iovec iov[BATCH];
	uint8_t bytes[BATCH][DNS_UDP_MAX];
	size_t n;
};

/* One request. */
struct ticket {
	struct dns_server *s;
	struct sockaddr_storage from;
	socklen_t from_len;
	struct batch *batch; /* NULL: the batch is over */
};

static void send_late(struct ticket *t, const uint8_t *bytes, size_t len)
{
	if (t->s->udp_fd >= 0 && bytes)
		sendto(t->s->udp_fd, bytes, len, MSG_NOSIGNAL, (struct sockaddr *)&t->from, t->from_len);
	dns_server_unref(t->s);
	free(t);
}

static void on_reply(void *arg, const uint8_t *bytes, size_t len)
{
	struct ticket *t = arg;
	struct batch *b = t->batch;
	if (!b) {
		send_late(t, bytes, len);
		return;
	}
	t->batch = NULL; /* answered: the batch has the copy */
	t->from_len = bytes ? t->from_len : 0;
	if (!bytes)
		return;
	memcpy(b->bytes[b->n], bytes, len);
	b->iov[b->n] = (struct iovec){b->bytes[b->n], len};
	b->out[b->n].msg_hdr = (struct msghdr){
	    .msg_name = &t->from, .msg_namelen = t->from_len, .msg_iov = &b->iov[b->n], .msg_iovlen = 1};
	b->n++;
}

/* Requests that wait get a ticket of their own; the others' are used again. */
static void handle(struct dns_server *s, struct batch *b, struct ticket **tickets, const struct mmsghdr *in,
		   const uint8_t (*bytes)[REQUEST_MAX], size_t n)
{
	b->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct ticket *t = tickets[i];
		struct ip client = ip_of_sockaddr(&t->from, NULL);
		t->s = s;
		t->from_len = in[i].msg_hdr.msg_namelen;
		t->batch = b;
		resolver_answer(s->resolver, bytes[i], in[i].msg_len, false, &client, on_reply, t);
		if (!t->batch)
			continue;
		t->batch = NULL;
		s->refs++;
		tickets[i] = xcalloc(1, sizeof(struct ticket));
	}
	for (size_t sent = 0; sent < b->n;) {
		int r = sendmmsg(s->udp_fd, b->out + sent, (unsigned)(b->n - sent), MSG_NOSIGNAL);
		sent += r > 0 ? (size_t)r : 1; /* one that cannot be sent is lost */
	}
}

void dns_server_on_udp(void *server, int events)
{
	static struct batch b;
	static struct ticket *tickets[BATCH];
	static uint8_t bytes[BATCH][REQUEST_MAX];
	struct dns_server *s = server;
	(void)events;
	for (int round = 0; round < BATCHES_MAX; round++) {
		struct mmsghdr in[BATCH] = {0};
		struct iovec iov[BATCH];
		for (size_t i = 0; i < BATCH; i++) {
			if (!tickets[i])
				tickets[i] = xcalloc(1, sizeof(struct ticket));
			iov[i] = (struct iovec){bytes[i], REQUEST_MAX};
			in[i].msg_hdr = (struct msghdr){.msg_name = &tickets[i]->from, .msg_namelen = sizeof(tickets[i]->from),
							.msg_iov = &iov[i], .msg_iovlen = 1};
		}
		int n = recvmmsg(s->udp_fd, in, BATCH, MSG_DONTWAIT, NULL);
		if (n > 0)
			handle(s, &b, tickets, in, bytes, (size_t)n);
		if (n < BATCH)
			return;
	}
}
