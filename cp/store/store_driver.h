/* What a backend of the store provides; store.c dispatches to it. */
#ifndef KNARR_CP_STORE_STORE_DRIVER_H
#define KNARR_CP_STORE_STORE_DRIVER_H

#include "cp/store/store.h"

struct store_driver {
	void (*close)(struct store *s);
	int (*load)(struct store *s, store_watch fn, void *arg, uint64_t *ret_from, struct err *e);
	/* NULL: load has told all that there is. */
	int (*past)(struct store *s, const char *prefix, uint64_t after, uint64_t until, store_past_fn fn, void *arg,
		    struct err *e);
	void (*txn)(struct store *s, const struct store_op *ops, size_t n, store_done done, void *arg);
	int (*compact)(struct store *s, struct err *e);
	int (*backup)(struct store *s, const char *path, struct err *e);
	void (*get_stats)(const struct store *s, struct store_stats *ret);
	/* NULL: nobody else writes. */
	void (*sync)(struct store *s, store_synced done, void *arg);
};

/* The first member of a backend's own struct. */
struct store {
	const struct store_driver *driver;
	struct loop *loop;
	store_watch watch; /* told by the backend what is stored */
	void *watch_arg;
	store_watch reader; /* the caller's watcher, where values are decrypted on their way to it */
	void *reader_arg;
	struct store_crypt *crypt; /* NULL: nothing is encrypted */
	store_lost lost;
	void *lost_arg;
	uint64_t revision;  /* the newest that was delivered; the loop's thread only */
	uint64_t compacted; /* atomic: a writer thread moves it */
};

#endif
