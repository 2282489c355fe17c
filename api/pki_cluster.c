/* The certificates that a cluster and a node are made of: tables of who is named what.
 *
 * Two processes that start at once (server and command) make them under one lock, so that both see one authority. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/pki.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static int lock_dir(const char *dir, struct err *e)
{
	int r = fs_mkdir_p(dir, 0755, e);
	if (r < 0)
		return r;
	AUTO_FREE char *path = xasprintf("%s/.lock", dir);
	return fs_lock_file(path, e);
}

static bool is_address(const char *s)
{
	unsigned char b[16];
	return inet_pton(AF_INET, s, b) == 1 || inet_pton(AF_INET6, s, b) == 1;
}

struct names {
	char **dns, **ips;
};

static void names_done(struct names *n)
{
	free_strv(&n->dns);
	free_strv(&n->ips);
}

static void names_add(struct names *n, const char *s)
{
	char ***to = s && is_address(s) ? &n->ips : &n->dns;
	if (!str_empty(s) && !strv_has(*to, s))
		strv_add(to, s);
}

static void server_names(const struct pki_cluster *c, struct names *n)
{
	char host[256] = "";
	AUTO_FREE char *full = xasprintf("kubernetes.default.svc.%s", c->cluster_domain);
	const char *const fixed[] = { "kubernetes", "kubernetes.default", "kubernetes.default.svc", full, "localhost",
				      "127.0.0.1", "::1", c->service_ip, c->advertise_address };
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		names_add(n, fixed[i]);
	gethostname(host, sizeof(host) - 1);
	names_add(n, host);
	for (const char *const *m = c->more_names; m && *m; m++)
		names_add(n, *m);
}

/* dir/<file>.crt and .key, of the authority dir/<ca>. */
static int leaf(const char *dir, const char *ca, const char *file, const struct pki_subject *s, struct err *e)
{
	AUTO_FREE char *ca_crt = xasprintf("%s/%s.crt", dir, ca), *ca_key = xasprintf("%s/%s.key", dir, ca);
	AUTO_FREE char *crt = xasprintf("%s/%s.crt", dir, file), *key = xasprintf("%s/%s.key", dir, file);
	return pki_leaf_ensure(ca_crt, ca_key, s, crt, key, e);
}

int pki_cluster_ensure(const struct pki_cluster *c, struct err *e)
{
	static const char *const masters[] = { "system:masters", NULL };
	AUTO(names_done) struct names n = { 0 };
	AUTO_FD int lock = lock_dir(c->dir, e);
	if (lock < 0)
		return lock;
	server_names(c, &n);
	const struct {
		const char *ca, *file;
		struct pki_subject s;
	} leaves[] = {
		{ "ca", "apiserver", { .common_name = "kube-apiserver", .dns = (const char *const *)n.dns, .ips = (const char *const *)n.ips, .server = true } },
		{ "ca", "apiserver-kubelet-client", { .common_name = "kube-apiserver-kubelet-client", .organizations = masters, .client = true } },
		{ "ca", "admin", { .common_name = "kubernetes-admin", .organizations = masters, .client = true } },
		{ "front-proxy-ca", "front-proxy-client", { .common_name = "front-proxy-client", .client = true } },
	};
	int r = pki_ca_ensure(c->dir, "ca", "kubernetes", e);
	if (r == 0)
		r = pki_ca_ensure(c->dir, "front-proxy-ca", "front-proxy-ca", e);
	if (r == 0)
		r = pki_sa_key_ensure(c->dir, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(leaves); i++)
		r = leaf(c->dir, leaves[i].ca, leaves[i].file, &leaves[i].s, e);
	return r;
}

int pki_node_ensure(const char *dir, const char *node_name, const char *const *node_ips, struct err *e)
{
	static const char *const nodes[] = { "system:nodes", NULL };
	AUTO_FREE char *user = xasprintf("system:node:%s", node_name), *sub = xasprintf("%s/node", dir);
	const char *dns[] = { node_name, NULL };
	struct pki_subject client = { .common_name = user, .organizations = nodes, .client = true };
	struct pki_subject server = { .common_name = user, .organizations = nodes, .dns = dns, .ips = node_ips, .server = true };
	AUTO_FD int lock = lock_dir(dir, e);
	if (lock < 0)
		return lock;
	AUTO_FREE char *ca_crt = xasprintf("%s/ca.crt", dir), *ca_key = xasprintf("%s/ca.key", dir);
	AUTO_FREE char *client_pem = xasprintf("%s/client.pem", sub), *server_pem = xasprintf("%s/server.pem", sub);
	int r = fs_mkdir_p(sub, 0700, e);
	if (r == 0)
		r = pki_leaf_pem_ensure(ca_crt, ca_key, &client, client_pem, e);
	return r < 0 ? r : pki_leaf_pem_ensure(ca_crt, ca_key, &server, server_pem, e);
}
