/* Name rules: DNS-1123 subdomain and label, DNS-1035 label, qualified names, label values (RFC 1123, API concepts). */
#ifndef KNARR_API_NAMES_H
#define KNARR_API_NAMES_H

#include <stddef.h>

/* Each returns NULL when s is valid, else the rule that it breaks, as Kubernetes words that class of error. Static. */
const char *name_check_subdomain(const char *s);
const char *name_check_label(const char *s);
const char *name_check_label_1035(const char *s);
const char *name_check_qualified(const char *s); /* label and annotation keys */
/* All the rules that a qualified name breaks, in the order in which Kubernetes lists them; returns how many. */
#define NAME_CHECK_MAX 5
size_t name_check_qualified_all(const char *s, const char *ret[NAME_CHECK_MAX]);
size_t name_check_port_name_all(const char *s, const char *ret[NAME_CHECK_MAX]); /* the same of a port name */
const char *name_check_wildcard_subdomain(const char *s); /* "*.example.com" */
const char *name_check_label_value(const char *s);
const char *name_check_env(const char *s);
const char *name_check_port_name(const char *s); /* IANA service name */
const char *name_check_config_key(const char *s);
const char *name_check_path_segment(const char *s);
const char *name_check_address(const char *s); /* an IP address in its canonical form; valid until the thread's next call */

#endif
