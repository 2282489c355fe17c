/* Impersonation. Purpose: a user who may acts as another one. Happy path: no such header; or a mode in which the user may
 * impersonate the wanted one. A mode asks for "impersonate-on:MODE:VERB" on what the request is about and for
 * "impersonate:MODE" on every part of the wanted user; the oldest, without a name, only for "impersonate" on the parts.
 * Fails with 400 for headers without a user, with 403 in the words of the first mode that applies. */
#include "cp/api/impersonate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/names.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/audit.h"

#define AUTHENTICATION "authentication.k8s.io"
#define EXTRA_PREFIX "impersonate-extra-"
#define NODE_PREFIX "system:node:"

enum { MANY = 4 }; /* from so many parts on, the right to all of them is asked for first */

/* --- headers ------------------------------------------------------------------------------------------------------------ */

static bool read_headers(const struct http_exchange *x, struct auth_user *u)
{
	size_t n;
	const struct http_header *h = http_headers(x, &n);
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		if (!strcasecmp(h[i].name, "impersonate-user") && !u->name)
			u->name = xstrdup(h[i].value);
		else if (!strcasecmp(h[i].name, "impersonate-uid") && !u->uid)
			u->uid = xstrdup(h[i].value);
		else if (!strcasecmp(h[i].name, "impersonate-group"))
			strv_add(&u->groups, h[i].value), any = true;
		else if (!strncasecmp(h[i].name, EXTRA_PREFIX, strlen(EXTRA_PREFIX))) {
			AUTO_FREE char *key = auth_extra_key(h[i].name + strlen(EXTRA_PREFIX));
			auth_user_add_extra(u, key, h[i].value);
		}
	}
	u->name = u->name ? u->name : xstrdup("");
	u->uid = u->uid ? u->uid : xstrdup("");
	return any || *u->name || *u->uid || u->n_extra;
}

/* []string{"a", "b"}, as Go writes it. */
static void add_go_list(struct str *out, char *const *v)
{
	str_add(out, v ? "[]string{" : "[]string(nil)");
	for (size_t i = 0; v && v[i]; i++) {
		str_add(out, i ? ", " : "");
		str_add_json(out, v[i]);
	}
	str_add(out, v ? "}" : "");
}

static json_t *no_user(const struct auth_user *u)
{
	AUTO_STR text = STR_INIT;
	str_add(&text, "&user.DefaultInfo{Name:\"\", UID:");
	str_add_json(&text, u->uid);
	str_add(&text, ", Groups:");
	add_go_list(&text, u->groups);
	str_add(&text, u->n_extra ? ", Extra:map[string][]string{" : ", Extra:map[string][]string(nil)");
	for (size_t i = 0; i < u->n_extra; i++) {
		str_add(&text, i ? ", " : "");
		str_add_json(&text, u->extra[i].key);
		str_addc(&text, ':');
		add_go_list(&text, u->extra[i].values);
	}
	str_add(&text, u->n_extra ? "}}" : "}");
	return status_bad_request("requested %s without impersonating a user name", str_text(&text));
}

/* --- modes -------------------------------------------------------------------------------------------------------------- */

/* Who is wanted, and what the name says. */
struct wanted {
	struct auth_user user;
	char *node, *account_ns, *account; /* NULL: it is no node, no service account */
	bool only_name;
};

static void wanted_done(struct wanted *w)
{
	auth_user_done(&w->user);
	free(w->node);
	free(w->account_ns);
	free(w->account);
}

static void classify(struct wanted *w)
{
	const char *name = w->user.name;
	if (str_has_prefix(name, NODE_PREFIX) && !name_check_subdomain(name + strlen(NODE_PREFIX)))
		w->node = xstrdup(name + strlen(NODE_PREFIX));
	sa_split_user_name(name, &w->account_ns, &w->account);
	w->only_name = !w->user.groups && !w->user.n_extra && !*w->user.uid;
}

/* The requester is a service account's token of a pod on that very node. */
static bool is_associated(const struct req *q, const struct wanted *w)
{
	char *const *node = auth_user_extra(&q->user, AUTH_NODE_NAME);
	AUTO_FREE char *ns = NULL, *name = NULL;
	return w->node && node && str_eq(node[0], w->node) && !node[1] && sa_split_user_name(q->user.name, &ns, &name);
}

static bool on_own_node(const struct req *q, const struct wanted *w)
{
	return w->only_name && is_associated(q, w);
}

static bool on_any_node(const struct req *q, const struct wanted *w)
{
	(void)q;
	return w->only_name && w->node;
}

static bool on_account(const struct req *q, const struct wanted *w)
{
	(void)q;
	return w->only_name && w->account;
}

static bool on_others(const struct req *q, const struct wanted *w)
{
	(void)q;
	return !w->node && !w->account;
}

static const struct mode {
	const char *name; /* NULL: the oldest one */
	bool (*applies)(const struct req *q, const struct wanted *w);
	bool any_node; /* the right holds for every node, as the requester's own is known */
} modes[] = {
    {"associated-node", on_own_node, true},
    {"arbitrary-node", on_any_node, false},
    {"serviceaccount", on_account, false},
    {"user-info", on_others, false},
    {NULL, NULL, false},
};

static json_t *ask(const struct req *q, const struct auth_attributes *a)
{
	return api_may(q, a) ? NULL : api_forbidden(&q->user, a, NULL);
}

