/* The proxy subresources of pods, services and nodes (Kubernetes API, "connect ... to proxy of"). */
#ifndef KNARR_CP_API_PROXY_H
#define KNARR_CP_API_PROXY_H

#include "cp/api/api_internal.h"

struct proxies;
/* The connections to pods and services: no certificate of ours is shown there, and theirs are not verified. */
struct proxies *proxies_new(struct loop *l);
void proxies_free(struct proxies *p); /* NULL is fine */

/* The handler of all three, for any method. */
void proxy_connect(struct req *q);

#endif
