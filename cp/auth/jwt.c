/* JSON web tokens. Purpose: sign claims, and say whether a token's claims were signed. Happy path: three parts, a header
 * that names the key's own algorithm, a signature that fits. Fails with -EINVAL for what is no token and -EACCES for what
 * no key has signed. The key decides the algorithm, never the token. */
#include "cp/auth/jwt.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

enum { RSA_MIN_BITS = 2048, P256_BYTES = 32, SIGNATURE_MAX = 1024 };

struct jwt_key {
	EVP_PKEY *key;
	bool private, rsa;
	char *id;
};

static void free_bio(BIO **b)
{
	BIO_free(*b);
}

static void free_context(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static void free_signature(ECDSA_SIG **s)
{
	ECDSA_SIG_free(*s);
}

static void free_number(BIGNUM **n)
{
	BN_free(*n);
}

#define AUTO_BIO AUTO(free_bio) BIO
#define AUTO_CONTEXT AUTO(free_context) EVP_MD_CTX
#define AUTO_SIGNATURE AUTO(free_signature) ECDSA_SIG
#define AUTO_NUMBER AUTO(free_number) BIGNUM

/* --- keys --------------------------------------------------------------------------------------------------------------- */

void jwt_key_free(struct jwt_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k->id);
	free(k);
}

const char *jwt_key_id(const struct jwt_key *k)
{
	return k->id;
}

static EVP_PKEY *read_certificate_key(BIO *b)
{
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	EVP_PKEY *key = x ? X509_get_pubkey(x) : NULL;
	X509_free(x);
	return key;
}

static EVP_PKEY *read_key(const char *pem, size_t len, bool *private)
{
	EVP_PKEY *key = NULL;
	for (int kind = 0; !key && kind < 3; kind++) {
		AUTO_BIO *b = BIO_new_mem_buf(pem, (int)len);
		*private = kind == 0;
		key = kind == 0	  ? PEM_read_bio_PrivateKey(b, NULL, NULL, (void *)"")
		      : kind == 1 ? PEM_read_bio_PUBKEY(b, NULL, NULL, NULL)
				  : read_certificate_key(b);
	}
	ERR_clear_error();
	return key;
}

static bool is_p256(EVP_PKEY *key)
{
	char name[64] = "";
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) &&
	       (!strcmp(name, "prime256v1") || !strcmp(name, "P-256"));
}

static char *key_id(EVP_PKEY *key)
{
	unsigned char *der = NULL, sum[SHA256_DIGEST_LENGTH];
	struct str out = STR_INIT;
	int n = i2d_PUBKEY(key, &der);
	SHA256(der, n > 0 ? (size_t)n : 0, sum);
	OPENSSL_free(der);
	base64url_encode(&out, sum, sizeof(sum));
	return str_take(&out);
}

int jwt_key_parse(const char *pem, size_t len, struct jwt_key **ret, struct err *e)
{
	bool private = false;
	EVP_PKEY *key = len < 1 << 20 ? read_key(pem, len, &private) : NULL;
	bool rsa = key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_MIN_BITS;
	if (!rsa && !(key && is_p256(key))) {
		EVP_PKEY_free(key);
		return err_set(e, -EINVAL, "no RSA key of at least %d bits and no P-256 key", RSA_MIN_BITS);
	}
	struct jwt_key *k = xcalloc(1, sizeof(*k));
	*k = (struct jwt_key){.key = key, .private = private, .rsa = rsa, .id = key_id(key)};
	*ret = k;
	return 0;
}

