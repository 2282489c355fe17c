/* Calling webhooks. Purpose: a review goes to a URL or to a service's endpoint and its answer comes back, without holding
 * up the loop. Happy path: POST over TLS that the hook's CA bundle vouches for, 200, a review. What fails is told as the
 * original tells it; what it means is for the failure policy to say. */
#include "cp/admission/hook_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cp/admission/hook_words.h"
#include "io/http_client.h"

struct hook_call {
	struct http_call *http;
	struct loop *loop;
	json_t *hook;
	char *url, *peer, *ca; /* peer NULL: by the URL; ca NULL: the system's */
	const char *version;
	char uid[37];
	hook_done done;
	void *arg;
	struct err e; /* why it was not even started */
	bool cancelled, deferred;
};

static void call_free(struct hook_call *c)
{
	json_decref(c->hook);
	free(c->url);
	free(c->peer);
	free(c->ca);
	free(c);
}

/* --- where to ----------------------------------------------------------------------------------------------------- */

static const json_t *service_port(const json_t *service, int64_t port)
{
	size_t i;
	json_t *p;
	json_array_foreach(json_at(service, "spec.ports"), i, p)
	{
		if (json_int_at(p, "port", 0) == port)
			return p;
	}
	return NULL;
}

static bool is_ready(const json_t *endpoint)
{
	return json_bool_at(endpoint, "conditions.ready", true);
}

/* The first ready endpoint of a slice behind a port; owned "host:port", NULL when there is none. */
static char *slice_peer(const json_t *slice, const char *port_name)
{
	int64_t port = 0;
	size_t i;
	json_t *v;
	bool six = str_eq(json_str_at(slice, "addressType"), "IPv6");
	json_array_foreach(json_object_get(slice, "ports"), i, v)
	{
		if (strcmp(json_str_or(v, "name", ""), port_name) == 0)
			port = json_int_at(v, "port", 0);
	}
	json_array_foreach(json_object_get(slice, "endpoints"), i, v)
	{
		const char *address = json_string_value(json_array_get(json_object_get(v, "addresses"), 0));
		if (port && address && is_ready(v))
			return xasprintf(six ? "[%s]:%lld" : "%s:%lld", address, (long long)port);
	}
	return NULL;
}

/* An endpoint of the service, or its cluster address. */
static int resolve(const struct admit *a, const json_t *ref, char **ret, struct err *e)
{
	const char *name = json_str_or(ref, "name", ""), *ns = json_str_or(ref, "namespace", "");
	int64_t number = json_int_at(ref, "port", 443);
	AUTO_JSON *service = admission_get(a->n, "", "v1", "services", ns, name);
	if (!service)
		return err_set(e, -ENOENT, "service \"%s\" not found", name);
	const json_t *port = service_port(service, number);
	if (!port)
		return err_set(e, -ENOENT, "no service port %lld found for service \"%s\"", (long long)number, name);
	AUTO_JSON *slices = admission_list(a->n, "discovery.k8s.io", "v1", "endpointslices", ns);
	size_t i;
	json_t *s;
	json_array_foreach(slices, i, s)
	{
		if (!str_eq(json_member(json_at(s, "metadata.labels"), "kubernetes.io/service-name"), name))
			continue;
		if ((*ret = slice_peer(s, json_str_or(port, "name", ""))))
			return 0;
	}
	const char *ip = json_str_or(service, "spec.clusterIP", "");
	if (str_eq(json_str_at(service, "spec.type"), "ExternalName"))
		*ret = xasprintf("%s:%lld", json_str_or(service, "spec.externalName", ""), (long long)number);
	else if (*ip && strcmp(ip, "None") != 0)
		*ret = xasprintf(strchr(ip, ':') ? "[%s]:%lld" : "%s:%lld", ip, (long long)number);
	else
		return err_set(e, -ENOENT, "no endpoints available for service \"%s\"", name);
	return 0;
}

