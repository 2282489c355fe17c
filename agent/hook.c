/* Handlers of probes and lifecycle hooks: exec, httpGet, tcpSocket, grpc, sleep.
 *
 * Happy path: the action is started, its end or the timeout calls done once. What can fail: everything, as ok = false
 * with the text of the event. What always holds: after hook_cancel() or done nothing of it is left on the loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/pod.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/protobuf.h"
#include "io/net/ip.h"

enum { OUTPUT_MAX = 4096 };

struct hook {
	struct pod *p;
	hook_done done;
	void *arg;
	struct timer *timer;
	struct exec *exec;
	struct http_call *http;
	struct fd_watch *watch;
	int fd; /* TCP socket, or the read end of an exec's output */
	bool sleeping;
	bool deferred; /* a failure that is told from the loop */
	char *text;
};

void hook_cancel(struct hook *h)
{
	if (!h)
		return;
	timer_free(h->timer);
	exec_cancel(h->exec);
	if (h->http)
		http_call_cancel(h->http);
	fd_watch_free(h->watch);
	close_fd(&h->fd);
	free(h->text);
	free(h);
}

static void finish(struct hook *h, bool ok, const char *text)
{
	hook_done done = h->done;
	void *arg = h->arg;
	AUTO_FREE char *copy = xstrdup(text);
	hook_cancel(h);
	done(arg, ok, copy);
}

static void on_timer(void *arg)
{
	struct hook *h = arg;
	if (h->sleeping)
		finish(h, true, "");
	else
		finish(h, false, h->deferred ? h->text : "command timed out");
}

/* A failure that is known at once comes from the loop like any other. */
static void fail_soon(struct hook *h, const char *text)
{
	h->deferred = true;
	text_set(&h->text, text);
	timer_start(h->timer, 0);
}

static void on_exec_started(void *arg, int r, int tty_fd, const struct err *e)
{
	struct hook *h = arg;
	close_fd(&tty_fd);
	if (r >= 0)
		return;
	h->exec = NULL;
	fail_soon(h, err_text(e));
}

static void on_exec_ended(void *arg, int exit_code)
{
	struct hook *h = arg;
	char out[OUTPUT_MAX + 1];
	ssize_t n = h->fd >= 0 ? read(h->fd, out, OUTPUT_MAX) : 0;
	out[n > 0 ? n : 0] = '\0';
	h->exec = NULL;
	AUTO_FREE char *text = *out        ? xstrdup(out)
			       : exit_code ? xasprintf("command exited with %d", exit_code)
					   : xstrdup("");
	finish(h, exit_code == 0, text);
}

static void start_exec(struct hook *h, const struct container_state *c, const json_t *handler)
{
	AUTO_STRV char **argv = NULL;
	size_t i;
	json_t *v;
	int out[2];
	json_array_foreach(json_object_get(handler, "command"), i, v) strv_add(&argv, json_string_value(v));
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!argv || null < 0 || pipe2(out, O_CLOEXEC) < 0) {
		fail_soon(h, argv ? strerror(errno) : "no command");
		return;
	}
	/* The pipe takes 64 KiB; a chattier probe would wait, so its writes fail instead once the pipe is full. */
	(void)fcntl(out[1], F_SETFL, O_NONBLOCK);
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	h->fd = out[0];
	h->exec =
	    exec_start(h->p, c, argv, false, (const int[3]){null, out[1], out[1]}, on_exec_started, on_exec_ended, h);
	close(out[1]);
}

static int resolve_port(const struct container_state *c, const json_t *port)
{
	int64_t number;
	if (json_is_integer(port))
		return (int)json_integer_value(port);
	const json_t *named = json_find(json_object_get(c->spec, "ports"), "name", json_string_value(port));
	if (named)
		return (int)json_int_at(named, "containerPort", -1);
	return json_is_string(port) && str_to_i64(json_string_value(port), &number) == 0 ? (int)number : -1;
}

