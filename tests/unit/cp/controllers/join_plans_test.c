/* Plans of what a joining node needs: bootstrap tokens, their signatures, its part of the pods' addresses. */
#include "api/bootstrap_secret.h"
#include "cp/controllers/bootstrap_plan.h"
#include "cp/controllers/node_ipam_plan.h"
#include "tests/unit/cp/controllers/plans.h"

static json_t *token(const char *id, const char *expiration, bool signing)
{
	struct bootstrap_secret s = { .id = (char *)id, .secret = "0123456789abcdef", .expiration = (char *)expiration, .signing = signing };
	return bootstrap_secret_json(&s);
}

START_TEST(secrets)
{
	char text[BOOTSTRAP_TOKEN_LEN + 1];
	char *groups[] = { "system:bootstrappers:a", "system:bootstrappers:b", NULL };
	struct bootstrap_secret s = { .id = "abcdef", .secret = "0123456789abcdef", .description = "why", .authentication = true,
				      .groups = groups };
	AUTO_BOOTSTRAP_SECRET back = { 0 };
	AUTO_JSON *o = bootstrap_secret_json(&s), *other = J("{'type':'Opaque','metadata':{'name':'bootstrap-token-abcdef'}}");
	ck_assert(bootstrap_token_has_form(bootstrap_token_random(text)));
	ck_assert(!bootstrap_token_has_form("abcdef.0123456789abcde"));
	ck_assert(!bootstrap_token_has_form("abcdef.0123456789abcdefg"));
	ck_assert(!bootstrap_token_has_form("ABCDEF.0123456789abcdef"));
	ck_assert(bootstrap_id_has_form("abcdef") && !bootstrap_id_has_form("abcde"));
	ck_assert_int_eq(bootstrap_secret_read(o, &back), 0);
	ck_assert_str_eq(back.secret, "0123456789abcdef");
	ck_assert_str_eq(back.description, "why");
	ck_assert(back.authentication && !back.signing);
	ck_assert_str_eq(back.groups[1], "system:bootstrappers:b");
	ck_assert_int_eq(bootstrap_secret_end_ms(&back), INT64_MAX);
	ck_assert_int_lt(bootstrap_secret_read(other, &back), 0);
	ck_assert_int_lt(bootstrap_secret_read(NULL, &back), 0);
	json_set_str(o, "metadata.name", "bootstrap-token-ghijkl");
	ck_assert_int_lt(bootstrap_secret_read(o, &back), 0);
}
END_TEST

/* The value was computed by openssl: HMAC-SHA256 of base64url(header).base64url("content"). */
START_TEST(signature)
{
	AUTO_FREE char *s = bootstrap_sign("content", "abcdef", "0123456789abcdef");
	ck_assert_str_eq(s, "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..psz1NayrXM3IaFzKZGsb5n_mBl7MjtlsZ1xE8MRmF_4");
}
END_TEST

START_TEST(cleaner)
{
	AUTO_JSON *over = token("abcdef", "2020-09-13T12:26:39Z", true), *later = token("abcdef", "2020-09-13T12:26:41Z", true);
	AUTO_JSON *never = token("abcdef", "", true), *odd = token("abcdef", "soon", true);
	AUTO_PLAN a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	token_cleaner_plan(over, NOW, &a);
	ck_assert_int_eq(count_actions(&a, "DELETE", "/kube-system/secrets/bootstrap-token-abcdef"), 1);
	token_cleaner_plan(later, NOW, &b);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_int_eq(b.again_ms, 1000);
	token_cleaner_plan(never, NOW, &c);
	ck_assert_uint_eq(c.n, 0);
	ck_assert_int_eq(c.again_ms, 0);
	token_cleaner_plan(odd, NOW, &d);
	ck_assert_uint_eq(d.n, 1);
}
END_TEST