int jwt_key_load(const char *file, struct jwt_key **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(file, 1 << 20, &text, e);
	if (r < 0)
		return r;
	r = jwt_key_parse(str_text(&text), text.len, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", file) : 0;
}

static void add_number(json_t *jwk, const char *member, EVP_PKEY *key, const char *param, int min_bytes)
{
	AUTO_NUMBER *n = NULL;
	AUTO_STR text = STR_INIT;
	if (!EVP_PKEY_get_bn_param(key, param, &n))
		return;
	int bytes = MAX(BN_num_bytes(n), min_bytes);
	AUTO_FREE unsigned char *raw = xcalloc(1, (size_t)bytes);
	BN_bn2binpad(n, raw, bytes);
	base64url_encode(&text, raw, (size_t)bytes);
	json_object_set_new(jwk, member, json_string(str_text(&text)));
}

json_t *jwt_key_jwk(const struct jwt_key *k)
{
	json_t *jwk = json_pack("{s:s, s:s, s:s, s:s}", "use", "sig", "kty", k->rsa ? "RSA" : "EC", "kid", k->id, "alg",
				k->rsa ? "RS256" : "ES256");
	if (k->rsa) {
		add_number(jwk, "n", k->key, OSSL_PKEY_PARAM_RSA_N, 1);
		add_number(jwk, "e", k->key, OSSL_PKEY_PARAM_RSA_E, 1);
		return jwk;
	}
	json_object_set_new(jwk, "crv", json_string("P-256"));
	add_number(jwk, "x", k->key, OSSL_PKEY_PARAM_EC_PUB_X, P256_BYTES);
	add_number(jwk, "y", k->key, OSSL_PKEY_PARAM_EC_PUB_Y, P256_BYTES);
	return jwk;
}

/* --- signing ------------------------------------------------------------------------------------------------------------ */

static void add_part(struct str *out, const json_t *value)
{
	AUTO_FREE char *text = json_format(value, JSON_COMPACT | JSON_SORT_KEYS);
	base64url_encode(out, text, strlen(text));
}

/* OpenSSL's DER form of an ECDSA signature becomes the two numbers side by side (RFC 7518 3.4). */
static int raw_from_der(unsigned char *signature, size_t *n)
{
	const unsigned char *at = signature;
	AUTO_SIGNATURE *s = d2i_ECDSA_SIG(NULL, &at, (long)*n);
	if (!s)
		return -EINVAL;
	BN_bn2binpad(ECDSA_SIG_get0_r(s), signature, P256_BYTES);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), signature + P256_BYTES, P256_BYTES);
	*n = (size_t)2 * P256_BYTES;
	return 0;
}

int jwt_sign(const struct jwt_key *k, const json_t *claims, char **ret, struct err *e)
{
	AUTO_STR out = STR_INIT;
	AUTO_CONTEXT *c = EVP_MD_CTX_new();
	AUTO_JSON *header = json_pack("{s:s, s:s}", "alg", k->rsa ? "RS256" : "ES256", "kid", k->id);
	unsigned char signature[SIGNATURE_MAX];
	size_t n = sizeof(signature);
	add_part(&out, header);
	str_addc(&out, '.');
	add_part(&out, claims);
	if (!k->private)
		return err_set(e, -EINVAL, "cannot sign with a public key");
	if (EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, k->key) != 1 ||
	    EVP_DigestSign(c, signature, &n, (const unsigned char *)out.p, out.len) != 1 || (!k->rsa && raw_from_der(signature, &n) < 0)) {
		ERR_clear_error();
		return err_set(e, -EIO, "cannot sign a token");
	}
	str_addc(&out, '.');
	base64url_encode(&out, signature, n);
	*ret = str_take(&out);
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

/* The parts of a token: header, claims, signature, as they stand. */
struct parts {
	const char *at[3];
	size_t len[3];
};

static int split(const char *token, struct parts *ret)
{
	const char *at = token;
	if (strnlen(token, JWT_MAX + 1) > JWT_MAX)
		return -EINVAL;
	for (int i = 0; i < 3; i++) {
		ret->at[i] = at;
		ret->len[i] = strcspn(at, ".");
		at += ret->len[i];
		if (!ret->len[i] || *at != (i < 2 ? '.' : '\0'))
			return -EINVAL;
		at++;
	}
	return 0;
}

