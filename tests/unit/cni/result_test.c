/* Results between versions, names, CNI_ARGS, resolv.conf, configuration of host-local. */
#include "cni/result.h"

#include <check.h>
#include <string.h>

#include "base/json.h"
#include "cni/ipam_conf.h"
#include "cni/version.h"

static json_t *parse(const char *text)
{
	json_t *j = NULL;
	ck_assert_int_eq(json_parse(text, strlen(text), &j, NULL), 0);
	return j;
}

#define INNER                                                                                                          \
	"{\"interfaces\":[{\"name\":\"eth0\",\"mtu\":1400}],\"ips\":[{\"address\":\"10.0.0.2/"                         \
	"24\",\"gateway\":\"10.0.0.1\"},"                                                                              \
	"{\"address\":\"fd00::2/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\",\"gw\":\"fd00::1\"}]}"
#define LISTS_OLD                                                                                                      \
	"\"interfaces\":[{\"name\":\"eth0\"}],\"ips\":[{\"address\":\"10.0.0.2/"                                       \
	"24\",\"gateway\":\"10.0.0.1\",\"version\":\"4\"},"                                                            \
	"{\"address\":\"fd00::2/64\",\"version\":\"6\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/"           \
	"0\",\"gw\":\"fd00::1\"}],\"dns\":{}}"
#define OLD                                                                                                            \
	"\"ip4\":{\"ip\":\"10.0.0.2/24\",\"gateway\":\"10.0.0.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]},"              \
	"\"ip6\":{\"ip\":\"fd00::2/64\",\"routes\":[{\"dst\":\"::/0\",\"gw\":\"fd00::1\"}]},\"dns\":{}}"

static const struct {
	const char *version, *want;
} exports[] = {
    {"0.1.0", "{\"cniVersion\":\"0.1.0\"," OLD},
    {"0.2.0", "{\"cniVersion\":\"0.2.0\"," OLD},
    {"0.3.0", "{\"cniVersion\":\"0.3.0\"," LISTS_OLD},
    {"0.3.1", "{\"cniVersion\":\"0.3.1\"," LISTS_OLD},
    {"0.4.0", "{\"cniVersion\":\"0.4.0\"," LISTS_OLD},
    {"1.0.0",
     "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\"}],\"ips\":[{\"address\":\"10.0.0.2/24\",\"gateway\":"
     "\"10.0.0.1\"},{\"address\":\"fd00::2/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/"
     "0\",\"gw\":\"fd00::1\"}]}"},
    {"1.1.0",
     "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"eth0\",\"mtu\":1400}],\"ips\":[{\"address\":\"10.0.0.2/"
     "24\","
     "\"gateway\":\"10.0.0.1\"},{\"address\":\"fd00::2/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"::/0\","
     "\"gw\":\"fd00::1\"}]}"},
};

START_TEST(exports_and_back)
{
	AUTO_JSON *inner = parse(INNER), *want = parse(exports[_i].want), *got = NULL, *back = NULL;
	ck_assert_int_eq(cni_result_export(inner, exports[_i].version, &got, NULL), 0);
	AUTO_FREE char *text = json_text(got);
	ck_assert_msg(json_equal(got, want), "%s", text);
	ck_assert_int_eq(cni_result_import(got, &back, NULL), 0);
	ck_assert(json_equal(json_object_get(back, "ips"), json_object_get(inner, "ips")));
	ck_assert(json_equal(json_object_get(back, "routes"), json_object_get(inner, "routes")));
	ck_assert_ptr_null(json_object_get(back, "dns"));
}
END_TEST

