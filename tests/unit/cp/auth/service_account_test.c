/* Claims of service accounts: what they say, when they stop being true; bootstrap tokens and the token file. */
#include "cp/auth/service_account.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "cp/auth/bootstrap_token.h"
#include "cp/auth/token_file.h"
#include "tests/unit/check_main.h"

#define NOW 1800000000

/* Objects of a test: "resource/ns/name" -> object. */
static json_t *world;

static json_t *get(void *arg, const char *resource, const char *ns, const char *name)
{
	(void)arg;
	AUTO_FREE char *key = xasprintf("%s/%s/%s", resource, ns, name);
	return json_incref(json_object_get(world, key));
}

static const struct auth_objects objects = {get, NULL};

static void put(const char *key, const char *uid, const char *deleted)
{
	json_t *o = json_pack("{s:{s:s}}", "metadata", "uid", uid);
	if (deleted)
		json_set_str(o, "metadata.deletionTimestamp", deleted);
	json_object_set_new(world, key, o);
}

static json_t *make_world(void)
{
	world = json_object();
	put("serviceaccounts/ns/a", "u1", NULL);
	put("pods/ns/p", "u2", NULL);
	put("secrets/ns/s", "u3", NULL);
	put("nodes//n", "u4", NULL);
	return world;
}

/* The first line of a test that has objects. */
#define WORLD AUTO(json_unref_ptr) json_t *world_ __attribute__((unused)) = make_world()

static json_t *claims_for(struct sa_ref pod, struct sa_ref secret, struct sa_ref node)
{
	json_t *audiences = json_pack("[s]", "api");
	struct sa_token t = {.issuer = "https://i", .ns = "ns", .account = {"a", "u1"}, .pod = pod, .secret = secret, .node = node,
			     .audiences = audiences, .now_s = NOW, .seconds = 3600};
	json_t *claims = sa_claims(&t);
	json_decref(audiences);
	return claims;
}

static const struct sa_ref none;

/* Whether claims hold at a time; the reason otherwise. */
static const char *reason(const json_t *claims, int64_t now_s)
{
	static struct err e;
	struct auth_user u = {0};
	e = ERR_INIT;
	int r = sa_claims_check(claims, &objects, now_s, &u, &e);
	auth_user_done(&u);
	return r == 0 ? "" : err_text(&e);
}

START_TEST(what_they_say)
{
	WORLD;
	json_t *c = claims_for((struct sa_ref){"p", "u2"}, none, (struct sa_ref){"n", "u4"});
	struct auth_user u = {0};
	ck_assert_str_eq(json_str_at(c, "sub"), "system:serviceaccount:ns:a");
	ck_assert_int_eq(json_int_at(c, "exp", 0), NOW + 3600);
	ck_assert_int_eq(json_int_at(c, "nbf", 0), NOW);
	ck_assert_ptr_null(json_object_get(json_object_get(c, "kubernetes.io"), "secret"));
	ck_assert_int_eq(sa_claims_check(c, &objects, NOW + 5, &u, NULL), 0);
	ck_assert_str_eq(u.name, "system:serviceaccount:ns:a");
	ck_assert_str_eq(u.uid, "u1");
	ck_assert(auth_user_in(&u, "system:serviceaccounts"));
	ck_assert(auth_user_in(&u, "system:serviceaccounts:ns"));
	ck_assert(auth_user_in(&u, AUTH_AUTHENTICATED));
	ck_assert_str_eq(auth_user_extra(&u, "authentication.kubernetes.io/pod-uid")[0], "u2");
	ck_assert_str_eq(auth_user_extra(&u, AUTH_NODE_NAME)[0], "n");
	AUTO_FREE char *id = xasprintf("JTI=%s", json_str_at(c, "jti"));
	ck_assert_str_eq(auth_user_extra(&u, AUTH_CREDENTIAL_ID)[0], id);
	auth_user_done(&u);
	json_decref(c);
}
END_TEST

START_TEST(times)
{
	WORLD;
	json_t *c = claims_for(none, none, none);
	ck_assert_str_eq(reason(c, NOW), "");
	ck_assert_str_eq(reason(c, NOW + 3660), "");
	ck_assert_str_eq(reason(c, NOW + 3661), "service account token has expired");
	ck_assert_str_eq(reason(c, NOW - 60), "");
	ck_assert_str_eq(reason(c, NOW - 61), "service account token is not valid yet");
	json_object_del(c, "exp");
	ck_assert_str_eq(reason(c, NOW), "service account token has expired");
	json_decref(c);
}
END_TEST

