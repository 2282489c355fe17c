/* Requests for certificates from being made to their end, with a real key and authority in a directory of the test. */
#include "cp/controllers/csr_plan.h"

#include <errno.h>
#include <stdio.h>

#include "api/pki_request.h"
#include "base/fs.h"
#include "tests/unit/cp/controllers/plans.h"

#define CLIENT "kubernetes.io/kube-apiserver-client"
#define KUBELET "kubernetes.io/kube-apiserver-client-kubelet"
#define SERVING "kubernetes.io/kubelet-serving"
#define APPROVED "'conditions':[{'type':'Approved','status':'True','lastUpdateTime':'2020-09-13T12:26:40Z'}]"

static char dir[] = "/tmp/knarr-csr-XXXXXX";

static void make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
	fs_remove_tree(dir, NULL);
}

/* A request object; usages as JSON text. */
static json_t *request(const char *signer, const char *user, const char *cn, const char *org, const char *dns, const char *ip,
		       const char *usages)
{
	const char *const orgs[] = { org, NULL }, *const names[] = { dns, NULL }, *const ips[] = { ip, NULL };
	struct pki_subject s = { .common_name = cn, .organizations = orgs, .dns = names, .ips = ips };
	AUTO_FREE char *key = xasprintf("%s/key", dir), *pem = NULL;
	AUTO_STR b64 = STR_INIT;
	ck_assert_int_eq(pki_request_make(&s, key, &pem, NULL), 0);
	base64_encode(&b64, pem, strlen(pem));
	json_t *csr = J("{'metadata':{'name':'r','uid':'u','creationTimestamp':'2020-09-13T12:26:40Z'},'spec':{'signerName':'%s',"
			"'username':'%s','usages':%s,'request':'%s'}}",
			signer, user, usages, str_text(&b64));
	return csr;
}

#define NODE_USAGES "['digital signature','client auth']"
#define SERVER_USAGES "['digital signature','server auth']"

static const struct {
	const char *signer, *user, *cn, *org, *dns, *ip, *usages;
	const char *approvals; /* subresources, joined */
	const char *problem;   /* "" for none */
} cases[] = {
	{ KUBELET, "system:bootstrap:abcdef", "system:node:n", "system:nodes", NULL, NULL, NODE_USAGES, "nodeclient ", "" },
	{ KUBELET, "system:node:n", "system:node:n", "system:nodes", NULL, NULL, NODE_USAGES, "selfnodeclient nodeclient ", "" },
	{ KUBELET, "x", "system:node:n", "system:nodes", NULL, NULL, "['client auth']", "",
	  "usages did not match [client auth digital signature]" },
	{ KUBELET, "x", "system:node:n", "system:nodes", NULL, NULL, "['digital signature','key encipherment','client auth']", "nodeclient ",
	  "" },
	{ KUBELET, "x", "system:node:n", "system:masters", NULL, NULL, NODE_USAGES, "", "subject organization is not system:nodes" },
	{ KUBELET, "x", "admin", "system:nodes", NULL, NULL, NODE_USAGES, "", "subject common name does not begin with system:node: " },
	{ KUBELET, "x", "system:node:", "system:nodes", NULL, NULL, NODE_USAGES, "",
	  "subject common name does not begin with system:node: " },
	{ KUBELET, "x", "system:node:n", "system:nodes", "n", NULL, NODE_USAGES, "", "DNS subjectAltNames are not allowed" },
	{ KUBELET, "x", "system:node:n", "system:nodes", NULL, "192.0.2.1", NODE_USAGES, "", "IP subjectAltNames are not allowed" },
	{ SERVING, "system:node:n", "system:node:n", "system:nodes", "n", "192.0.2.1", SERVER_USAGES, "selfnodeserver ", "" },
	{ SERVING, "system:node:m", "system:node:n", "system:nodes", "n", "192.0.2.1", SERVER_USAGES, "", "" },
	{ SERVING, "system:node:n", "system:node:n", "system:nodes", NULL, NULL, SERVER_USAGES, "",
	  "DNS or IP subjectAltName is required" },
	{ SERVING, "system:node:n", "system:node:n", "system:nodes", "n", NULL, NODE_USAGES, "",
	  "usages did not match [digital signature server auth]" },
	{ CLIENT, "x", "somebody", "anything", NULL, NULL, "['client auth']", "", "" },
	{ CLIENT, "x", "somebody", "anything", NULL, NULL, "['client auth','server auth']", "",
	  "invalid usage for client certificate: server auth" },
	{ CLIENT, "x", "somebody", "anything", NULL, NULL, "['digital signature']", "",
	  "missing required usage for client certificate: client auth" },
	{ "example.com/x", "x", "somebody", "anything", NULL, NULL, "['cert sign']", "", "" },
};

