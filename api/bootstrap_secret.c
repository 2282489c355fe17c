/* Bootstrap tokens as secrets. Happy path: a secret's data are decoded once, into a struct, and written from one. What
 * can fail: a secret that is none of these. */
#include "api/bootstrap_secret.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/rand.h"
#include "base/str.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";

bool bootstrap_id_has_form(const char *id)
{
	return strspn(id, alphabet) == BOOTSTRAP_ID_LEN && !id[BOOTSTRAP_ID_LEN];
}

bool bootstrap_token_has_form(const char *token)
{
	return strspn(token, alphabet) == BOOTSTRAP_ID_LEN && token[BOOTSTRAP_ID_LEN] == '.' &&
	       strspn(token + BOOTSTRAP_ID_LEN + 1, alphabet) == BOOTSTRAP_SECRET_LEN && !token[BOOTSTRAP_TOKEN_LEN];
}

char *bootstrap_token_random(char *ret)
{
	for (int i = 0; i < BOOTSTRAP_TOKEN_LEN; i++)
		ret[i] = i == BOOTSTRAP_ID_LEN ? '.' : alphabet[rand_below(sizeof(alphabet) - 1)];
	ret[BOOTSTRAP_TOKEN_LEN] = '\0';
	return ret;
}

/* The text of a secret's key, "" without it. */
static char *data(const json_t *secret, const char *key)
{
	struct str out = STR_INIT;
	const char *text = json_member(json_object_get(secret, "data"), key);
	if (text && base64_decode(&out, text, strlen(text)) < 0)
		str_reset(&out);
	return str_take(&out);
}

static bool says_true(const json_t *secret, const char *key)
{
	AUTO_FREE char *text = data(secret, key);
	return strcmp(text, "true") == 0;
}

int bootstrap_secret_read(const json_t *secret, struct bootstrap_secret *ret)
{
	const char *name = json_str_or(secret, "metadata.name", "");
	if (strcmp(json_str_or(secret, "type", ""), BOOTSTRAP_SECRET_TYPE) || !str_has_prefix(name, BOOTSTRAP_SECRET_PREFIX))
		return -EINVAL;
	struct bootstrap_secret s = { .id = data(secret, "token-id"),
				      .secret = data(secret, "token-secret"),
				      .description = data(secret, "description"),
				      .expiration = data(secret, "expiration"),
				      .signing = says_true(secret, "usage-bootstrap-signing"),
				      .authentication = says_true(secret, "usage-bootstrap-authentication") };
	AUTO_FREE char *groups = data(secret, "auth-extra-groups");
	s.groups = str_split(groups, ',');
	if (!*s.id || !*s.secret || strcmp(name + strlen(BOOTSTRAP_SECRET_PREFIX), s.id)) {
		bootstrap_secret_done(&s);
		return -EINVAL;
	}
	*ret = s;
	return 0;
}

void bootstrap_secret_done(struct bootstrap_secret *s)
{
	free_ptr(&s->id);
	free_ptr(&s->secret);
	free_ptr(&s->description);
	free_ptr(&s->expiration);
	free_strv(&s->groups);
	*s = (struct bootstrap_secret){ 0 };
}

json_t *bootstrap_secret_json(const struct bootstrap_secret *s)
{
	AUTO_FREE char *name = xasprintf(BOOTSTRAP_SECRET_PREFIX "%s", s->id);
	AUTO_FREE char *groups = s->groups ? str_join(s->groups, ",") : NULL;
	const struct {
		const char *key, *value;
	} rows[] = {
		{ "token-id", s->id },
		{ "token-secret", s->secret },
		{ "expiration", s->expiration },
		{ "usage-bootstrap-signing", s->signing ? "true" : NULL },
		{ "usage-bootstrap-authentication", s->authentication ? "true" : NULL },
		{ "auth-extra-groups", groups },
		{ "description", s->description },
	};
	json_t *o = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "Secret", "type", BOOTSTRAP_SECRET_TYPE,
			      "metadata", "name", name, "namespace", "kube-system");
	json_t *members = json_object_at(o, "data");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_STR encoded = STR_INIT;
		if (str_empty(rows[i].value))
			continue;
		base64_encode(&encoded, rows[i].value, strlen(rows[i].value));
		json_object_set_new(members, rows[i].key, json_string(str_text(&encoded)));
	}
	return o;
}

int64_t bootstrap_secret_end_ms(const struct bootstrap_secret *s)
{
	int64_t us;
	if (str_empty(s->expiration))
		return INT64_MAX;
	return rfc3339_parse(s->expiration, &us) < 0 ? 0 : us / 1000;
}

char *bootstrap_sign(const char *content, const char *id, const char *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	AUTO_FREE char *header = xasprintf("{\"alg\":\"HS256\",\"kid\":\"%s\"}", id);
	AUTO_STR text = STR_INIT, out = STR_INIT;
	base64url_encode(&text, header, strlen(header));
	str_addf(&out, "%s..", str_text(&text));
	str_addc(&text, '.');
	base64url_encode(&text, content, strlen(content));
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)str_text(&text), text.len, mac, &n);
	base64url_encode(&out, mac, n);
	return str_take(&out);
}
