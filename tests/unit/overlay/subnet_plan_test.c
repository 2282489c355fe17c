/* Ways to other nodes, by what they share with us. */
#include "overlay/subnet_plan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

static struct subnet_node *node(const char *name, const char *ips, const char *cidrs)
{
	AUTO_STRV char **ip = str_split(ips, ' ');
	AUTO_STRV char **cidr = str_split(cidrs, ' ');
	AUTO_JSON *o = json_pack("{s:{s:s},s:{s:[{s:s,s:s}]},s:{}}", "metadata", "name", name, "status", "addresses", "type",
				 "Hostname", "address", name, "spec");
	for (char **s = ip; s && *s; s++)
		json_array_append_new(json_at(o, "status.addresses"), json_pack("{s:s,s:s}", "type", "InternalIP", "address", *s));
	for (char **s = cidr; s && *s; s++)
		json_array_append_new(json_array_at(o, "spec.podCIDRs"), json_string(*s));
	return subnet_node_parse(o);
}

/* "10.244.1.0/24 via 10.0.0.2 dev 2; neigh 10.244.1.0 0a:58:..; fdb 0a:58:.. 10.0.9.2;" */
static char *text_of(const struct subnet_plan *p)
{
	struct str out = STR_INIT;
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX], mac[MAC_TEXT_MAX];
	for (size_t i = 0; i < p->n_routes; i++)
		str_addf(&out, "%s via %s dev %d%s;", ip_net_text(&p->routes[i].dst, a), ip_text(&p->routes[i].gw, b),
			 p->routes[i].oif, p->routes[i].onlink ? " onlink" : "");
	for (size_t i = 0; i < p->n_neighs; i++)
		str_addf(&out, " %s %s %s;", p->neighs[i].fdb ? "fdb" : "neigh", mac_text(p->neighs[i].mac, mac),
			 ip_text(&p->neighs[i].ip, a));
	if (p->wants_vxlan)
		str_add(&out, " vxlan");
	return str_take(&out);
}

static const struct {
	enum subnet_mode mode;
	const char *ips, *cidrs; /* of the other node */
	int vxlan;
	const char *plan;
} cases[] = {
    {SUBNET_AUTO, "10.0.0.2", "10.244.1.0/24", 9, "10.244.1.0/24 via 10.0.0.2 dev 2;"},
    {SUBNET_HOST_GW, "10.0.0.2", "10.244.1.0/24", 9, "10.244.1.0/24 via 10.0.0.2 dev 2;"},
    {SUBNET_AUTO, "10.0.9.2", "10.244.1.0/24", 9,
     "10.244.1.0/24 via 10.244.1.0 dev 9 onlink; neigh 0a:58:0a:f4:01:00 10.244.1.0; fdb 0a:58:0a:f4:01:00 10.0.9.2; vxlan"},
    {SUBNET_AUTO, "10.0.9.2", "10.244.1.0/24", 0, " vxlan"},
    {SUBNET_VXLAN, "10.0.0.2", "10.244.1.0/24", 9,
     "10.244.1.0/24 via 10.244.1.0 dev 9 onlink; neigh 0a:58:0a:f4:01:00 10.244.1.0; fdb 0a:58:0a:f4:01:00 10.0.0.2; vxlan"},
    {SUBNET_HOST_GW, "10.0.9.2", "10.244.1.0/24", 9, ""},
    {SUBNET_AUTO, "10.0.0.2 fd00::2", "10.244.1.0/24 fd01:1::/64", 9,
     "10.244.1.0/24 via 10.0.0.2 dev 2;fd01:1::/64 via fd00::2 dev 2;"},
    {SUBNET_AUTO, "10.0.9.2 fd09::2", "10.244.1.0/24 fd01:1::/64", 9,
     "10.244.1.0/24 via 10.244.1.0 dev 9 onlink;fd01:1::/64 via fd01:1:: dev 9 onlink; neigh 0a:58:0a:f4:01:00 10.244.1.0; fdb "
     "0a:58:0a:f4:01:00 10.0.9.2; neigh 0a:58:0a:f4:01:00 fd01:1::; vxlan"},
    {SUBNET_AUTO, "10.0.0.2", "", 9, ""},
    {SUBNET_AUTO, "", "10.244.1.0/24", 9, ""},
    {SUBNET_AUTO, "fd09::2", "10.244.1.0/24", 9, ""},  /* no family in common */
    {SUBNET_AUTO, "10.0.0.1", "10.244.1.0/24", 9,      /* an address of ours is no way to somebody else */
     "10.244.1.0/24 via 10.244.1.0 dev 9 onlink; neigh 0a:58:0a:f4:01:00 10.244.1.0; fdb 0a:58:0a:f4:01:00 10.0.0.1; vxlan"},
};