static const char *default_host(const struct pod *p)
{
	return pod_host_network(p->state)          ? (p->agent->boot_ip ? p->agent->boot_ip : "127.0.0.1")
	       : p->state->ips && p->state->ips[0] ? p->state->ips[0]
						   : "127.0.0.1";
}

static void on_http_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct hook *h = arg;
	h->http = NULL;
	AUTO_FREE char *text =
	    status ? xasprintf("HTTP probe failed with statuscode: %d", status) : xstrdup(err_text(e));
	(void)body;
	(void)len;
	finish(h, status >= 200 && status < 400, text);
}

static void on_http_data(void *arg, const char *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
}

static void start_http(struct hook *h, const struct container_state *c, const json_t *handler, int64_t timeout_ms)
{
	const char *host = json_str_at(handler, "host"), *path = json_str_or(handler, "path", "/");
	int port = resolve_port(c, json_object_get(handler, "port"));
	bool https = str_eq(json_str_at(handler, "scheme"), "HTTPS");
	host = str_empty(host) ? default_host(h->p) : host;
	bool six = strchr(host, ':');
	AUTO_FREE char *url = xasprintf("%s://%s%s%s:%d%s%s", https ? "https" : "http", six ? "[" : "", host,
					six ? "]" : "", port, *path == '/' ? "" : "/", path);
	const json_t *own = json_object_get(handler, "httpHeaders");
	AUTO_STRV char **headers = NULL;
	bool agent = false, accept = false;
	size_t i;
	json_t *v;
	json_array_foreach(own, i, v)
	{
		const char *name = json_str_or(v, "name", "");
		AUTO_FREE char *line = xasprintf("%s: %s", name, json_str_or(v, "value", ""));
		agent |= !strcasecmp(name, "User-Agent");
		accept |= !strcasecmp(name, "Accept");
		strv_add(&headers, line);
	}
	if (!agent)
		strv_add(&headers, "User-Agent: kube-probe/1.36");
	if (!accept)
		strv_add(&headers, "Accept: */*");
	strv_add(&headers, "Connection: close");
	struct http_call_opts o = {.method = "GET",
				   .url = url,
				   .headers = (const char *const *)headers,
				   .timeout_ms = (int)timeout_ms,
				   .connect_timeout_ms = (int)timeout_ms,
				   .on_data = on_http_data,
				   .on_done = on_http_done,
				   .arg = h};
	h->http = http_call_start(h->p->agent->http, &o);
}

static void on_connected(void *arg, int events)
{
	(void)events;
	struct hook *h = arg;
	int code = 0;
	socklen_t len = sizeof(code);
	(void)getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &code, &len);
	finish(h, code == 0, code ? strerror(code) : "");
}

