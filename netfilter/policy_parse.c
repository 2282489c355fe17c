/* NetworkPolicies and pods from their JSON.
 *
 * Happy path: defaults are filled in as the API server does (policyTypes, protocol), so that objects from anywhere mean
 * the same. What can fail: a selector, network or protocol that is none; then the policy is refused whole, and whoever
 * has an earlier state of it keeps that. Pure. */
#include "netfilter/policy_parse.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/selector.h"
#include "base/json.h"
#include "netfilter/service_parse.h"

static char *key_of(const json_t *object)
{
	return xasprintf("%s/%s", json_str_or(object, "metadata.namespace", ""), json_str_or(object, "metadata.name", ""));
}

static int parse_port(const json_t *j, struct policy_port *p, struct err *e)
{
	const json_t *port = json_object_get(j, "port");
	p->protocol = service_protocol(j);
	if (!p->protocol)
		return err_set(e, -EINVAL, "protocol: %s is none", json_str_or(j, "protocol", ""));
	p->to = UINT16_MAX;
	if (json_is_string(port)) {
		p->name = xstrdup(json_string_value(port));
	} else if (json_is_integer(port)) {
		int64_t from = json_integer_value(port), to = json_int_at(j, "endPort", from);
		if (from < 1 || from > UINT16_MAX || to < from || to > UINT16_MAX)
			return err_set(e, -EINVAL, "port: %lld to %lld is no range", (long long)from, (long long)to);
		p->from = (uint16_t)from;
		p->to = (uint16_t)to;
	}
	return 0;
}

static int parse_block(const json_t *j, struct policy_peer *p, struct err *e)
{
	const json_t *list = json_object_get(j, "except");
	size_t i;
	json_t *v;
	if (ip_net_parse(json_str_or(j, "cidr", ""), &p->block) < 0)
		return err_set(e, -EINVAL, "ipBlock.cidr: %s is no network", json_str_or(j, "cidr", ""));
	p->except = xcalloc(json_array_size(list) + 1, sizeof(*p->except));
	json_array_foreach(list, i, v)
	{
		const char *text = json_string_value(v);
		if (!text || ip_net_parse(text, &p->except[p->n_except++]) < 0)
			return err_set(e, -EINVAL, "ipBlock.except[%zu]: %s is no network", i, text ? text : "it");
	}
	return 0;
}

static int parse_peer(const json_t *j, const char *ns, struct policy_peer *p, struct err *e)
{
	const json_t *block = json_object_get(j, "ipBlock"), *pods = json_object_get(j, "podSelector"),
		     *namespaces = json_object_get(j, "namespaceSelector");
	int r = 0;
	if (json_is_object(block))
		return parse_block(block, p, e);
	p->ns = xstrdup(ns);
	if (json_is_object(namespaces))
		r = selector_from_json(namespaces, &p->namespaces, e);
	if (r == 0 && (json_is_object(pods) || !p->namespaces)) /* a peer without anything selects nothing */
		r = selector_from_json(pods, &p->pods, e);
	if (r < 0)
		return err_wrap(e, r, "selector");
	AUTO_FREE char *where = p->namespaces ? json_format(namespaces, JSON_COMPACT | JSON_SORT_KEYS) : xstrdup(ns);
	AUTO_FREE char *who = pods ? json_format(pods, JSON_COMPACT | JSON_SORT_KEYS) : xstrdup(p->namespaces ? "{}" : "");
	p->scope = xasprintf("%s %s", where, who);
	return 0;
}

static int parse_rule(const json_t *j, const char *peers_name, const char *ns, struct policy_rule *rule, struct err *e)
{
	const json_t *peers = json_object_get(j, peers_name), *ports = json_object_get(j, "ports");
	size_t i;
	json_t *v;
	int r;
	rule->peers = xcalloc(json_array_size(peers) + 1, sizeof(*rule->peers));
	rule->ports = xcalloc(json_array_size(ports) + 1, sizeof(*rule->ports));
	json_array_foreach(peers, i, v)
	{
		r = parse_peer(v, ns, &rule->peers[rule->n_peers++], e);
		if (r < 0)
			return err_wrap(e, r, "%s[%zu]", peers_name, i);
	}
	json_array_foreach(ports, i, v)
	{
		r = parse_port(v, &rule->ports[rule->n_ports++], e);
		if (r < 0)
			return err_wrap(e, r, "ports[%zu]", i);
	}
	return 0;
}

static int parse_rules(const json_t *spec, struct policy *p, enum policy_direction d, struct err *e)
{
	static const char *const names[POLICY_DIRECTIONS][2] = {{"ingress", "from"}, {"egress", "to"}};
	const json_t *list = json_object_get(spec, names[d][0]);
	size_t i;
	json_t *v;
	p->rules[d] = xcalloc(json_array_size(list) + 1, sizeof(*p->rules[d]));
	json_array_foreach(list, i, v)
	{
		int r = parse_rule(v, names[d][1], p->ns, &p->rules[d][p->n_rules[d]++], e);
		if (r < 0)
			return err_wrap(e, r, "spec.%s[%zu]", names[d][0], i);
	}
	return 0;
}

static void parse_types(const json_t *spec, struct policy *p)
{
	const json_t *types = json_object_get(spec, "policyTypes");
	if (!json_array_size(types)) {
		p->isolates[POLICY_INGRESS] = true;
		p->isolates[POLICY_EGRESS] = p->n_rules[POLICY_EGRESS] > 0;
	}
	p->isolates[POLICY_INGRESS] |= json_has_text(types, "Ingress");
	p->isolates[POLICY_EGRESS] |= json_has_text(types, "Egress");
}

