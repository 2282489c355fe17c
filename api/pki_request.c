/* Certificate signing requests. Happy path: a key, a request for its subject and names; on the other side the request's
 * signature is checked, and what it asks for is copied into a certificate of the authority: the subject, the alternative
 * names and the public key, nothing else. Fails with OpenSSL's word for what it cannot read. */
#include "api/pki_request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "api/pki_ssl.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static void free_request(X509_REQ **r)
{
	X509_REQ_free(*r);
}

static void free_names(GENERAL_NAMES **n)
{
	GENERAL_NAMES_free(*n);
}

#define AUTO_REQ AUTO(free_request) X509_REQ
#define AUTO_NAMES AUTO(free_names) GENERAL_NAMES

static char *bio_text(BIO *b)
{
	char *bytes;
	long n = BIO_get_mem_data(b, &bytes);
	return xstrndup(bytes, (size_t)n);
}

/* --- making ------------------------------------------------------------------------------------------------------------- */

static int load_or_make_key(const char *path, EVP_PKEY **ret, struct err *e)
{
	if (fs_exists(path))
		return pki_read_key(path, ret, e);
	*ret = EVP_EC_gen("P-256");
	return *ret ? pki_write_key(path, *ret, e) : pki_ssl_error(e, "generate a key");
}

static int add_alt_names(X509_REQ *r, const struct pki_subject *s, struct err *e)
{
	AUTO_FREE char *names = pki_alt_names(s);
	if (!*names)
		return 0;
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
	if (ext)
		sk_X509_EXTENSION_push(all, ext);
	int ok = ext && X509_REQ_add_extensions(r, all);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return ok ? 0 : pki_ssl_error(e, names);
}

int pki_request_make(const struct pki_subject *s, const char *key_file, char **ret_pem, struct err *e)
{
	AUTO_KEY *key = NULL;
	AUTO_REQ *req = X509_REQ_new();
	AUTO_BIO *out = BIO_new(BIO_s_mem());
	int r = load_or_make_key(key_file, &key, e);
	if (r < 0)
		return r;
	X509_NAME *subject = X509_REQ_get_subject_name(req);
	for (const char *const *o = s->organizations; o && *o; o++)
		pki_add_name(subject, "O", *o);
	pki_add_name(subject, "CN", s->common_name);
	X509_REQ_set_pubkey(req, key);
	r = add_alt_names(req, s, e);
	if (r == 0 && (!X509_REQ_sign(req, key, EVP_sha256()) || !PEM_write_bio_X509_REQ(out, req)))
		r = pki_ssl_error(e, "sign a request");
	if (r == 0)
		*ret_pem = bio_text(out);
	return r;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

static int parse(const char *pem, size_t len, X509_REQ **ret, struct err *e)
{
	AUTO_BIO *in = BIO_new_mem_buf(pem, (int)len);
	X509_REQ *r = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
	if (!r)
		return pki_ssl_error(e, "certificate request");
	if (X509_REQ_verify(r, X509_REQ_get0_pubkey(r)) != 1) {
		X509_REQ_free(r);
		ERR_clear_error();
		return err_set(e, -EINVAL, "certificate request: its signature is wrong");
	}
	*ret = r;
	return 0;
}

/* A text without NUL bytes; NULL for any other. */
static char *text_of(const ASN1_STRING *s)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	char *text = n >= 0 && !memchr(utf8, 0, (size_t)n) ? xstrndup((char *)utf8, (size_t)n) : NULL;
	OPENSSL_free(utf8);
	return text;
}

static void read_subject(X509_REQ *r, struct pki_request *ret)
{
	X509_NAME *subject = X509_REQ_get_subject_name(r);
	for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
		AUTO_FREE char *text = text_of(X509_NAME_ENTRY_get_data(entry));
		if (nid == NID_organizationName)
			strv_add(&ret->organizations, text ? text : "");
		if (nid != NID_commonName)
			continue;
		free_ptr(&ret->common_name);
		ret->common_name = xstrdup(text ? text : "");
	}
}

static void read_name(const GENERAL_NAME *n, struct pki_request *ret)
{
	char address[INET6_ADDRSTRLEN];
	if (n->type == GEN_DNS) {
		AUTO_FREE char *text = text_of(n->d.dNSName);
		strv_add(&ret->dns, text ? text : "");
	} else if (n->type == GEN_IPADD) {
		int family = ASN1_STRING_length(n->d.iPAddress) == 4 ? AF_INET : AF_INET6;
		bool whole = family == AF_INET || ASN1_STRING_length(n->d.iPAddress) == 16;
		const char *text = whole ? inet_ntop(family, ASN1_STRING_get0_data(n->d.iPAddress), address, sizeof(address)) : NULL;
		strv_add(&ret->ips, text ? text : "");
	} else if (n->type == GEN_EMAIL) {
		ret->has_email = true;
	} else {
		ret->has_uri = true; /* or something else that no signer issues */
	}
}

static GENERAL_NAMES *alt_names_of(X509_REQ *r)
{
	STACK_OF(X509_EXTENSION) *all = X509_REQ_get_extensions(r);
	GENERAL_NAMES *names = all ? X509V3_get_d2i(all, NID_subject_alt_name, NULL, NULL) : NULL;
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return names;
}

int pki_request_read(const char *pem, size_t len, struct pki_request *ret, struct err *e)
{
	AUTO_REQ *req = NULL;
	int r = parse(pem, len, &req, e);
	if (r < 0)
		return r;
	*ret = (struct pki_request){ .common_name = xstrdup("") };
	read_subject(req, ret);
	AUTO_NAMES *names = alt_names_of(req);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		read_name(sk_GENERAL_NAME_value(names, i), ret);
	return 0;
}

