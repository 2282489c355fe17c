/* Tokens of service accounts for pods: asked for by TokenRequest bound to the pod, and again before they end. */
#ifndef KNARR_AGENT_TOKENS_H
#define KNARR_AGENT_TOKENS_H

#include "agent/agent.h"

struct tokens;

/* on_change: a token of the pod has come or could not be had. api NULL: there are no tokens. */
struct tokens *tokens_new(struct api_client *api, void (*on_change)(void *arg, const char *uid), void *arg);
void tokens_free(struct tokens *t); /* NULL is fine */
/* Asks for every token that the pod's volumes name; again is fine. */
void tokens_want(struct tokens *t, const json_t *pod);
void tokens_drop(struct tokens *t, const char *uid);
/* Whether every token of the pod has been asked for and answered once, well or badly. */
bool tokens_ready(const struct tokens *t, const char *uid);
/* The token for a serviceAccountToken source. Borrowed until the loop runs again; NULL with the reason in e. */
const char *tokens_get(const struct tokens *t, const char *uid, const json_t *source, struct err *e);
/* When a token that was issued at now_ms for life_ms is to be asked for again: at 80 % of its life, at the latest after a
 * day; with up to ten seconds taken off by jitter (0..1000). Pure. */
int64_t tokens_refresh_ms(int64_t life_ms, unsigned jitter);

#endif
