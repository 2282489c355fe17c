/* The node's certificates, exchanged before they end (--rotate-certificates, --rotate-server-certificates). */
#ifndef KNARR_AGENT_ROTATE_H
#define KNARR_AGENT_ROTATE_H

#include "agent/agent.h"

struct rotate;

/* Watches over the certificates that the configuration says. Only a file that holds certificate and key together can be
 * exchanged; the others are left to whoever made them. */
struct rotate *rotate_start(struct agent *a);
void rotate_stop(struct rotate *r); /* NULL is fine */

/* When a certificate good from..until (seconds) is asked for anew: between 70 and 90 percent of its life; part is 0..999. */
int64_t rotate_due_s(int64_t from_s, int64_t until_s, int part);

#endif
