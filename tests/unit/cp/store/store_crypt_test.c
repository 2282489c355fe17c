/* Encryption at rest: fixed vectors, the bytes' form, rotation, what must be refused. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/store/store_cipher.h"
#include "cp/store/store_crypt.h"

#define KEY "/registry/secrets/default/a"
/* 32 bytes of 'a', of 'b'; 16 of 'c' */
#define A "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="
#define B "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="
#define C "Y2NjY2NjY2NjY2NjY2NjYw=="
#define GCM(name, secret) "{\"aesgcm\":{\"keys\":[{\"name\":\"" name "\",\"secret\":\"" secret "\"}]}}"
#define GCM2(n1, s1, n2, s2)                                                                                           \
	"{\"aesgcm\":{\"keys\":[{\"name\":\"" n1 "\",\"secret\":\"" s1 "\"},{\"name\":\"" n2 "\",\"secret\":\"" s2 "\"}]}}"
#define CBC(name, secret) "{\"aescbc\":{\"keys\":[{\"name\":\"" name "\",\"secret\":\"" secret "\"}]}}"
#define IDENTITY "{\"identity\":{}}"
#define CONFIG(providers)                                                                                              \
	"{\"kind\":\"EncryptionConfiguration\",\"apiVersion\":\"apiserver.config.k8s.io/v1\",\"resources\":[{\"resources\":["  \
	"\"secrets\"],\"providers\":[" providers "]}]}"

static void hex(struct str *out, const char *digits)
{
	for (; *digits; digits += 2) {
		char two[3] = {digits[0], digits[1], '\0'};
		str_addc(out, (char)strtol(two, NULL, 16));
	}
}

static void resolve(void *arg, const char *resource, char ***prefixes)
{
	(void)arg;
	AUTO_FREE char *prefix = xasprintf("/registry/%s/", resource);
	strv_add(prefixes, prefix);
}

static struct store_crypt *crypt_of(const char *config)
{
	struct err e = ERR_INIT;
	AUTO_JSON *j = NULL;
	struct store_crypt *c = NULL;
	ck_assert_int_eq(json_parse(config, strlen(config), &j, &e), 0);
	ck_assert_msg(!store_crypt_new(j, resolve, NULL, &c, &e), "%s", err_text(&e));
	return c;
}

/* The GCM specification's test cases 2 and 16; AES-256-CBC as OpenSSL's command makes it. */
static const struct {
	const char *cipher, *key, *context, *sealed, *text;
} vectors[] = {
    {"aesgcm", "00000000000000000000000000000000", "",
     "0000000000000000000000000388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
     "00000000000000000000000000000000"},
    {"aesgcm", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "cafebabefacedbaddecaf888522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10568288"
     "38c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"},
    {"aescbc", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "",
     "000102030405060708090a0b0c0d0e0f" "2820f89f7df4664ae3f5764aecaaf12f", "7b2261223a317d"},
};

START_TEST(fixed_vectors)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO_STR key = STR_INIT, context = STR_INIT, sealed = STR_INIT, text = STR_INIT, got = STR_INIT;
		hex(&key, vectors[i].key);
		hex(&context, vectors[i].context);
		hex(&sealed, vectors[i].sealed);
		hex(&text, vectors[i].text);
		const struct store_cipher *c = store_cipher_find(vectors[i].cipher);
		struct err e = ERR_INIT;
		int r = c->open((const unsigned char *)key.p, key.len, str_text(&context), sealed.p, sealed.len, &got, &e);
		ck_assert_msg(!r, "%zu: %s", i, err_text(&e));
		ck_assert(got.len == text.len && !memcmp(got.p, text.p, text.len));
		/* One bit anywhere makes it unreadable; of CBC only the padding tells. */
		for (size_t at = 0; !strcmp(c->name, "aesgcm") && at < sealed.len; at++) {
			sealed.p[at] ^= 1;
			r = c->open((const unsigned char *)key.p, key.len, str_text(&context), sealed.p, sealed.len, &got, NULL);
			ck_assert_int_eq(r, -EBADMSG);
			sealed.p[at] ^= 1;
		}
	}
	ck_assert_ptr_null(store_cipher_find("secretbox"));
}
END_TEST

