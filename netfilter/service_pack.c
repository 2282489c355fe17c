/* Packing and unpacking.
 *
 * Numbers of things are varints, addresses as long as their family, texts end with NUL, elements lose the bytes that pad
 * their fields, and the front that they share with the one before. What was packed here is unpacked here: nothing can fail,
 * and nothing is checked. What always holds: unpacking gives back what was packed. */
#include "netfilter/service_pack.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct reader {
	const uint8_t *at;
};

static void put(struct str *out, const void *bytes, size_t n)
{
	str_addn(out, bytes, n);
}

static void put_count(struct str *out, size_t n)
{
	for (; n > 127; n >>= 7)
		str_addc(out, (char)(n | 128));
	str_addc(out, (char)n);
}

static void put_text(struct str *out, const char *text)
{
	put(out, text, strlen(text) + 1);
}

static void put_ip(struct str *out, const struct ip *ip)
{
	str_addc(out, (char)ip_len(ip));
	put(out, ip->b, ip_len(ip));
}

static void take(struct reader *r, void *to, size_t n)
{
	memcpy(to, r->at, n);
	r->at += n;
}

static uint8_t take_byte(struct reader *r)
{
	return *r->at++;
}

static size_t take_count(struct reader *r)
{
	size_t n = 0;
	int shift = 0;
	for (; *r->at > 127; shift += 7)
		n |= (size_t)(*r->at++ & 127) << shift;
	return n | (size_t)*r->at++ << shift;
}

static char *take_text(struct reader *r)
{
	char *text = xstrdup((const char *)r->at);
	r->at += strlen(text) + 1;
	return text;
}

static void take_ip(struct reader *r, struct ip *ret)
{
	uint8_t len = take_byte(r);
	*ret = (struct ip){.family = len == 4 ? AF_INET : AF_INET6};
	take(r, ret->b, len);
}

/* Takes what was written. */
static struct packed *finish(struct str *s)
{
	struct packed *p = xmalloc(sizeof(*p) + s->len);
	p->len = (uint32_t)s->len;
	memcpy(p->bytes, s->p, s->len);
	str_done(s);
	return p;
}

bool packed_same(const struct packed *a, const struct packed *b)
{
	return a == b || (a && b && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len));
}

static void put_ips(struct str *out, const struct ip *v, size_t n)
{
	put_count(out, n);
	for (size_t i = 0; i < n; i++)
		put_ip(out, &v[i]);
}

static struct ip *take_ips(struct reader *r, uint16_t *ret_n)
{
	*ret_n = (uint16_t)take_count(r);
	struct ip *v = *ret_n ? xcalloc(*ret_n, sizeof(*v)) : NULL;
	for (size_t i = 0; i < *ret_n; i++)
		take_ip(r, &v[i]);
	return v;
}

enum { INTERNAL_LOCAL = 1, EXTERNAL_LOCAL = 2, AFFINITY = 4, HEALTH = 8 };

struct packed *service_pack(const struct service *s)
{
	struct str out = STR_INIT;
	str_addc(&out, (char)((s->internal_local ? INTERNAL_LOCAL : 0) | (s->external_local ? EXTERNAL_LOCAL : 0) |
			      (s->affinity_s ? AFFINITY : 0) | (s->health_port ? HEALTH : 0)));
	if (s->affinity_s)
		put(&out, &s->affinity_s, sizeof(s->affinity_s));
	if (s->health_port)
		put(&out, &s->health_port, sizeof(s->health_port));
	put_ips(&out, s->cluster_ips, s->n_cluster_ips);
	put_ips(&out, s->external_ips, s->n_external_ips);
	put_ips(&out, s->balancer_ips, s->n_balancer_ips);
	put_count(&out, s->n_sources);
	for (size_t i = 0; i < s->n_sources; i++) {
		put_ip(&out, &s->sources[i].ip);
		str_addc(&out, (char)s->sources[i].prefix);
	}
	put_count(&out, s->n_ports);
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct service_port *port = &s->ports[i];
		str_addc(&out, (char)port->protocol);
		put(&out, &port->port, sizeof(port->port));
		put(&out, &port->node_port, sizeof(port->node_port));
		put_text(&out, port->name);
	}
	return finish(&out);
}

