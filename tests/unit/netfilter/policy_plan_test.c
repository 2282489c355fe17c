/* The plan of policies: defaults, peers, blocks, ports, what is shared, what a change touches. */
#include "netfilter/policy_plan.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "base/json.h"
#include "tests/unit/check_main.h"
#include "tests/unit/quoted_json.h"

static struct policy *policy(const char *name, const char *spec)
{
	AUTO_FREE char *text = xasprintf("{'metadata':{'namespace':'a','name':'%s'},'spec':%s}", name, spec);
	AUTO_JSON *j = quoted_json(text);
	struct policy *p = NULL;
	struct err e = ERR_INIT;
	ck_assert_msg(policy_parse(j, &p, &e) == 0, "%s", e.text);
	return p;
}

static struct policy_pod *pod(const char *ns, const char *name, const char *labels, const char *ip)
{
	AUTO_FREE char *text = xasprintf(
	    "{'metadata':{'namespace':'%s','name':'%s','labels':%s},'spec':{'nodeName':'n1','containers':[{'ports':[{"
	    "'name':'web','containerPort':8080},{'name':'dns','containerPort':53,'protocol':'UDP'}]}]},"
	    "'status':{'podIP':'%s','podIPs':[{'ip':'%s'},{'ip':'fd00::%s'}]}}",
	    ns, name, labels, ip, ip, strrchr(ip, '.') + 1);
	AUTO_JSON *j = quoted_json(text);
	return policy_pod_parse(j, "n1");
}

static void add_match(struct str *out, const struct policy_shape *s, const struct policy_match *m);

/* A chain with those that it jumps to in parentheses, by what its rules say: "tcp 80 accept; drop". */
static void add_chain(struct str *out, const struct policy_shape *s, const char *name)
{
	const struct policy_chain *c = map_get(s->chains, name);
	ck_assert_msg(c != NULL, "no chain %s", name);
	for (size_t i = 0; i < c->n; i++) {
		str_add(out, i ? "; " : "");
		add_match(out, s, &c->v[i]);
	}
}

static void add_match(struct str *out, const struct policy_shape *s, const struct policy_match *m)
{
	const struct policy_set *set = m->set[0] ? map_get(s->sets, m->set) : NULL;
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];
	if (m->set[0]) {
		ck_assert_msg(set != NULL, "no set %s", m->set);
		str_addf(out, "%s", m->set_has_port ? "" : m->peer_is_source ? "from " : "to ");
		str_addf(out, "%c%c", m->set[0], m->set[1]);
		for (size_t i = 0; i < set->n_ranges; i++)
			str_addf(out, " %s-%s", ip_text(&set->ranges[i].first, a), ip_text(&set->ranges[i].last, b));
		if (set->port_name)
			str_addf(out, " %d/%s", set->protocol, set->port_name);
		str_add(out, " ");
	}
	if (m->protocol)
		str_addf(out, "%d/%d-%d ", m->protocol, m->from, m->to);
	str_add(out, m->verdict == NF_ACCEPT ? "accept" : m->verdict == NF_DROP ? "drop" : "(");
	if (m->verdict == NFT_JUMP) {
		add_chain(out, s, m->chain);
		str_add(out, ")");
	}
}

