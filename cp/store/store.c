/* The store's front: hands every call to the backend that was opened. Holds no state of its own beside the watcher and
 * the newest revision delivered, both touched by the loop's thread only. */
#include "cp/store/store.h"

#include "cp/store/store_driver.h"

void store_close(struct store *s)
{
	if (s)
		s->driver->close(s);
}

int store_load(struct store *s, store_watch fn, void *arg, struct err *e)
{
	return s->driver->load(s, fn, arg, e);
}

int store_load_history(struct store *s, store_watch fn, void *arg, struct err *e)
{
	return s->driver->load_history(s, fn, arg, e);
}

void store_set_watch(struct store *s, store_watch fn, void *arg)
{
	s->watch = fn;
	s->watch_arg = arg;
}

void store_txn(struct store *s, const struct store_op *ops, size_t n, store_done done, void *arg)
{
	s->driver->txn(s, ops, n, done, arg);
}

uint64_t store_revision(const struct store *s)
{
	return s->revision;
}

uint64_t store_compacted_revision(const struct store *s)
{
	return __atomic_load_n(&s->compacted, __ATOMIC_ACQUIRE);
}

int store_compact(struct store *s, struct err *e)
{
	return s->driver->compact(s, e);
}

int store_backup(struct store *s, const char *path, struct err *e)
{
	return s->driver->backup(s, path, e);
}

void store_get_stats(const struct store *s, struct store_stats *ret)
{
	s->driver->get_stats(s, ret);
}
