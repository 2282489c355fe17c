/* Addresses and ranges as people write them: which are valid, which are in their one form, and what to say of the others
 * (Kubernetes' validation of IP addresses; RFC 5952). Pure. */
#ifndef KNARR_API_IP_FORM_H
#define KNARR_API_IP_FORM_H

#include <stdbool.h>

struct ip_form {
	unsigned char address[16]; /* as written, with the bits behind the prefix */
	int family;		   /* 4 or 6; IPv4 inside IPv6 is 4 */
	int bits;		   /* of the prefix; all of them for an address */
	bool zeros, mapped;	   /* zeros in front of a number; IPv4 written as IPv6 */
};

/* Also takes what older versions took: zeros in front, IPv4 inside IPv6. */
bool ip_form_address(const char *text, struct ip_form *ret);
bool ip_form_range(const char *text, struct ip_form *ret); /* "10.0.0.0/8" */

/* What is wrong with a text that has to be in its one form; NULL: nothing. Returns owned. */
char *ip_form_address_problem(const char *text);
char *ip_form_range_problem(const char *text);	   /* no bits behind the prefix */
/* The same of a field that is older than the one form, and takes others as long as all readers agree about them. */
char *ip_form_loose_address_problem(const char *text);
char *ip_form_loose_range_problem(const char *text);
char *ip_form_interface_problem(const char *text); /* an address and how long its network's prefix is */

/* Adds what a client is to be warned of: valid today, but not in its one form. path names the field. */
void ip_form_address_warn(const char *path, const char *text, char ***warnings);
void ip_form_range_warn(const char *path, const char *text, char ***warnings);

#endif