static const struct shape_case {
	const char *spec, *ingress, *egress; /* "": not isolated */
} shapes[] = {
    {"{'podSelector':{}}", "drop", ""},
    {"{}", "drop", ""},
    {"{'podSelector':{},'policyTypes':['Egress']}", "", "drop"},
    {"{'podSelector':{},'egress':[{}]}", "drop", "(accept); drop"},
    {"{'podSelector':{},'egress':[{}],'policyTypes':['Ingress']}", "drop", ""},
    {"{'podSelector':{},'policyTypes':['Ingress','Egress']}", "drop", "drop"},
    {"{'podSelector':{'matchLabels':{'app':'x'}}}", "", ""},
    {"{'podSelector':{'matchExpressions':[{'key':'app','operator':'Exists'}]},'ingress':[{}]}", "(accept); drop", ""},
    {"{'podSelector':{},'ingress':[{'from':[]}]}", "(accept); drop", ""},
    {"{'podSelector':{},'ingress':[{'from':[{'podSelector':{}}]}]}", "(from s4 accept; from s6 accept); drop", ""},
    {"{'podSelector':{},'ingress':[{'ports':[{'port':80},{'protocol':'UDP','port':5,'endPort':7},{'protocol':'SCTP'}]}]}",
     "((6/80-80 accept; 17/5-7 accept; 132/0-65535 accept)); drop", ""},
    {"{'podSelector':{},'ingress':[{'ports':[{'port':'web'}],'from':[{'namespaceSelector':{}}]}]}",
     "(from s4 (n4 6/web accept; n6 6/web accept); from s6 (n4 6/web accept; n6 6/web accept)); drop", ""},
    {"{'podSelector':{},'policyTypes':['Egress'],'egress':[{'to':[{'podSelector':{}}],'ports':[{'port':1}]}]}", "",
     "(to s4 (6/1-1 accept); to s6 (6/1-1 accept)); drop"},
    {"{'podSelector':{},'ingress':[{'from':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']}}]}]}",
     "(from b4 10.0.0.0-10.0.255.255 10.2.0.0-10.255.255.255 accept); drop", ""},
    {"{'podSelector':{},'ingress':[{'from':[{'ipBlock':{'cidr':'0.0.0.0/0','except':['0.0.0.0/8','255.255.255.255/32']}},"
     "{'ipBlock':{'cidr':'0.0.0.0/9'}},{'ipBlock':{'cidr':'fd00::/8'}}]}]}",
     "(from b4 0.0.0.0-0.127.255.255 1.0.0.0-255.255.255.254 accept; from b6 "
     "fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff accept); drop",
     ""},
    {"{'podSelector':{},'ingress':[{'from':[{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.0.0.0/8']}}]}]}",
     "(); drop", ""},
};

START_TEST(test_shape)
{
	const struct shape_case *c = &shapes[_i];
	const char *const wanted[POLICY_DIRECTIONS] = {c->ingress, c->egress};
	struct policy *p = policy("p", c->spec);
	const struct policy *list[] = {p};
	struct policy_pod *x = pod("a", "x", "{'app':'y'}", "10.0.0.1"), *elsewhere = pod("b", "x", "{'app':'y'}", "10.0.0.2");
	struct policy_shape *s = policy_shape_new();
	struct policy_verdicts v;
	policy_shape_add(s, NULL, list, 1, x, &v);
	for (int d = 0; d < POLICY_DIRECTIONS; d++) {
		AUTO_STR text = STR_INIT;
		if (v.chain[d][0])
			add_chain(&text, s, v.chain[d]);
		ck_assert_str_eq(str_text(&text), wanted[d]);
	}
	policy_shape_add(s, NULL, list, 1, elsewhere, &v);
	ck_assert_str_eq(v.chain[0], "");
	ck_assert_str_eq(v.chain[1], "");
	policy_shape_free(s);
	policy_free(p);
	policy_pod_free(x);
	policy_pod_free(elsewhere);
}
END_TEST

static const struct bad_case {
	const char *spec, *text;
} bad[] = {
    {"{'podSelector':{},'ingress':[{},{'ports':[{'protocol':'IGMP'}]}]}",
     "networkpolicy a/p: spec.ingress[1]: ports[0]: protocol: IGMP is none"},
    {"{'podSelector':{},'egress':[{'to':[{'ipBlock':{'cidr':'10.0.0.0/33'}}]}]}",
     "networkpolicy a/p: spec.egress[0]: to[0]: ipBlock.cidr: 10.0.0.0/33 is no network"},
    {"{'podSelector':{},'ingress':[{'ports':[{'port':90,'endPort':80}]}]}",
     "networkpolicy a/p: spec.ingress[0]: ports[0]: port: 90 to 80 is no range"},
};

static void check_bad(size_t i)
{
	AUTO_FREE char *text = xasprintf("{'metadata':{'namespace':'a','name':'p'},'spec':%s}", bad[i].spec);
	AUTO_JSON *j = quoted_json(text);
	struct policy *p = NULL;
	struct err e = ERR_INIT;
	ck_assert_int_lt(policy_parse(j, &p, &e), 0);
	ck_assert_str_eq(e.text, bad[i].text);
}