START_TEST(refuses)
{
	static const char *const bad[] = {"[]", "{\"ips\":[{}]}", "{\"ip4\":{\"gateway\":\"10.0.0.1\"}}",
					  "{\"interfaces\":{\"name\":\"eth0\"}}", "{\"routes\":{}}", "{\"dns\":[1]}"};
	AUTO_JSON *none = json_object(), *out = NULL;
	ck_assert_int_lt(cni_result_export(none, "0.2.0", &out, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_JSON *j = parse(bad[i]);
		ck_assert_msg(cni_result_import(j, &out, NULL) < 0, "%s", bad[i]);
	}
	ck_assert_ptr_null(out);
}
END_TEST

/* What versions before did not know stays out of their results. */
START_TEST(interfaces_of_versions)
{
	static const struct {
		const char *version, *want;
	} cases[] = {{"0.4.0", "{\"name\":\"n\",\"mac\":\"m\"}"},
		     {"1.0.0", "{\"name\":\"n\",\"mac\":\"m\",\"socketPath\":\"/s\",\"pciID\":\"p\"}"},
		     {"1.1.0", "{\"name\":\"n\",\"mac\":\"m\",\"mtu\":9,\"socketPath\":\"/s\",\"pciID\":\"p\"}"}};
	AUTO_JSON *inner = parse("{\"interfaces\":[{\"name\":\"n\",\"mac\":\"m\",\"mtu\":9,\"socketPath\":\"/s\","
				 "\"pciID\":\"p\"}]}");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *out = NULL, *want = parse(cases[i].want);
		ck_assert_int_eq(cni_result_export(inner, cases[i].version, &out, NULL), 0);
		ck_assert(json_equal(json_array_get(json_object_get(out, "interfaces"), 0), want));
	}
}
END_TEST

START_TEST(dns_is_kept)
{
	AUTO_JSON *in = parse("{\"dns\":{\"nameservers\":[\"10.0.0.1\"]}}"), *inner = NULL, *out = NULL;
	ck_assert_int_eq(cni_result_import(in, &inner, NULL), 0);
	ck_assert_int_eq(cni_result_export(inner, "1.0.0", &out, NULL), 0);
	ck_assert_ptr_nonnull(json_at(out, "dns.nameservers"));
}
END_TEST

START_TEST(versions)
{
	ck_assert(cni_version_is_supported("0.1.0") && cni_version_is_supported("1.1.0"));
	ck_assert(!cni_version_is_supported("1.2.0") && !cni_version_is_supported(""));
	ck_assert(cni_version_at_least("1.0.0", "0.4.0") && !cni_version_at_least("0.3.1", "0.4.0"));
	static const char *const none[] = {"", "x", "1.", "1..2", "1.2.3.4", "1.2.x", "v1", "-1", "1.2.3-rc"};
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_assert_msg(cni_version_number(none[i]) < 0, "%s", none[i]);
	ck_assert_int_eq(cni_version_number("1"), cni_version_number("1.0.0"));
	ck_assert_int_gt(cni_version_number("0.10.0"), cni_version_number("0.4.99"));
	ck_assert_int_gt(cni_version_number("9.9.9"), cni_version_number(CNI_VERSION_LATEST));
}
END_TEST

