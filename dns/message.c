/* Encoding and decoding of replies, by ldns. Happy path: a packet is made, encoded, and an OPT record put behind it; what
 * comes from other servers is decoded and encoded again, so that nothing malformed is ever kept or passed on. What can
 * fail: memory, and bytes that are no answer. */
#include "dns/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { OPT_LEN = 11, SOA_FIELDS = 7, FLAG_TC = 0x02, FLAG_QR = 0x80, FLAG_AA = 0x04, FLAG_RA = 0x80, FLAG_AD = 0x20, FLAG_CD = 0x10 };

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static ldns_rdf *name_of(const struct question *q)
{
	return ldns_dname_new_frm_data((uint16_t)q->name_len, q->name);
}

static void push_question(ldns_pkt *p, const struct question *q)
{
	ldns_rr *rr = ldns_rr_new();
	ldns_rr_set_question(rr, true);
	ldns_rr_set_owner(rr, name_of(q));
	ldns_rr_set_type(rr, (ldns_rr_type)q->type);
	ldns_rr_set_class(rr, (ldns_rr_class)q->class);
	ldns_pkt_push_rr(p, LDNS_SECTION_QUESTION, rr);
}

static void push_all(ldns_pkt *p, ldns_pkt_section section, const ldns_rr_list *list, size_t n, const struct question *q)
{
	ldns_rdf *asked = name_of(q);
	for (size_t i = 0; i < n; i++) {
		ldns_rr *rr = ldns_rr_clone(ldns_rr_list_rr(list, i));
		if (ldns_dname_compare(ldns_rr_owner(rr), asked) == 0) {
			ldns_rdf_deep_free(ldns_rr_owner(rr));
			ldns_rr_set_owner(rr, ldns_rdf_clone(asked));
		}
		ldns_pkt_push_rr(p, section, rr);
	}
	ldns_rdf_deep_free(asked);
}

static size_t count(const ldns_rr_list *list)
{
	return list ? ldns_rr_list_rr_count(list) : 0;
}

/* With the first n answers; the others only where all of those are in. Returns the length, 0: too long. */
static size_t encode(const struct question *q, const struct reply *r, size_t n, bool others, size_t limit, uint8_t *ret)
{
	ldns_pkt *p = ldns_pkt_new();
	uint8_t *wire = NULL;
	size_t len = 0;
	if (q->name_len)
		push_question(p, q);
	push_all(p, LDNS_SECTION_ANSWER, r->answer, n, q);
	if (others) {
		push_all(p, LDNS_SECTION_AUTHORITY, r->authority, count(r->authority), q);
		push_all(p, LDNS_SECTION_ADDITIONAL, r->extra, count(r->extra), q);
	}
	bool fine = ldns_pkt2wire(&wire, p, &len) == LDNS_STATUS_OK && len <= limit;
	if (fine)
		memcpy(ret, wire, len);
	free(wire);
	ldns_pkt_free(p);
	return fine ? len : 0;
}

/* The first four bytes: id and flags. */
static void put_head(const struct question *q, int rcode, bool authoritative, bool authentic, uint8_t *p)
{
	put16(p, q->id);
	p[2] = (uint8_t)(FLAG_QR | q->opcode << 3 | (authoritative ? FLAG_AA : 0) | q->recursion_desired);
	p[3] = (uint8_t)(FLAG_RA | (authentic ? FLAG_AD : 0) | (q->checking_disabled ? FLAG_CD : 0) | (rcode & 15));
}

/* Behind len bytes. */
static size_t put_opt(const struct question *q, int rcode, uint8_t *p, size_t len)
{
	if (!q->edns)
		return len;
	uint8_t *o = p + len;
	memset(o, 0, OPT_LEN);
	o[2] = LDNS_RR_TYPE_OPT;
	put16(o + 3, DNS_EDNS_SIZE);
	o[5] = (uint8_t)(rcode >> 4);
	o[7] = q->dnssec_ok ? 0x80 : 0;
	put16(p + 10, get16(p + 10) + 1);
	return len + OPT_LEN;
}

size_t message_build(const struct question *q, const struct reply *r, size_t limit, uint8_t *ret)
{
	size_t room = limit - (q->edns ? OPT_LEN : 0), n = count(r->answer), len = encode(q, r, n, true, room, ret);
	bool truncated = false;
	if (!len) /* hints go first */
		len = encode(q, r, n, false, room, ret);
	while (!len && n) {
		n /= 2;
		truncated = true;
		len = encode(q, r, n, false, room, ret);
	}
	if (!len)
		return 0;
	put_head(q, r->rcode, r->authoritative, r->authentic, ret);
	if (truncated)
		ret[2] |= FLAG_TC;
	return put_opt(q, r->rcode, ret, len);
}

size_t message_ask(const struct question *q, uint16_t id, uint8_t *ret, size_t max)
{
	struct reply none = {0};
	struct question mine = *q;
	mine.edns = true;
	size_t len = message_build(&mine, &none, max, ret);
	if (!len)
		return 0;
	put16(ret, id);
	ret[2] = 1; /* recursion desired */
	ret[3] = q->checking_disabled ? FLAG_CD : 0;
	return len;
}

/* Behind a name of a message that ldns has made. */
static size_t skip_name(const uint8_t *p, size_t at)
{
	while (p[at] && (p[at] & 0xc0) != 0xc0)
		at += (size_t)p[at] + 1;
	return at + (p[at] ? 2 : 1);
}