START_TEST(judged)
{
	struct csr_approval fits[4];
	AUTO_STR names = STR_INIT, why = STR_INIT;
	AUTO_JSON *csr = request(cases[_i].signer, cases[_i].user, cases[_i].cn, cases[_i].org, cases[_i].dns, cases[_i].ip, cases[_i].usages);
	csr_approvals(csr, fits);
	for (const struct csr_approval *a = fits; a->subresource; a++)
		str_addf(&names, "%s ", a->subresource);
	ck_assert_str_eq(str_text(&names), cases[_i].approvals);
	ck_assert_int_eq(csr_is_wrong(csr, &why), *cases[_i].problem != 0);
	ck_assert_str_eq(str_text(&why), cases[_i].problem);
	ck_assert(!csr_wants_signing(csr));
}
END_TEST

START_TEST(approved_and_signed)
{
	AUTO_FREE char *crt = xasprintf("%s/ca.crt", dir), *ca_key = xasprintf("%s/ca.key", dir), *issued = NULL;
	static const char *const usages[] = { "digital signature", "client auth", NULL }, *const bad[] = { "flying", NULL };
	AUTO_JSON *csr = request(KUBELET, "system:node:n", "system:node:n", "system:nodes", NULL, NULL, NODE_USAGES);
	AUTO_PLAN approve = { 0 }, sign = { 0 }, fail = { 0 };
	struct csr_approval fits[4];
	int64_t from = 0, until = 0;
	ck_assert_int_eq(pki_ca_ensure(dir, "ca", "test", NULL), 0);
	csr_approvals(csr, fits);
	csr_approve_plan(csr, &fits[0], NOW, &approve);
	ck_assert_uint_eq(approve.n, 1);
	ck_assert(str_has_suffix(approve.v[0].path, "/certificatesigningrequests/r/approval"));
	merge_into(csr, approve.v[0].body);
	ck_assert_str_eq(json_str_at(object_condition(json_object_get(csr, "status"), "Approved"), "reason"), "AutoApproved");
	ck_assert(csr_wants_signing(csr));
	csr_approvals(csr, fits);
	ck_assert_ptr_null(fits[0].subresource);

	AUTO_STR pem = STR_INIT;
	const char *text = json_str_at(csr, "spec.request");
	ck_assert_int_eq(base64_decode(&pem, text, strlen(text)), 0);
	ck_assert_int_eq(pki_request_sign(crt, ca_key, pem.p, pem.len, bad, 3600, &issued, NULL), -EINVAL);
	ck_assert_int_eq(pki_request_sign(crt, ca_key, pem.p, pem.len, usages, 3600, &issued, NULL), 0);
	ck_assert_int_eq(pki_validity(issued, strlen(issued), &from, &until, NULL), 0);
	ck_assert_int_ge(until - from, 3600);
	ck_assert_int_le(until - from, 3600 + 310);
	csr_sign_plan(csr, issued, NULL, NOW, &sign);
	ck_assert(str_has_suffix(sign.v[0].path, "/r/status"));
	merge_into(csr, sign.v[0].body);
	ck_assert(!csr_wants_signing(csr));
	csr_sign_plan(csr, NULL, "because", NOW, &fail);
	ck_assert_str_eq(json_str_at(json_array_get(json_at(fail.v[0].body, "status.conditions"), 1), "reason"), "SignerValidationFailure");
}
END_TEST

