/* Making keys and certificates. The files a cluster needs are in pki_cluster.c. */
#include "api/pki.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/pki_ssl.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

int pki_ssl_error(struct err *e, const char *what)
{
	char text[160];
	ERR_error_string_n(ERR_get_error(), text, sizeof(text));
	ERR_clear_error();
	return err_set(e, -EINVAL, "%s: %s", what, text);
}

static int write_pem(const char *path, BIO *b, mode_t mode, struct err *e)
{
	char *bytes;
	long n = BIO_get_mem_data(b, &bytes);
	return fs_write_atomic(path, bytes, (size_t)n, mode, e);
}

int pki_write_key(const char *path, EVP_PKEY *key, struct err *e)
{
	AUTO_BIO *b = BIO_new(BIO_s_mem());
	if (!PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL))
		return pki_ssl_error(e, path);
	return write_pem(path, b, 0600, e);
}

static int write_cert(const char *path, X509 *x, struct err *e)
{
	AUTO_BIO *b = BIO_new(BIO_s_mem());
	if (!PEM_write_bio_X509(b, x))
		return pki_ssl_error(e, path);
	return write_pem(path, b, 0644, e);
}

/* The file's text as a memory BIO that stands on it. */
static int read_pem(const char *path, struct str *text, BIO **ret, struct err *e)
{
	int r = fs_read_file(path, 1 << 20, text, e);
	if (r < 0)
		return r;
	*ret = BIO_new_mem_buf(str_text(text), (int)text->len);
	return *ret ? 0 : pki_ssl_error(e, path);
}

int pki_read_cert(const char *path, X509 **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	AUTO_BIO *b = NULL;
	int r = read_pem(path, &text, &b, e);
	if (r < 0)
		return r;
	*ret = PEM_read_bio_X509(b, NULL, NULL, NULL);
	return *ret ? 0 : pki_ssl_error(e, path);
}

int pki_read_key(const char *path, EVP_PKEY **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	AUTO_BIO *b = NULL;
	int r = read_pem(path, &text, &b, e);
	if (r < 0)
		return r;
	*ret = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	return *ret ? 0 : pki_ssl_error(e, path);
}

/* A certificate with serial, validity and public key, no names yet. */
X509 *pki_new_cert(EVP_PKEY *key, int days)
{
	unsigned char serial[16];
	X509 *x = X509_new();
	rand_bytes(serial, sizeof(serial));
	serial[0] = (serial[0] & 0x7f) | 0x01;
	BIGNUM *bn = BN_bin2bn(serial, sizeof(serial), NULL);
	X509_set_version(x, 2);
	BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	/* A little in the past: clocks of joining machines differ. */
	X509_gmtime_adj(X509_getm_notBefore(x), -300);
	X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL);
	X509_set_pubkey(x, key);
	return x;
}

void pki_add_name(X509_NAME *n, const char *field, const char *value)
{
	X509_NAME_add_entry_by_txt(n, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0);
}

int pki_add_extension(X509 *x, X509 *issuer, int nid, const char *value, struct err *e)
{
	X509V3_CTX ctx;
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext)
		return pki_ssl_error(e, value);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return 0;
}

int pki_ca_ensure(const char *dir, const char *name, const char *common_name, struct err *e)
{
	AUTO_FREE char *crt = xasprintf("%s/%s.crt", dir, name), *key_path = xasprintf("%s/%s.key", dir, name);
	if (fs_exists(crt) && fs_exists(key_path))
		return 0;
	/* The key is written first: it alone is what a crash in between leaves, and nothing has been signed by it. */
	if (fs_exists(crt))
		return err_set(e, -EINVAL, "%s is there without its key %s", crt, key_path);
	int r = fs_mkdir_p(dir, 0755, e);
	if (r < 0)
		return r;
	AUTO_KEY *key = EVP_EC_gen("P-256");
	AUTO_X509 *x = pki_new_cert(key, PKI_CA_DAYS);
	pki_add_name(X509_get_subject_name(x), "CN", common_name);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	r = pki_add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE", e);
	if (r == 0)
		r = pki_add_extension(x, x, NID_key_usage, "critical,digitalSignature,keyEncipherment,keyCertSign", e);
	if (r == 0)
		r = pki_add_extension(x, x, NID_subject_key_identifier, "hash", e);
	if (r == 0 && !X509_sign(x, key, EVP_sha256()))
		r = pki_ssl_error(e, "sign");
	if (r == 0)
		r = pki_write_key(key_path, key, e);
	return r < 0 ? r : write_cert(crt, x, e);
}

char *pki_alt_names(const struct pki_subject *s)
{
	struct str out = STR_INIT;
	for (const char *const *n = s->dns; n && *n; n++)
		str_addf(&out, "%sDNS:%s", out.len ? "," : "", *n);
	for (const char *const *n = s->ips; n && *n; n++)
		str_addf(&out, "%sIP:%s", out.len ? "," : "", *n);
	return str_take(&out);
}

static int fill_leaf(X509 *x, X509 *ca, const struct pki_subject *s, struct err *e)
{
	for (const char *const *o = s->organizations; o && *o; o++)
		pki_add_name(X509_get_subject_name(x), "O", *o);
	pki_add_name(X509_get_subject_name(x), "CN", s->common_name);
	X509_set_issuer_name(x, X509_get_subject_name(ca));
	AUTO_FREE char *names = pki_alt_names(s);
	AUTO_FREE char *usage = xasprintf("%s%s%s", s->server ? "serverAuth" : "", s->server && s->client ? "," : "", s->client ? "clientAuth" : "");
	int r = pki_add_extension(x, ca, NID_basic_constraints, "critical,CA:FALSE", e);
	if (r == 0)
		r = pki_add_extension(x, ca, NID_key_usage, "critical,digitalSignature,keyEncipherment", e);
	if (r == 0 && *usage)
		r = pki_add_extension(x, ca, NID_ext_key_usage, usage, e);
	if (r == 0)
		r = pki_add_extension(x, ca, NID_authority_key_identifier, "keyid", e);
	if (r == 0 && *names)
		r = pki_add_extension(x, ca, NID_subject_alt_name, names, e);
	return r;
}