static struct buf *sealed_by(const char *config, const char *key, const char *text)
{
	struct store_crypt *c = crypt_of(config);
	AUTO_BUF *value = buf_new(text, strlen(text));
	struct buf *out = NULL;
	ck_assert_int_eq(store_crypt_seal(c, key, value, &out, NULL), 0);
	store_crypt_free(c);
	return out;
}

static int opened_by(const char *config, const char *key, struct buf *stored, const char *want, bool *ret_stale,
		     struct err *e)
{
	struct store_crypt *c = config ? crypt_of(config) : NULL;
	AUTO_BUF *got = NULL;
	int r = store_crypt_open(c, key, stored, &got, ret_stale, e);
	ck_assert(r || (got->len == strlen(want) && !memcmp(got->data, want, got->len)));
	store_crypt_free(c);
	return r;
}

START_TEST(form_and_context)
{
	bool stale;
	struct err e = ERR_INIT;
	AUTO_BUF *x = sealed_by(CONFIG(GCM("key1", A)), KEY, "{\"a\":1}"), *y = sealed_by(CONFIG(GCM("key1", A)), KEY, "{\"a\":1}");
	const char mark[] = "k8s:enc:aesgcm:v1:key1:";
	ck_assert_uint_eq(x->len, strlen(mark) + 12 + 7 + 16);
	ck_assert(!memcmp(x->data, mark, strlen(mark)));
	ck_assert(memcmp(x->data, y->data, x->len)); /* another nonce */
	ck_assert_int_eq(opened_by(CONFIG(GCM("key1", A)), KEY, x, "{\"a\":1}", &stale, NULL), 0);
	ck_assert(!stale);
	/* Under another object's key it is worth nothing. */
	ck_assert_int_eq(opened_by(CONFIG(GCM("key1", A)), "/registry/secrets/default/b", x, "", &stale, &e), -EBADMSG);
	ck_assert_str_eq(err_text(&e),
			 "unable to transform key \"/registry/secrets/default/b\": cipher: message authentication failed");
	AUTO_BUF *z = sealed_by(CONFIG(CBC("k", C)), KEY, "{\"a\":1}");
	ck_assert(!memcmp(z->data, "k8s:enc:aescbc:v1:k:", 20));
	ck_assert_uint_eq(z->len, 20 + 16 + 16);
	ck_assert_int_eq(opened_by(CONFIG(CBC("k", C)), KEY, z, "{\"a\":1}", &stale, NULL), 0);
	AUTO_BUF *other = sealed_by(CONFIG(GCM("key1", A)), "/registry/pods/default/a", "{}");
	ck_assert_str_eq(other->data, "{}");
}
END_TEST

START_TEST(rotation)
{
	bool stale;
	AUTO_BUF *plain = sealed_by(CONFIG(IDENTITY), KEY, "{}"), *a = sealed_by(CONFIG(GCM("a", A)), KEY, "{}"),
		 *b = sealed_by(CONFIG(GCM2("b", B, "a", A)), KEY, "{}");
	ck_assert_str_eq(plain->data, "{}");
	/* Plain values are read on where identity stands behind, and wait to be written again. */
	ck_assert_int_eq(opened_by(CONFIG(GCM("a", A) "," IDENTITY), KEY, plain, "{}", &stale, NULL), 0);
	ck_assert(stale);
	ck_assert_int_eq(opened_by(CONFIG(GCM("a", A)), KEY, plain, "{}", &stale, NULL), -EBADMSG);
	/* The first key writes, all read. */
	ck_assert(!memcmp(b->data, "k8s:enc:aesgcm:v1:b:", 20));
	ck_assert_int_eq(opened_by(CONFIG(GCM2("b", B, "a", A)), KEY, a, "{}", &stale, NULL), 0);
	ck_assert(stale);
	ck_assert_int_eq(opened_by(CONFIG(GCM2("b", B, "a", A)), KEY, b, "{}", &stale, NULL), 0);
	ck_assert(!stale);
	/* The same name twice, in two providers or with two secrets: whichever opens it. */
	ck_assert_int_eq(opened_by(CONFIG(GCM2("a", B, "a", A)), KEY, a, "{}", &stale, NULL), 0);
	ck_assert(stale);
	/* Decrypted again: identity first writes plain. */
	ck_assert_int_eq(opened_by(CONFIG(IDENTITY "," GCM("a", A)), KEY, a, "{}", &stale, NULL), 0);
	ck_assert(stale);
	AUTO_BUF *again = sealed_by(CONFIG(IDENTITY "," GCM("a", A)), KEY, "{}");
	ck_assert_str_eq(again->data, "{}");
}
END_TEST

