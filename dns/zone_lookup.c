/* From a name to its records. Happy path: the domain is cut off, and what is left is matched from its last label on:
 * service, endpoint, port, pod; addresses the other way round. Endpoints have names below their service whether it is
 * headless or not, beyond what the specification asks for, as in CoreDNS. Nothing fails: a name that cannot be is one that is not
 * there. A name with something below it exists, if only without records (RFC 8020). */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dns/zone.h"
#include "dns/zone_internal.h"

enum { LABELS_MAX = 8, SRV_WEIGHT = 100, TEXT_MAX = 1024, VERSION_TTL_S = 28800 };

struct lookup {
	const struct zone *z;
	const char *name;
	ldns_rr_type type;
	ldns_rr_list *answer, *extra;
	/* Labels below the domain, the last one first; more than LABELS_MAX are only counted. */
	char *labels[LABELS_MAX];
	size_t n;
};

static ldns_rr *record(const char *owner, ldns_rr_type type)
{
	ldns_rdf *name = ldns_dname_new_frm_str(owner);
	if (!name)
		return NULL;
	ldns_rr *rr = ldns_rr_new();
	ldns_rr_set_owner(rr, name);
	ldns_rr_set_type(rr, type);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, ZONE_TTL_S);
	return rr;
}

static void push(ldns_rr_list *list, ldns_rr *rr, ldns_rdf *value)
{
	if (rr && value) {
		ldns_rr_push_rdf(rr, value);
		ldns_rr_list_push_rr(list, rr);
		return;
	}
	ldns_rr_free(rr);
	ldns_rdf_deep_free(value);
}

static bool wants(const struct lookup *l, ldns_rr_type type)
{
	return l->type == type || l->type == LDNS_RR_TYPE_ANY;
}

static ldns_rr_type type_of(const struct ip *ip)
{
	return ip->family == AF_INET ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA;
}

static bool has_address(const ldns_rr_list *list, const char *owner, const struct ip *ip)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		if (ldns_rr_get_type(rr) != type_of(ip) || memcmp(ldns_rdf_data(ldns_rr_rdf(rr, 0)), ip->b, ip_len(ip)) != 0)
			continue;
		AUTO_FREE char *text = ldns_rdf2str(ldns_rr_owner(rr));
		if (str_has_prefix(text, owner))
			return true;
	}
	return false;
}

static void add_address(ldns_rr_list *list, const char *owner, const struct ip *ip)
{
	ldns_rdf_type kind = ip->family == AF_INET ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA;
	if (!has_address(list, owner, ip))
		push(list, record(owner, type_of(ip)), ldns_rdf_new_frm_data(kind, ip_len(ip), ip->b));
}

static void add_name(ldns_rr_list *list, const char *owner, ldns_rr_type type, const char *target)
{
	push(list, record(owner, type), ldns_dname_new_frm_str(target));
}

/* Several addresses of one host are one record. */
static bool has_srv(const ldns_rr_list *list, uint16_t port, const ldns_rdf *target)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SRV && ldns_rdf2native_int16(ldns_rr_rdf(rr, 2)) == port &&
		    ldns_rdf_compare(ldns_rr_rdf(rr, 3), target) == 0)
			return true;
	}
	return false;
}

static void add_srv(struct lookup *l, uint16_t port, size_t weight, const char *name)
{
	ldns_rdf *target = ldns_dname_new_frm_str(name);
	if (!target || has_srv(l->answer, port, target)) {
		ldns_rdf_deep_free(target);
		return;
	}
	ldns_rr *rr = record(l->name, LDNS_RR_TYPE_SRV);
	if (!rr) {
		ldns_rdf_deep_free(target);
		return;
	}
	ldns_rr_push_rdf(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 0));
	ldns_rr_push_rdf(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, (uint16_t)weight));
	ldns_rr_push_rdf(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, port));
	push(l->answer, rr, target);
}

ldns_rr *zone_soa(const struct zone *z)
{
	ldns_rr *rr = NULL;
	AUTO_FREE char *text =
	    xasprintf("%s. %d IN SOA ns.dns.%s. hostmaster.%s. %llu 7200 1800 86400 %d", z->domain, ZONE_TTL_S, z->domain,
		      z->domain, (unsigned long long)(z->generation & UINT32_MAX), ZONE_TTL_S);
	return ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) == LDNS_STATUS_OK ? rr : NULL;
}

/* "namespace/name" to "name.namespace.svc.domain", with head in front where there is one. */
static char *service_name(const struct zone *z, const char *key, const char *head)
{
	const char *slash = strchr(key, '/');
	return xasprintf("%s%s%s.%.*s.svc.%s", head, *head ? "." : "", slash + 1, (int)(slash - key), key, z->domain);
}

