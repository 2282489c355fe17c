/* Encryption at rest.
 *
 * Happy path: the rule that covers the key says the providers; the first writes "k8s:enc:<provider>:v1:<key name>:" and
 * the sealed bytes; a value is read by the provider and key that its beginning names. What can fail: a configuration
 * that makes no sense, a key that is missing or wrong. What always holds: a value that carries the mark of encryption
 * is never given out as it is. */
#include "cp/store/store_crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/store/store_cipher.h"

#define MARK "k8s:enc:"

/* One key of one provider; identity has no cipher. */
struct crypt_key {
	const struct store_cipher *cipher;
	char *mark; /* "k8s:enc:aesgcm:v1:key1:" */
	unsigned char bytes[32];
	size_t len;
};

struct rule {
	char **prefixes;
	struct crypt_key *keys; /* of all providers in order */
	size_t n;
};

struct store_crypt {
	struct rule *rules;
	size_t n;
};

void store_crypt_free(struct store_crypt *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->rules[i].n; k++)
			free(c->rules[i].keys[k].mark);
		if (c->rules[i].keys)
			explicit_bzero(c->rules[i].keys, c->rules[i].n * sizeof(*c->rules[i].keys));
		free(c->rules[i].keys);
		free_strv(&c->rules[i].prefixes);
	}
	free(c->rules);
	free(c);
}

static struct crypt_key *add_key(struct rule *rule)
{
	rule->keys = xreallocarray(rule->keys, rule->n + 1, sizeof(*rule->keys));
	struct crypt_key *k = &rule->keys[rule->n++];
	*k = (struct crypt_key){0};
	return k;
}

static int read_secret(const json_t *o, const char *path, struct crypt_key *k, struct err *e)
{
	const char *secret = json_str_at(o, "secret");
	AUTO_STR bytes = STR_INIT;
	if (str_empty(secret))
		return err_set(e, -EINVAL, "%s.secret: Required value: secret must be provided", path);
	int r = base64_decode(&bytes, secret, strlen(secret));
	bool fits = bytes.len == 32 || bytes.len == 24 || bytes.len == 16;
	if (!r && fits)
		memcpy(k->bytes, bytes.p, k->len = bytes.len);
	size_t len = bytes.len;
	if (bytes.p)
		explicit_bzero(bytes.p, bytes.len);
	if (r)
		return err_set(e, -EINVAL, "%s.secret: Invalid value: secret must be base64 encoded", path);
	return fits ? 0
		    : err_set(e, -EINVAL, "%s.secret: Invalid value: secret is not of the expected length, got %zu, expected one of [16 24 32]",
			      path, len);
}

static int read_keys(struct rule *rule, const struct store_cipher *cipher, const json_t *provider, const char *path,
		     struct err *e)
{
	const json_t *keys = json_object_get(provider, "keys"), *one;
	size_t i;
	if (!json_array_size(keys))
		return err_set(e, -EINVAL, "%s.keys: Required value: at least one key is needed", path);
	json_array_foreach(keys, i, one) {
		AUTO_FREE char *at = xasprintf("%s.keys[%zu]", path, i);
		const char *name = json_str_at(one, "name");
		if (str_empty(name))
			return err_set(e, -EINVAL, "%s.name: Required value: key name must be provided", at);
		if (strchr(name, ':'))
			return err_set(e, -EINVAL, "%s.name: Invalid value: \"%s\": may not contain \":\"", at, name);
		struct crypt_key *k = add_key(rule);
		k->cipher = cipher;
		k->mark = xasprintf(MARK "%s:v1:%s:", cipher->name, name);
		int r = read_secret(one, at, k, e);
		if (r)
			return r;
	}
	return 0;
}

static int read_provider(struct rule *rule, const json_t *o, const char *path, struct err *e)
{
	void *at = json_object_iter((json_t *)o);
	if (json_object_size(o) != 1)
		return err_set(e, -EINVAL, "%s: Invalid value: exactly one provider is wanted", path);
	const char *name = json_object_iter_key(at);
	const struct store_cipher *cipher = store_cipher_find(name);
	AUTO_FREE char *below = xasprintf("%s.%s", path, name);
	if (str_eq(name, "identity")) {
		add_key(rule);
		return 0;
	}
	if (!cipher)
		return err_set(e, -EINVAL, "%s: Unsupported value: supported values: \"aesgcm\", \"aescbc\", \"identity\"", below);
	return read_keys(rule, cipher, json_object_iter_value(at), below, e);
}

