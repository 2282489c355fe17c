/* Capability names and the five sets. */
#ifndef KNARR_RUNTIME_CAPS_H
#define KNARR_RUNTIME_CAPS_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime/config.h"

/* "CAP_SYS_ADMIN" (any case, CAP_ optional) to its number, -EINVAL. */
int cap_number(const char *name);
const char *cap_name(unsigned number); /* NULL beyond the last */
/* An array of names to bits; names that are unknown are left out and added to *unknown (sorted, each once), for a warning.
 * -EINVAL for non-strings. */
int caps_parse(const json_t *names, uint64_t *ret, char ***unknown, struct err *e);

/* Drops from the bounding set; needs CAP_SETPCAP, so before the user changes. */
int caps_apply_bounding(const struct caps_conf *c, struct err *e);
/* The other four sets; after the user has changed (with PR_SET_KEEPCAPS). */
int caps_apply(const struct caps_conf *c, struct err *e);

#endif
