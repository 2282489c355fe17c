/* A cluster's certificates: authorities, leaf certificates and the service-account key, as files (PEM), by OpenSSL.
 *
 * Names and places are those of kubeadm: <dir>/ca.crt, ca.key, apiserver.crt, apiserver-kubelet-client.crt, sa.key ...
 * Keys are ECDSA P-256, that of service accounts RSA, files are written atomically, keys with mode 0600. */
#ifndef KNARR_API_PKI_H
#define KNARR_API_PKI_H

#include <stdbool.h>

#include "base/err.h"

struct pki_subject {
	const char *common_name;
	const char *const *organizations; /* NULL-terminated, NULL: none */
	const char *const *dns;           /* subject alternative names, NULL-terminated */
	const char *const *ips;           /* numeric addresses */
	bool server, client;              /* extended key usage */
	int days;
};

enum { PKI_CA_DAYS = 3650, PKI_LEAF_DAYS = 365, PKI_RENEW_DAYS = 30 };

/* Makes the authority <dir>/<name>.crt and .key when missing. -EINVAL when only one of the two files is there. */
int pki_ca_ensure(const char *dir, const char *name, const char *common_name, struct err *e);
/* Issues a certificate of the authority into crt_file and key_file, over what is there, unless there is one already
 * that the authority has signed, that holds every name asked for and that is good for PKI_RENEW_DAYS more. */
int pki_leaf_ensure(const char *ca_crt, const char *ca_key, const struct pki_subject *s, const char *crt_file,
		    const char *key_file, struct err *e);
/* The same with certificate and key in one file, which can be exchanged in one step. */
int pki_leaf_pem_ensure(const char *ca_crt, const char *ca_key, const struct pki_subject *s, const char *pem_file, struct err *e);
/* Makes the service accounts' signing key <dir>/sa.key and sa.pub when missing. */
int pki_sa_key_ensure(const char *dir, struct err *e);
/* "sha256:<hex>" of the authority's public key, as kubeadm's discovery wants it. ret has room for 72. */
int pki_ca_hash(const char *ca_crt, char *ret, struct err *e);

struct pki_cluster {
	const char *dir;
	const char *service_ip;         /* first address of the service range */
	const char *cluster_domain;     /* "cluster.local" */
	const char *advertise_address;  /* NULL: none */
	const char *const *more_names;  /* further DNS names or addresses of the API server, NULL-terminated; may be NULL */
};
/* Everything that an API server needs: ca, front-proxy-ca, apiserver, apiserver-kubelet-client, front-proxy-client, admin
 * (system:masters, for admin.conf) and the service-account key. Safe to call again and from two processes at once. */
int pki_cluster_ensure(const struct pki_cluster *c, struct err *e);
/* A node's certificates, each with its key, below dir/node/: client.pem (system:node:NAME, system:nodes) and server.pem. What
 * the node has got itself meanwhile stays, as long as it is good. */
int pki_node_ensure(const char *dir, const char *node_name, const char *const *node_ips, struct err *e);

#endif