static int find_peer(struct hook_call *c, const struct admit *a)
{
	const json_t *config = json_object_get(c->hook, "clientConfig"), *ref = json_object_get(config, "service");
	const char *url = json_str_or(config, "url", ""), *bundle = json_str_or(config, "caBundle", "");
	int64_t timeout = json_int_at(c->hook, "timeoutSeconds", 10);
	AUTO_STR ca = STR_INIT;
	if (*bundle && base64_decode(&ca, bundle, strlen(bundle)) == 0)
		c->ca = str_take(&ca);
	if (!ref) {
		c->url = xasprintf("%s%stimeout=%llds", url, strchr(url, '?') ? "&" : "?", (long long)timeout);
		return 0;
	}
	const char *path = json_str_or(ref, "path", "");
	c->url = xasprintf("https://%s.%s.svc:%lld%s%s?timeout=%llds", json_str_or(ref, "name", ""),
			   json_str_or(ref, "namespace", ""), (long long)json_int_at(ref, "port", 443), *path == '/' ? "" : "/",
			   path, (long long)timeout);
	return resolve(a, ref, &c->peer, &c->e);
}

/* --- the call ------------------------------------------------------------------------------------------------------ */

static void finish(struct hook_call *c, int r, struct hook_answer *answer, const struct err *e)
{
	if (!c->cancelled)
		c->done(c->arg, c, r, answer, e);
	call_free(c);
}

static void on_answer(void *arg, int status, const char *body, size_t len, const struct err *e)
{
	struct hook_call *c = arg;
	struct hook_answer answer = { 0 };
	struct err why = ERR_INIT;
	bool reached = status && !e, fine = reached && status >= 200 && status <= 299;
	AUTO_FREE char *words = fine      ? NULL
				: reached ? hook_words_of_answer(status, http_call_header(c->http, "content-type"), body, len)
					  : hook_words_of_network(e, c->url, c->peer);
	int r;
	c->http = NULL;
	if (!reached)
		r = err_set(&why, -EIO, "failed to call webhook: Post \"%s\": %s", c->url, words);
	else if (!fine)
		r = err_set(&why, -EIO, "failed to call webhook: %s", words);
	else if ((r = hook_review_response(body, len, c->version, c->uid, &answer, &why)) < 0)
		err_wrap(&why, r, "received invalid webhook response");
	finish(c, r, &answer, r < 0 ? &why : NULL);
	hook_answer_done(&answer);
}

static void fail_later(void *arg)
{
	struct hook_call *c = arg;
	finish(c, c->e.code, NULL, &c->e);
}

static void send(struct hook_call *c, const struct admit *a, const struct hook_form *form)
{
	static const char *const headers[] = { "Content-Type: application/json", "Accept: application/json, */*",
					       "User-Agent: kube-apiserver-admission", "Expect:", NULL };
	AUTO_JSON *review = hook_review_request(a, form, c->version, c->uid);
	AUTO_FREE char *text = json_text(review);
	c->http = http_call_start(a->n->http, &(struct http_call_opts){
						      .method = "POST",
						      .url = c->url,
						      .headers = headers,
						      .body = text,
						      .body_len = strlen(text),
						      .timeout_ms = (int)json_int_at(c->hook, "timeoutSeconds", 10) * 1000,
						      .connect_to = c->peer,
						      .ca_pem = c->ca,
						      .on_done = on_answer,
						      .arg = c });
}

struct hook_call *hook_call_start(const struct admit *a, const struct hook_form *form, json_t *hook, hook_done done, void *arg)
{
	struct hook_call *c = xcalloc(1, sizeof(*c));
	c->loop = a->n->c.loop;
	c->hook = json_incref(hook);
	c->done = done;
	c->arg = arg;
	c->version = hook_review_version(hook);
	rand_uuid(c->uid);
	int r = find_peer(c, a);
	if (r < 0) {
		err_wrap(&c->e, r, "Post \"%s\"", c->url);
		err_wrap(&c->e, r, "failed to call webhook");
	}
	if (r == 0 && !c->version)
		r = err_set(&c->e, -EINVAL, "could not convert the review: it accepts none of the versions v1, v1beta1");
	if (r == 0) {
		send(c, a, form);
	} else {
		c->deferred = true;
		loop_defer(c->loop, fail_later, c);
	}
	return c;
}

void hook_call_cancel(struct hook_call *c)
{
	if (!c)
		return;
	c->cancelled = true;
	if (c->deferred)
		return; /* freed when it would have ended */
	http_call_cancel(c->http);
	call_free(c);
}
