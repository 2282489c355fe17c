/* Authentication and authorization of the agent's server. Purpose: it is asked by the API server, but also by monitoring
 * with tokens of its own. Happy path: a certificate or a reviewed token names the user; members of system:masters and
 * the API server's own identity may do everything; all others are asked for at the API server, first for the
 * fine-grained subresource (nodes/pods, nodes/healthz, nodes/configz), then for nodes/proxy. What can fail: 401 (nobody),
 * 403 (may not, or the API server cannot be asked). What always holds: no answer is remembered longer than two minutes;
 * tokens are kept as hashes only. */
#include "agent/server_auth.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/server.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/mem.h"

enum { MAX_KEPT = 1024, USER_MS = 120000, ALLOWED_MS = 120000, REFUSED_MS = 30000 };

struct kept {
	int64_t until; /* monotonic, ms */
	json_t *user;  /* of a token: {"username", "groups" ...}; NULL: the token is no good */
	bool allowed;  /* of a question */
};

struct server_auth {
	struct agent *agent;
	struct map *tokens, *questions; /* struct kept */
	struct list checks;
};

/* One request whose user or right is being asked for. */
struct check {
	struct list link;
	struct server_auth *auth;
	struct http_exchange *x;
	void (*go)(void *arg, struct http_exchange *x);
	void *arg;
	json_t *user;
	const char *verb, *subresource; /* asked for now */
	char *key;			/* what the answer is kept under */
	struct api_call *call;
};

static void kept_free(void *p)
{
	struct kept *k = p;
	json_decref(k->user);
	free(k);
}

struct server_auth *server_auth_new(struct agent *a)
{
	struct server_auth *s = xcalloc(1, sizeof(*s));
	s->agent = a;
	s->tokens = map_new(kept_free);
	s->questions = map_new(kept_free);
	list_init(&s->checks);
	return s;
}

static void check_free(struct check *c)
{
	if (c->call)
		api_cancel(c->call);
	list_remove(&c->link);
	json_decref(c->user);
	free(c->key);
	free(c);
}

void server_auth_free(struct server_auth *s)
{
	if (!s)
		return;
	LIST_FOR_EACH(c, &s->checks, struct check, link)
	{
		http_on_close(c->x, NULL, NULL);
		check_free(c);
	}
	map_free(s->tokens);
	map_free(s->questions);
	free(s);
}

static struct kept *recall(struct map *m, const char *key)
{
	struct kept *k = map_get(m, key);
	return k && k->until > clock_mono_ms() ? k : NULL;
}

static void remember(struct map *m, const char *key, json_t *user, bool allowed, int64_t ms)
{
	struct kept *k = xcalloc(1, sizeof(*k));
	*k = (struct kept){clock_mono_ms() + ms, json_incref(user), allowed};
	if (map_len(m) >= MAX_KEPT)
		map_clear(m);
	map_set(m, key, k);
}

/* --- what is asked for -------------------------------------------------------------------------------------------- */

const char *server_auth_verb(const char *method)
{
	static const struct {
		const char *method, *verb;
	} verbs[] = {{"GET", "get"}, {"HEAD", "get"}, {"POST", "create"}, {"PUT", "update"}, {"PATCH", "patch"}, {"DELETE", "delete"}};
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].method, method) == 0)
			return verbs[i].verb;
	return "";
}

const char *server_auth_subresource(const char *path)
{
	static const struct {
		const char *path, *subresource;
	} trees[] = {{"/stats", "stats"},     {"/metrics", "metrics"}, {"/logs", "log"},	  {"/checkpoint", "checkpoint"},
		     {"/pods", "pods"},	      {"/runningpods", "pods"}, {"/runningPods", "pods"}, {"/healthz", "healthz"},
		     {"/configz", "configz"}};
	for (size_t i = 0; i < ARRAY_LEN(trees); i++) {
		size_t n = strlen(trees[i].path);
		if (strncmp(path, trees[i].path, n) == 0 && (!path[n] || path[n] == '/'))
			return trees[i].subresource;
	}
	return "proxy";
}

/* Those which nodes/proxy allows as well. */
static bool has_wider(const char *subresource)
{
	return !strcmp(subresource, "pods") || !strcmp(subresource, "healthz") || !strcmp(subresource, "configz");
}

/* --- the end of a check ------------------------------------------------------------------------------------------- */

static struct http_exchange *check_end(struct check *c)
{
	struct http_exchange *x = c->x;
	http_on_close(x, NULL, NULL);
	check_free(c);
	return x;
}

static void unauthorized(struct check *c)
{
	server_text(check_end(c), 401, "Unauthorized");
}

static void forbidden(struct check *c)
{
	AUTO_FREE char *user = xstrdup(json_str_or(c->user, "username", ""));
	const char *verb = c->verb, *subresource = server_auth_subresource(http_path(c->x));
	server_text(check_end(c), 403, "Forbidden (user=%s, verb=%s, resource=nodes, subresource(s)=[%s%s])\n", user, verb, subresource,
		    has_wider(subresource) ? " proxy" : "");
}

static void allowed(struct check *c)
{
	void (*go)(void *, struct http_exchange *) = c->go;
	void *arg = c->arg;
	go(arg, check_end(c));
}

static void on_gone(void *arg, struct http_exchange *x)
{
	(void)x;
	check_free(arg);
}