START_TEST(names)
{
	static const char *const good[] = {"a", "0", "a_b.c-d", "cni0"}, *const bad[] = {"",    "-a",  ".a",
											 "a/b", "a b", "\xc3\xa4"};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert(cni_name_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert(!cni_name_is_valid(bad[i]));
	ck_assert_ptr_null(cni_ifname_problem("eth0"));
	ck_assert_ptr_null(cni_ifname_problem("abcdefghijklmno"));
	static const char *const no[] = {"", ".", "..", "a/b", "a:b", "a b", "abcdefghijklmnop"};
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		ck_assert_ptr_nonnull(cni_ifname_problem(no[i]));
}
END_TEST

START_TEST(args)
{
	struct cni_call c = {.args = "IgnoreUnknown=1;IP=10.0.0.9;XIP=a;EMPTY="};
	char v[16];
	ck_assert(cni_args_get(&c, "IP", v, sizeof(v)));
	ck_assert_str_eq(v, "10.0.0.9");
	ck_assert(cni_args_get(&c, "EMPTY", v, sizeof(v)));
	ck_assert_str_eq(v, "");
	ck_assert(!cni_args_get(&c, "NONE", v, sizeof(v)));
	ck_assert(cni_args_get(&c, "IP", v, 4)); /* there is one, and it will not be taken for none */
	ck_assert_str_eq(v, "10.");
	ck_assert_int_eq(cni_args_check(&c, NULL), 0);
	c.args = "FOO";
	ck_assert_int_lt(cni_args_check(&c, NULL), 0);
	c.args = "=x";
	ck_assert_int_lt(cni_args_check(&c, NULL), 0);
}
END_TEST

START_TEST(resolv_conf)
{
	AUTO_JSON *got = ipam_dns_parse(
	    "# c\nnameserver 10.0.0.1\nnameserver\tfd00::1\ndomain d\nsearch a b\noptions ndots:5 x\n;z\n");
	AUTO_JSON *want = parse("{\"nameservers\":[\"10.0.0.1\",\"fd00::1\"],\"domain\":\"d\",\"search\":[\"a\",\"b\"],"
				"\"options\":[\"ndots:5\",\"x\"]}");
	ck_assert(json_equal(got, want));
}
END_TEST

#define TWO(version) "{\"cniVersion\":\"" version "\",\"ipam\":{\"ranges\":[[{\"subnet\":\"10.0.0.0/24\"}],[{\"subnet\":\"10.1.0.0/24\"}]]}}"

static const struct {
	const char *conf, *error;
} confs[] = {
    {TWO("0.2.0"), "CNI version 0.2.0 does not support more than 1 address per family"},
    {TWO("0.1.0"), "CNI version 0.1.0 does not support more than 1 address per family"},
    {"{}", "ipam"},
    {"{\"ipam\":{}}", "no IP ranges specified"},
    {"{\"ipam\":{\"ranges\":[[]]}}", "invalid range set 0: empty"},
    {"{\"ipam\":{\"ranges\":[[{\"subnet\":\"x\"}]]}}", "invalid range set 0: invalid CIDR address: x"},
    {"{\"ipam\":{\"ranges\":[{}]}}", "must be a list"},
    {"{\"ipam\":{\"ranges\":[[{\"subnet\":\"10.0.0.0/24\",\"gateway\":\"q\"}]]}}", "invalid IP address: q"},
    {"{\"ipam\":{\"ranges\":[[{\"subnet\":\"10.0.0.0/24\"}],[{\"subnet\":\"10.0.0.0/25\"}]]}}",
     "range set 0 overlaps with 1"},
    {"{\"ipam\":{\"subnet\":\"10.0.0.0/24\"},\"runtimeConfig\":{\"ips\":[\"nope\"]}}", "requested"},
    {"{\"ipam\":{\"subnet\":\"10.0.0.0/24\"},\"runtimeConfig\":{\"ipRanges\":[[{\"subnet\":\"10.1.0.0/24\"}]],"
     "\"ips\":[\"10.1.0.9/24\"]}}",
     NULL},
    {"{\"ipam\":{\"subnet\":\"10.0.0.0/24\"},\"runtimeConfig\":{\"ipRanges\":[[{\"subnet\":\"10.1.0.0/24\"}]],"
     "\"ips\":[\"10.1.0.9/24\"]},\"args\":{\"cni\":{\"ips\":[\"10.1.0.9\"]}}}",
     NULL},
};

START_TEST(configurations)
{
	AUTO_JSON *j = parse(confs[_i].conf);
	struct cni_call c = {.args = "", .conf = j, .version = json_str_or(j, "cniVersion", "0.3.0")};
	struct ipam_conf conf;
	struct err e = ERR_INIT;
	int r = ipam_conf_parse(&c, &conf, &e);
	if (confs[_i].error) {
		ck_assert_int_lt(r, 0);
		ck_assert_msg(strstr(e.text, confs[_i].error), "%s", e.text);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(conf.n, 2);
	ck_assert_uint_eq(conf.n_wanted, 1);
	ck_assert_str_eq(conf.data_dir, "/var/lib/cni/networks");
	ipam_conf_done(&conf);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cni");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, exports_and_back, 0, (int)ARRAY_LEN(exports));
	tcase_add_test(t, refuses);
	tcase_add_test(t, interfaces_of_versions);
	tcase_add_test(t, dns_is_kept);
	tcase_add_test(t, versions);
	tcase_add_test(t, names);
	tcase_add_test(t, args);
	tcase_add_test(t, resolv_conf);
	tcase_add_loop_test(t, configurations, 0, (int)ARRAY_LEN(confs));
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
