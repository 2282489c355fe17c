/* Controllers and scheduler of a server: at once, or while it holds their leases. */
#ifndef KNARR_CMD_SERVER_LOOPS_H
#define KNARR_CMD_SERVER_LOOPS_H

#include "base/err.h"
#include "cmd/server_config.h"
#include "cp/api/api.h"

struct server_loops;

/* c is borrowed for its life. -EINVAL: an unknown controller. */
int server_loops_start(struct api *a, const struct server_config *c, struct server_loops **ret, struct err *e);
/* Stops what runs and gives the leases back; done comes once, from the loop. */
void server_loops_release(struct server_loops *l, void (*done)(void *arg), void *arg);
void server_loops_free(struct server_loops *l); /* NULL is fine */

#endif