/* Issues a certificate of the authority into crt_file and key_file, over what is there. */
static int pki_issue(const char *ca_crt, const char *ca_key, const struct pki_subject *s, const char *crt_file,
		     const char *key_file, struct err *e)
{
	AUTO_X509 *ca = NULL;
	AUTO_KEY *signer = NULL;
	int r = pki_read_cert(ca_crt, &ca, e);
	if (r == 0)
		r = pki_read_key(ca_key, &signer, e);
	if (r < 0)
		return r;
	AUTO_KEY *key = EVP_EC_gen("P-256");
	AUTO_X509 *x = pki_new_cert(key, s->days ? s->days : PKI_LEAF_DAYS);
	r = fill_leaf(x, ca, s, e);
	if (r == 0 && !X509_sign(x, signer, EVP_sha256()))
		r = pki_ssl_error(e, "sign");
	/* The old certificate goes first: key and certificate that do not match are made anew at the next start. */
	if (r == 0)
		r = fs_remove_tree(crt_file, e);
	if (r == 0)
		r = pki_write_key(key_file, key, e);
	return r < 0 ? r : write_cert(crt_file, x, e);
}

static bool has_names(X509 *x, const struct pki_subject *s)
{
	for (const char *const *n = s->dns; n && *n; n++)
		if (X509_check_host(x, *n, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) != 1)
			return false;
	for (const char *const *n = s->ips; n && *n; n++)
		if (X509_check_ip_asc(x, *n, 0) != 1)
			return false;
	char cn[256];
	return X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn)) > 0 && !strcmp(cn, s->common_name);
}

static bool is_good(const char *ca_crt, const struct pki_subject *s, const char *crt_file, const char *key_file)
{
	AUTO_X509 *ca = NULL, *x = NULL;
	AUTO_KEY *key = NULL;
	if (pki_read_cert(ca_crt, &ca, NULL) < 0 || pki_read_cert(crt_file, &x, NULL) < 0 || pki_read_key(key_file, &key, NULL) < 0)
		return false;
	int days = 0, seconds = 0;
	return X509_verify(x, X509_get0_pubkey(ca)) == 1 && X509_check_private_key(x, key) == 1 && has_names(x, s) &&
	       ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)) && days >= PKI_RENEW_DAYS;
}

int pki_leaf_ensure(const char *ca_crt, const char *ca_key, const struct pki_subject *s, const char *crt_file,
		    const char *key_file, struct err *e)
{
	bool good = is_good(ca_crt, s, crt_file, key_file);
	ERR_clear_error();
	return good ? 0 : pki_issue(ca_crt, ca_key, s, crt_file, key_file, e);
}

int pki_leaf_pem_ensure(const char *ca_crt, const char *ca_key, const struct pki_subject *s, const char *pem_file, struct err *e)
{
	AUTO_FREE char *crt = xasprintf("%s.new-crt", pem_file), *key = xasprintf("%s.new-key", pem_file);
	AUTO_STR pem = STR_INIT;
	bool good = is_good(ca_crt, s, pem_file, pem_file);
	ERR_clear_error();
	if (good)
		return 0;
	int r = pki_issue(ca_crt, ca_key, s, crt, key, e);
	if (r == 0)
		r = fs_read_file(crt, 1 << 20, &pem, e);
	if (r == 0)
		r = fs_read_file(key, 1 << 20, &pem, e);
	if (r == 0)
		r = fs_write_atomic(pem_file, pem.p, pem.len, 0600, e);
	unlink(crt);
	unlink(key);
	return r;
}

int pki_sa_key_ensure(const char *dir, struct err *e)
{
	AUTO_FREE char *key_path = xasprintf("%s/sa.key", dir), *pub = xasprintf("%s/sa.pub", dir);
	AUTO_KEY *key = NULL;
	int r = 0;
	if (fs_exists(key_path) && fs_exists(pub))
		return 0;
	if (fs_exists(key_path))
		r = pki_read_key(key_path, &key, e);
	else
		r = (key = EVP_RSA_gen(2048)) ? pki_write_key(key_path, key, e) : pki_ssl_error(e, "generate");
	if (r < 0)
		return r;
	AUTO_BIO *b = BIO_new(BIO_s_mem());
	if (!PEM_write_bio_PUBKEY(b, key))
		return pki_ssl_error(e, pub);
	return write_pem(pub, b, 0644, e);
}

int pki_ca_hash(const char *ca_crt, char *ret, struct err *e)
{
	AUTO_X509 *ca = NULL;
	unsigned char sum[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned n = 0;
	int r = pki_read_cert(ca_crt, &ca, e);
	if (r < 0)
		return r;
	int len = i2d_PUBKEY(X509_get0_pubkey(ca), &der);
	if (len < 0 || !EVP_Digest(der, (size_t)len, sum, &n, EVP_sha256(), NULL)) {
		OPENSSL_free(der);
		return pki_ssl_error(e, ca_crt);
	}
	OPENSSL_free(der);
	memcpy(ret, "sha256:", 8);
	for (unsigned i = 0; i < n; i++)
		snprintf(ret + 7 + i * 2, 3, "%02x", sum[i]);
	return 0;
}
