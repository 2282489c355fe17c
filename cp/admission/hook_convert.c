/* Conversions for webhooks. Purpose: matchPolicy Equivalent; a webhook for one version of a resource judges requests of the
 * others in the version that it knows. Happy path: the server converts, at once or through a conversion webhook, and the
 * outcome is told from the loop. Fails with the Status that the conversion has. What always holds: who has cancelled hears
 * nothing, though the conversion itself cannot be stopped; the last of both frees it. */
#include "cp/admission/hook_convert.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct hook_convert {
	struct loop *loop;
	json_t *status, *objects;
	hook_converted done;
	void *arg;
	bool cancelled;
};

bool hook_convert_is_needed(const struct admit *a, const struct kind *to)
{
	const char *av = json_str_or(a->object ? a->object : a->old, "apiVersion", "");
	const struct kind *k = a->kind;
	AUTO_FREE char *own = *k->group ? xasprintf("%s/%s", k->group, k->version) : xstrdup(k->version);
	return to != k && strcmp(av, own) == 0;
}

static void convert_free(struct hook_convert *c)
{
	json_decref(c->status);
	json_decref(c->objects);
	free(c);
}

static void tell(void *arg)
{
	struct hook_convert *c = arg;
	if (!c->cancelled)
		c->done(c->arg, TAKE(c->status), c->objects);
	convert_free(c);
}

static void on_converted(void *arg, json_t *status, json_t *converted)
{
	struct hook_convert *c = arg;
	c->status = status;
	c->objects = json_incref(converted);
	if (c->cancelled)
		convert_free(c);
	else
		loop_defer(c->loop, tell, c);
}

struct hook_convert *hook_convert_start(const struct admit *a, const struct kind *from, const struct kind *to, json_t *objects,
					hook_converted done, void *arg)
{
	struct hook_convert *c = xcalloc(1, sizeof(*c));
	*c = (struct hook_convert){ .loop = a->n->c.loop, .done = done, .arg = arg };
	a->n->c.convert(a->request, from, to, objects, on_converted, c);
	return c;
}

void hook_convert_cancel(struct hook_convert *c)
{
	if (c)
		c->cancelled = true;
}
