/* A certificate and its key as TLS servers are given them. Pure, by OpenSSL. */
#ifndef KNARR_API_PEM_PAIR_H
#define KNARR_API_PEM_PAIR_H

#include <stddef.h>

/* What keeps a server from using the pair (PEM, n bytes each), in the words in which programs that load them tell it; NULL: nothing.
 * Returns owned. */
char *pem_pair_problem(const char *certificate, size_t n_certificate, const char *key, size_t n_key);

#endif