START_TEST(test_bad)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_bad(i);
}
END_TEST

/* "set address[/rest...] ..." with sets by their first two letters, or whole where they are fixed. */
static char *elems_text(const struct policy_elem *v, size_t n)
{
	struct str out = STR_INIT;
	for (size_t i = 0; i < n; i++) {
		const struct policy_elem *e = &v[i];
		bool fixed = !strchr(e->set, '-'), six = strchr(e->set, '6') && (fixed || e->set[1] == '6');
		size_t len = six ? 16 : 4;
		struct ip ip = {.family = six ? AF_INET6 : AF_INET};
		char text[IP_TEXT_MAX];
		memcpy(ip.b, e->key, len);
		str_addf(&out, "%s%.*s %s", i ? ", " : "", fixed ? 32 : 2, e->set, ip_text(&ip, text));
		if (e->set[0] == 'n')
			str_addf(&out, "/%d/%d", e->key[len], e->key[len + 4] << 8 | e->key[len + 5]);
	}
	return str_take(&out);
}

static const struct elem_case {
	const char *spec, *ns, *labels, *namespace_labels, *elems;
} elems[] = {
    {"{'podSelector':{},'ingress':[{'from':[{'podSelector':{'matchLabels':{'app':'c'}}}]}]}", "a", "{'app':'c'}", "{}",
     "s4 10.0.0.9, s6 fd00::9"},
    {"{'podSelector':{},'ingress':[{'from':[{'podSelector':{'matchLabels':{'app':'c'}}}]}]}", "b", "{'app':'c'}", "{}", ""},
    {"{'podSelector':{},'ingress':[{'from':[{'podSelector':{'matchLabels':{'app':'c'}}}]}]}", "a", "{'app':'d'}", "{}", ""},
    {"{'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{'matchLabels':{'t':'1'}}}]}]}", "b", "{}", "{'t':'1'}",
     "s4 10.0.0.9, s6 fd00::9"},
    {"{'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{'matchLabels':{'t':'1'}}}]}]}", "a", "{}", "{}", ""},
    {"{'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{},'podSelector':{'matchLabels':{'app':'c'}}}]}]}", "b",
     "{'app':'c'}", "{}", "s4 10.0.0.9, s6 fd00::9"},
    {"{'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{},'podSelector':{'matchLabels':{'app':'c'}}}]}]}", "b",
     "{'app':'d'}", "{}", ""},
    {"{'podSelector':{},'ingress':[{'from':[{}]}]}", "a", "{}", "{}", ""},
    {"{'podSelector':{},'ingress':[{'ports':[{'port':'web'}]}]}", "b", "{}", "{}", "n4 10.0.0.9/6/8080, n6 fd00::9/6/8080"},
    {"{'podSelector':{},'ingress':[{'ports':[{'port':'web','protocol':'UDP'}]}]}", "b", "{}", "{}", ""},
    {"{'podSelector':{},'ingress':[{'ports':[{'port':'dns','protocol':'UDP'}]}]}", "b", "{}", "{}",
     "n4 10.0.0.9/17/53, n6 fd00::9/17/53"},
    {"{'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{'matchExpressions':[{'key':'t','operator':'DoesNotExist'}]}}]}]}",
     "b", "{}", "{}", "s4 10.0.0.9, s6 fd00::9"},
    /* of a namespace that is not known */
    {"{'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{'matchExpressions':[{'key':'t','operator':'DoesNotExist'}]}}]}]}",
     "b", "{}", NULL, ""},
    {"{'podSelector':{},'ingress':[{'from':[{'namespaceSelector':{}}]}]}", "b", "{}", NULL, "s4 10.0.0.9, s6 fd00::9"},
};

