/* The controllers: control loops that bring what the API holds nearer to what it says is wanted. */
#ifndef KNARR_CP_CONTROLLERS_CONTROLLERS_H
#define KNARR_CP_CONTROLLERS_CONTROLLERS_H

#include "base/err.h"
#include "cp/api/api.h"

struct controllers;

/* Starts the controllers in names (Kubernetes' names, "deployment-controller"; "*" is every one that is on by default,
 * "-name" switches one off; NULL: {"*"}). The cache must be loaded. names is borrowed for the call. -EINVAL: an unknown
 * name. */
int controllers_start(struct api *a, const char *const *names, struct controllers **ret, struct err *e);
void controllers_stop(struct controllers *c); /* frees; NULL is fine */

/* The names that controllers_start() knows, NULL behind the last. */
const char *controllers_name(size_t i);

#endif
