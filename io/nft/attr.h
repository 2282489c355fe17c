/* Netlink messages attribute by attribute, written in place and read without copying. netlink(7). The writer's buffer
 * has room for the whole message; every reader stays inside the attribute that it is given. */
#ifndef KNARR_IO_NFT_ATTR_H
#define KNARR_IO_NFT_ATTR_H

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>

/* Starts a message at buf with an extra header of len zeroed bytes, which *ret_extra points to. */
static inline struct nlmsghdr *attr_message(void *buf, uint16_t type, uint16_t flags, size_t len, void *ret_extra)
{
	struct nlmsghdr *h = buf;
	memset(buf, 0, NLMSG_SPACE(len));
	h->nlmsg_len = (uint32_t)NLMSG_SPACE(len);
	h->nlmsg_type = type;
	h->nlmsg_flags = flags;
	*(void **)ret_extra = NLMSG_DATA(h);
	return h;
}

static inline struct nlattr *attr_put(struct nlmsghdr *h, int type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)((char *)h + h->nlmsg_len);
	size_t room = NLA_ALIGN(NLA_HDRLEN + len);
	memset(a, 0, room);
	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	h->nlmsg_len += (uint32_t)room;
	return a;
}

static inline void attr_u8(struct nlmsghdr *h, int type, uint8_t v)
{
	attr_put(h, type, &v, sizeof(v));
}

/* In network order, as netfilter's subsystems have their numbers. */
static inline void attr_be16(struct nlmsghdr *h, int type, uint16_t v)
{
	v = htons(v);
	attr_put(h, type, &v, sizeof(v));
}

static inline void attr_be32(struct nlmsghdr *h, int type, uint32_t v)
{
	v = htonl(v);
	attr_put(h, type, &v, sizeof(v));
}

static inline void attr_be64(struct nlmsghdr *h, int type, uint64_t v)
{
	uint32_t both[2] = {htonl((uint32_t)(v >> 32)), htonl((uint32_t)v)};
	attr_put(h, type, both, sizeof(both));
}

static inline void attr_text(struct nlmsghdr *h, int type, const char *s)
{
	attr_put(h, type, s, strlen(s) + 1);
}

static inline struct nlattr *attr_begin(struct nlmsghdr *h, int type)
{
	return attr_put(h, type | NLA_F_NESTED, NULL, 0);
}

static inline void attr_end(struct nlmsghdr *h, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)((char *)h + h->nlmsg_len - (char *)nest);
}

static inline int attr_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

static inline const void *attr_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

static inline size_t attr_len(const struct nlattr *a)
{
	return a->nla_len - (size_t)NLA_HDRLEN;
}

/* The number of an attribute in network order; 0 where it is absent or too short. */
static inline uint32_t attr_get_be32(const struct nlattr *a)
{
	uint32_t v = 0;
	if (a && attr_len(a) >= sizeof(v))
		memcpy(&v, attr_data(a), sizeof(v));
	return ntohl(v);
}

static inline uint16_t attr_get_be16(const struct nlattr *a)
{
	uint16_t v = 0;
	if (a && attr_len(a) >= sizeof(v))
		memcpy(&v, attr_data(a), sizeof(v));
	return ntohs(v);
}

/* The text of an attribute, or NULL where it has no end. */
static inline const char *attr_get_text(const struct nlattr *a)
{
	return a && memchr(attr_data(a), 0, attr_len(a)) ? attr_data(a) : NULL;
}

static inline int attr_fits(const struct nlattr *a, const void *end)
{
	const char *limit = end;
	return (const char *)a + NLA_HDRLEN <= limit && a->nla_len >= NLA_HDRLEN &&
	       (const char *)a + a->nla_len <= limit;
}

static inline const struct nlattr *attr_next(const struct nlattr *a)
{
	return (const struct nlattr *)((const char *)a + NLA_ALIGN(a->nla_len));
}

/* Walks the attributes of a message behind its extra header of len bytes, and those inside an attribute. */
#define ATTR_EACH(a, h, len)                                                                                           \
	for (a = (const struct nlattr *)((const char *)(h) + NLMSG_SPACE(len));                                        \
	     attr_fits(a, (const char *)(h) + (h)->nlmsg_len); a = attr_next(a))
#define ATTR_EACH_IN(a, nest)                                                                                          \
	for (a = attr_data(nest); attr_fits(a, (const char *)(nest) + (nest)->nla_len); a = attr_next(a))

/* The first attribute of the type inside nest, which may be NULL; NULL. */
static inline const struct nlattr *attr_find(const struct nlattr *nest, int type)
{
	const struct nlattr *a;
	if (nest)
		ATTR_EACH_IN(a, nest)
	if (attr_type(a) == type)
		return a;
	return NULL;
}

#endif
