/* A certificate from the cluster: a CertificateSigningRequest is made, and waited for until its signer has answered. */
#ifndef KNARR_API_CERT_REQUEST_H
#define KNARR_API_CERT_REQUEST_H

#include "api/client.h"
#include "api/pki.h"

#define CERT_SIGNER_NODE_CLIENT "kubernetes.io/kube-apiserver-client-kubelet"
#define CERT_SIGNER_NODE_SERVING "kubernetes.io/kubelet-serving"

struct cert_request;

struct cert_request_opts {
	struct pki_subject subject; /* server says which of the node's two certificates it is */
	const char *pem_file;	    /* gets certificate and key together (mode 0600), in one step; until then the key is beside it */
	int timeout_ms;		    /* for the whole; 0: none */
};

/* Everything is borrowed for the call. done is called once, from the loop: e is NULL when pem_file holds the new pair;
 * -ETIMEDOUT: nobody has approved it; -EACCES: refused; the codes of api/client.h. -EINVAL synchronously, done is not called
 * then: no request can be made. */
int cert_request_start(struct api_client *c, const struct cert_request_opts *o, void (*done)(void *arg, const struct err *e), void *arg,
		       struct cert_request **ret, struct err *e);
void cert_request_cancel(struct cert_request *r); /* done is not called; NULL is fine; not from within done */

#endif