START_TEST(account_gone)
{
	WORLD;
	json_t *c = claims_for(none, none, none);
	put("serviceaccounts/ns/a", "other", NULL);
	ck_assert_str_eq(reason(c, NOW), "service account UID (other) does not match claim (u1)");
	put("serviceaccounts/ns/a", "u1", "2020-01-01T00:00:00Z");
	ck_assert_str_eq(reason(c, NOW), "service account ns/a has been deleted");
	json_object_del(world, "serviceaccounts/ns/a");
	ck_assert_str_eq(reason(c, NOW), "serviceaccounts \"a\" not found");
	json_decref(c);
}
END_TEST

START_TEST(bound_gone)
{
	WORLD;
	static const struct {
		const char *key, *what;
	} bound[] = {{"pods/ns/p", "pod"}, {"secrets/ns/s", "secret"}, {"nodes//n", "node"}};
	for (size_t i = 0; i < ARRAY_LEN(bound); i++) {
		json_t *c = claims_for(i == 0 ? (struct sa_ref){"p", "u2"} : none, i == 1 ? (struct sa_ref){"s", "u3"} : none,
				       i == 2 ? (struct sa_ref){"n", "u4"} : none);
		ck_assert_str_eq(reason(c, NOW), "");
		put(bound[i].key, "new", NULL);
		AUTO_FREE char *why = xasprintf("%s UID (new) does not match service account %s ref claim (u%zu)", bound[i].what,
						bound[i].what, i + 2);
		ck_assert_str_eq(reason(c, NOW), why);
		json_object_del(world, bound[i].key);
		ck_assert_str_eq(reason(c, NOW), "service account token has been invalidated");
		json_decref(c);
	}
}
END_TEST

START_TEST(foreign_subject)
{
	WORLD;
	json_t *c = claims_for(none, none, none);
	json_set_str(c, "sub", "system:serviceaccount:kube-system:admin");
	ck_assert_str_ne(reason(c, NOW), "");
	json_decref(c);
	AUTO_JSON *empty = json_object();
	ck_assert_str_ne(reason(empty, NOW), "");
}
END_TEST

START_TEST(tokens_of_secrets)
{
	WORLD;
	json_t *c = sa_secret_claims("ns", "a", "u1", "s");
	struct auth_user u = {0};
	struct err e = ERR_INIT;
	json_set_str(json_object_get(world, "secrets/ns/s"), "data.token", "VE9LRU4=");
	ck_assert_int_eq(sa_secret_claims_check(c, "TOKEN", &objects, &u, NULL), 0);
	ck_assert_str_eq(u.name, "system:serviceaccount:ns:a");
	ck_assert_int_eq(sa_secret_claims_check(c, "TOKEM", &objects, &u, &e), -EACCES);
	ck_assert_str_eq(err_text(&e), "Token does not match server's copy");
	put("serviceaccounts/ns/a", "u9", NULL);
	ck_assert_int_eq(sa_secret_claims_check(c, "TOKEN", &objects, &u, &e), -EACCES);
	json_object_del(world, "secrets/ns/s");
	ck_assert_int_eq(sa_secret_claims_check(c, "TOKEN", &objects, &u, &e), -EACCES);
	ck_assert_str_eq(err_text(&e), "Token has been invalidated");
	AUTO_JSON *empty = json_object();
	ck_assert_int_eq(sa_secret_claims_check(empty, "TOKEN", &objects, &u, &e), -EACCES);
	auth_user_done(&u);
	json_decref(c);
}
END_TEST

