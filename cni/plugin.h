/* The skeleton of a CNI plugin: environment and configuration in, result or error out. CNI specification 1.1.0, 2. */
#ifndef KNARR_CNI_PLUGIN_H
#define KNARR_CNI_PLUGIN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* Codes of error answers (CNI specification, Error), as the reference plugins use them. */
enum cni_code {
	CNI_INCOMPATIBLE_VERSION = 1,
	CNI_UNSUPPORTED_FIELD = 2,
	CNI_UNKNOWN_CONTAINER = 3,
	CNI_INVALID_ENVIRONMENT = 4,
	CNI_IO_FAILURE = 5,
	CNI_DECODING_FAILURE = 6,
	CNI_INVALID_CONFIG = 7,
	CNI_INVALID_NETNS = 8,
	CNI_TRY_AGAIN_LATER = 11,
	CNI_PLUGIN_NOT_AVAILABLE = 50,
	CNI_INTERNAL = 999,
};

/* Fails with a code of its own; other negative returns are told as CNI_INTERNAL. A newline in the text separates msg
 * from details. Returns a negative number. */
int cni_fail(struct err *e, int cni_code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* One call; everything borrowed for its duration. Absent variables are "". */
struct cni_call {
	const char *command, *container_id, *netns, *ifname, *args, *path;
	const char *name;    /* the network's */
	const char *version; /* cniVersion of the configuration, "0.1.0" where it has none */
	json_t *conf;        /* the whole configuration; an object */
};

/* Verbs of a plugin; a NULL verb succeeds without doing anything. add returns its result (owned, in the shape of
 * version 1.1.0, see cni/result.h) in *ret. */
struct cni_plugin {
	const char *name;
	const char *members; /* of the configuration, as member_check() reads them; beside those that all have */
	int (*add)(const struct cni_call *c, json_t **ret, struct err *e);
	int (*del)(const struct cni_call *c, struct err *e);
	int (*check)(const struct cni_call *c, struct err *e);
	int (*status)(const struct cni_call *c, struct err *e);
	int (*gc)(const struct cni_call *c, struct err *e);
};

/* Runs the call that the environment and standard input describe; returns the exit status. */
int cni_plugin_main(const struct cni_plugin *p);

/* Runs the verb that c names, its checks already made. ADD's result comes in the inner shape, owned; NULL: none. */
int cni_plugin_call(const struct cni_plugin *p, const struct cni_call *c, json_t **ret, struct err *e);

/* The value of KEY in CNI_ARGS ("A=1;B=2"), copied to ret and cut to its room; false when absent. */
bool cni_args_get(const struct cni_call *c, const char *key, char *ret, size_t room);
/* -: a malformed CNI_ARGS. */
int cni_args_check(const struct cni_call *c, struct err *e);
/* Names of networks and containers: a letter or digit, then those and "_.-". */
bool cni_name_is_valid(const char *s);
/* Why the interface name is none, or NULL. */
const char *cni_ifname_problem(const char *s);

#endif
