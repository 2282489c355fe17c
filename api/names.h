/* Name rules: DNS-1123 subdomain and label, DNS-1035 label, qualified names, label values (RFC 1123, API concepts). */
#ifndef KNARR_API_NAMES_H
#define KNARR_API_NAMES_H

/* Each returns NULL when s is valid, else the rule that it breaks, as Kubernetes words that class of error. Static. */
const char *name_check_subdomain(const char *s);
const char *name_check_label(const char *s);
const char *name_check_label_1035(const char *s);
const char *name_check_qualified(const char *s); /* label and annotation keys */
const char *name_check_label_value(const char *s);
const char *name_check_env(const char *s);
const char *name_check_port_name(const char *s); /* IANA service name */
const char *name_check_config_key(const char *s);
const char *name_check_path_segment(const char *s);

#endif
