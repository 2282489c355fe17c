/* serviceaccounts/token. Purpose: a token for a service account, maybe bound to a pod, secret or node. Happy path: the
 * account and what the token is bound to are there, the claims are signed, 201 with the request and its status. Fails with
 * 400, 403 (a node asks for what does not run on it), 404, 409 (another uid), 422. The token is nowhere kept. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "cp/api/admit.h"
#include "cp/api/managers.h"
#include "cp/api/update.h"

#define AUTHENTICATION "authentication.k8s.io"

enum { DEFAULT_SECONDS = 3600 };

/* A request on its way. */
struct token_request {
	struct req *q;
	struct kind kind;
	json_t *object;                 /* owned */
	json_t *account, *bound, *node; /* owned; node is that of a bound pod */
	const char *resource;           /* of bound: "pods" ...; NULL: there is none */
};

static void request_done(struct token_request *t)
{
	json_decref(t->object);
	json_decref(t->account);
	json_decref(t->bound);
	json_decref(t->node);
}

static void request_init(struct token_request *t, struct req *q)
{
	*t = (struct token_request){.q = q,
				    .kind = {.group = AUTHENTICATION,
					     .version = "v1",
					     .kind = "TokenRequest",
					     .plural = "tokenrequests",
					     .namespaced = true,
					     .type = schema_type(q->api->schema, "authentication.v1.TokenRequest")}};
}

static json_t *get(const struct token_request *t, const char *resource, const char *ns, const char *name)
{
	return t->q->api->objects.get(t->q->api->objects.arg, resource, ns, name);
}

static json_t *check_identity(const struct token_request *t)
{
	const json_t *name = json_at(t->object, "metadata.name");
	if (str_empty(json_string_value(name)) || !strcmp(json_string_value(name), t->q->route.name))
		return NULL;
	AUTO_FIELD_ERRORS errors = {0};
	field_invalid(&errors, "metadata.name", name, "must match the service account name if specified");
	return status_invalid(AUTHENTICATION, "TokenRequest", t->q->route.name, &errors);
}

/* Whoever names a uid wants the token of that account, and of no later one of the same name. */
static json_t *check_uid(const struct token_request *t)
{
	const char *wanted = json_str_or(t->object, "metadata.uid", ""), *uid = json_str_or(t->account, "metadata.uid", "");
	if (!*wanted || !strcmp(wanted, uid))
		return NULL;
	return status_conflict(AUTHENTICATION, "TokenRequest", t->q->route.name,
			       "the UID in the token request (%s) does not match the UID of the service account (%s)", wanted, uid);
}

static json_t *check_seconds(const struct token_request *t)
{
	AUTO_FIELD_ERRORS errors = {0};
	json_t *seconds = json_at(t->object, "spec.expirationSeconds");
	int64_t n = json_integer_value(seconds);
	if (n < SA_SECONDS_MIN)
		field_invalid(&errors, "spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
	if (n > 1LL << 32)
		field_invalid(&errors, "spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
	return errors.n ? status_invalid(AUTHENTICATION, "TokenRequest", "", &errors) : NULL;
}

static json_t *read_request(struct token_request *t)
{
	json_t *status = options_check(t->q, "CreateOptions");
	if (!status)
		status = body_object(t->q, &t->kind, &t->object);
	if (!status)
		status = namespace_matches(t->q, t->object);
	if (status)
		return status;
	json_t *spec = json_object_at(t->object, "spec");
	if (!json_object_get(spec, "expirationSeconds"))
		json_object_set_new(spec, "expirationSeconds", json_integer(DEFAULT_SECONDS));
	managers_update_of(t->q, &t->kind, NULL, t->object);
	return NULL;
}

static json_t *find_account(struct token_request *t)
{
	const struct req *q = t->q;
	json_t *spec = json_object_get(t->object, "spec"), *status = check_identity(t);
	if (status)
		return status;
	if (!(t->account = get(t, "serviceaccounts", q->route.ns, q->route.name)))
		return status_not_found("", "serviceaccounts", q->route.name);
	if ((status = check_uid(t)))
		return status;
	if (!json_array_size(json_object_get(spec, "audiences")))
		json_object_set_new(spec, "audiences", json_clone(authn_audiences(q->api->authn)));
	return check_seconds(t);
}

/* "/v1, Kind=Pod", as the reference writes a kind. */
static char *kind_text(const char *api_version, const char *kind)
{
	const char *slash = strchr(api_version, '/');
	return slash ? xasprintf("%s, Kind=%s", api_version, kind) : xasprintf("/%s, Kind=%s", api_version, kind);
}

static json_t *find_bound(struct token_request *t)
{
	static const char *const kinds[][2] = {{"Pod", "pods"}, {"Secret", "secrets"}, {"Node", "nodes"}};
	const json_t *ref = json_at(t->object, "spec.boundObjectRef");
	const char *kind = json_str_or(ref, "kind", ""), *version = json_str_or(ref, "apiVersion", ""), *name = json_str_or(ref, "name", "");
	const char *uid = json_str_or(ref, "uid", "");
	if (!json_is_object(ref))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i][0], kind) && !strchr(version, '/'))
			t->resource = kinds[i][1];
	if (!t->resource) {
		AUTO_FREE char *text = kind_text(version, kind);
		return status_bad_request("cannot bind token to object of type %s", text);
	}
	if (!(t->bound = get(t, t->resource, strcmp(kind, "Node") ? t->q->route.ns : "", name)))
		return status_not_found("", t->resource, name);
	if (!strcmp(kind, "Pod") && strcmp(json_str_or(t->bound, "spec.serviceAccountName", ""), t->q->route.name))
		return status_bad_request("cannot bind token for serviceaccount \"%s\" to pod running with different serviceaccount name.",
					  t->q->route.name);
	if (*uid && strcmp(uid, json_str_or(t->bound, "metadata.uid", "")))
		return status_conflict("", kind, name,
				       "the UID in the bound object reference (%s) does not match the UID in record. The object might "
				       "have been deleted and then recreated",
				       uid);
	if (!strcmp(kind, "Pod"))
		t->node = get(t, "nodes", "", json_str_or(t->bound, "spec.nodeName", ""));
	return NULL;
}

