/* Addresses as text, where a range or a list is configured. Pure. */
#ifndef KNARR_API_ADDRESS_H
#define KNARR_API_ADDRESS_H

/* The first address after that of the network, of the first range in cidrs: 10.96.0.1 of "10.96.0.0/16,fd00:96::/112".
 * Returns owned, canonical; NULL when cidrs does not begin with an address. */
char *address_first(const char *cidrs);

#endif
