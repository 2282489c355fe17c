/* Addresses of a name, as the system resolves it (getaddrinfo), without holding up the loop. */
#ifndef KNARR_IO_RESOLVE_H
#define KNARR_IO_RESOLVE_H

#include "base/err.h"
#include "io/loop.h"

struct resolve;

/* done comes once, from the loop: numeric addresses in the order to try (NULL-terminated, borrowed), or e. A host that is
 * one itself is told as it is. */
struct resolve *resolve_start(struct loop *l, const char *host,
			      void (*done)(void *arg, char *const *addresses, const struct err *e), void *arg);
void resolve_cancel(struct resolve *r); /* done is not called; NULL is fine */

#endif