static void start_tcp(struct hook *h, const struct container_state *c, const json_t *handler)
{
	const char *host = json_str_at(handler, "host");
	int port = resolve_port(c, json_object_get(handler, "port"));
	struct ip ip;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa = {0};
	if (ip_parse(str_empty(host) ? default_host(h->p) : host, &ip) < 0 || port <= 0 || port > 65535) {
		fail_soon(h, "no numeric address or port to connect to");
		return;
	}
	sa.any.sa_family = (sa_family_t)ip.family;
	sa.v4.sin_port = htons((uint16_t)port); /* the same place in both */
	memcpy(ip.family == AF_INET ? (void *)&sa.v4.sin_addr : (void *)&sa.v6.sin6_addr, ip.b, ip_len(&ip));
	h->fd = socket(ip.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = ip.family == AF_INET ? sizeof(sa.v4) : sizeof(sa.v6);
	if (h->fd < 0 || (connect(h->fd, &sa.any, len) < 0 && errno != EINPROGRESS)) {
		fail_soon(h, strerror(errno));
		return;
	}
	h->watch = fd_watch_new(h->p->agent->loop, h->fd, FD_WRITE, on_connected, h);
}

/* The status of a HealthCheckResponse behind the five bytes that frame it; -1: there is none. */
static int grpc_serving(const char *body, size_t len)
{
	struct protobuf_reader r = protobuf_reader(body + 5, len > 5 ? len - 5 : 0);
	struct protobuf_field f;
	int status = len >= 5 && !body[0] ? 0 : -1;
	while (status >= 0 && protobuf_next(&r, &f) > 0)
		if (f.number == 1 && f.wire == PROTOBUF_VARINT)
			status = (int)f.value;
	return status;
}

static void on_grpc_done(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct hook *h = arg;
	int serving = status == 200 ? grpc_serving(body, len) : -1;
	h->http = NULL;
	AUTO_FREE char *text = status != 200 && e ? xasprintf("timeout: failed to connect service within the time that it has: %s", err_text(e))
			       : serving < 0      ? xstrdup("error: this server does not implement the grpc health protocol (grpc.health.v1.Health)")
						  : xasprintf("service unhealthy (responded with \"%s\")",
							      serving == 2 ? "NOT_SERVING" : serving == 3 ? "SERVICE_UNKNOWN" : "UNKNOWN");
	finish(h, serving == 1, text);
}

/* grpc.health.v1.Health/Check over HTTP/2 without TLS (gRPC health checking protocol). */
static void start_grpc(struct hook *h, const json_t *handler, int64_t timeout_ms)
{
	static const char *const headers[] = {"Content-Type: application/grpc", "TE: trailers", "User-Agent: kube-probe/1.36", NULL};
	const char *host = default_host(h->p), *service = json_str_or(handler, "service", "");
	AUTO_STR message = STR_INIT, body = STR_INIT;
	bool six = strchr(host, ':');
	AUTO_FREE char *url = xasprintf("http://%s%s%s:%lld/grpc.health.v1.Health/Check", six ? "[" : "", host, six ? "]" : "",
					(long long)json_int_at(handler, "port", 0));
	if (*service)
		protobuf_add_text(&message, 1, service);
	const unsigned char frame[5] = {0, 0, (unsigned char)(message.len >> 16), (unsigned char)(message.len >> 8), (unsigned char)message.len};
	str_addn(&body, frame, sizeof(frame));
	str_addn(&body, str_text(&message), message.len);
	struct http_call_opts o = {.method = "POST",
				   .url = url,
				   .headers = headers,
				   .body = body.p,
				   .body_len = body.len,
				   .http2 = 1,
				   .timeout_ms = (int)timeout_ms,
				   .connect_timeout_ms = (int)timeout_ms,
				   .on_done = on_grpc_done,
				   .arg = h};
	h->http = http_call_start(h->p->agent->http, &o);
}

struct hook *hook_start(struct pod *p, const struct container_state *c, const json_t *handler, int64_t timeout_ms,
			const char *kind, hook_done done, void *arg)
{
	struct hook *h = xcalloc(1, sizeof(*h));
	const json_t *what;
	*h = (struct hook){.p = p, .done = done, .arg = arg, .fd = -1};
	h->timer = timer_new(p->agent->loop, on_timer, h);
	timer_start(h->timer, timeout_ms);
	if ((what = json_object_get(handler, "sleep"))) {
		h->sleeping = true;
		timer_start(h->timer, MIN(json_int_at(what, "seconds", 0) * 1000, timeout_ms));
	} else if ((what = json_object_get(handler, "httpGet"))) {
		start_http(h, c, what, timeout_ms);
	} else if ((what = json_object_get(handler, "tcpSocket"))) {
		start_tcp(h, c, what);
	} else if ((what = json_object_get(handler, "grpc"))) {
		start_grpc(h, what, timeout_ms);
	} else if (!p->shim) {
		fail_soon(h, "the pod has no supervisor");
	} else if ((what = json_object_get(handler, "exec"))) {
		start_exec(h, c, what);
	} else {
		AUTO_FREE char *text = xasprintf("this agent supports no %s handler of that type", kind);
		fail_soon(h, text);
	}
	return h;
}
