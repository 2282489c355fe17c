/* Opening the store. Happy path: etcd or the database, then the keys of encryption. Fails as those do, naming the file
 * or the servers. */
#include "cmd/server_store.h"

#include <string.h>

#include "api/yaml.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cp/store/store_crypt.h"

static int open_etcd(const struct server_config *c, struct loop *l, struct store **ret, struct err *e)
{
	struct store_etcd_config config = {.servers = c->etcd_servers,
					   .ca_file = c->etcd_ca_file,
					   .cert_file = c->etcd_cert_file,
					   .key_file = c->etcd_key_file,
					   .prefix = c->etcd_prefix,
					   .compact_s = c->etcd_compact_s ? c->etcd_compact_s : -1};
	int r = store_open_etcd(l, &config, ret, e);
	return r < 0 ? err_wrap(e, r, "--etcd-servers=%s", c->etcd_servers) : 0;
}

static int open_database(const struct server_config *c, struct loop *l, struct store **ret, struct err *e)
{
	AUTO_FREE char *db = xasprintf("%s/state.db", c->data_dir);
	int r = store_open_sqlite(l, db, 0, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", db) : 0;
}

/* "secrets", "deployments.apps", "*.apps", "*." (the core group), "*.*". */
static void resolve(void *arg, const char *resource, char ***prefixes)
{
	const struct schema *s = arg;
	const char *dot = strchr(resource, '.'), *group = dot ? dot + 1 : "";
	AUTO_FREE char *plural = dot ? xstrndup(resource, (size_t)(dot - resource)) : xstrdup(resource);
	bool any = str_eq(plural, "*"), found = false;
	const struct kind *k;
	if (any && str_eq(group, "*")) {
		strv_add(prefixes, "/registry/");
		return;
	}
	for (size_t i = 0; (k = schema_kind_nth(s, i)); i++) {
		if (str_empty(k->storage_prefix) || !str_eq(k->group, group) || (!any && !str_eq(k->plural, plural)))
			continue;
		strv_add(prefixes, k->storage_prefix);
		found = true;
	}
	/* A group of custom resources. */
	AUTO_FREE char *custom = any ? xasprintf("/registry/%s/", group) : xasprintf("/registry/%s/%s/", group, plural);
	if (!found && *group)
		strv_add(prefixes, custom);
}

static int set_crypt(const struct server_config *c, const struct schema *s, struct store *store, struct err *e)
{
	AUTO_JSON *config = NULL;
	struct store_crypt *crypt = NULL;
	if (str_empty(c->encryption_config))
		return 0;
	int r = yaml_read_file(c->encryption_config, 1 << 20, &config, e);
	if (r >= 0 && (r = store_crypt_new(config, resolve, (void *)s, &crypt, e)) < 0)
		err_wrap(e, r, "%s", c->encryption_config);
	if (r < 0)
		return err_wrap(e, r, "--encryption-provider-config");
	store_set_crypt(store, crypt);
	return 0;
}

int server_store_open(const struct server_config *c, const struct schema *s, struct loop *l, struct store **ret,
		      struct err *e)
{
	struct store *store = NULL;
	int r = str_empty(c->etcd_servers) ? open_database(c, l, &store, e) : open_etcd(c, l, &store, e);
	if (r < 0)
		return r;
	if ((r = set_crypt(c, s, store, e)) < 0)
		store_close(store);
	else
		*ret = store;
	return r;
}