static json_t *check_name(const struct req *q, const struct wanted *w, const struct mode *m, struct auth_attributes a)
{
	a.group = m->name ? AUTHENTICATION : "";
	a.resource = "users";
	a.name = w->user.name;
	if (m->name && w->node) {
		a.resource = "nodes";
		a.name = m->any_node ? "*" : w->node;
	} else if (w->account) {
		a.resource = "serviceaccounts";
		a.ns = w->account_ns;
		a.name = w->account;
	}
	return ask(q, &a);
}

static json_t *check_groups(const struct req *q, const struct wanted *w, const struct mode *m, struct auth_attributes a)
{
	json_t *status = NULL;
	a.group = m->name ? AUTHENTICATION : "";
	a.resource = "groups";
	if (m->name && strv_has(w->user.groups, ""))
		return api_forbidden(&q->user, &a, "impersonating the empty string group is not allowed");
	a.name = "system:masters";
	if (m->name && strv_has(w->user.groups, a.name))
		return api_forbidden(&q->user, &a, "impersonating the system:masters group is not allowed");
	a.name = "*";
	if (m->name && strv_len(w->user.groups) >= MANY && api_may(q, &a))
		return NULL;
	for (char **g = w->user.groups; !status && g && *g; g++) {
		a.name = *g;
		status = ask(q, &a);
	}
	return status;
}

/* Why a key or value of extra is refused, NULL when it is not; owned. */
static char *extra_problem(const struct auth_extra *extra)
{
	if (!*extra->key)
		return xstrdup("impersonating the empty string key in extra is not allowed");
	if (!strchr(extra->key, '/'))
		return xasprintf("impersonating an invalid key in extra is not allowed: extra.key: Invalid value: \"%s\": must be a "
				 "domain-prefixed path (such as \"acme.io/foo\")",
				 extra->key);
	if (strv_has(extra->values, ""))
		return xstrdup("impersonating the empty string value in extra is not allowed");
	return NULL;
}

static json_t *check_extra(const struct req *q, const struct wanted *w, const struct mode *m, struct auth_attributes a)
{
	json_t *status = NULL;
	size_t n = 0;
	a.group = AUTHENTICATION;
	a.resource = "userextras";
	for (size_t i = 0; i < w->user.n_extra; i++) {
		AUTO_FREE char *problem = m->name ? extra_problem(&w->user.extra[i]) : NULL;
		if (problem)
			return api_forbidden(&q->user, &a, problem);
		n += strv_len(w->user.extra[i].values);
	}
	a.subresource = a.name = "*";
	if (m->name && n >= MANY && api_may(q, &a))
		return NULL;
	for (size_t i = 0; i < w->user.n_extra; i++) {
		a.subresource = w->user.extra[i].key;
		for (char **v = w->user.extra[i].values; !status && *v; v++) {
			a.name = *v;
			status = ask(q, &a);
		}
	}
	return status;
}

static json_t *check_mode(const struct req *q, const struct wanted *w, const struct mode *m)
{
	struct auth_attributes on = api_attributes(q);
	AUTO_FREE char *on_verb = xasprintf("impersonate-on:%s:%s", m->name ? m->name : "", on.verb);
	AUTO_FREE char *verb = m->name ? xasprintf("impersonate:%s", m->name) : xstrdup("impersonate");
	struct auth_attributes a = {.verb = verb, .group = AUTHENTICATION, .resource = "uids", .subresource = "", .ns = "", .name = ""};
	on.verb = on_verb;
	json_t *status = m->name ? ask(q, &on) : NULL;
	if (!status)
		status = check_name(q, w, m, a);
	a.name = w->user.uid;
	if (!status && *w->user.uid)
		status = ask(q, &a);
	a.name = "";
	if (!status && w->user.groups)
		status = check_groups(q, w, m, a);
	if (!status && w->user.n_extra)
		status = check_extra(q, w, m, a);
	return status;
}

/* The groups that follow from the name, and whether the user counts as authenticated. */
static void complete(struct wanted *w, const struct mode *m)
{
	struct auth_user *u = &w->user;
	bool anonymous = auth_user_is_anonymous(u);
	if (m->name && w->node)
		strv_add(&u->groups, "system:nodes");
	if (w->account && !u->groups)
		u->groups = sa_groups(w->account_ns);
	const char *group = anonymous ? AUTH_UNAUTHENTICATED : AUTH_AUTHENTICATED;
	if (!auth_user_in(u, group) && (anonymous || !auth_user_in(u, AUTH_UNAUTHENTICATED)))
		strv_add(&u->groups, group);
}

json_t *impersonate(struct req *q)
{
	AUTO(wanted_done) struct wanted w = {0};
	json_t *first = NULL;
	if (!q->x || !read_headers(q->x, &w.user))
		return NULL;
	if (!*w.user.name)
		return no_user(&w.user);
	classify(&w);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (modes[i].applies && !modes[i].applies(q, &w))
			continue;
		json_t *status = check_mode(q, &w, &modes[i]);
		if (!status) {
			json_decref(first);
			complete(&w, &modes[i]);
			auth_user_copy(&q->user, &w.user);
			audit_impersonated(q);
			return NULL;
		}
		if (first)
			json_decref(status);
		else
			first = status;
	}
	return first;
}
