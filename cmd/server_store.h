/* Which store the settings ask for, opened. */
#ifndef KNARR_CMD_SERVER_STORE_H
#define KNARR_CMD_SERVER_STORE_H

#include "base/err.h"
#include "cmd/server_config.h"
#include "cp/schema/schema.h"
#include "cp/store/store.h"

/* etcd where --etcd-servers names it, else the database in the data directory; with encryption where it is configured. */
int server_store_open(const struct server_config *c, const struct schema *s, struct loop *l, struct store **ret,
		      struct err *e);

#endif