START_TEST(ways)
{
	struct subnet_link links[4] = {{.index = 1}, {.index = 2}, {.index = 2}, {.index = 9}};
	ip_net_parse("10.96.0.10/32", &links[0].net);
	ip_net_parse("10.0.0.1/24", &links[1].net);
	ip_net_parse("fd00::1/64", &links[2].net);
	ip_net_parse("10.244.0.0/32", &links[3].net);
	struct subnet_node *self = node("n0", "10.0.0.1 fd00::1", "10.244.0.0/24 fd01:0::/64");
	struct subnet_node *others[] = {self, node("n1", cases[_i].ips, cases[_i].cidrs)};
	struct subnet_in in = {.mode = cases[_i].mode, .self = self, .others = others, .n_others = 2, .links = links, .n_links = 4,
			       .vxlan_index = cases[_i].vxlan, .protocol = 107};
	struct subnet_plan p;
	subnet_plan(&in, &p);
	AUTO_FREE char *text = text_of(&p);
	ck_assert_str_eq(text, cases[_i].plan);
	subnet_plan_done(&p);
	in.self = NULL;
	subnet_plan(&in, &p);
	ck_assert_uint_eq(p.n_routes, 0);
	subnet_plan_done(&p);
	subnet_node_free(self);
	subnet_node_free(others[1]);
}
END_TEST

START_TEST(encrypted)
{
	struct subnet_node *self = node("n0", "10.0.0.1", "10.244.0.0/24"), *other = node("n1", "10.0.0.2", "10.244.1.0/24 fd01:1::/64");
	struct subnet_in in = {.mode = SUBNET_WIREGUARD, .self = self, .others = &other, .n_others = 1, .wireguard_index = 7,
			       .wireguard_port = 51820, .protocol = 107};
	struct subnet_plan p;
	subnet_plan(&in, &p);
	ck_assert_uint_eq(p.n_routes + p.n_peers, 0); /* no key, no way */
	subnet_plan_done(&p);
	other->has_key = true;
	other->key[31] = 5;
	subnet_plan(&in, &p);
	AUTO_FREE char *text = text_of(&p);
	ck_assert_str_eq(text, "10.244.1.0/24 via  dev 7;fd01:1::/64 via  dev 7;");
	ck_assert_uint_eq(p.n_peers, 1);
	ck_assert_int_eq(p.peers[0].key[31], 5);
	ck_assert_uint_eq(p.peers[0].n_allowed, 2);
	ck_assert_int_eq(p.peers[0].port, 51820);
	struct wireguard_peer moved = p.peers[0];
	ck_assert(subnet_peer_same(&moved, &p.peers[0]));
	moved.endpoint.b[3]++;
	ck_assert(!subnet_peer_same(&moved, &p.peers[0]));
	subnet_plan_done(&p);
	subnet_node_free(self);
	subnet_node_free(other);
}
END_TEST

START_TEST(sameness)
{
	struct subnet_node *a = node("n", "10.0.0.1", "10.244.0.0/24"), *b = node("n", "10.0.0.1", "10.244.0.0/24");
	struct subnet_node *moved = node("n", "10.0.0.2", "10.244.0.0/24"), *other = node("n", "10.0.0.1", "10.244.9.0/24");
	ck_assert(subnet_node_same(a, b));
	ck_assert(!subnet_node_same(a, moved));
	ck_assert(!subnet_node_same(a, other));
	subnet_node_free(a);
	subnet_node_free(b);
	subnet_node_free(moved);
	subnet_node_free(other);
}
END_TEST

#include "tests/unit/check_main.h"
TESTS_TABLE("subnet_plan", ways, ARRAY_LEN(cases), encrypted, sameness)