/* Calls fn for each endpoint of the service: all, or those of one host name. Returns how many there are. */
struct endpoint_use {
	struct lookup *l;
	const struct zone_service *service;
	const char *hostname, *port, *protocol; /* NULL: any */
	size_t found, weight;
};
typedef void (*endpoint_fn)(struct endpoint_use *u, const struct zone_slice *s, const struct zone_endpoint *ep);

static void each_endpoint(struct endpoint_use *u, endpoint_fn fn)
{
	const struct ptrs *slices = map_get(u->l->z->of_service, u->service->key);
	for (size_t i = 0; slices && i < slices->n; i++) {
		const struct zone_slice *s = slices->v[i];
		for (size_t j = 0; j < s->n_endpoints; j++) {
			if (u->hostname && strcmp(u->hostname, s->endpoints[j].hostname) != 0)
				continue;
			u->found++;
			fn(u, s, &s->endpoints[j]);
		}
	}
}

static void endpoint_address(struct endpoint_use *u, const struct zone_slice *s, const struct zone_endpoint *ep)
{
	(void)s;
	if (wants(u->l, type_of(&ep->ip)))
		add_address(u->l->answer, u->l->name, &ep->ip);
}

static bool port_matches(const struct endpoint_use *u, const struct zone_port *p)
{
	return (!u->port || strcmp(u->port, p->name) == 0) && (!u->protocol || strcmp(u->protocol, p->protocol) == 0);
}

static void endpoint_count(struct endpoint_use *u, const struct zone_slice *s, const struct zone_endpoint *ep)
{
	(void)ep;
	for (size_t i = 0; i < s->n_ports; i++)
		u->weight += port_matches(u, &s->ports[i]);
}

static void endpoint_srv(struct endpoint_use *u, const struct zone_slice *s, const struct zone_endpoint *ep)
{
	AUTO_FREE char *target = service_name(u->l->z, u->service->key, ep->hostname);
	for (size_t i = 0; i < s->n_ports; i++) {
		if (!port_matches(u, &s->ports[i]))
			continue;
		add_srv(u->l, s->ports[i].port, u->weight, target);
		add_address(u->l->extra, target, &ep->ip);
	}
}

/* What one of n records of a name weighs. */
static size_t weight_of(size_t n)
{
	return n && n < SRV_WEIGHT ? SRV_WEIGHT / n : 1;
}

/* SRV records of a service's ports. Whether there is such a port. */
static bool look_ports(struct lookup *l, const struct zone_service *s, const char *port, const char *protocol)
{
	struct endpoint_use u = {.l = l, .service = s, .port = port, .protocol = protocol};
	if (s->headless) {
		each_endpoint(&u, endpoint_count);
		size_t n = u.weight;
		u.weight = weight_of(n);
		if (wants(l, LDNS_RR_TYPE_SRV))
			each_endpoint(&u, endpoint_srv);
		return n > 0;
	}
	size_t n = 0;
	AUTO_FREE char *target = service_name(l->z, s->key, "");
	for (size_t i = 0; i < s->n_ports; i++)
		n += port_matches(&u, &s->ports[i]);
	for (size_t i = 0; wants(l, LDNS_RR_TYPE_SRV) && i < s->n_ports; i++)
		if (port_matches(&u, &s->ports[i]))
			add_srv(l, s->ports[i].port, weight_of(n * s->n_ips), target);
	for (size_t i = 0; ldns_rr_list_rr_count(l->answer) && i < s->n_ips; i++)
		add_address(l->extra, target, &s->ips[i]);
	return n > 0;
}

static enum zone_result found(bool yes)
{
	return yes ? ZONE_FOUND : ZONE_NXDOMAIN;
}

static enum zone_result look_service(struct lookup *l, const struct zone_service *s)
{
	struct ip number;
	if (s->external_name && ip_parse(s->external_name, &number) == 0) /* an address is no name */
		return ZONE_NXDOMAIN;
	if (s->external_name) {
		size_t before = ldns_rr_list_rr_count(l->answer);
		add_name(l->answer, l->name, LDNS_RR_TYPE_CNAME, s->external_name);
		bool asked = l->type == LDNS_RR_TYPE_CNAME || l->type == LDNS_RR_TYPE_ANY;
		return asked || ldns_rr_list_rr_count(l->answer) == before ? ZONE_FOUND : ZONE_ALIAS;
	}
	for (size_t i = 0; i < s->n_ips; i++)
		if (wants(l, type_of(&s->ips[i])))
			add_address(l->answer, l->name, &s->ips[i]);
	struct endpoint_use u = {.l = l, .service = s};
	if (s->headless)
		each_endpoint(&u, endpoint_address);
	if (s->headless && !u.found) /* specification 2.4.1 */
		return ZONE_NXDOMAIN;
	if (l->type == LDNS_RR_TYPE_SRV)
		look_ports(l, s, NULL, NULL);
	return ZONE_FOUND;
}

