/* The chains and sets that a node's pods need of all policies.
 *
 * Each policy that selects a pod becomes a chain of its rules, once; a pod's chain jumps to those of its policies and
 * drops what none has accepted. Two base chains call them, egress before ingress, so that accepting in one goes on with
 * the other. Names are digests of the content with the names that it refers to. Nothing fails. Pure. */
#include <netinet/in.h> /* before the kernel headers, which yield to it */

#include "netfilter/policy_plan.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/selector.h"
#include "base/str.h"

#define DIGEST_BYTES 12

static const int families[] = {AF_INET, AF_INET6};

static void name_of(const char *prefix, const struct str *content, char *ret)
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	int n = snprintf(ret, POLICY_NAME_MAX, "%s-", prefix);
	SHA256((const unsigned char *)str_text(content), content->len, sum);
	for (int i = 0; i < DIGEST_BYTES; i++)
		n += snprintf(ret + n, (size_t)(POLICY_NAME_MAX - n), "%02x", sum[i]);
}

static void chain_free(void *p)
{
	struct policy_chain *c = p;
	free(c->v);
	free(c);
}

static void set_free(void *p)
{
	struct policy_set *s = p;
	policy_free(s->policy);
	free(s->port_name);
	free(s->ranges);
	free(s);
}

struct policy_shape *policy_shape_new(void)
{
	struct policy_shape *s = xcalloc(1, sizeof(*s));
	s->chains = map_new(chain_free);
	s->sets = map_new(set_free);
	s->compiled = map_new(free);
	return s;
}

void policy_shape_free(struct policy_shape *s)
{
	if (!s)
		return;
	map_free(s->chains);
	map_free(s->sets);
	map_free(s->compiled);
	free(s);
}

static void push(struct policy_chain *c, struct policy_match m)
{
	c->v = xreallocarray(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = m;
}

/* Names the chain by its rules and adds it unless the same is there; ret gets the name. */
static void add_chain(struct policy_shape *s, const char *prefix, struct policy_chain *c, char *ret)
{
	AUTO_STR text = STR_INIT;
	for (size_t i = 0; i < c->n; i++) {
		const struct policy_match *m = &c->v[i];
		str_addf(&text, "%s %d %d %d %d %d-%d %d %s\n", m->set, m->set_family, m->set_has_port, m->peer_is_source,
			 m->protocol, m->from, m->to, m->verdict, m->chain);
	}
	name_of(prefix, &text, c->name);
	memcpy(ret, c->name, POLICY_NAME_MAX);
	if (map_has(s->chains, c->name))
		free(c->v);
	else
		map_set(s->chains, c->name, xmemdup(c, sizeof(*c)));
}

/* As add_chain(), for a set; takes what it owns. */
static void add_set(struct policy_shape *s, const char *prefix, const struct str *content, struct policy_set *set, char *ret)
{
	name_of(prefix, content, set->name);
	memcpy(ret, set->name, POLICY_NAME_MAX);
	if (map_has(s->sets, set->name)) {
		policy_free(set->policy);
		free(set->port_name);
		free(set->ranges);
	} else {
		map_set(s->sets, set->name, xmemdup(set, sizeof(*set)));
	}
}

static void add_named_port(struct policy_shape *s, const struct policy_port *p, struct policy_chain *c)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		AUTO_STR text = STR_INIT;
		struct policy_set set = {.kind = POLICY_SET_PORTS,
					 .family = families[i],
					 .port_name = xstrdup(p->name),
					 .protocol = p->protocol};
		struct policy_match m = {.set_family = families[i], .set_has_port = true, .verdict = NF_ACCEPT};
		str_addf(&text, "%d %s", p->protocol, p->name);
		add_set(s, i ? "n6" : "n4", &text, &set, m.set);
		push(c, m);
	}
}

/* The chain that accepts the rule's ports. */
static void add_ports(struct policy_shape *s, const struct policy_rule *rule, char *ret)
{
	struct policy_chain c = {0};
	for (size_t i = 0; i < rule->n_ports; i++) {
		const struct policy_port *p = &rule->ports[i];
		if (p->name)
			add_named_port(s, p, &c);
		else
			push(&c, (struct policy_match){
				     .protocol = p->protocol, .from = p->from, .to = p->to, .verdict = NF_ACCEPT});
	}
	add_chain(s, "t", &c, ret);
}

/* What happens to packets of a peer that matched: accepted, or the ports decide. */
static struct policy_match allowed(const struct policy_rule *rule, const char *ports, enum policy_direction d)
{
	struct policy_match m = {.verdict = rule->n_ports ? NFT_JUMP : NF_ACCEPT, .peer_is_source = d == POLICY_INGRESS};
	if (rule->n_ports)
		memcpy(m.chain, ports, POLICY_NAME_MAX);
	return m;
}

static void add_scope(struct policy_shape *s, const struct policy *p, const struct policy_peer *peer, struct policy_match m,
		      struct policy_chain *c)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		AUTO_STR text = STR_INIT;
		struct policy_set set = {.kind = POLICY_SET_PODS, .family = families[i], .peer = peer, .policy = policy_ref(p)};
		str_add(&text, peer->scope);
		add_set(s, i ? "s6" : "s4", &text, &set, m.set);
		m.set_family = families[i];
		push(c, m);
	}
}