START_TEST(a_wrong_signature)
{
	AUTO_JSON *csr = request(KUBELET, "x", "system:node:n", "system:nodes", NULL, NULL, NODE_USAGES);
	AUTO_STR pem = STR_INIT, why = STR_INIT;
	struct pki_request r;
	const char *text = json_str_at(csr, "spec.request");
	ck_assert_int_eq(base64_decode(&pem, text, strlen(text)), 0);
	char *at = strstr(pem.p, "\n-----END");
	at[-4] = at[-4] == 'A' ? 'B' : 'A';
	ck_assert_int_eq(pki_request_read(pem.p, pem.len, &r, NULL), -EINVAL);
	ck_assert_int_eq(pki_request_read("x", 1, &r, NULL), -EINVAL);
	json_set_str(csr, "spec.request", "%");
	ck_assert(csr_is_wrong(csr, &why));
}
END_TEST

START_TEST(addresses_of_others)
{
	AUTO_JSON *taken = J("['192.0.2.9','10.96.0.1']");
	static const struct {
		const char *dns, *ip;
		bool foreign;
	} asked[] = { { "n", "192.0.2.1", false }, { "n", "192.0.2.9", true }, { "n", "10.96.0.1", true }, { "n", "127.0.0.1", true },
		      { "m", "192.0.2.1", true },  { "kubernetes", "192.0.2.1", true } };
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		AUTO_STR why = STR_INIT;
		AUTO_JSON *csr = request(SERVING, "system:node:n", "system:node:n", "system:nodes", asked[i].dns, asked[i].ip, SERVER_USAGES);
		ck_assert_int_eq(csr_serving_is_foreign(csr, taken, &why), asked[i].foreign);
		ck_assert_int_eq(why.len > 0, asked[i].foreign);
	}
}
END_TEST

#define HOUR 3600000
static const struct {
	const char *status;
	int64_t goes_after; /* ms from NOW; -1: never */
} ends[] = {
	{ "{}", 24 * (int64_t)HOUR },
	{ "{" APPROVED "}", -1 },
	{ "{" APPROVED ",'certificate':'eA=='}", HOUR },
	{ "{'conditions':[{'type':'Denied','status':'True','lastUpdateTime':'2020-09-13T12:26:40Z'}]}", HOUR },
	{ "{'conditions':[{'type':'Failed','status':'True','lastUpdateTime':'2020-09-13T12:26:40Z'}]}", HOUR },
};

START_TEST(cleaned)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		AUTO_PLAN early = { 0 }, late = { 0 };
		AUTO_JSON *csr = J("{'metadata':{'name':'r','uid':'u','creationTimestamp':'2020-09-13T12:26:40Z'},'status':%s}", ends[i].status);
		int64_t end = ends[i].goes_after < 0 ? 100 * (int64_t)HOUR : ends[i].goes_after;
		csr_clean_plan(csr, NOW + end - 1000, &early);
		ck_assert_uint_eq(early.n, 0);
		ck_assert_int_eq(early.again_ms, ends[i].goes_after < 0 ? 0 : 1000);
		csr_clean_plan(csr, NOW + end, &late);
		ck_assert_int_eq(count_actions(&late, "DELETE", "/r"), ends[i].goes_after >= 0);
	}
}
END_TEST

START_TEST(lives)
{
	AUTO_JSON *none = J("{'spec':{}}"), *some = J("{'spec':{'expirationSeconds':3600}}"), *long_ = J("{'spec':{'expirationSeconds':99999999}}");
	ck_assert_int_eq(csr_seconds(none, 86400), 86400);
	ck_assert_int_eq(csr_seconds(some, 86400), 3600);
	ck_assert_int_eq(csr_seconds(long_, 86400), 86400);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("csr_plan");
	TCase *t = tcase_create("all");
	tcase_add_unchecked_fixture(t, make_dir, remove_dir);
	tcase_add_loop_test(t, judged, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(t, approved_and_signed);
	tcase_add_test(t, a_wrong_signature);
	tcase_add_test(t, addresses_of_others);
	tcase_add_test(t, cleaned);
	tcase_add_test(t, lives);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
