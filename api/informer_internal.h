/* What the informer*.c files share, and what only feed.c asks of an informer. */
#ifndef KNARR_API_INFORMER_INTERNAL_H
#define KNARR_API_INFORMER_INTERNAL_H

#include <stdint.h>

#include "api/informer.h"
#include "base/str.h"

struct map;
struct table;
struct timer;

/* What a light informer tells besides. All are given. */
struct informer_light_ops {
	void (*on_begin)(void *arg); /* a list begins to be told */
	/* A list tells an object that is known in this very state. */
	void (*on_same)(void *arg, const char *key, json_t *object);
	void (*on_end)(void *arg); /* a list has been told in full; before on_synced */
};

struct informer {
	struct api_client *client;
	const struct informer_ops *ops;
	const struct informer_light_ops *light; /* NULL: whole objects are kept */
	void *arg;
	char *path, *label_selector, *field_selector;
	struct map *objects; /* key -> object; NULL when light */
	struct map *seen;    /* keys of the list under way; NULL while none is, and when light */
	struct table *known; /* light: of struct light_object */
	uint8_t n_lists;     /* light: the number of the list under way, or of the last one */
	char *next_page, *revision;
	struct api_call *list;
	struct http_call *watch;
	struct str line; /* the unfinished event */
	int watch_status;
	int64_t watch_began_ms;
	struct timer *retry;
	int delay_ms, min_delay_ms, max_delay_ms;
	bool synced, relist, telling; /* telling: pages of the list under way have been told */
};

/* As informer_start(), but of each object only its revision is kept: for whoever makes something of its own of what is
 * told. old is NULL, but for a deletion whose event told the last state; informer_get() and informer_next() are not for
 * it. */
struct informer *informer_start_light(struct api_client *c, const char *path, const char *label_selector,
				      const char *field_selector, const struct informer_ops *ops,
				      const struct informer_light_ops *light, void *arg);
/* Lists anew, where no list is under way or due; not from its own callbacks. */
void informer_list_again(struct informer *i);

/* informer.c: the steps. */
void informer_begin_list(struct informer *i);
void informer_next_step(struct informer *i); /* a list where one is due, else a watch */
void informer_retry_later(struct informer *i);
void informer_report(struct informer *i, const struct err *e);
void informer_set_revision(struct informer *i, const json_t *object);
void informer_add_selectors(const struct informer *i, struct str *url);

/* informer_watch.c */
void informer_begin_watch(struct informer *i);
void informer_end_watch(struct informer *i); /* without a word; fine while there is none */

/* informer_objects.c: what is kept, and told. */
void informer_objects_init(struct informer *i);
void informer_objects_done(struct informer *i);
void informer_begin_telling(struct informer *i); /* what informer_keep() is told from here on is seen */
void informer_end_telling(struct informer *i);   /* without a word about what was not seen */
char *informer_key(const json_t *object); /* "namespace/name" or "name"; NULL for what is no object. Returns owned. */
void informer_keep(struct informer *i, const char *key, json_t *object);
void informer_drop(struct informer *i, const char *key, json_t *last); /* last: its last state, NULL: as it is kept */
void informer_drop_unseen(struct informer *i);

#endif
