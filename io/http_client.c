/* The HTTP client. Purpose: many calls at once over pooled connections, driven by the loop (libcurl's multi interface).
 *
 * Happy path: a call is set up (http_call_setup.c) and added to the multi handle at the end of the current callback;
 * sockets and one timer of libcurl live on the loop; what comes is taken in (http_call_answer.c), finished calls are
 * told by on_done and freed. What can fail: everything after the start, told once through on_done with an errno;
 * libcurl, too, which the first call loads (curl_load.c). What always holds: libcurl is never called from inside its
 * own callbacks (starting, cancelling and resuming are deferred), and nothing is told about a call after it was
 * cancelled. */
#include "io/http_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/http_client_internal.h"

enum { MAX_IDLE_CONNECTIONS = 16 };

struct client_socket {
	struct http_client *client;
	curl_socket_t fd;
	struct fd_watch *watch;
};

static void client_work(void *arg);

static void schedule(struct http_client *c)
{
	if (c->scheduled)
		return;
	c->scheduled = true;
	loop_defer(c->loop, client_work, c);
}

void http_call_wants(struct http_call *call)
{
	list_remove(&call->work);
	list_add(&call->client->work, &call->work);
	schedule(call->client);
}

static void call_free(struct http_call *call)
{
	if (call->added)
		curl.multi_remove_handle(call->client->multi, call->easy);
	if (call->easy) {
		curl.easy_cleanup(call->easy);
		curl.slist_free_all(call->headers);
		curl.slist_free_all(call->connect_to);
	}
	list_remove(&call->link);
	list_remove(&call->work);
	free((char *)call->o.method);
	free((char *)call->o.url);
	free(call->body);
	str_done(&call->response);
	str_done(&call->response_head);
	free(call);
}

static void call_done(struct http_call *call, CURLcode code)
{
	struct err e = ERR_INIT;
	struct err *told = NULL;
	if (code == CURLE_SEND_ERROR && call->o.read_body && !call->failure && http_call_answer_is_whole(call))
		code = CURLE_OK; /* the server wanted no more of the body */
	if (code != CURLE_OK || call->failure) {
		told = &e;
		err_set(&e, http_call_error(call, code), "%s %s: %s", call->o.method, call->o.url,
			call->failure == -E2BIG ? "response too large"
			: call->error[0]        ? call->error
						: curl.easy_strerror(code));
	}
	call->cancelled = true; /* cancelling it in on_done does nothing */
	call->o.on_done(call->o.arg, call->status, str_text(&call->response), call->response.len, told);
	call_free(call);
}

static void collect_done(struct http_client *c)
{
	CURLMsg *m;
	int left;
	while (!c->freed && c->multi && (m = curl.multi_info_read(c->multi, &left))) {
		struct http_call *call = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		if (!call->cancelled)
			call_done(call, code);
	}
}

static void drive(struct http_client *c, curl_socket_t fd, int what)
{
	int running;
	c->depth++;
	curl.multi_socket_action(c->multi, fd, what, &running);
	c->depth--;
	schedule(c);
}

static void on_timer(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(void *arg, int events)
{
	struct client_socket *s = arg;
	drive(s->client, s->fd,
	      ((events & FD_READ) ? CURL_CSELECT_IN : 0) | ((events & FD_WRITE) ? CURL_CSELECT_OUT : 0));
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;
	(void)multi;
	if (ms < 0) {
		timer_stop(c->timer);
	} else {
		timer_start(c->timer, ms);
	}
	return 0;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct http_client *c = arg;
	struct client_socket *s = socket;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			fd_watch_free(s->watch);
		free(s);
		curl.multi_assign(c->multi, fd, NULL);
		return 0;
	}
	int events = ((what & CURL_POLL_IN) ? FD_READ : 0) | ((what & CURL_POLL_OUT) ? FD_WRITE : 0);
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->client = c;
		s->fd = fd;
		s->watch = fd_watch_new(c->loop, fd, events, on_socket, s);
		curl.multi_assign(c->multi, fd, s);
	} else {
		fd_watch_set(s->watch, events);
	}
	return s->watch ? 0 : -1;
}

static void call_start(struct http_call *call)
{
	if (!call->easy) {
		call_done(call, CURLE_FAILED_INIT);
		return;
	}
	call->added = true;
	CURLMcode r = curl.multi_add_handle(call->client->multi, call->easy);
	if (r == CURLM_OK)
		return;
	call->added = false;
	call->failure = -EINVAL;
	call_done(call, CURLE_FAILED_INIT);
}