START_TEST(names)
{
	char *ns = NULL, *name = NULL;
	ck_assert(sa_split_user_name("system:serviceaccount:a:b", &ns, &name));
	ck_assert_str_eq(ns, "a");
	ck_assert_str_eq(name, "b");
	free(ns);
	free(name);
	static const char *const bad[] = {"", "alice", "system:serviceaccount:", "system:serviceaccount:a", "system:serviceaccount::b",
					  "system:serviceaccount:a:", "system:serviceaccount:a:b:c"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert(!sa_split_user_name(bad[i], &ns, &name));
}
END_TEST

/* A bootstrap token's secret: texts are given plain. */
static void put_bootstrap(const char *secret, const char *usage, const char *expiration, const char *groups)
{
	const char *const data[][2] = {{"token-id", "abcdef"}, {"token-secret", secret}, {"usage-bootstrap-authentication", usage},
				       {"expiration", expiration}, {"auth-extra-groups", groups}};
	json_t *o = json_pack("{s:s, s:{s:s}, s:{}}", "type", "bootstrap.kubernetes.io/token", "metadata", "name",
			      "bootstrap-token-abcdef", "data");
	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		AUTO_STR text = STR_INIT;
		if (!data[i][1])
			continue;
		base64_encode(&text, data[i][1], strlen(data[i][1]));
		json_object_set_new(json_object_get(o, "data"), data[i][0], json_string(str_text(&text)));
	}
	json_object_set_new(world, "secrets/kube-system/bootstrap-token-abcdef", o);
}

static int bootstrap(const char *token)
{
	struct auth_user u = {0};
	int r = bootstrap_token_check(token, &objects, NOW, &u);
	if (r == 0) {
		ck_assert_str_eq(u.name, "system:bootstrap:abcdef");
		ck_assert(auth_user_in(&u, "system:bootstrappers"));
	}
	auth_user_done(&u);
	return r;
}

START_TEST(bootstrap_tokens)
{
	WORLD;
	const char *good = "abcdef.0123456789abcdef";
	ck_assert_int_eq(bootstrap(good), -EACCES);
	put_bootstrap("0123456789abcdef", "true", NULL, "system:bootstrappers:a,system:bootstrappers:b");
	ck_assert_int_eq(bootstrap(good), 0);
	ck_assert_int_eq(bootstrap("abcdef.0123456789abcdee"), -EACCES);
	ck_assert_int_eq(bootstrap("abcdef.0123456789abcde"), -ENOENT);
	ck_assert_int_eq(bootstrap("abcdeF.0123456789abcdef"), -ENOENT);
	ck_assert_int_eq(bootstrap("abcdef.0123456789abcdefg"), -ENOENT);
	put_bootstrap("0123456789abcdef", "false", NULL, NULL);
	ck_assert_int_eq(bootstrap(good), -EACCES);
	put_bootstrap("0123456789abcdef", "true", "2020-01-01T00:00:00Z", NULL);
	ck_assert_int_eq(bootstrap(good), -EACCES);
	put_bootstrap("0123456789abcdef", "true", "2099-01-01T00:00:00Z", NULL);
	ck_assert_int_eq(bootstrap(good), 0);
	put_bootstrap("0123456789abcdef", "true", "soon", NULL);
	ck_assert_int_eq(bootstrap(good), -EACCES);
	put_bootstrap("0123456789abcdef", "true", NULL, "system:masters");
	ck_assert_int_eq(bootstrap(good), -EACCES);
}
END_TEST

START_TEST(token_files)
{
	struct map *m = NULL;
	const char *text = "t1,alice,7\n# comment\n\nt2,\"bob \"\"x\"\"\",8,\"g1,g2\"\r\n";
	ck_assert_int_eq(token_file_parse(text, &m, NULL), 0);
	const struct auth_user *u = map_get(m, "t1");
	ck_assert_str_eq(u->name, "alice");
	ck_assert_str_eq(u->uid, "7");
	u = map_get(m, "t2");
	ck_assert_str_eq(u->name, "bob \"x\"");
	ck_assert(auth_user_in(u, "g1"));
	ck_assert(auth_user_in(u, "g2"));
	map_free(m);
	ck_assert_int_eq(token_file_parse("t1,alice\n", &m, NULL), -EINVAL);
	ck_assert_int_eq(token_file_parse(",alice,1\n", &m, NULL), -EINVAL);
	ck_assert_int_eq(token_file_parse("t,\"alice,1\n", &m, NULL), -EINVAL);
}
END_TEST

TESTS("service_account", what_they_say, times, account_gone, bound_gone, foreign_subject, tokens_of_secrets, names,
	   bootstrap_tokens, token_files)
