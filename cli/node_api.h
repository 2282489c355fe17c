/* Waiting for answers of the cluster's API from a command: small synchronous calls. */
#ifndef KNARR_CLI_NODE_API_H
#define KNARR_CLI_NODE_API_H

#include <jansson.h>

#include "api/cert_request.h"
#include "base/err.h"

struct node_api;

/* Uses the kubeconfig at path. */
int node_api_open(const char *kubeconfig, struct node_api **ret, struct err *e);
/* The server at a URL; ca_file NULL: whoever answers is believed; token_file NULL: without credentials. */
int node_api_open_server(const char *server, const char *ca_file, const char *token_file, struct node_api **ret, struct err *e);
void node_api_close(struct node_api *a); /* NULL is fine */
/* GET; *ret (owned) may be NULL for an answer without JSON. Codes of api/client.h. */
int node_api_get(struct node_api *a, const char *path, json_t **ret, struct err *e);
/* POST of a new object; ret (owned) may be NULL. */
int node_api_create(struct node_api *a, const char *path, const json_t *object, json_t **ret, struct err *e);
/* PATCH with a merge patch; DELETE. */
int node_api_merge(struct node_api *a, const char *path, const json_t *patch, struct err *e);
int node_api_delete(struct node_api *a, const char *path, struct err *e);
/* cert_request_start() to its end. */
int node_api_certificate(struct node_api *a, const struct cert_request_opts *o, struct err *e);
/* Asks again every 20 ms until test() likes the answer; -ETIMEDOUT with the last error. test may be NULL: any success. */
int node_api_wait(struct node_api *a, const char *path, int (*test)(const json_t *answer), int timeout_ms, struct err *e);

#endif