static void add_blocks(struct policy_shape *s, const struct policy_rule *rule, struct policy_match m, struct policy_chain *c)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		AUTO_STR text = STR_INIT;
		struct policy_set set = {.kind = POLICY_SET_BLOCKS, .family = families[i]};
		char first[IP_TEXT_MAX], last[IP_TEXT_MAX];
		set.n_ranges = policy_ranges(rule->peers, rule->n_peers, families[i], &set.ranges);
		for (size_t k = 0; k < set.n_ranges; k++)
			str_addf(&text, "%s-%s ", ip_text(&set.ranges[k].first, first), ip_text(&set.ranges[k].last, last));
		if (!set.n_ranges) {
			free(set.ranges);
			continue;
		}
		add_set(s, i ? "b6" : "b4", &text, &set, m.set);
		m.set_family = families[i];
		push(c, m);
	}
}

static void add_rule(struct policy_shape *s, const struct policy *p, const struct policy_rule *rule, enum policy_direction d,
		     struct policy_chain *c)
{
	char ports[POLICY_NAME_MAX] = "";
	if (rule->n_ports)
		add_ports(s, rule, ports);
	struct policy_match m = allowed(rule, ports, d);
	if (!rule->n_peers)
		push(c, m);
	for (size_t i = 0; i < rule->n_peers; i++)
		if (rule->peers[i].scope)
			add_scope(s, p, &rule->peers[i], m, c);
	add_blocks(s, rule, m, c);
}

static void keep_set(struct policy_shape *s, const struct policy_shape *known, const char *name)
{
	const struct policy_set *old = map_get(known->sets, name);
	if (!old || map_has(s->sets, name))
		return;
	struct policy_set *set = xmemdup(old, sizeof(*old));
	set->policy = old->policy ? policy_ref(old->policy) : NULL;
	set->port_name = old->port_name ? xstrdup(old->port_name) : NULL;
	set->ranges = old->ranges ? xmemdup(old->ranges, old->n_ranges * sizeof(*old->ranges)) : NULL;
	map_set(s->sets, name, set);
}

/* A chain and what it refers to, which comes before it. */
static void keep_chain(struct policy_shape *s, const struct policy_shape *known, const char *name)
{
	const struct policy_chain *old = map_get(known->chains, name);
	if (!old || map_has(s->chains, name))
		return;
	for (size_t i = 0; i < old->n; i++) {
		keep_set(s, known, old->v[i].set);
		keep_chain(s, known, old->v[i].chain); // NOLINT(misc-no-recursion): three levels
	}
	struct policy_chain *c = xmemdup(old, sizeof(*old));
	c->v = xmemdup(old->v, old->n * sizeof(*old->v));
	map_set(s->chains, name, c);
}

void policy_shape_keep(struct policy_shape *s, const struct policy_shape *known, const struct policy_verdicts *verdicts)
{
	for (int d = 0; d < POLICY_DIRECTIONS; d++)
		keep_chain(s, known, verdicts->chain[d]);
}

void policy_shape_remember(struct policy_shape *s, const struct policy_shape *known)
{
	size_t at = 0;
	const char *key, *chain;
	while (map_next(known->compiled, &at, &key, &chain))
		if (!map_has(s->compiled, key) && map_has(s->chains, chain))
			map_set(s->compiled, key, xmemdup(chain, POLICY_NAME_MAX));
}

/* The name of the policy's chain; NULL where it allows nothing. Valid as long as s. */
static const char *compile(struct policy_shape *s, const struct policy_shape *known, const struct policy *p,
			   enum policy_direction d)
{
	AUTO_FREE char *key = xasprintf("%d %s", d, p->key);
	const char *done = map_get(s->compiled, key), *before = known ? map_get(known->compiled, key) : NULL;
	struct policy_chain c = {0};
	char name[POLICY_NAME_MAX];
	if (!p->n_rules[d] || done)
		return p->n_rules[d] ? done : NULL;
	if (before) {
		keep_chain(s, known, before);
		map_set(s->compiled, key, xmemdup(before, POLICY_NAME_MAX));
		return map_get(s->compiled, key);
	}
	for (size_t i = 0; i < p->n_rules[d]; i++)
		add_rule(s, p, &p->rules[d][i], d, &c);
	add_chain(s, d == POLICY_INGRESS ? "i" : "e", &c, name);
	map_set(s->compiled, key, xmemdup(name, sizeof(name)));
	return map_get(s->compiled, key);
}

static bool isolates(const struct policy *p, enum policy_direction d, const struct policy_pod *pod)
{
	return p->isolates[d] && !strcmp(p->ns, pod->ns) && selector_match_labels(p->pods, pod->labels);
}

static void add_direction(struct policy_shape *s, const struct policy_shape *known, const struct policy *const *v, size_t n,
			  const struct policy_pod *pod, enum policy_direction d, char *ret)
{
	struct policy_chain c = {0};
	bool isolated = false;
	for (size_t i = 0; i < n; i++) {
		if (!isolates(v[i], d, pod))
			continue;
		const char *rules = compile(s, known, v[i], d);
		struct policy_match m = {.verdict = NFT_JUMP};
		isolated = true;
		if (!rules)
			continue;
		memcpy(m.chain, rules, POLICY_NAME_MAX);
		push(&c, m);
	}
	memset(ret, 0, POLICY_NAME_MAX);
	if (!isolated)
		return;
	push(&c, (struct policy_match){.verdict = NF_DROP});
	add_chain(s, d == POLICY_INGRESS ? "pi" : "pe", &c, ret);
}

void policy_shape_add(struct policy_shape *s, const struct policy_shape *known, const struct policy *const *v, size_t n,
		      const struct policy_pod *pod, struct policy_verdicts *ret)
{
	for (int d = 0; d < POLICY_DIRECTIONS; d++)
		add_direction(s, known, v, n, pod, (enum policy_direction)d, ret->chain[d]);
}
