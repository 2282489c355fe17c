/* Opening the store. Happy path: etcd or the database, then the keys of encryption. Fails as those do, naming the file
 * or the servers. */
#include "cmd/server_store.h"

#include "base/mem.h"
#include "base/str.h"

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

int server_store_open(const struct server_config *c, struct loop *l, struct store **ret, struct err *e)
{
	return str_empty(c->etcd_servers) ? open_database(c, l, ret, e) : open_etcd(c, l, ret, e);
}