struct service *service_unpack(const struct packed *p)
{
	struct service *s = xcalloc(1, sizeof(*s));
	struct reader r = {p->bytes};
	uint8_t flags = take_byte(&r);
	s->internal_local = flags & INTERNAL_LOCAL;
	s->external_local = flags & EXTERNAL_LOCAL;
	if (flags & AFFINITY)
		take(&r, &s->affinity_s, sizeof(s->affinity_s));
	if (flags & HEALTH)
		take(&r, &s->health_port, sizeof(s->health_port));
	s->cluster_ips = take_ips(&r, &s->n_cluster_ips);
	s->external_ips = take_ips(&r, &s->n_external_ips);
	s->balancer_ips = take_ips(&r, &s->n_balancer_ips);
	s->n_sources = (uint16_t)take_count(&r);
	s->sources = s->n_sources ? xcalloc(s->n_sources, sizeof(*s->sources)) : NULL;
	for (size_t i = 0; i < s->n_sources; i++) {
		take_ip(&r, &s->sources[i].ip);
		s->sources[i].prefix = take_byte(&r);
	}
	s->n_ports = (uint16_t)take_count(&r);
	s->ports = xcalloc((size_t)s->n_ports + 1, sizeof(*s->ports));
	for (size_t i = 0; i < s->n_ports; i++) {
		struct service_port *port = &s->ports[i];
		port->protocol = take_byte(&r);
		take(&r, &port->port, sizeof(port->port));
		take(&r, &port->node_port, sizeof(port->node_port));
		port->name = take_text(&r);
	}
	return s;
}

enum { READY, SERVING, TERMINATING, LOCAL, ZONE_HINTS, MY_ZONE, NODE_HINTS, MY_NODE };

static uint8_t endpoint_flags(const struct service_endpoint *e)
{
	return (uint8_t)(e->ready << READY | e->serving << SERVING | e->terminating << TERMINATING | e->local << LOCAL |
			 e->zone_hints << ZONE_HINTS | e->my_zone << MY_ZONE | e->node_hints << NODE_HINTS |
			 e->my_node << MY_NODE);
}

static void read_endpoint_flags(uint8_t f, struct service_endpoint *e)
{
	e->ready = f >> READY & 1;
	e->serving = f >> SERVING & 1;
	e->terminating = f >> TERMINATING & 1;
	e->local = f >> LOCAL & 1;
	e->zone_hints = f >> ZONE_HINTS & 1;
	e->my_zone = f >> MY_ZONE & 1;
	e->node_hints = f >> NODE_HINTS & 1;
	e->my_node = f >> MY_NODE & 1;
}

void service_slice_pack(const struct service_slice *s, struct str *out)
{
	str_addc(out, (char)s->six);
	put_count(out, s->n_endpoints);
	for (size_t i = 0; i < s->n_endpoints; i++) {
		put_ip(out, &s->endpoints[i].ip);
		str_addc(out, (char)endpoint_flags(&s->endpoints[i]));
	}
	put_count(out, s->n_ports);
	for (size_t i = 0; i < s->n_ports; i++) {
		str_addc(out, (char)s->ports[i].protocol);
		put(out, &s->ports[i].port, sizeof(s->ports[i].port));
		put_text(out, s->ports[i].name);
	}
}

struct service_slice *service_slice_unpack(const void *bytes)
{
	struct service_slice *s = xcalloc(1, sizeof(*s));
	struct reader r = {bytes};
	s->six = take_byte(&r);
	s->n_endpoints = take_count(&r);
	s->endpoints = xcalloc(s->n_endpoints + 1, sizeof(*s->endpoints));
	for (size_t i = 0; i < s->n_endpoints; i++) {
		take_ip(&r, &s->endpoints[i].ip);
		read_endpoint_flags(take_byte(&r), &s->endpoints[i]);
	}
	s->n_ports = take_count(&r);
	s->ports = xcalloc(s->n_ports + 1, sizeof(*s->ports));
	for (size_t i = 0; i < s->n_ports; i++) {
		s->ports[i].protocol = take_byte(&r);
		take(&r, &s->ports[i].port, sizeof(s->ports[i].port));
		s->ports[i].name = take_text(&r);
	}
	return s;
}