int policy_parse(const json_t *object, struct policy **ret, struct err *e)
{
	const json_t *spec = json_object_get(object, "spec"), *pods = json_object_get(spec, "podSelector");
	AUTO_JSON *everything = json_object();
	struct policy *p = xcalloc(1, sizeof(*p));
	p->refs = 1;
	p->key = key_of(object);
	p->ns = xstrdup(json_str_or(object, "metadata.namespace", ""));
	int r = selector_from_json(json_is_object(pods) ? pods : everything, &p->pods, e);
	if (r < 0)
		err_wrap(e, r, "spec.podSelector");
	for (int d = 0; r == 0 && d < POLICY_DIRECTIONS; d++)
		r = parse_rules(spec, p, (enum policy_direction)d, e);
	if (r < 0) {
		err_wrap(e, r, "networkpolicy %s", p->key);
		policy_free(p);
		return r;
	}
	parse_types(spec, p);
	*ret = p;
	return 0;
}

static void ports_free(struct policy_port *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i].name);
	free(v);
}

static void rule_done(struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_peers; i++) {
		struct policy_peer *p = &rule->peers[i];
		selector_free(p->namespaces);
		selector_free(p->pods);
		free(p->except);
		free(p->scope);
		free(p->ns);
	}
	free(rule->peers);
	ports_free(rule->ports, rule->n_ports);
}

struct policy *policy_ref(const struct policy *p)
{
	struct policy *counted = (struct policy *)p;
	counted->refs++;
	return counted;
}

void policy_free(struct policy *p)
{
	if (!p || --p->refs)
		return;
	for (int d = 0; d < POLICY_DIRECTIONS; d++) {
		for (size_t i = 0; i < p->n_rules[d]; i++)
			rule_done(&p->rules[d][i]);
		free(p->rules[d]);
	}
	selector_free(p->pods);
	free(p->key);
	free(p->ns);
	free(p);
}

static void add_ip(struct policy_pod *p, const char *text)
{
	struct ip ip;
	if (!text || ip_parse(text, &ip) < 0 || ip_is_any(&ip))
		return;
	for (size_t i = 0; i < p->n_ips; i++)
		if (ip_eq(&p->ips[i], &ip))
			return;
	p->ips = xreallocarray(p->ips, p->n_ips + 1, sizeof(*p->ips));
	p->ips[p->n_ips++] = ip;
}

static void add_ports(struct policy_pod *p, const json_t *containers)
{
	size_t i, k;
	json_t *c, *j;
	json_array_foreach(containers, i, c) json_array_foreach(json_object_get(c, "ports"), k, j)
	{
		struct policy_port port = {.protocol = service_protocol(j)};
		int64_t number = json_int_at(j, "containerPort", 0);
		const char *name = json_member(j, "name");
		if (!port.protocol || str_empty(name) || number < 1 || number > UINT16_MAX)
			continue;
		port.name = xstrdup(name);
		port.from = port.to = (uint16_t)number;
		p->ports = xreallocarray(p->ports, p->n_ports + 1, sizeof(*p->ports));
		p->ports[p->n_ports++] = port;
	}
}

struct policy_pod *policy_pod_parse(const json_t *object, const char *node_name)
{
	const json_t *spec = json_object_get(object, "spec"), *status = json_object_get(object, "status");
	const char *phase = json_str_or(status, "phase", "");
	bool ended = !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed");
	size_t i;
	json_t *v;
	if (!json_str_at(object, "metadata.name"))
		return NULL;
	struct policy_pod *p = xcalloc(1, sizeof(*p));
	const char *uid = json_str_at(object, "metadata.uid");
	p->key = uid ? xstrdup(uid) : key_of(object);
	p->ns = xstrdup(json_str_or(object, "metadata.namespace", ""));
	p->labels = json_incref(json_at(object, "metadata.labels"));
	p->local = node_name && str_eq(json_str_at(spec, "nodeName"), node_name);
	p->deleting = json_str_at(object, "metadata.deletionTimestamp");
	add_ports(p, json_object_get(spec, "containers"));
	add_ports(p, json_object_get(spec, "initContainers"));
	if (ended || json_bool_at(spec, "hostNetwork", false))
		return p;
	add_ip(p, json_str_at(status, "podIP"));
	json_array_foreach(json_object_get(status, "podIPs"), i, v) add_ip(p, json_member(v, "ip"));
	return p;
}

void policy_pod_set_ips(struct policy_pod *p, char *const *ips)
{
	p->n_ips = 0;
	for (; ips && *ips; ips++)
		add_ip(p, *ips);
}

bool policy_pod_same(const struct policy_pod *a, const struct policy_pod *b)
{
	bool same = a->local == b->local && a->deleting == b->deleting && a->n_ips == b->n_ips && a->n_ports == b->n_ports &&
		    (a->labels == b->labels || (a->labels && b->labels && json_equal(a->labels, b->labels)));
	for (size_t i = 0; same && i < a->n_ips; i++)
		same = ip_eq(&a->ips[i], &b->ips[i]);
	for (size_t i = 0; same && i < a->n_ports; i++)
		same = a->ports[i].protocol == b->ports[i].protocol && a->ports[i].from == b->ports[i].from &&
		       !strcmp(a->ports[i].name, b->ports[i].name);
	return same;
}

void policy_pod_free(struct policy_pod *p)
{
	if (!p)
		return;
	ports_free(p->ports, p->n_ports);
	json_decref(p->labels);
	free(p->ips);
	free(p->key);
	free(p->ns);
	free(p);
}
