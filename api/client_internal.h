/* What client.c shares with informer.c: the transport below the calls. */
#ifndef KNARR_API_CLIENT_INTERNAL_H
#define KNARR_API_CLIENT_INTERNAL_H

#include <stddef.h>

#include "api/client.h"

struct http_client *api_client_http(struct api_client *c);
/* The whole URL of a path. Returns owned. */
char *api_client_url(const struct api_client *c, const char *path);
/* The headers of a request without a body. */
const char *const *api_client_headers(void);
/* The error that an answer means (api/client.h, api_done): 0 for 2xx, else e is set. what: "GET /api/v1/pods". */
int api_status_error(const char *what, int status, const json_t *body, struct err *e);

struct informer;
/* How long an informer waits after failures, from the next one on (tests). */
void informer_set_delays(struct informer *i, int min_ms, int max_ms);

#endif
