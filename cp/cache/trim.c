/* Memory from the system and back to it. What objects leave behind lies between others that live on, where malloc() keeps it
 * for itself: after a while in which much was dropped it is asked for whole pages. While much is loaded, pages are asked for
 * many at a time. Nothing here can fail. */
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cp/cache/internal.h"

static void on_timer(void *arg)
{
	struct trim *t = arg;
	t->dropped = 0;
	malloc_trim(0);
}

void cache_dropped(struct cache *c, size_t bytes)
{
	struct trim *t = &c->trim;
	t->dropped += bytes;
	if (t->dropped < TRIM_BYTES || !c->loop)
		return;
	if (!t->timer)
		t->timer = timer_new(c->loop, on_timer, t);
	if (!timer_is_active(t->timer))
		timer_start_slack(t->timer, TRIM_MS, TRIM_MS);
}

void trim_done(struct trim *t)
{
	timer_free(t->timer);
	t->timer = NULL;
}

void heap_populate(char **end)
{
	char *before = *end, *now = sbrk(0);
	*end = now;
	if (!before || now <= before)
		return;
	size_t in_page = (uintptr_t)before % (uintptr_t)getpagesize();
	/* Where it is refused (before Linux 5.14) each page is a fault of its own. */
	(void)madvise(before - in_page, (size_t)(now - before) + in_page, MADV_POPULATE_WRITE);
}
