/* What the files share that look after extension servers. */
#ifndef KNARR_CP_API_APISERVICE_INTERNAL_H
#define KNARR_CP_API_APISERVICE_INTERNAL_H

#include "cp/api/apiservice.h"

struct apiservices {
	struct api *api;
	struct map *remote; /* name -> struct apiservice * */
	struct bucket *bucket;
	struct cache_watch *watch;
	struct timer *timer;
	struct http_client *secure, *insecure;
	char *ca_file, *cert_file, *key_file;
};

/* Asks the server for its resources, unless it is being asked; its condition follows (apiservice_check.c). */
void apiservice_check(struct apiservice *v);
/* The condition Available of an APIService object; NULL: it has none. Borrowed. */
json_t *apiservice_condition(const json_t *object);
/* Whether requests are passed on from now on. */
void apiservice_settle(struct apiservice *v, bool available);

#endif
