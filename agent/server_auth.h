/* Who asks the agent, and whether they may: as a kubelet with webhook authentication and authorization. */
#ifndef KNARR_AGENT_SERVER_AUTH_H
#define KNARR_AGENT_SERVER_AUTH_H

#include "agent/agent.h"

struct server_auth;
struct server_auth *server_auth_new(struct agent *a);
void server_auth_free(struct server_auth *s); /* questions on their way are dropped; NULL is fine */

/* What a request is about, as a SubjectAccessReview names it: verb "get" "create" "update" "patch" "delete",
 * subresource of nodes: "proxy" "stats" "metrics" "log" "checkpoint" "pods" "healthz" "configz". Pure. Static texts. */
const char *server_auth_verb(const char *method);
const char *server_auth_subresource(const char *path);

/* Finds out who asks (verified client certificate, or bearer token by TokenReview) and whether they may
 * (SubjectAccessReview; answers are remembered for a while). A refusal (401, 403) is answered here; else go is called,
 * now or from the loop, unless the client has gone meanwhile. */
void server_auth_check(struct server_auth *s, struct http_exchange *x, void (*go)(void *arg, struct http_exchange *x), void *arg);

#endif
