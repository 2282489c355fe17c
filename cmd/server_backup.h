/* Backups of a running server: POST /knarr/backup gives an administrator a consistent copy of the database. */
#ifndef KNARR_CMD_SERVER_BACKUP_H
#define KNARR_CMD_SERVER_BACKUP_H

#include <stdbool.h>

#include "cp/store/store.h"
#include "io/http_server.h"
#include "io/loop.h"

struct server_backup;

/* dir: where the copy is made before it is sent; borrowed for its life, as the others. */
struct server_backup *server_backup_new(struct loop *l, struct store *s, const char *dir);
/* Waits for a copy that is being made; before store_close(). NULL is fine. */
void server_backup_free(struct server_backup *b);
/* Whether the request is one of these; then it is answered. Only members of system:masters by client certificate. */
bool server_backup_request(struct server_backup *b, struct http_exchange *x);

#endif
