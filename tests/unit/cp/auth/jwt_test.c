/* JSON web tokens: fixed keys, tokens of another program, tampered ones, algorithms that are refused. */
#include "cp/auth/jwt.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"
#include "tests/unit/cp/auth/jwt_keys.h"

static struct jwt_key *key(const char *pem)
{
	struct jwt_key *k = NULL;
	struct err e = ERR_INIT;
	ck_assert_msg(jwt_key_parse(pem, strlen(pem), &k, &e) == 0, "%s", err_text(&e));
	return k;
}

static int verify(struct jwt_key *k, const char *token)
{
	json_t *claims = NULL;
	int r = jwt_verify(&k, 1, token, &claims, NULL);
	json_decref(claims);
	return r;
}

/* header.claims.signature of texts, the signature as it is given. */
static char *token_of(const char *header, const char *claims, const char *signature)
{
	struct str out = STR_INIT;
	base64url_encode(&out, header, strlen(header));
	str_addc(&out, '.');
	base64url_encode(&out, claims, strlen(claims));
	str_addc(&out, '.');
	str_add(&out, signature);
	return str_take(&out);
}

START_TEST(foreign)
{
	struct jwt_key *private = key(rsa_private), *public = key(rsa_public);
	json_t *claims = NULL;
	char *again = NULL;
	ck_assert_str_eq(jwt_key_id(private), RSA_KID);
	ck_assert_str_eq(jwt_key_id(public), RSA_KID);
	ck_assert_int_eq(jwt_verify(&public, 1, foreign_token, &claims, NULL), 0);
	ck_assert_str_eq(json_str_at(claims, "sub"), "s");
	ck_assert_int_eq(json_int_at(claims, "exp", 0), 4102444800);
	/* RS256 has no randomness: the same claims give the same token. */
	ck_assert_int_eq(jwt_sign(private, claims, &again, NULL), 0);
	ck_assert_str_eq(again, foreign_token);
	ck_assert_int_eq(jwt_sign(public, claims, &again, NULL), -EINVAL);
	free(again);
	json_decref(claims);
	jwt_key_free(private);
	jwt_key_free(public);
}
END_TEST

START_TEST(tampered)
{
	struct jwt_key *k = key(rsa_public);
	size_t n = strlen(foreign_token);
	for (size_t i = 0; i < n; i += 7) {
		AUTO_FREE char *bad = xstrdup(foreign_token);
		if (bad[i] == '.')
			continue;
		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		ck_assert_msg(verify(k, bad) < 0, "changed at %zu", i);
	}
	for (size_t i = 0; i < n; i += 11) {
		AUTO_FREE char *cut = xstrndup(foreign_token, i);
		ck_assert_msg(verify(k, cut) < 0, "cut at %zu", i);
	}
	/* The last character has bits that mean nothing: only one of its forms is a token. */
	AUTO_FREE char *other = xstrdup(foreign_token);
	other[n - 1] = (char)(other[n - 1] + 1);
	ck_assert_int_eq(verify(k, other), -EINVAL);
	ck_assert_int_eq(verify(k, ""), -EINVAL);
	ck_assert_int_eq(verify(k, ".."), -EINVAL);
	ck_assert_int_eq(verify(k, "bad.token.x"), -EINVAL);
	jwt_key_free(k);
}
END_TEST

START_TEST(algorithms)
{
	struct jwt_key *k = key(rsa_public);
	const char *signature = strrchr(foreign_token, '.') + 1;
	static const char *const headers[] = {
	    "{\"alg\":\"none\"}",  "{\"alg\":\"None\",\"kid\":\"" RSA_KID "\"}", "{\"alg\":\"HS256\",\"kid\":\"" RSA_KID "\"}",
	    "{\"alg\":\"RS512\"}", "{\"alg\":\"ES256\",\"kid\":\"" RSA_KID "\"}", "{}", "{\"alg\":5}"};
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		AUTO_FREE char *signed_ = token_of(headers[i], "{\"sub\":\"s\"}", signature), *plain = token_of(headers[i], "{}", "");
		ck_assert_int_eq(verify(k, signed_), -EACCES);
		ck_assert_int_eq(verify(k, plain), -EINVAL);
	}
	/* An HMAC with the public key as its secret is no signature. */
	AUTO_FREE char *critical = token_of("{\"alg\":\"RS256\",\"crit\":[\"x\"]}", "{}", signature);
	ck_assert_int_eq(verify(k, critical), -EINVAL);
	jwt_key_free(k);
}
END_TEST

START_TEST(several_keys)
{
	struct jwt_key *ec = key(ec_private), *rsa = key(rsa_private), *keys[] = {ec, rsa};
	json_t *claims = json_pack("{s:s}", "sub", "x");
	char *by_ec = NULL, *by_rsa = NULL;
	ck_assert_int_eq(jwt_sign(ec, claims, &by_ec, NULL), 0);
	ck_assert_int_eq(jwt_sign(rsa, claims, &by_rsa, NULL), 0);
	for (int i = 0; i < 2; i++) {
		json_t *got = NULL;
		ck_assert_int_eq(jwt_verify(keys, 2, i ? by_rsa : by_ec, &got, NULL), 0);
		ck_assert_str_eq(json_str_at(got, "sub"), "x");
		json_decref(got);
	}
	ck_assert_int_eq(verify(rsa, by_ec), -EACCES);
	ck_assert_int_eq(verify(ec, by_rsa), -EACCES);
	free(by_ec);
	free(by_rsa);
	json_decref(claims);
	jwt_key_free(ec);
	jwt_key_free(rsa);
}
END_TEST

START_TEST(bad_keys)
{
	struct jwt_key *k = NULL;
	ck_assert_int_eq(jwt_key_parse(rsa_short, strlen(rsa_short), &k, NULL), -EINVAL);
	ck_assert_int_eq(jwt_key_parse("", 0, &k, NULL), -EINVAL);
	ck_assert_int_eq(jwt_key_parse("nonsense", 8, &k, NULL), -EINVAL);
	ck_assert_int_eq(jwt_key_load("/nonexistent", &k, NULL), -ENOENT);
	ck_assert_ptr_null(k);
}
END_TEST

START_TEST(published)
{
	struct jwt_key *rsa = key(rsa_private), *ec = key(ec_private);
	json_t *a = jwt_key_jwk(rsa), *b = jwt_key_jwk(ec);
	ck_assert_str_eq(json_str_at(a, "kty"), "RSA");
	ck_assert_str_eq(json_str_at(a, "alg"), "RS256");
	ck_assert_str_eq(json_str_at(a, "e"), "AQAB");
	ck_assert_str_eq(json_str_at(a, "kid"), RSA_KID);
	ck_assert_ptr_null(json_object_get(a, "d"));
	ck_assert_uint_eq(strlen(json_str_at(a, "n")), 342);
	ck_assert_str_eq(json_str_at(b, "crv"), "P-256");
	ck_assert_uint_eq(strlen(json_str_at(b, "x")), 43);
	ck_assert_ptr_null(json_object_get(b, "d"));
	json_decref(a);
	json_decref(b);
	jwt_key_free(rsa);
	jwt_key_free(ec);
}
END_TEST

TESTS("jwt", foreign, tampered, algorithms, several_keys, bad_keys, published)
