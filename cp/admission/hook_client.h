/* Calls to webhooks. */
#ifndef KNARR_CP_ADMISSION_HOOK_CLIENT_H
#define KNARR_CP_ADMISSION_HOOK_CLIENT_H

#include "cp/admission/hook_review.h"

struct hook_call;

/* Calls hook (an entry of webhooks, referenced) about a, as form shows it. done is called once from the loop, with r 0 and the answer
 * (borrowed), or with e, whose text says what went wrong; the call is gone then. Never fails synchronously. */
typedef void (*hook_done)(void *arg, struct hook_call *call, int r, struct hook_answer *answer, const struct err *e);
struct hook_call *hook_call_start(const struct admit *a, const struct hook_form *form, json_t *hook, hook_done done, void *arg);
void hook_call_cancel(struct hook_call *call); /* done is not called; NULL is fine */

#endif