/* The bytes of a part; only their one canonical text is taken, so that a token has no second form. */
static int decode_part(const struct parts *p, int i, struct str *ret)
{
	AUTO_STR again = STR_INIT;
	if (base64url_decode(ret, p->at[i], p->len[i]) < 0)
		return -EINVAL;
	base64url_encode(&again, str_text(ret), ret->len);
	return again.len == p->len[i] && memcmp(again.p, p->at[i], again.len) == 0 ? 0 : -EINVAL;
}

static int decode_object(const struct parts *p, int i, json_t **ret)
{
	AUTO_STR text = STR_INIT;
	AUTO_JSON *value = NULL;
	if (decode_part(p, i, &text) < 0 || json_parse(str_text(&text), text.len, &value, NULL) < 0 ||
	    !json_is_object(value))
		return -EINVAL;
	*ret = TAKE(value);
	return 0;
}

int jwt_read(const char *token, json_t **ret_header, json_t **ret_claims)
{
	struct parts p;
	AUTO_JSON *header = NULL, *claims = NULL;
	if (split(token, &p) < 0 || decode_object(&p, 0, &header) < 0 || decode_object(&p, 1, &claims) < 0)
		return -EINVAL;
	if (ret_header)
		*ret_header = TAKE(header);
	if (ret_claims)
		*ret_claims = TAKE(claims);
	return 0;
}

/* The two numbers become OpenSSL's DER form. Owned by OpenSSL; NULL when they cannot be a signature. */
static unsigned char *der_from_raw(const struct str *raw, size_t *ret_n)
{
	AUTO_SIGNATURE *s = ECDSA_SIG_new();
	unsigned char *der = NULL;
	if (raw->len != (size_t)2 * P256_BYTES)
		return NULL;
	ECDSA_SIG_set0(s, BN_bin2bn((unsigned char *)raw->p, P256_BYTES, NULL),
		       BN_bin2bn((unsigned char *)raw->p + P256_BYTES, P256_BYTES, NULL));
	int n = i2d_ECDSA_SIG(s, &der);
	*ret_n = n > 0 ? (size_t)n : 0;
	return der;
}

static bool signature_fits(const struct jwt_key *k, const struct parts *p, const struct str *raw)
{
	AUTO_CONTEXT *c = EVP_MD_CTX_new();
	size_t n = raw->len, signed_len = p->len[0] + 1 + p->len[1];
	unsigned char *der = k->rsa ? NULL : der_from_raw(raw, &n);
	const unsigned char *signature = k->rsa ? (const unsigned char *)raw->p : der;
	bool ok = signature && EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, k->key) == 1 &&
		  EVP_DigestVerify(c, signature, n, (const unsigned char *)p->at[0], signed_len) == 1;
	OPENSSL_free(der);
	ERR_clear_error();
	return ok;
}

int jwt_verify(struct jwt_key *const *keys, size_t n, const char *token, json_t **ret_claims, struct err *e)
{
	struct parts p;
	AUTO_JSON *header = NULL, *claims = NULL;
	AUTO_STR signature = STR_INIT;
	if (jwt_read(token, &header, &claims) < 0 || split(token, &p) < 0 ||
	    decode_part(&p, 2, &signature) < 0 || json_object_get(header, "crit"))
		return err_set(e, -EINVAL, "malformed token");
	const char *alg = json_str_or(header, "alg", ""), *kid = json_str_or(header, "kid", "");
	bool known = false;
	for (size_t i = 0; i < n; i++)
		known = known || !strcmp(keys[i]->id, kid);
	for (size_t i = 0; i < n; i++) {
		if ((known && strcmp(keys[i]->id, kid)) || strcmp(alg, keys[i]->rsa ? "RS256" : "ES256"))
			continue;
		if (!signature_fits(keys[i], &p, &signature))
			continue;
		*ret_claims = TAKE(claims);
		return 0;
	}
	return err_set(e, -EACCES, "invalid signature");
}
