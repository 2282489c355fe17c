/* Port mappings: what is refused, what conditions mean, which elements come of it. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "cni/portmap_plan.h"

#include <check.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define PREV                                                                                                           \
	"\"prevResult\":{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"br0\"},{\"name\":\"eth0\",\"sandbox\":"  \
	"\"/ns\"}],\"ips\":[{\"address\":\"10.9.0.1/24\",\"interface\":0},{\"address\":\"10.9.0.5/24\",\"interface\":" \
	"1},{\"address\":\"fd09::5/64\",\"interface\":1}]}"
#define MAPS(list) "\"runtimeConfig\":{\"portMappings\":[" list "]}"

static struct cni_call call_of(json_t *conf)
{
	return (struct cni_call){.command = "ADD",
				 .container_id = "c",
				 .netns = "/ns",
				 .ifname = "eth0",
				 .args = "",
				 .name = "n",
				 .version = "1.0.0",
				 .conf = conf};
}

static const struct {
	const char *conf, *error; /* NULL: accepted */
} configs[] = {
    {"{" PREV "," MAPS("{\"hostPort\":80,\"containerPort\":8080,\"protocol\":\"TCP\"}") "}", NULL},
    {"{" PREV "," MAPS("{\"hostPort\":0,\"containerPort\":1,\"protocol\":\"tcp\"}") "}", "Invalid host port number: 0"},
    {"{" PREV "," MAPS("{\"hostPort\":70000,\"containerPort\":1,\"protocol\":\"tcp\"}") "}", "70000"},
    {"{" PREV "," MAPS("{\"hostPort\":1,\"protocol\":\"tcp\"}") "}", "Invalid container port number: 0"},
    {"{" PREV "," MAPS("{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"foo\"}") "}", "foo"},
    {"{" PREV "," MAPS("{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"tcp\",\"hostIP\":\"x\"}") "}",
     "host IP \"x\""},
    {"{\"markMasqBit\":32}", "MasqMarkBit must be between 0 and 31"},
    {"{\"markMasqBit\":1,\"externalSetMarkChain\":\"X\"}", "Cannot specify"},
    {"{\"conditionsV4\":[\"ip\",\"saddr\",\"!=\",\"10.0.0.0/8\"]}", NULL},
    {"{\"conditionsV4\":[\"!\",\"-s\",\"10.0.0.0/8\",\"-i\",\"eth7\"]}", NULL},
    {"{\"conditionsV4\":[\"-m\",\"geoip\"]}", "conditionsV4: cannot say \"-m"},
    {"{\"conditionsV4\":[\"-s\"]}", "conditionsV4"},
    {"{\"conditionsV6\":[\"-s\",\"10.0.0.0/8\"]}", "conditionsV6"},
};

START_TEST(is_parsed)
{
	AUTO_JSON *conf = json_loads(configs[_i].conf, 0, NULL);
	struct cni_call c = call_of(conf);
	struct portmap_conf p;
	struct err e = ERR_INIT;
	ck_assert_ptr_nonnull(conf);
	int r = portmap_conf_parse(&c, &p, &e);
	if (r >= 0) {
		r = portmap_conf_conditions(&c, &p, &e);
		portmap_conf_done(&p);
	}
	ck_assert_int_eq(r < 0, configs[_i].error != NULL);
	if (configs[_i].error)
		ck_assert_msg(strstr(e.text, configs[_i].error), "%s", e.text);
}
END_TEST

START_TEST(conditions_are_understood)
{
	AUTO_JSON *conf = json_loads(
	    "{\"conditionsV4\":[\"!\",\"-s\",\"10.0.0.0/8\",\"iifname\",\"!=\",\"eth7\",\"ip\",\"daddr\",\"1.2.3.4\"]}",
	    0, NULL);
	struct cni_call c = call_of(conf);
	struct portmap_conf p;
	ck_assert_int_ge(portmap_conf_parse(&c, &p, NULL), 0);
	ck_assert_int_ge(portmap_conf_conditions(&c, &p, NULL), 0);
	ck_assert_uint_eq(p.n_conditions[0], 3);
	ck_assert_uint_eq(p.n_conditions[1], 0);
	ck_assert_int_eq(p.conditions[0][0].what, CONDITION_SADDR);
	ck_assert(p.conditions[0][0].not );
	ck_assert_int_eq(p.conditions[0][0].net.prefix, 8);
	ck_assert_str_eq(p.conditions[0][1].ifname, "eth7");
	ck_assert(p.conditions[0][1].not );
	ck_assert_int_eq(p.conditions[0][2].what, CONDITION_DADDR);
	ck_assert(!p.conditions[0][2].not );
	portmap_conf_done(&p);
}
END_TEST

START_TEST(elements)
{
	AUTO_JSON *conf = json_loads(
	    "{" PREV "," MAPS("{\"hostPort\":80,\"containerPort\":8080,\"protocol\":\"tcp\"},"
			      "{\"hostPort\":80,\"containerPort\":8080,\"protocol\":\"tcp\"},"
			      "{\"hostPort\":53,\"containerPort\":53,\"protocol\":\"udp\",\"hostIP\":\"1.2.3.4\"},"
			      "{\"hostPort\":54,\"containerPort\":53,\"protocol\":\"udp\",\"hostIP\":\"::\"}") "}",
	    0, NULL);
	static const uint8_t tcp80[8] = {IPPROTO_TCP, 0, 0, 0, 0, 80, 0, 0},
			     target[8] = {10, 9, 0, 5, 0x1f, 0x90, 0, 0};
	struct cni_call c = call_of(conf);
	struct portmap_conf p;
	struct portmap_plan plan;
	ck_assert_int_ge(portmap_conf_parse(&c, &p, NULL), 0);
	portmap_plan(&p, NFPROTO_IPV4, "o", &plan);
	ck_assert_uint_eq(plan.n, 3); /* the port, the port of one address, the hairpin */
	ck_assert_str_eq(plan.elems[0].set, "ports");
	ck_assert_mem_eq(plan.elems[0].elem.key, tcp80, 8);
	ck_assert_mem_eq(plan.elems[0].elem.data, target, 8);
	ck_assert_str_eq(plan.elems[1].set, "hostip_ports");
	ck_assert_uint_eq(plan.elems[1].elem.key_len, 12);
	ck_assert_str_eq(plan.elems[2].set, "hairpin");
	portmap_plan_done(&plan);
	portmap_plan(&p, NFPROTO_IPV6, "o", &plan);
	ck_assert_uint_eq(plan.n, 3); /* both ports for every address, the hairpin */
	portmap_plan_done(&plan);
	portmap_conf_done(&p);
}
END_TEST

START_TEST(owners_have_names_that_fit)
{
	char a[NFT_COMMENT_MAX + 1], b[NFT_COMMENT_MAX + 1], id[400];
	ck_assert_str_eq(owned_by(a, "net", "id", "eth0"), "net/id/eth0");
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	owned_by(a, "net", id, "eth0");
	ck_assert_uint_eq(strlen(a), NFT_COMMENT_MAX);
	ck_assert_str_ne(a, owned_by(b, "net", id, "eth1"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("portmap");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, is_parsed, 0, sizeof(configs) / sizeof(configs[0]));
	tcase_add_test(t, conditions_are_understood);
	tcase_add_test(t, elements);
	tcase_add_test(t, owners_have_names_that_fit);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
