/* Memory that lives and dies together: the parsed tables are thousands of small pieces with one lifetime. */
#ifndef KNARR_CP_SCHEMA_ARENA_H
#define KNARR_CP_SCHEMA_ARENA_H

#include <stddef.h>

struct arena {
	struct arena_chunk *chunks;
};

void arena_done(struct arena *a);
void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type; valid until arena_done() */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
void *arena_memdup(struct arena *a, const void *p, size_t n);

#endif