/* One label below a service: an endpoint, or "_tcp" that has ports below. */
static enum zone_result look_endpoint(struct lookup *l, const struct zone_service *s, const char *label)
{
	if (*label == '_') {
		struct lookup silent = {.z = l->z, .name = l->name, .type = LDNS_RR_TYPE_TXT, .answer = l->answer};
		return found(look_ports(&silent, s, NULL, label + 1));
	}
	struct endpoint_use u = {.l = l, .service = s, .hostname = label};
	each_endpoint(&u, endpoint_address);
	return found(u.found > 0);
}

static enum zone_result look_services(struct lookup *l)
{
	if (l->n == 1)
		return ZONE_FOUND;
	if (l->n == 2)
		return found(map_has(l->z->namespaces, l->labels[1]));
	AUTO_FREE char *key = xasprintf("%s/%s", l->labels[1], l->labels[2]);
	const struct zone_service *s = map_get(l->z->services, key);
	if (!s || l->n > 5)
		return ZONE_NXDOMAIN;
	if (l->n == 3)
		return look_service(l, s);
	if (s->external_name)
		return ZONE_NXDOMAIN;
	if (l->n == 4)
		return look_endpoint(l, s, l->labels[3]);
	if (*l->labels[3] != '_' || *l->labels[4] != '_' || !l->labels[4][1]) /* ports without a name have none here either */
		return ZONE_NXDOMAIN;
	return found(look_ports(l, s, l->labels[4] + 1, l->labels[3] + 1));
}

/* "10-1-2-3", "fd00--1" */
static int undash(const char *label, struct ip *ret)
{
	char text[IP_TEXT_MAX];
	for (int family = 0; family < 2; family++) {
		size_t n = 0;
		for (; label[n] && n < sizeof(text) - 1; n++)
			text[n] = label[n] != '-' ? label[n] : family ? ':' : '.';
		text[n] = '\0';
		if (ip_parse(text, ret) == 0)
			return 0;
	}
	return -1;
}

/* Names of pods say their address themselves. */
static enum zone_result look_pods(struct lookup *l)
{
	struct ip ip;
	if (l->n == 1)
		return ZONE_FOUND;
	if (!map_has(l->z->namespaces, l->labels[1]) || l->n > 3)
		return ZONE_NXDOMAIN;
	if (l->n == 2)
		return ZONE_FOUND;
	if (undash(l->labels[2], &ip) < 0)
		return ZONE_NXDOMAIN;
	if (wants(l, type_of(&ip)))
		add_address(l->answer, l->name, &ip);
	return ZONE_FOUND;
}

static enum zone_result look_apex(struct lookup *l)
{
	AUTO_FREE char *ns = xasprintf("ns.dns.%s", l->z->domain);
	if (wants(l, LDNS_RR_TYPE_SOA))
		ldns_rr_list_push_rr(l->answer, zone_soa(l->z));
	if (wants(l, LDNS_RR_TYPE_NS)) {
		add_name(l->answer, l->name, LDNS_RR_TYPE_NS, ns);
		for (size_t i = 0; i < l->z->n_servers; i++)
			add_address(l->extra, ns, &l->z->servers[i]);
	}
	return ZONE_FOUND;
}

static enum zone_result look_servers(struct lookup *l)
{
	if (l->n == 1)
		return ZONE_FOUND;
	if (l->n != 2 || strcmp(l->labels[1], "ns") != 0)
		return ZONE_NXDOMAIN;
	for (size_t i = 0; i < l->z->n_servers; i++)
		if (wants(l, type_of(&l->z->servers[i])))
			add_address(l->answer, l->name, &l->z->servers[i]);
	return ZONE_FOUND;
}

static enum zone_result look_version(struct lookup *l)
{
	if (l->n != 1)
		return ZONE_NXDOMAIN;
	ldns_rr *rr = wants(l, LDNS_RR_TYPE_TXT) ? record(l->name, LDNS_RR_TYPE_TXT) : NULL;
	if (!rr)
		return ZONE_FOUND;
	ldns_rr_set_ttl(rr, VERSION_TTL_S);
	push(l->answer, rr, ldns_rdf_new_frm_str(LDNS_RDF_TYPE_STR, "1.1.0"));
	return ZONE_FOUND;
}

