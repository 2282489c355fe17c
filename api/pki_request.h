/* Certificate signing requests (PKCS #10, PEM): making, reading and signing them. */
#ifndef KNARR_API_PKI_REQUEST_H
#define KNARR_API_PKI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/pki.h"
#include "base/err.h"

/* What a request asks for. Texts owned. */
struct pki_request {
	char *common_name;
	char **organizations, **dns, **ips; /* NULL: none; addresses in their usual form */
	bool has_email, has_uri;
};

/* A request for s (no validity, no usages), signed with the key in key_file, which is made (P-256, mode 0600) where it is
 * missing. Returns owned PEM text. */
int pki_request_make(const struct pki_subject *s, const char *key_file, char **ret_pem, struct err *e);
/* -EINVAL: it is none, or its own signature is wrong. */
int pki_request_read(const char *pem, size_t len, struct pki_request *ret, struct err *e);
void pki_request_done(struct pki_request *r);
#define AUTO_PKI_REQUEST AUTO(pki_request_done) struct pki_request

/* Issues what the request asks for: its subject, names and public key, with the usages (words of certificates.k8s.io/v1,
 * NULL-terminated) and a life of seconds from now, but not beyond the authority's own. Returns owned PEM text. -EINVAL: a
 * usage that no certificate has, or a request that cannot be read. */
int pki_request_sign(const char *ca_crt, const char *ca_key, const char *pem, size_t len, const char *const *usages,
		     int64_t seconds, char **ret_pem, struct err *e);
/* When the first certificate of PEM text begins and ends, in seconds since the epoch. -EINVAL. */
int pki_validity(const char *pem, size_t len, int64_t *ret_from, int64_t *ret_until, struct err *e);

#endif