static struct sa_ref ref_to(const json_t *object)
{
	return (struct sa_ref){json_str_at(object, "metadata.name"), json_str_or(object, "metadata.uid", "")};
}

static void bind(const struct token_request *t, struct sa_token *token)
{
	if (str_eq(t->resource, "secrets")) {
		token->secret = ref_to(t->bound);
	} else if (str_eq(t->resource, "nodes")) {
		token->node = ref_to(t->bound);
	} else if (t->bound) {
		const char *node = json_str_or(t->bound, "spec.nodeName", "");
		token->pod = ref_to(t->bound);
		if (*node)
			token->node = (struct sa_ref){node, json_str_or(t->node, "metadata.uid", "")};
	}
}

static bool is_for_api(const struct token_request *t)
{
	return json_equal(json_at(t->object, "spec.audiences"), authn_audiences(t->q->api->authn));
}

static json_t *issue(struct token_request *t)
{
	const struct api *a = t->q->api;
	AUTO_FREE char *text = NULL;
	char until[RFC3339_MAX];
	struct err e = ERR_INIT;
	int64_t seconds = json_int_at(t->object, "spec.expirationSeconds", DEFAULT_SECONDS), now_s = clock_wall_ms() / 1000;
	struct sa_token token = {.issuer = authn_issuer(a->authn),
				 .ns = t->q->route.ns,
				 .account = ref_to(t->account),
				 .audiences = json_at(t->object, "spec.audiences"),
				 .now_s = now_s,
				 .seconds = seconds};
	bind(t, &token);
	if (a->extend_tokens && token.pod.name && seconds == SA_WARN_SECONDS && is_for_api(t)) {
		token.warn_after_s = seconds;
		token.seconds = SA_EXTENDED_SECONDS;
	}
	AUTO_JSON *claims = sa_claims(&token);
	if (!authn_signing_key(a->authn) || jwt_sign(authn_signing_key(a->authn), claims, &text, &e) < 0)
		return status_plain_500("failed to generate token: %s", e.code ? err_text(&e) : "there is no signing key");
	json_object_set_new(t->object, "status", json_pack("{s:s, s:s}", "token", text, "expirationTimestamp",
							   rfc3339((now_s + seconds) * 1000, until)));
	return NULL;
}

/* The answer: the request with the account's identity; its spec has all its members. */
static json_t *finish(struct token_request *t)
{
	static const char *const identity[] = {"name", "namespace", "uid", "creationTimestamp"};
	json_t *meta = json_object_at(t->object, "metadata"), *spec = json_object_get(t->object, "spec"), *whole = json_object();
	for (size_t i = 0; i < ARRAY_LEN(identity); i++)
		json_object_set(meta, identity[i], json_object_get(json_object_get(t->account, "metadata"), identity[i]));
	json_object_set(whole, "audiences", json_object_get(spec, "audiences"));
	json_object_set(whole, "expirationSeconds", json_object_get(spec, "expirationSeconds"));
	json_t *ref = json_object_get(spec, "boundObjectRef");
	json_object_set(whole, "boundObjectRef", ref ? ref : json_null());
	json_object_set_new(t->object, "spec", whole);
	return json_incref(t->object);
}

static void limit_seconds(const struct token_request *t)
{
	json_t *spec = json_object_get(t->object, "spec");
	int64_t wanted = json_int_at(spec, "expirationSeconds", 0), max = t->q->api->token_seconds_max;
	if (!max || wanted <= max)
		return;
	AUTO_FREE char *text =
	    xasprintf("requested expiration of %lld seconds shortened to %lld seconds", (long long)wanted, (long long)max);
	req_warn(t->q, text);
	json_set_int(spec, "expirationSeconds", max);
}

static void on_admitted(struct req *q, json_t *status, json_t *object)
{
	AUTO(request_done) struct token_request t = {0};
	request_init(&t, q);
	t.object = json_incref(object);
	if (!status)
		status = find_account(&t);
	if (!status)
		status = find_bound(&t);
	if (!status) {
		limit_seconds(&t);
		status = issue(&t);
	}
	if (status)
		reply_status(q, status);
	else
		reply_json(q, 201, finish(&t));
}

void token_create(struct req *q)
{
	AUTO(request_done) struct token_request t = {0};
	request_init(&t, q);
	json_t *status = read_request(&t);
	if (status)
		reply_status(q, status);
	else
		admit_request(q, ADMIT_CREATE, t.object, on_admitted);
}