void pki_request_done(struct pki_request *r)
{
	free_ptr(&r->common_name);
	free_strv(&r->organizations);
	free_strv(&r->dns);
	free_strv(&r->ips);
	*r = (struct pki_request){ 0 };
}

/* --- signing ------------------------------------------------------------------------------------------------------------ */

/* Usages of the API and where they stand in a certificate. */
static const struct usage {
	const char *word, *key, *extended;
} usages_table[] = {
	{ "signing", "digitalSignature", NULL },
	{ "digital signature", "digitalSignature", NULL },
	{ "content commitment", "nonRepudiation", NULL },
	{ "key encipherment", "keyEncipherment", NULL },
	{ "key agreement", "keyAgreement", NULL },
	{ "data encipherment", "dataEncipherment", NULL },
	{ "cert sign", "keyCertSign", NULL },
	{ "crl sign", "cRLSign", NULL },
	{ "encipher only", "encipherOnly", NULL },
	{ "decipher only", "decipherOnly", NULL },
	{ "any", NULL, "anyExtendedKeyUsage" },
	{ "server auth", NULL, "serverAuth" },
	{ "client auth", NULL, "clientAuth" },
	{ "code signing", NULL, "codeSigning" },
	{ "email protection", NULL, "emailProtection" },
	{ "s/mime", NULL, "emailProtection" },
	{ "ipsec end system", NULL, "ipsecEndSystem" },
	{ "ipsec tunnel", NULL, "ipsecTunnel" },
	{ "ipsec user", NULL, "ipsecUser" },
	{ "timestamping", NULL, "timeStamping" },
	{ "ocsp signing", NULL, "OCSPSigning" },
	{ "microsoft sgc", NULL, "msSGC" },
	{ "netscape sgc", NULL, "nsSGC" },
};

static int read_usages(const char *const *words, struct str *key, struct str *extended, struct err *e)
{
	for (; words && *words; words++) {
		const struct usage *u = NULL;
		for (size_t i = 0; !u && i < ARRAY_LEN(usages_table); i++)
			u = strcmp(usages_table[i].word, *words) ? NULL : &usages_table[i];
		if (!u)
			return err_set(e, -EINVAL, "unrecognized usage value: \"%s\"", *words);
		if (u->key)
			str_addf(key, ",%s", u->key);
		else
			str_addf(extended, "%s%s", extended->len ? "," : "", u->extended);
	}
	return 0;
}

static int add_usages(X509 *x, X509 *ca, const char *const *words, struct err *e)
{
	AUTO_STR key = STR_INIT, extended = STR_INIT;
	int r = read_usages(words, &key, &extended, e);
	AUTO_FREE char *critical = xasprintf("critical%s", str_text(&key));
	if (r == 0 && key.len)
		r = pki_add_extension(x, ca, NID_key_usage, critical, e);
	if (r == 0 && extended.len)
		r = pki_add_extension(x, ca, NID_ext_key_usage, str_text(&extended), e);
	if (r == 0)
		r = pki_add_extension(x, ca, NID_basic_constraints, "critical,CA:FALSE", e);
	return r < 0 ? r : pki_add_extension(x, ca, NID_authority_key_identifier, "keyid", e);
}

static int fill(X509 *x, X509 *ca, X509_REQ *req, int64_t seconds, const char *const *usages, struct err *e)
{
	AUTO_NAMES *names = alt_names_of(req);
	X509_set_subject_name(x, X509_REQ_get_subject_name(req));
	X509_set_issuer_name(x, X509_get_subject_name(ca));
	time_t end = time(NULL) + (time_t)seconds;
	ASN1_TIME_set(X509_getm_notAfter(x), end);
	if (ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(ca)) > 0)
		X509_set1_notAfter(x, X509_get0_notAfter(ca));
	if (names && X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0) != 1)
		return pki_ssl_error(e, "alternative names");
	return add_usages(x, ca, usages, e);
}

int pki_request_sign(const char *ca_crt, const char *ca_key, const char *pem, size_t len, const char *const *usages,
		     int64_t seconds, char **ret_pem, struct err *e)
{
	AUTO_REQ *req = NULL;
	AUTO_X509 *ca = NULL;
	AUTO_KEY *signer = NULL;
	int r = parse(pem, len, &req, e);
	if (r == 0)
		r = pki_read_cert(ca_crt, &ca, e);
	if (r == 0)
		r = pki_read_key(ca_key, &signer, e);
	if (r < 0)
		return r;
	AUTO_X509 *x = pki_new_cert(X509_REQ_get0_pubkey(req), 1);
	AUTO_BIO *out = BIO_new(BIO_s_mem());
	r = fill(x, ca, req, seconds, usages, e);
	if (r == 0 && (!X509_sign(x, signer, EVP_sha256()) || !PEM_write_bio_X509(out, x)))
		r = pki_ssl_error(e, "sign");
	if (r == 0)
		*ret_pem = bio_text(out);
	return r;
}

static int seconds_of(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;
	if (!ASN1_TIME_to_tm(t, &tm))
		return -EINVAL;
	*ret = (int64_t)timegm(&tm);
	return 0;
}

int pki_validity(const char *pem, size_t len, int64_t *ret_from, int64_t *ret_until, struct err *e)
{
	AUTO_BIO *in = BIO_new_mem_buf(pem, (int)len);
	AUTO_X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	if (!x || seconds_of(X509_get0_notBefore(x), ret_from) < 0 || seconds_of(X509_get0_notAfter(x), ret_until) < 0)
		return pki_ssl_error(e, "certificate");
	return 0;
}
