/* Kubeconfig files (v1 Config): reading the current context, writing a simple one. */
#ifndef KNARR_API_KUBECONFIG_H
#define KNARR_API_KUBECONFIG_H

#include "base/err.h"

/* Certificates given inline are written to private temporary files (in $TMPDIR, else /run/knarr/tmp), removed by
 * kubeconfig_done(). Every text owned by the struct. */
struct kubeconfig {
	char *server; /* https://host:port */
	char *ca_file, *cert_file, *key_file, *token_file;
	char *namespace_; /* of the context; "default" */
	int insecure;
	char **temp_files;
};

/* -ENOENT where a name leads nowhere, -EINVAL, -EOPNOTSUPP for credentials other than certificates and tokens. */
int kubeconfig_load(const char *path, struct kubeconfig *ret, struct err *e);
void kubeconfig_done(struct kubeconfig *k);
/* Writes a kubeconfig (mode 0600) with certificate, key and CA embedded from PEM files. */
int kubeconfig_write(const char *path, const char *cluster, const char *server, const char *ca_file, const char *user,
		     const char *cert_file, const char *key_file, struct err *e);
/* The same with the paths of certificate and key in their place: they may be exchanged. */
int kubeconfig_write_paths(const char *path, const char *cluster, const char *server, const char *ca_file, const char *user,
			   const char *cert_file, const char *key_file, struct err *e);

#endif
