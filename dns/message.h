/* Replies on the wire (RFC 1035 4.1, RFC 6891). Pure. */
#ifndef KNARR_DNS_MESSAGE_H
#define KNARR_DNS_MESSAGE_H

#include <ldns/ldns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/question.h"

enum { MESSAGE_MAX = 65535, RCODE_BADVERS = 16 };

struct reply {
	int rcode; /* LDNS_RCODE_*, RCODE_BADVERS */
	bool authoritative, authentic;
	ldns_rr_list *answer, *authority, *extra; /* NULL: none; names that are the question's get its letters' case */
};

/* Bytes of at most limit; what does not fit is left out, answers with the truncation bit. ret has room for limit.
 * Returns the length; 0 where not even the header can be made. */
size_t message_build(const struct question *q, const struct reply *r, size_t limit, uint8_t *ret);
/* A request for another server, with EDNS. Returns the length. */
size_t message_ask(const struct question *q, uint16_t id, uint8_t *ret, size_t max);

/* An answer of another server, in the form in which it is kept. */
struct message {
	uint8_t *wire; /* without OPT, id 0 */
	size_t len;
	uint16_t *ttls; /* where its TTLs stand */
	size_t n_ttls;
	uint32_t ttl_s; /* the least of them; of an answer without records what its SOA says, 0 without one */
	int rcode;
	bool truncated, empty;
	bool authoritative; /* our own */
};
/* Takes an answer apart: 0; -EBADMSG: not an answer to this question with this id. Owned parts in *ret. */
int message_read(const struct question *q, uint16_t id, const uint8_t *p, size_t len, struct message *ret);
void message_done(struct message *m);
/* A reply of our own in that form; ttl_s as above. -E2BIG: too long for any. */
int message_keep(const struct question *q, const struct reply *r, struct message *ret);
/* The reply to a client that asked the same, age_s after it was read or kept. As message_build(). */
size_t message_relay(const struct question *q, const struct message *m, uint32_t age_s, size_t limit, uint8_t *ret);
/* Its records, owned: NULL where it cannot be read. */
ldns_pkt *message_packet(const struct message *m);

#endif