static enum zone_result look_inside(struct lookup *l)
{
	static const struct {
		const char *label;
		enum zone_result (*fn)(struct lookup *l);
	} trees[] = {{"svc", look_services}, {"pod", look_pods}, {"dns", look_servers}, {"dns-version", look_version}};
	if (!l->n)
		return look_apex(l);
	for (size_t i = 0; i < ARRAY_LEN(trees); i++)
		if (!strcmp(l->labels[0], trees[i].label))
			return trees[i].fn(l);
	return ZONE_NXDOMAIN;
}

/* Splits text, which is changed, into labels, the last one first. */
static void split(struct lookup *l, char *text)
{
	char *dot = text;
	for (l->n = 0; *text && dot; l->n++) {
		dot = strrchr(text, '.');
		if (l->n < LABELS_MAX)
			l->labels[l->n] = dot ? dot + 1 : text;
		if (dot)
			*dot = '\0';
	}
}

/* The address in "4.3.2.1.in-addr.arpa" or its like of IPv6: 0 or -1. */
static int reverse_ip(const char *name, struct ip *ret)
{
	char text[TEXT_MAX], out[IP_TEXT_MAX];
	size_t n = 0;
	bool v4 = str_has_suffix(name, ".in-addr.arpa"), v6 = str_has_suffix(name, ".ip6.arpa");
	size_t len = strlen(name) - (v4 ? strlen(".in-addr.arpa") : v6 ? strlen(".ip6.arpa") : 0);
	if ((!v4 && !v6) || len >= sizeof(text))
		return -1;
	memcpy(text, name, len);
	text[len] = '\0';
	size_t labels = 0;
	for (char *dot = text; *text && dot; labels++) {
		dot = strrchr(text, '.');
		const char *label = dot ? dot + 1 : text;
		size_t one = strlen(label);
		if (n + one + 2 > sizeof(out) || one > (v6 ? 1U : 3U) || labels >= (v6 ? 32U : 4U))
			return -1;
		if (labels && (v4 || labels % 4 == 0))
			out[n++] = v4 ? '.' : ':';
		memcpy(out + n, label, one);
		n += one;
		if (dot)
			*dot = '\0';
	}
	out[n] = '\0';
	return labels == (v6 ? 32U : 4U) && ip_parse(out, ret) == 0 ? 0 : -1;
}

static bool is_ours(const struct zone *z, const struct ip *ip)
{
	for (size_t i = 0; i < z->n_reverse; i++)
		if (ip_net_contains(&z->reverse[i], ip))
			return true;
	return false;
}

static void add_host(struct lookup *l, const struct zone_slice *s, const struct ip *ip)
{
	for (size_t i = 0; i < s->n_endpoints; i++) {
		if (!ip_eq(&s->endpoints[i].ip, ip))
			continue;
		AUTO_FREE char *target = service_name(l->z, s->service, s->endpoints[i].hostname);
		add_name(l->answer, l->name, LDNS_RR_TYPE_PTR, target);
	}
}

static enum zone_result look_reverse(struct lookup *l)
{
	struct ip ip;
	char text[IP_TEXT_MAX];
	if (reverse_ip(l->name, &ip) < 0)
		return ZONE_FOREIGN;
	const struct ptrs *services = map_get(l->z->by_ip, ip_text(&ip, text)), *hosts = map_get(l->z->hosts, text);
	if (!services && !hosts)
		return is_ours(l->z, &ip) ? ZONE_NXDOMAIN : ZONE_FOREIGN;
	if (!wants(l, LDNS_RR_TYPE_PTR))
		return ZONE_FOUND;
	for (size_t i = 0; services && i < services->n; i++) {
		AUTO_FREE char *target = service_name(l->z, ((const struct zone_service *)services->v[i])->key, "");
		add_name(l->answer, l->name, LDNS_RR_TYPE_PTR, target);
	}
	for (size_t i = 0; !services && i < hosts->n; i++)
		add_host(l, hosts->v[i], &ip);
	return ZONE_FOUND;
}

enum zone_result zone_lookup(const struct zone *z, const char *name, ldns_rr_type type, ldns_rr_list *answer,
			     ldns_rr_list *extra)
{
	char text[TEXT_MAX];
	struct lookup l = {.z = z, .name = name, .type = type, .answer = answer, .extra = extra};
	size_t len = strlen(name);
	if (len < z->domain_len || strcmp(name + len - z->domain_len, z->domain) != 0 ||
	    (len > z->domain_len && name[len - z->domain_len - 1] != '.'))
		return look_reverse(&l);
	len -= z->domain_len;
	if (len >= sizeof(text))
		return ZONE_NXDOMAIN;
	memcpy(text, name, len);
	text[len ? len - 1 : 0] = '\0';
	split(&l, text);
	return look_inside(&l);
}