static void client_destroy(struct http_client *c)
{
	while (!list_is_empty(&c->calls))
		call_free(LIST_ENTRY(list_pop(&c->calls), struct http_call, link));
	if (c->multi)
		curl.multi_cleanup(c->multi);
	timer_free(c->timer);
	free(c->ca_file);
	free(c->cert_file);
	free(c->key_file);
	free(c->token_file);
	free(c->token);
	free(c);
}

static void serve_call(struct http_call *call)
{
	list_remove(&call->work);
	if (call->cancelled) {
		call_free(call);
	} else if (!call->added) {
		call_start(call);
	} else if (call->answer_whole) {
		call_done(call, CURLE_OK);
	} else {
		curl.easy_pause(call->easy, (call->paused ? CURLPAUSE_RECV : 0) | (call->starved ? CURLPAUSE_SEND : 0));
	}
}

/* Everything that may not happen inside libcurl's callbacks. */
static void client_work(void *arg)
{
	struct http_client *c = arg;
	c->scheduled = false;
	c->depth++;
	while (!c->freed && !list_is_empty(&c->work))
		serve_call(LIST_ENTRY(list_pop(&c->work), struct http_call, work));
	collect_done(c);
	c->depth--;
	if (c->freed && !c->scheduled)
		client_destroy(c);
}

int http_client_new(const struct http_client_config *config, struct http_client **ret, struct err *e)
{
	(void)e;
	struct http_client *c = xcalloc(1, sizeof(*c));
	c->loop = config->loop;
	c->timer = timer_new(c->loop, on_timer, c);
	list_init(&c->calls);
	list_init(&c->work);
	c->ca_file = xstrdup(config->ca_file);
	c->cert_file = xstrdup(config->cert_file);
	c->key_file = xstrdup(config->key_file);
	c->token_file = xstrdup(config->token_file);
	c->insecure = config->insecure;
	*ret = c;
	return 0;
}

/* libcurl's part of the client, which the first call makes. */
static int client_open(struct http_client *c, struct err *e)
{
	int r = c->multi ? 0 : curl_load(e);
	if (r < 0 || c->multi)
		return r;
	c->multi = curl.multi_init();
	if (!c->multi)
		return err_set(e, -ENOMEM, "cannot initialise libcurl");
	curl.multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl.multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl.multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl.multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl.multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl.multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)MAX_IDLE_CONNECTIONS);
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c || c->freed)
		return;
	c->freed = true;
	LIST_FOR_EACH (call, &c->calls, struct http_call, link)
		call->cancelled = true;
	if (c->depth) {
		schedule(c);
	} else if (!c->scheduled) {
		client_destroy(c);
	}
}

struct http_call *http_call_start(struct http_client *c, const struct http_call_opts *o)
{
	struct http_call *call = xcalloc(1, sizeof(*call));
	struct err why = ERR_INIT;
	call->client = c;
	call->failure = client_open(c, &why);
	if (call->failure)
		snprintf(call->error, sizeof(call->error), "%s", err_text(&why));
	call->easy = call->failure ? NULL : curl.easy_init();
	if (!call->easy && !call->failure)
		abort(); /* out of memory */
	call->o = *o;
	call->body = o->body ? xmemdup(o->body, o->body_len) : NULL;
	call->o.method = xstrdup(o->method ? o->method : "GET");
	call->o.url = xstrdup(o->url);
	if (call->easy)
		http_call_set_options(call);
	call->o.headers = NULL;
	call->o.body = NULL;
	call->o.unix_socket = NULL;
	call->o.connect_to = NULL;
	call->o.ca_pem = NULL;
	list_add(&c->calls, &call->link);
	list_init(&call->work);
	http_call_wants(call);
	return call;
}

void http_call_cancel(struct http_call *call)
{
	if (!call || call->cancelled)
		return;
	call->cancelled = true;
	http_call_wants(call);
}

void http_call_pause(struct http_call *call, int paused)
{
	if (call->paused == !!paused)
		return;
	call->paused = paused;
	if (!paused && call->added && !call->cancelled)
		http_call_wants(call);
}

void http_call_resume(struct http_call *call)
{
	if (!call || !call->starved)
		return;
	call->starved = false;
	if (call->added && !call->cancelled)
		http_call_wants(call);
}

size_t http_call_on_send(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_call *call = arg;
	if (call->cancelled)
		return CURL_READFUNC_ABORT;
	ssize_t r = call->o.read_body(call->o.arg, bytes, size * n);
	if (r == -EAGAIN) {
		call->starved = true;
		return CURL_READFUNC_PAUSE;
	}
	if (r < 0) {
		call->failure = (int)r;
		return CURL_READFUNC_ABORT;
	}
	call->sent += r;
	call->sent_all = !r || call->sent == call->o.read_len;
	return (size_t)r;
}
