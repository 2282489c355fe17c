/* A client of any Kubernetes API server, on the event loop. */
#ifndef KNARR_API_CLIENT_H
#define KNARR_API_CLIENT_H

#include <jansson.h>

#include "api/kubeconfig.h"
#include "base/err.h"
#include "io/http_client.h"
#include "io/loop.h"

struct api_client;
struct api_call;

int api_client_new(struct loop *l, const struct kubeconfig *k, struct api_client **ret, struct err *e);
void api_client_free(struct api_client *c); /* cancels what runs */
struct loop *api_client_loop(struct api_client *c);

/* The end of a call. status is the HTTP status, 0 without an answer; body is the parsed answer (NULL when there is
 * none), borrowed; e is NULL for 2xx. For a Status answer e carries its message and a code: 404 -ENOENT, 409 -EEXIST
 * (reason AlreadyExists) or -ESTALE (Conflict), 403/401 -EACCES, 410 -EOVERFLOW, 422/400 -EINVAL, 429/503 -EAGAIN,
 * other -EPROTO; without an answer the transport's. */
typedef void (*api_done)(void *arg, int status, json_t *body, const struct err *e);

enum api_patch { API_PATCH_JSON, API_PATCH_MERGE, API_PATCH_STRATEGIC, API_PATCH_APPLY };

/* path begins with "/api" or "/apis" and may carry a query. body is borrowed for the call. done may be NULL. The
 * handle is valid until done was called. Default timeout 30 s. */
struct api_call *api_get(struct api_client *c, const char *path, api_done done, void *arg);
struct api_call *api_create(struct api_client *c, const char *path, const json_t *body, api_done done, void *arg);
struct api_call *api_update(struct api_client *c, const char *path, const json_t *body, api_done done, void *arg);
struct api_call *api_patch(struct api_client *c, const char *path, enum api_patch type, const json_t *body,
			   api_done done, void *arg);
/* options is a DeleteOptions or NULL. */
struct api_call *api_delete(struct api_client *c, const char *path, const json_t *options, api_done done, void *arg);
void api_cancel(struct api_call *call); /* done is not called */

#endif