static void check_elems(size_t i)
{
	const struct elem_case *c = &elems[i];
	struct policy *p = policy("p", c->spec);
	const struct policy *list[] = {p};
	struct policy_pod *x = pod("a", "x", "{}", "10.0.0.1"), *other = pod(c->ns, "other", c->labels, "10.0.0.9");
	AUTO_JSON *namespace_labels = c->namespace_labels ? quoted_json(c->namespace_labels) : NULL;
	struct policy_shape *s = policy_shape_new();
	struct policy_verdicts v;
	struct policy_elem *got;
	size_t n;
	policy_shape_add(s, NULL, list, 1, x, &v);
	policy_plan_pod(s, other, namespace_labels, NULL, &got, &n);
	AUTO_FREE char *text = elems_text(got, n);
	ck_assert_str_eq(text, c->elems);
	free(got);
	policy_shape_free(s);
	policy_free(p);
	policy_pod_free(x);
	policy_pod_free(other);
}

START_TEST(test_elems)
{
	for (size_t i = 0; i < ARRAY_LEN(elems); i++)
		check_elems(i);
}
END_TEST

START_TEST(test_verdicts)
{
	struct policy *p = policy("p", "{'podSelector':{}}"), *q = policy("q", "{'podSelector':{},'policyTypes':['Ingress']}");
	const struct policy *list[] = {p, q};
	struct policy_pod *x = pod("a", "x", "{}", "10.0.0.1"), *y = pod("a", "y", "{'app':'y'}", "10.0.0.2");
	struct policy_shape *s = policy_shape_new();
	struct policy_verdicts v, w;
	struct policy_elem *got;
	size_t n;
	policy_shape_add(s, NULL, list, 2, x, &v);
	policy_shape_add(s, NULL, list, 2, y, &w);
	ck_assert_int_eq(map_len(s->chains), 1); /* the same policies, or such that say the same: one chain */
	ck_assert_str_eq(v.chain[0], w.chain[0]);
	policy_plan_pod(s, x, NULL, &v, &got, &n);
	AUTO_FREE char *text = elems_text(got, n);
	ck_assert_str_eq(text, "ingress4 10.0.0.1, ingress6 fd00::1, self4 10.0.0.1, self6 fd00::1");
	ck_assert_str_eq(got[0].chain, v.chain[0]);
	ck_assert_int_eq(got[2].key_len, 8);
	ck_assert_mem_eq(got[2].key, got[2].key + 4, 4);
	free(got);
	policy_shape_free(s);
	policy_free(p);
	policy_free(q);
	policy_pod_free(x);
	policy_pod_free(y);
}
END_TEST

static const char *const objects[] = {
    "{'metadata':{'name':'x'},'status':{'phase':'Succeeded','podIP':'10.0.0.1'}}",
    "{'metadata':{'name':'x'},'status':{'phase':'Failed','podIP':'10.0.0.1'}}",
    "{'metadata':{'name':'x'},'spec':{'hostNetwork':true},'status':{'podIP':'10.0.0.1'}}",
    "{'metadata':{'name':'x'}}",
};

static void check_pod_without_address(size_t i)
{
	AUTO_JSON *j = quoted_json(objects[i]);
	struct policy_pod *p = policy_pod_parse(j, "n1");
	ck_assert_int_eq(p->n_ips, 0);
	ck_assert(!p->local);
	policy_pod_free(p);
}

START_TEST(test_pods_without_address)
{
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		check_pod_without_address(i);
}
END_TEST

static void note(void *arg, bool add, const struct policy_elem *e)
{
	str_addf(arg, "%c%s:%d>%s ", add ? '+' : '-', e->set, e->key[0], e->chain);
}

START_TEST(test_diff)
{
	const struct policy_elem old[] = {{.set = "a", .key = {1}}, {.set = "a", .key = {2}}, {.set = "m", .key = {1}, .chain = "x"}};
	const struct policy_elem new[] = {{.set = "a", .key = {2}}, {.set = "a", .key = {3}}, {.set = "m", .key = {1}, .chain = "y"}};
	AUTO_STR out = STR_INIT;
	policy_elem_diff(old, 3, new, 3, note, &out);
	ck_assert_str_eq(str_text(&out), "-a:1> +a:3> -m:1>x +m:1>y ");
	str_reset(&out);
	policy_elem_diff(old, 3, old, 3, note, &out);
	ck_assert_str_eq(str_text(&out), "");
}
END_TEST

TESTS_TABLE("policy_plan", test_shape, ARRAY_LEN(shapes), test_bad, test_elems, test_verdicts, test_pods_without_address, test_diff)
