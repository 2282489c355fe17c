/* What fieldValidation looks at: members that stand twice in a body, and members that the schema does not know. */
#ifndef KNARR_CP_API_STRICT_H
#define KNARR_CP_API_STRICT_H

#include "cp/api/api_internal.h"

/* All that there is to say about the body, in the original's order; prefix stands before each member that is there twice.
 * typed: unknown members are told where they stand in the text, else behind the others. Returns owned, NULL for nothing. */
char **strict_problems(struct req *q, bool typed, const char *prefix, char *const *unknown);
/* "strict decoding error: a, b". Returns owned. */
char *strict_error(char *const *problems);
/* A warning for each; a YAML decoder's lines are one each. */
void strict_warn(struct req *q, char *const *problems);
/* True when the request wants to hear about it at all. */
bool strict_asked(const struct req *q);
bool strict_refuses(const struct req *q);

#endif
