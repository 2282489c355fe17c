/* Secrets of type kubernetes.io/service-account-token: what they hold, and when they go. Pure. */
#ifndef KNARR_CP_CONTROLLERS_TOKEN_PLAN_H
#define KNARR_CP_CONTROLLERS_TOKEN_PLAN_H

#include "cp/controllers/plan.h"

/* The account that such a secret belongs to, NULL when it is no such secret. Borrowed from it. */
const char *token_secret_account(const json_t *secret);
/* Whether the secret is its account's and lacks a token. */
bool token_secret_wants(const json_t *secret, const json_t *account);
/* account NULL: there is none. token: one to fill in, ca: PEM text; either may be NULL (base64 is made here). */
void token_secret_plan(const json_t *secret, const json_t *account, const char *token, const char *ca, struct plan *plan);

#endif