START_TEST(missing_and_wrong_keys)
{
	bool stale;
	struct err e = ERR_INIT;
	AUTO_BUF *a = sealed_by(CONFIG(GCM("a", A)), KEY, "{}");
	ck_assert_int_eq(opened_by(NULL, KEY, a, "", &stale, &e), -EBADMSG);
	ck_assert_str_eq(err_text(&e),
			 "unable to transform key \"" KEY "\": identity transformer tried to read encrypted data");
	ck_assert_int_eq(opened_by(CONFIG(GCM("b", B) "," IDENTITY), KEY, a, "", &stale, &e), -EBADMSG);
	ck_assert_str_eq(err_text(&e),
			 "unable to transform key \"" KEY "\": no matching key was found for the provided transformers");
	ck_assert_int_eq(opened_by(CONFIG(GCM("a", B)), KEY, a, "", &stale, &e), -EBADMSG);
	ck_assert_str_eq(err_text(&e), "unable to transform key \"" KEY "\": cipher: message authentication failed");
	for (size_t len = strlen("k8s:enc:aesgcm:v1:a:"); len < a->len; len++) {
		AUTO_BUF *cut = buf_new(a->data, len);
		ck_assert_int_eq(opened_by(CONFIG(GCM("a", A)), KEY, cut, "", &stale, NULL), -EBADMSG);
	}
}
END_TEST

START_TEST(bad_configurations)
{
	static const struct {
		const char *config, *error;
	} cases[] = {
	    {"{}", "kind: Invalid value: must be EncryptionConfiguration"},
	    {CONFIG(""), "resources[0].providers: Required value: must provide at least one provider"},
	    {CONFIG(GCM("", A)), "resources[0].providers[0].aesgcm.keys[0].name: Required value: key name must be provided"},
	    {CONFIG(GCM("a:b", A)), "resources[0].providers[0].aesgcm.keys[0].name: Invalid value: \"a:b\": may not contain \":\""},
	    {CONFIG(GCM("a", "")), "resources[0].providers[0].aesgcm.keys[0].secret: Required value: secret must be provided"},
	    {CONFIG(GCM("a", "*")),
	     "resources[0].providers[0].aesgcm.keys[0].secret: Invalid value: secret must be base64 encoded"},
	    {CONFIG(IDENTITY "," CBC("a", "YWFh")),
	     "resources[0].providers[1].aescbc.keys[0].secret: Invalid value: secret is not of the expected length, got 3, "
	     "expected one of [16 24 32]"},
	    {CONFIG("{\"kms\":{}}"), "resources[0].providers[0].kms: Unsupported value: supported values: \"aesgcm\", "
				     "\"aescbc\", \"identity\""},
	    {CONFIG("{\"aesgcm\":{}}"), "resources[0].providers[0].aesgcm.keys: Required value: at least one key is needed"},
	    {CONFIG("{}"), "resources[0].providers[0]: Invalid value: exactly one provider is wanted"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		AUTO_JSON *j = NULL;
		struct store_crypt *c = NULL;
		ck_assert_int_eq(json_parse(cases[i].config, strlen(cases[i].config), &j, &e), 0);
		ck_assert_int_eq(store_crypt_new(j, resolve, NULL, &c, &e), -EINVAL);
		ck_assert_str_eq(err_text(&e), cases[i].error);
	}
}
END_TEST

TESTS("store_crypt", fixed_vectors, form_and_context, rotation, missing_and_wrong_keys, bad_configurations)
