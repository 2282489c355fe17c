/* Aggregation: groups and versions that extension servers answer, by APIService objects. */
#ifndef KNARR_CP_API_APISERVICE_H
#define KNARR_CP_API_APISERVICE_H

#include "cp/api/api_internal.h"

/* One that an extension server answers. */
struct apiservice {
	struct apiservices *all;
	int refs;
	char *name, *group, *version, *ns, *service, *ca; /* ca: PEM, NULL: none */
	int port, group_priority, version_priority;
	bool insecure;
	bool available;
	json_t *resources; /* what its APIResourceList said last; NULL: never heard */
	struct http_call *check, *openapi;
	json_t *openapi_v2;                 /* its own document; NULL: none */
	char *openapi_url, *openapi_etag; /* of its version 3, as its index says; of openapi_v2; NULL: none */
	struct tls_ctx *tls; /* of upgrades; made when first needed */
	bool gone;
};

struct apiservices;
void apiservices_start(struct api *a, const struct api_config *c);
void apiservices_free(struct apiservices *s);
/* The service of a path below /apis; NULL: it is answered here. */
bool apiservices_any(const struct apiservices *s); /* whether there are such paths */
struct apiservice *apiservices_find(const struct apiservices *s, const char *group, const char *version);
/* Starts a call of the service; url and headers are made, o gives the rest. NULL with e when it has no address. */
struct http_call *apiservice_call(struct apiservice *v, const char *path, const char *const *headers,
				  const struct http_call_opts *o, struct err *e);

/* Where and how the service is reached, into o; the texts are owned by the caller. -ENOENT and the like as
 * service_resolve() says. */
struct forward_opts;
int apiservice_place(struct apiservice *v, struct forward_opts *o, char **ret_host, char **ret_name, struct err *e);

void apiservice_unref(struct apiservice *v);
/* What was published with it is made anew when next asked for. */
void apiservice_forget_documents(const struct apiservice *v);

/* OpenAPI (apiservice_openapi.c). Asks the service for what it publishes, later. */
void apiservice_openapi_fetch(struct apiservice *v);
void apiservice_openapi_done(struct apiservice *v);
/* Adds what the available services publish to our document of version 2, and to our index of version 3. */
void apiservices_openapi_merge(const struct apiservices *s, json_t *document);
void apiservices_openapi_index(const struct apiservices *s, json_t *index);

/* Passes a request on; it is answered later (apiservice_proxy.c). */
void apiservice_proxy(struct req *q, struct apiservice *v);

/* Discovery: the groups that only extension servers have, first those of higher priority; NULL behind the last. Borrowed
 * until the loop runs again. */
struct apiservice *apiservices_nth(const struct apiservices *s, size_t n);
/* The resources of a service in the aggregated form; empty where nothing is known. Owned. */
json_t *apiservice_discovery(const struct apiservice *v);

#endif
