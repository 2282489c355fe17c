/* The node's name servers and search domains. resolv.conf(5). Pure. */
#ifndef KNARR_IO_RESOLV_CONF_H
#define KNARR_IO_RESOLV_CONF_H

#include <stddef.h>

enum { RESOLV_SERVERS_MAX = 3, RESOLV_SEARCHES_MAX = 32 }; /* the C library takes no more servers */

/* Owned vectors of owned texts, each at most once; NULL: none. */
struct resolv_conf {
	char **servers, **searches, **options;
};

/* Adds what text says; NULL is an empty one. Lines that are not understood are left out. */
void resolv_conf_parse(struct resolv_conf *r, const char *text);
void resolv_conf_done(struct resolv_conf *r);
/* Appends a copy unless it is there or the list is full. */
void resolv_conf_add(char ***to, const char *text, size_t max);

#endif
