/* OpenID discovery. Purpose: others check service accounts' tokens with this server's public keys (OpenID Connect
 * Discovery 1.0, RFC 7517). Happy path: the issuer's document names the place of the keys, which are there. Fails with 406
 * for a client that takes no key set. */
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/api/api_internal.h"
#include "cp/api/audit.h"

#define JWK_SET "application/jwk-set+json"
#define CACHING "public, max-age=3600"

static void reply_cached(struct req *q, const char *type, json_t *value)
{
	AUTO_JSON *own = value;
	AUTO_STR text = STR_INIT;
	const struct http_header h[] = {{"content-type", type}, {"cache-control", CACHING}, {NULL, NULL}};
	if (!q->x) {
		reply_json(q, 200, json_incref(own));
		return;
	}
	str_add_jsonv(&text, own);
	request_answered(q, 200);
	audit_answer(q, 200, NULL);
	http_respond(q->x, 200, h, str_text(&text), text.len);
	reply_done(q);
}

static void run_configuration(struct req *q)
{
	const struct api *a = q->api;
	const char *host = a->advertise_address;
	AUTO_FREE char *own = xasprintf(strchr(host, ':') ? "https://[%s]:%u/openid/v1/jwks" : "https://%s:%u/openid/v1/jwks", host,
					a->secure_port);
	AUTO_JSON *keys = authn_jwks(a->authn);
	json_t *algorithms = json_array(), *key;
	size_t i;
	json_array_foreach(json_object_get(keys, "keys"), i, key)
	{
		json_t *alg = json_object_get(key, "alg");
		if (!json_array_size(algorithms) || !json_equal(json_array_get(algorithms, 0), alg))
			json_array_append(algorithms, alg);
	}
	reply_cached(q, "application/json",
		     json_pack("{s:s, s:s, s:[s], s:[s], s:o}", "issuer", authn_issuer(a->authn), "jwks_uri",
			       a->jwks_uri ? a->jwks_uri : own, "response_types_supported", "id_token",
			       "subject_types_supported", "public", "id_token_signing_alg_values_supported", algorithms));
}

/* Whether one of the clauses of Accept takes a key set. */
static bool takes_keys(const char *accept)
{
	static const char *const fits[] = {JWK_SET, "application/*", "*/*"};
	AUTO_STRV char **clauses = str_split(accept ? accept : "", ',');
	for (char **c = clauses; c && *c; c++) {
		const char *type = *c + strspn(*c, " ");
		size_t n = strcspn(type, "; ");
		for (size_t i = 0; i < ARRAY_LEN(fits); i++)
			if (strlen(fits[i]) == n && !strncasecmp(type, fits[i], n))
				return true;
	}
	return !clauses;
}

static void run_keys(struct req *q)
{
	if (takes_keys(q->x ? http_header_get(q->x, "accept") : NULL)) {
		reply_cached(q, JWK_SET, authn_jwks(q->api->authn));
		return;
	}
	json_t *status = status_new(406, "NotAcceptable", "only the following media types are accepted: " JWK_SET);
	json_object_set_new(status, "details", json_object());
	reply_status(q, status);
}

bool openid_run(struct req *q)
{
	static const struct {
		const char *path;
		void (*run)(struct req *q);
	} pages[] = {{"/.well-known/openid-configuration", run_configuration}, {"/openid/v1/jwks", run_keys}};
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (strcmp(q->route.path, pages[i].path) != 0)
			continue;
		if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0)
			reply_status(q, status_method_not_allowed());
		else
			pages[i].run(q);
		return true;
	}
	return false;
}
