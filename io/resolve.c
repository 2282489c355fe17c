/* Addresses of a name. Purpose: names of servers in configurations. Happy path: a thread of libuv asks the system, the
 * addresses are told on the loop. What can fail: the name is not known, or nobody answers (-EHOSTUNREACH). What always holds:
 * a cancelled question is never told; the loop waits for its thread before it is freed. */
#include "io/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/mem.h"
#include "base/str.h"

struct resolve {
	uv_getaddrinfo_t uv;
	struct loop *loop;
	char *host;
	bool asked; /* a thread is at it */
	void (*done)(void *arg, char *const *addresses, const struct err *e); /* NULL: cancelled */
	void *arg;
};

static char **numeric(const struct addrinfo *at)
{
	char **out = NULL;
	char text[INET6_ADDRSTRLEN];
	for (; at; at = at->ai_next)
		if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
			strv_add(&out, text);
	return out;
}

static void on_answer(uv_getaddrinfo_t *uv, int status, struct addrinfo *found)
{
	struct resolve *r = uv->data;
	AUTO_STRV char **addresses = numeric(found);
	struct err e = ERR_INIT;
	loop_expect(r->loop, -1);
	uv_freeaddrinfo(found);
	if (!addresses)
		err_set(&e, -EHOSTUNREACH, "lookup %s: %s", r->host, status < 0 ? uv_strerror(status) : "no such host");
	if (r->done)
		r->done(r->arg, addresses, addresses ? NULL : &e);
	free(r->host);
	free(r);
}

static void on_numeric(void *arg)
{
	struct resolve *r = arg;
	char *const addresses[] = {r->host, NULL};
	if (r->done)
		r->done(r->arg, addresses, NULL);
	free(r->host);
	free(r);
}

static bool is_numeric(const char *host)
{
	struct in6_addr a;
	return inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;
}

struct resolve *resolve_start(struct loop *l, const char *host,
			      void (*done)(void *arg, char *const *addresses, const struct err *e), void *arg)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct resolve *r = xcalloc(1, sizeof(*r));
	r->loop = l;
	r->host = xstrdup(host);
	r->done = done;
	r->arg = arg;
	r->uv.data = r;
	if (is_numeric(host)) {
		loop_defer(l, on_numeric, r);
		return r;
	}
	r->asked = true;
	if (uv_getaddrinfo(loop_uv(l), &r->uv, on_answer, host, NULL, &hints) < 0)
		abort(); /* out of memory */
	loop_expect(l, 1);
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	r->done = NULL;
	if (r->asked)
		uv_cancel((uv_req_t *)&r->uv); /* ignoring: one that runs already ends by itself */
}
