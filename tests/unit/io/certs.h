/* Throw-away certificates for tests: an authority, a server for localhost, a client of it, and a stranger. */
#ifndef KNARR_TESTS_IO_CERTS_H
#define KNARR_TESTS_IO_CERTS_H

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

struct certs {
	char dir[64];
	char *ca, *server, *server_key, *client, *client_key, *stranger, *stranger_key;
};

static char *certs_path(const struct certs *c, const char *name)
{
	return xasprintf("%s/%s", c->dir, name);
}

static void certs_write(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	if (cert)
		PEM_write_X509(f, cert);
	if (key)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

static void certs_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	X509_add_ext(cert, x, -1);
	X509_EXTENSION_free(x);
}

/* Signed by issuer_key/issuer, or by itself when they are NULL. subject: "CN=alice", "O=dev" ... */
static X509 *certs_sign(EVP_PKEY *key, const char *const *subject, const char *san, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME *name = X509_get_subject_name(cert);
	for (; *subject; subject++) {
		const char *eq = strchr(*subject, '=');
		char *field = xstrndup(*subject, (size_t)(eq - *subject));
		X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)eq + 1, -1, -1, 0);
		free(field);
	}
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
	if (!issuer)
		certs_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	if (san)
		certs_extension(cert, NID_subject_alt_name, san);
	X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256());
	return cert;
}

static inline void certs_make(struct certs *c)
{
	strcpy(c->dir, "/tmp/knarr-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(c->dir));
	c->ca = certs_path(c, "ca.crt");
	c->server = certs_path(c, "server.crt");
	c->server_key = certs_path(c, "server.key");
	c->client = certs_path(c, "client.crt");
	c->client_key = certs_path(c, "client.key");
	c->stranger = certs_path(c, "stranger.crt");
	c->stranger_key = certs_path(c, "stranger.key");
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *server_key = EVP_EC_gen("P-256"), *client_key = EVP_EC_gen("P-256"),
		 *stranger_key = EVP_EC_gen("P-256");
	X509 *ca = certs_sign(ca_key, (const char *[]){ "CN=test-ca", NULL }, NULL, NULL, NULL);
	X509 *server =
		certs_sign(server_key, (const char *[]){ "CN=server", NULL }, "IP:127.0.0.1,DNS:localhost", ca, ca_key);
	X509 *client = certs_sign(client_key, (const char *[]){ "O=dev", "O=ops", "CN=alice", NULL }, NULL, ca, ca_key);
	X509 *stranger = certs_sign(stranger_key, (const char *[]){ "CN=stranger", NULL }, NULL, NULL, NULL);
	certs_write(c->ca, ca, NULL);
	certs_write(c->server, server, NULL);
	certs_write(c->server_key, NULL, server_key);
	certs_write(c->client, client, NULL);
	certs_write(c->client_key, NULL, client_key);
	certs_write(c->stranger, stranger, NULL);
	certs_write(c->stranger_key, NULL, stranger_key);
	X509 *all[] = { ca, server, client, stranger };
	EVP_PKEY *keys[] = { ca_key, server_key, client_key, stranger_key };
	for (int i = 0; i < 4; i++) {
		X509_free(all[i]);
		EVP_PKEY_free(keys[i]);
	}
}

static inline void certs_remove(struct certs *c)
{
	fs_remove_tree(c->dir, NULL);
	char *all[] = { c->ca, c->server, c->server_key, c->client, c->client_key, c->stranger, c->stranger_key };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		free(all[i]);
}

#endif