static int read_rule(struct rule *rule, const json_t *o, const char *path,
		     void (*resolve)(void *arg, const char *resource, char ***prefixes), void *arg, struct err *e)
{
	const json_t *one;
	size_t i;
	if (!json_array_size(json_object_get(o, "resources")))
		return err_set(e, -EINVAL, "%s.resources: Required value: must provide at least one resource", path);
	if (!json_array_size(json_object_get(o, "providers")))
		return err_set(e, -EINVAL, "%s.providers: Required value: must provide at least one provider", path);
	json_array_foreach(json_object_get(o, "resources"), i, one) {
		if (!json_is_string(one))
			return err_set(e, -EINVAL, "%s.resources[%zu]: Invalid value: must be a string", path, i);
		resolve(arg, json_string_value(one), &rule->prefixes);
	}
	json_array_foreach(json_object_get(o, "providers"), i, one) {
		AUTO_FREE char *at = xasprintf("%s.providers[%zu]", path, i);
		int r = read_provider(rule, one, at, e);
		if (r)
			return r;
	}
	return 0;
}

int store_crypt_new(const json_t *config, void (*resolve)(void *arg, const char *resource, char ***prefixes), void *arg,
		    struct store_crypt **ret, struct err *e)
{
	const json_t *rules = json_object_get(config, "resources"), *one;
	size_t i;
	if (!str_eq(json_str_at(config, "kind"), "EncryptionConfiguration"))
		return err_set(e, -EINVAL, "kind: Invalid value: must be EncryptionConfiguration");
	if (!str_eq(json_str_at(config, "apiVersion"), "apiserver.config.k8s.io/v1"))
		return err_set(e, -EINVAL, "apiVersion: Invalid value: must be apiserver.config.k8s.io/v1");
	if (!json_array_size(rules))
		return err_set(e, -EINVAL, "resources: Required value: must provide at least one resource");
	struct store_crypt *c = xcalloc(1, sizeof(*c));
	c->rules = xcalloc(json_array_size(rules), sizeof(*c->rules));
	json_array_foreach(rules, i, one) {
		AUTO_FREE char *path = xasprintf("resources[%zu]", i);
		int r = read_rule(&c->rules[c->n++], one, path, resolve, arg, e);
		if (r) {
			store_crypt_free(c);
			return r;
		}
	}
	*ret = c;
	return 0;
}

static const struct rule *rule_of(const struct store_crypt *c, const char *key)
{
	for (size_t i = 0; c && i < c->n; i++)
		for (char **p = c->rules[i].prefixes; p && *p; p++)
			if (str_has_prefix(key, *p))
				return &c->rules[i];
	return NULL;
}

int store_crypt_seal(const struct store_crypt *c, const char *key, struct buf *value, struct buf **ret, struct err *e)
{
	const struct rule *rule = rule_of(c, key);
	const struct crypt_key *k = rule ? &rule->keys[0] : NULL;
	if (!k || !k->cipher) {
		*ret = buf_ref(value);
		return 0;
	}
	AUTO_STR out = STR_INIT;
	str_add(&out, k->mark);
	int r = k->cipher->seal(k->bytes, k->len, key, value->data, value->len, &out, e);
	if (r)
		return err_wrap(e, r, "unable to encrypt \"%s\"", key);
	*ret = buf_new(out.p, out.len);
	return 0;
}

static bool has_mark(const struct buf *b, const char *mark)
{
	size_t n = strlen(mark);
	return b->len >= n && !memcmp(b->data, mark, n);
}

static int open_with(const struct crypt_key *k, const char *key, struct buf *stored, struct buf **ret, struct err *e)
{
	AUTO_STR out = STR_INIT;
	if (!k->cipher) {
		*ret = buf_ref(stored);
		return 0;
	}
	size_t n = strlen(k->mark);
	int r = k->cipher->open(k->bytes, k->len, key, stored->data + n, stored->len - n, &out, e);
	if (!r)
		*ret = buf_new(str_text(&out), out.len);
	return r;
}

int store_crypt_open(const struct store_crypt *c, const char *key, struct buf *stored, struct buf **ret, bool *ret_stale,
		     struct err *e)
{
	const struct rule *rule = rule_of(c, key);
	bool marked = has_mark(stored, MARK);
	int r = -EBADMSG;
	struct err why = ERR_INIT;
	*ret_stale = false;
	if (!rule && !marked) {
		*ret = buf_ref(stored);
		return 0;
	}
	err_set(&why, r, "%s", rule ? "no matching key was found for the provided transformers"
				    : "identity transformer tried to read encrypted data");
	for (size_t i = 0; rule && r && i < rule->n; i++) {
		const struct crypt_key *k = &rule->keys[i];
		if (k->cipher ? !has_mark(stored, k->mark) : marked)
			continue;
		r = open_with(k, key, stored, ret, &why);
		*ret_stale = !r && i > 0;
	}
	return r ? err_set(e, r, "unable to transform key \"%s\": %s", key, why.text) : 0;
}
