/* The controllers: control loops that bring what the API holds nearer to what it says is wanted. */
#ifndef KNARR_CP_CONTROLLERS_CONTROLLERS_H
#define KNARR_CP_CONTROLLERS_CONTROLLERS_H

#include "base/err.h"
#include "cp/api/api.h"

struct controllers;

/* What controllers have to know beyond the API. Borrowed for as long as they run. */
struct controllers_config {
	const char *signing_cert_file, *signing_key_file; /* of the authority that signs requests; NULL: none are signed */
	int64_t signing_seconds;			  /* the longest life of what it signs */
	const char *cluster_cidrs;			  /* ranges that nodes get parts of (node_ipam_plan.h); NULL: none */
	int node_bits4, node_bits6;			  /* prefix lengths of these parts */
};

/* Starts the controllers in names (Kubernetes' names, "deployment-controller"; "*" is every one that is on by default,
 * "-name" switches one off; NULL: {"*"}). The cache must be loaded. names is borrowed for the call. -EINVAL: an unknown
 * name. */
int controllers_start(struct api *a, const char *const *names, const struct controllers_config *config, struct controllers **ret,
		      struct err *e);
void controllers_stop(struct controllers *c); /* frees; NULL is fine */

#endif
