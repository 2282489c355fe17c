/* Changes that are older than the ring, fetched when a watch resumes from there. */
#ifndef KNARR_CP_CACHE_RECALL_H
#define KNARR_CP_CACHE_RECALL_H

#include "cp/cache/ring.h"

/* Extends the ring back to a revision below the bucket's floor, and not below recall_from, or as far as window and store
 * allow; the floor says how far that was. */
void bucket_recall(struct bucket *b, uint64_t after);

#endif