static void find_ttls(struct message *m)
{
	size_t at = skip_name(m->wire, DNS_HEADER) + 4;
	size_t n = get16(m->wire + 6) + get16(m->wire + 8) + get16(m->wire + 10);
	m->ttls = xcalloc(n + 1, sizeof(*m->ttls));
	for (size_t i = 0; i < n; i++) {
		at = skip_name(m->wire, at) + 4;
		m->ttls[m->n_ttls++] = (uint16_t)at;
		at += 6 + get16(m->wire + at + 4);
	}
}

/* RFC 2308 5: how long an answer without records holds. */
static uint32_t negative_ttl(const ldns_rr_list *authority)
{
	for (size_t i = 0; i < count(authority); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(authority, i);
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(rr) == SOA_FIELDS) /* ldns reads empty ones, too */
			return MIN(ldns_rr_ttl(rr), ldns_rdf2native_int32(ldns_rr_rdf(rr, 6)));
	}
	return 0;
}

static uint32_t least_ttl(const struct reply *r)
{
	const ldns_rr_list *lists[] = {r->answer, r->authority};
	uint32_t least = UINT32_MAX;
	if (!count(lists[0]))
		return negative_ttl(lists[1]);
	for (size_t l = 0; l < ARRAY_LEN(lists); l++)
		for (size_t i = 0; i < count(lists[l]); i++)
			least = MIN(least, ldns_rr_ttl(ldns_rr_list_rr(lists[l], i)));
	return least;
}

static bool is_answer(const struct question *q, const ldns_pkt *p)
{
	const ldns_rr_list *asked = ldns_pkt_question(p);
	if (!ldns_pkt_qr(p) || count(asked) != 1)
		return false;
	const ldns_rr *rr = ldns_rr_list_rr(asked, 0);
	ldns_rdf *name = name_of(q);
	bool same = ldns_dname_compare(ldns_rr_owner(rr), name) == 0;
	ldns_rdf_deep_free(name);
	return same && (uint16_t)ldns_rr_get_type(rr) == q->type && (uint16_t)ldns_rr_get_class(rr) == q->class;
}

int message_read(const struct question *q, uint16_t id, const uint8_t *p, size_t len, struct message *ret)
{
	ldns_pkt *packet = NULL;
	if (len < DNS_HEADER || get16(p) != id || ldns_wire2pkt(&packet, p, len) != LDNS_STATUS_OK)
		return -EBADMSG;
	if (!is_answer(q, packet)) {
		ldns_pkt_free(packet);
		return -EBADMSG;
	}
	/* Encoded anew it has no OPT: that one speaks of the way from there to here. */
	struct reply r = {.rcode = ldns_pkt_get_rcode(packet),
			  .authentic = ldns_pkt_ad(packet),
			  .answer = ldns_pkt_answer(packet),
			  .authority = ldns_pkt_authority(packet),
			  .extra = ldns_pkt_additional(packet)};
	int error = message_keep(q, &r, ret);
	if (error == 0)
		ret->truncated = ldns_pkt_tc(packet);
	ldns_pkt_free(packet);
	return error ? -EBADMSG : 0;
}

int message_keep(const struct question *q, const struct reply *r, struct message *ret)
{
	struct message m = {.rcode = r->rcode, .empty = !count(r->answer), .ttl_s = least_ttl(r), .authoritative = r->authoritative};
	uint8_t *wire = xmalloc(MESSAGE_MAX);
	m.len = encode(q, r, count(r->answer), true, MESSAGE_MAX, wire);
	if (m.len) {
		wire[3] = r->authentic ? FLAG_AD : 0;
		m.wire = xmemdup(wire, m.len);
		find_ttls(&m);
		*ret = m;
	}
	free(wire);
	return m.len ? 0 : -E2BIG;
}

void message_done(struct message *m)
{
	free(m->wire);
	free(m->ttls);
	*m = (struct message){0};
}

ldns_pkt *message_packet(const struct message *m)
{
	ldns_pkt *p = NULL;
	return ldns_wire2pkt(&p, m->wire, m->len) == LDNS_STATUS_OK ? p : NULL;
}

/* Too long for the client: cut. */
static size_t relay_cut(const struct question *q, const struct message *m, size_t limit, uint8_t *ret)
{
	ldns_pkt *p = message_packet(m);
	if (!p)
		return 0;
	struct reply r = {.rcode = m->rcode, .authoritative = m->authoritative, .answer = ldns_pkt_answer(p), .authority = ldns_pkt_authority(p)};
	size_t len = message_build(q, &r, limit, ret);
	ldns_pkt_free(p);
	return len;
}

static void age_ttl(uint8_t *p, uint32_t age_s)
{
	uint32_t ttl = (uint32_t)get16(p) << 16 | get16(p + 2);
	ttl = ttl > age_s ? ttl - age_s : 0;
	put16(p, ttl >> 16);
	put16(p + 2, ttl & 0xffff);
}

size_t message_relay(const struct question *q, const struct message *m, uint32_t age_s, size_t limit, uint8_t *ret)
{
	if (m->len + (q->edns ? OPT_LEN : 0) > limit || q->name_len + DNS_HEADER > m->len)
		return relay_cut(q, m, limit, ret);
	memcpy(ret, m->wire, m->len);
	put_head(q, m->rcode, m->authoritative, (m->wire[3] & FLAG_AD) && q->dnssec_ok, ret);
	if (m->truncated)
		ret[2] |= FLAG_TC;
	memcpy(ret + DNS_HEADER, q->name, q->name_len);
	for (size_t i = 0; i < m->n_ttls; i++)
		age_ttl(ret + m->ttls[i], age_s);
	return put_opt(q, m->rcode, ret, m->len);
}
