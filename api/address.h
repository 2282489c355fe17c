/* Addresses as text, where a range or a list is configured, and this machine's own. */
#ifndef KNARR_API_ADDRESS_H
#define KNARR_API_ADDRESS_H

/* The first address after that of the network, of the first range in cidrs: 10.96.0.1 of "10.96.0.0/16,fd00:96::/112".
 * Returns owned, canonical; NULL when cidrs does not begin with an address. */
char *address_first(const char *cidrs);

/* An address as the host of a URL: IPv6 in brackets, once. Returns owned; NULL gives NULL. */
char *address_host(const char *address);
/* The address with which this machine goes where its default route leads, by IPv4, else by IPv6; without such a route the
 * first that is more than local. Returns owned; NULL: there is none. */
char *address_default(void);

#endif