#define FIELDS_MAX 7

/* The lengths of an element's fields, ended by 0: those of the key, then those of the data from *ret_data on. */
static void fields_of(int kind, int family, uint8_t ret[FIELDS_MAX], size_t *ret_data)
{
	uint8_t addr = family == AF_INET ? 4 : 16;
	const struct {
		uint8_t key[FIELDS_MAX], data[3];
	} shapes[SVC_KINDS] = {
	    [SVC_SERVICE] = {{addr, 1, 2}, {4}},      [SVC_ENDPOINT] = {{addr, 1, 2, 4}, {addr, 2}},
	    [SVC_HAIRPIN] = {{addr, addr}, {0}},      [SVC_STICKY] = {{addr, 1, 2}, {4}},
	    [SVC_ALLOWED] = {{addr, 1, 2, addr}, {addr}}, [SVC_LINGER] = {{addr, 1, 2, addr, 2}, {0}},
	};
	size_t n = 0, k = 0;
	while (shapes[kind].key[n]) {
		ret[n] = shapes[kind].key[n];
		n++;
	}
	*ret_data = n;
	while ((ret[n++] = shapes[kind].data[k]))
		k++;
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* In the first byte of an element, beside twice its kind. */
enum { SIX = 1, SAME_FRONT = 128 };
#define FRONT_FIELDS 3

static bool shares_front(const struct svc_elem *a, const struct svc_elem *b)
{
	return a->kind != SVC_HAIRPIN && b->kind != SVC_HAIRPIN && a->family == b->family &&
	       !memcmp(a->key, b->key, SVC_FRONT_LEN(a));
}

static void put_elem(struct str *out, const struct svc_elem *e, bool same_front)
{
	const uint8_t *from = e->key;
	uint8_t fields[FIELDS_MAX] = {0};
	size_t data;
	str_addc(out, (char)(e->kind << 1 | (e->family == AF_INET6 ? SIX : 0) | (same_front ? SAME_FRONT : 0)));
	fields_of(e->kind, e->family, fields, &data);
	for (size_t f = 0; fields[f]; f++) {
		if (f == data)
			from = e->data;
		if (!same_front || f >= FRONT_FIELDS)
			put(out, from, fields[f]);
		from += padded(fields[f]);
	}
}

struct packed *svc_elems_pack(const struct svc_elem *v, size_t n)
{
	struct str out = STR_INIT;
	if (!n)
		return NULL;
	put_count(&out, n);
	for (size_t i = 0; i < n; i++)
		put_elem(&out, &v[i], i && shares_front(&v[i - 1], &v[i]));
	return finish(&out);
}

/* before: the element before, where this one shares its front. */
static void take_elem(struct reader *r, struct svc_elem *e, const struct svc_elem *before)
{
	uint8_t what = take_byte(r), fields[FIELDS_MAX] = {0};
	size_t data, f = 0;
	*e = (struct svc_elem){.kind = (what & ~SAME_FRONT) >> 1, .family = what & SIX ? AF_INET6 : AF_INET};
	fields_of(e->kind, e->family, fields, &data);
	if (before && (what & SAME_FRONT)) {
		e->key_len = SVC_FRONT_LEN(e);
		memcpy(e->key, before->key, e->key_len);
		f = FRONT_FIELDS;
	}
	for (; fields[f]; f++) {
		uint8_t *len = f < data ? &e->key_len : &e->data_len;
		take(r, (f < data ? e->key : e->data) + *len, fields[f]);
		*len = (uint8_t)(*len + padded(fields[f]));
	}
}

void svc_elems_unpack(const struct packed *p, struct svc_elem **ret, size_t *ret_n)
{
	struct reader r = {p ? p->bytes : NULL};
	size_t n = p ? take_count(&r) : 0;
	struct svc_elem *v = n ? xcalloc(n, sizeof(*v)) : NULL;
	for (size_t i = 0; i < n; i++)
		take_elem(&r, &v[i], i ? &v[i - 1] : NULL);
	*ret = v;
	*ret_n = n;
}