START_TEST(signer)
{
	AUTO_JSON *info = J("{'metadata':{'namespace':'kube-public','name':'cluster-info'},'data':{'kubeconfig':'content',"
			    "'jws-kubeconfig-zzzzzz':'old'}}");
	AUTO_JSON *all = json_array(), *bare = J("{'metadata':{'name':'cluster-info'}}");
	AUTO_PLAN plan = { 0 }, again = { 0 }, none = { 0 };
	json_array_append_new(all, token("aaaaaa", "", true));
	json_array_append_new(all, token("bbbbbb", "", false));
	json_array_append_new(all, token("cccccc", "2020-09-13T12:26:39Z", true));
	bootstrap_signer_plan(info, all, NOW, &plan);
	ck_assert_uint_eq(plan.n, 1);
	merge_into(info, plan.v[0].body);
	const json_t *data = json_object_get(info, "data");
	ck_assert_uint_eq(json_object_size(data), 2);
	AUTO_FREE char *wanted = bootstrap_sign("content", "aaaaaa", "0123456789abcdef");
	ck_assert_str_eq(json_member(data, "jws-kubeconfig-aaaaaa"), wanted);
	bootstrap_signer_plan(info, all, NOW, &again);
	ck_assert_uint_eq(again.n, 0);
	bootstrap_signer_plan(NULL, all, NOW, &none);
	bootstrap_signer_plan(bare, all, NOW, &none);
	ck_assert_uint_eq(none.n, 0);
}
END_TEST

static const struct {
	const char *ranges;
	int bits4, bits6;
	const char *used;   /* JSON */
	const char *picked; /* podCIDRs joined; "" for none and an event, NULL: the ranges are refused */
} ranges[] = {
	{ "10.244.0.0/16", 24, 64, "[]", "10.244.0.0/24" },
	{ "10.244.0.0/16", 24, 64, "['10.244.0.0/24','10.244.2.0/24']", "10.244.1.0/24" },
	{ "10.244.0.0/16", 24, 64, "['10.244.0.0/23','10.244.2.128/25']", "10.244.3.0/24" },
	{ "10.244.0.0/16", 24, 64, "['10.0.0.0/8']", "" },
	{ "10.244.0.0/16", 24, 64, "['192.168.0.0/16','fd00::/64','odd']", "10.244.0.0/24" },
	{ "10.244.0.0/23", 24, 64, "['10.244.0.0/24','10.244.1.0/24']", "" },
	{ "10.244.0.0/24", 24, 64, "[]", "10.244.0.0/24" },
	{ "10.244.77.1/16", 24, 64, "[]", "10.244.0.0/24" },
	{ "10.244.0.0/16,fd00:1::/48", 24, 64, "['10.244.0.0/24','fd00:1::/64']", "10.244.1.0/24 fd00:1:0:1::/64" },
	{ "fd00:1::/56", 24, 64, "['fd00:1::/60']", "fd00:1:0:10::/64" },
	{ "10.244.0.0/16", 12, 64, "[]", NULL },
	{ "10.0.0.0/8", 28, 64, "[]", NULL },
	{ "10.0.0.0/16,10.1.0.0/16", 24, 64, "[]", NULL },
	{ "10.0.0.0/16,fd00::/48,10.1.0.0/16", 24, 64, "[]", NULL },
	{ "10.0.0.0", 24, 64, "[]", NULL },
	{ "ten/8", 24, 64, "[]", NULL },
};

START_TEST(ipam)
{
	struct node_ranges r;
	struct err e = ERR_INIT;
	AUTO_JSON *node = J("{'metadata':{'name':'n'},'spec':{}}"), *used = J("%s", ranges[_i].used);
	AUTO_PLAN plan = { 0 }, again = { 0 };
	AUTO_STR got = STR_INIT;
	json_t *v;
	size_t i;
	ck_assert_int_eq(node_ranges_parse(ranges[_i].ranges, ranges[_i].bits4, ranges[_i].bits6, &r, &e) < 0, !ranges[_i].picked);
	if (!ranges[_i].picked)
		return;
	node_ipam_plan(&r, node, used, &plan);
	ck_assert_uint_eq(plan.n, 1);
	if (!*ranges[_i].picked) {
		ck_assert_ptr_null(plan.v[0].method);
		return;
	}
	merge_into(node, plan.v[0].body);
	json_array_foreach(json_at(node, "spec.podCIDRs"), i, v)
		str_addf(&got, "%s%s", i ? " " : "", json_string_value(v));
	ck_assert_str_eq(str_text(&got), ranges[_i].picked);
	ck_assert_str_eq(json_str_at(node, "spec.podCIDR"), json_string_value(json_array_get(json_at(node, "spec.podCIDRs"), 0)));
	node_ipam_plan(&r, node, used, &again);
	ck_assert_uint_eq(again.n, 0);
}
END_TEST

TESTS_TABLE("join_plans", ipam, ARRAY_LEN(ranges), secrets, signature, cleaner, signer)
