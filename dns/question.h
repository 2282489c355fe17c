/* The question of a DNS request, read where it lies (RFC 1035 4.1, RFC 6891 6.1). Pure. */
#ifndef KNARR_DNS_QUESTION_H
#define KNARR_DNS_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_HEADER = 12,
	DNS_NAME_MAX = 255,   /* bytes of a name on the wire */
	DNS_UDP_PLAIN = 512,  /* what a client without EDNS takes */
	DNS_UDP_MAX = 4096,   /* more is never sent in a datagram */
	DNS_EDNS_SIZE = 1232, /* what we announce */
};

struct question {
	uint16_t id, type, class;
	uint8_t opcode, edns_version;
	bool recursion_desired, checking_disabled, edns, dnssec_ok;
	uint16_t udp_size;             /* bytes that a datagram for the client may have */
	uint8_t name[DNS_NAME_MAX];    /* as sent: labels with their lengths, the root's at the end */
	size_t name_len;
	char text[4 * DNS_NAME_MAX + 1]; /* in small letters, dots between labels, none at the end: "" is the root. Bytes
					  * that no host name has are written \DDD */
};

/* 0; -EBADMSG: not even an id to answer; -EINVAL: *ret has the id (and the opcode), the rest is malformed. */
int question_parse(const uint8_t *p, size_t len, struct question *ret);
/* The question of another name (text as above) and the same type and flags. -EINVAL: no name. */
int question_rename(const struct question *q, const char *text, struct question *ret);
/* Bytes that tell a question from others wherever letters' case does not matter. ret has room for QUESTION_KEY_MAX. */
#define QUESTION_KEY_MAX (4 * DNS_NAME_MAX + 16)
void question_key(const struct question *q, char *ret);

#endif