/* --- whether they may --------------------------------------------------------------------------------------------- */

static void ask_right(struct check *c);

static void take_right(struct check *c, bool may)
{
	if (may) {
		allowed(c);
	} else if (has_wider(c->subresource)) {
		c->subresource = "proxy";
		ask_right(c);
	} else {
		forbidden(c);
	}
}

static void on_right(void *arg, int status, json_t *body, const struct err *e)
{
	struct check *c = arg;
	bool may = json_bool_at(body, "status.allowed", false);
	(void)status;
	c->call = NULL;
	if (e) {
		forbidden(c);
		return;
	}
	remember(c->auth->questions, c->key, NULL, may, may ? ALLOWED_MS : REFUSED_MS);
	take_right(c, may);
}

static void ask_right(struct check *c)
{
	struct agent *a = c->auth->agent;
	AUTO_FREE char *user = json_text(c->user);
	free(c->key);
	c->key = xasprintf("%s %s %s", c->verb, c->subresource, user);
	struct kept *k = recall(c->auth->questions, c->key);
	if (k) {
		take_right(c, k->allowed);
		return;
	}
	if (!a->api) {
		forbidden(c);
		return;
	}
	AUTO_JSON *review = json_pack("{s:s,s:s,s:{s:{s:s,s:s,s:s,s:s,s:s}}}", "kind", "SubjectAccessReview", "apiVersion",
				      "authorization.k8s.io/v1", "spec", "resourceAttributes", "verb", c->verb, "version", "v1",
				      "resource", "nodes", "subresource", c->subresource, "name", a->config->node_name);
	json_set_str(review, "spec.user", json_str_or(c->user, "username", ""));
	if (json_object_get(c->user, "groups"))
		json_set_at(review, "spec.groups", json_incref(json_object_get(c->user, "groups")));
	if (json_object_get(c->user, "extra"))
		json_set_at(review, "spec.extra", json_incref(json_object_get(c->user, "extra")));
	if (json_str_at(c->user, "uid"))
		json_set_str(review, "spec.uid", json_str_at(c->user, "uid"));
	c->call = api_create(a->api, "/apis/authorization.k8s.io/v1/subjectaccessreviews", review, on_right, c);
}

static void authorize(struct check *c)
{
	c->verb = server_auth_verb(http_method(c->x));
	c->subresource = server_auth_subresource(http_path(c->x));
	ask_right(c);
}

/* --- who it is ---------------------------------------------------------------------------------------------------- */

static void on_user(void *arg, int status, json_t *body, const struct err *e)
{
	struct check *c = arg;
	(void)status;
	c->call = NULL;
	bool good = !e && json_bool_at(body, "status.authenticated", false);
	json_t *user = good ? json_at(body, "status.user") : NULL;
	if (!e)
		remember(c->auth->tokens, c->key, user, good, USER_MS);
	if (!user) {
		unauthorized(c);
		return;
	}
	c->user = json_incref(user);
	authorize(c);
}

static char *token_key(const char *token)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	AUTO_STR out = STR_INIT;
	SHA256((const unsigned char *)token, strlen(token), digest);
	base64url_encode(&out, digest, sizeof(digest));
	return str_take(&out);
}

static void ask_user(struct check *c, const char *token)
{
	struct agent *a = c->auth->agent;
	c->key = token_key(token);
	struct kept *k = recall(c->auth->tokens, c->key);
	if (k && k->user) {
		c->user = json_incref(k->user);
		authorize(c);
	} else if (k || !a->api) {
		unauthorized(c);
	} else {
		AUTO_JSON *review = json_pack("{s:s,s:s,s:{s:s}}", "kind", "TokenReview", "apiVersion", "authentication.k8s.io/v1",
					      "spec", "token", token);
		c->call = api_create(a->api, "/apis/authentication.k8s.io/v1/tokenreviews", review, on_user, c);
	}
}

static json_t *certificate_user(const struct http_exchange *x)
{
	json_t *groups = json_array();
	char *const *o = http_peer_organizations(x);
	for (size_t i = 0; o && o[i]; i++)
		json_array_append_new(groups, json_string(o[i]));
	json_array_append_new(groups, json_string("system:authenticated"));
	return json_pack("{s:s,s:o}", "username", http_peer_common_name(x), "groups", groups);
}

void server_auth_check(struct server_auth *s, struct http_exchange *x, void (*go)(void *arg, struct http_exchange *x), void *arg)
{
	const char *cn = http_peer_common_name(x), *header = http_header_get(x, "authorization");
	if (server_allows(cn, http_peer_organizations(x))) {
		go(arg, x);
		return;
	}
	bool bearer = header && strncasecmp(header, "bearer ", 7) == 0;
	if (str_empty(cn) && !bearer) {
		server_text(x, 401, "Unauthorized");
		return;
	}
	struct check *c = xcalloc(1, sizeof(*c));
	*c = (struct check){.auth = s, .x = x, .go = go, .arg = arg};
	list_init(&c->link);
	list_add(&s->checks, &c->link);
	http_on_close(x, on_gone, c);
	if (!str_empty(cn)) {
		c->user = certificate_user(x);
		authorize(c);
	} else {
		ask_user(c, header + 7 + strspn(header + 7, " "));
	}
}
