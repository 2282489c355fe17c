/* Service account tokens of this node's pods.
 *
 * Happy path: a pod's volume names a token, the API server gives one bound to the pod, and another one when most of its
 * life is over. What can fail: the server is away or refuses: the last token stays, and the question is asked again with
 * growing pauses. What always holds: a token lives in memory and in its pod's tmpfs only, and is never logged. */
#include "agent/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

enum { SECONDS_DEFAULT = 3600, DAY_MS = 86400000, PAUSE_MIN_MS = 1000, PAUSE_MAX_MS = 300000, JITTER_MS = 10 };

struct tokens {
	struct api_client *api;
	struct map *entries; /* "uid/seconds/audience" -> struct entry, owned */
	void (*on_change)(void *arg, const char *uid);
	void *arg;
};

struct entry {
	struct tokens *owner;
	char *uid, *ns, *pod, *account, *audience;
	int64_t seconds, pause_ms;
	char *token, *problem; /* the last good answer, why there is none; NULL */
	struct api_call *call;
	struct timer *timer;
};

static void entry_free(void *p)
{
	struct entry *en = p;
	if (en->call)
		api_cancel(en->call);
	timer_free(en->timer);
	free(en->uid);
	free(en->ns);
	free(en->pod);
	free(en->account);
	free(en->audience);
	free(en->token);
	free(en->problem);
	free(en);
}

struct tokens *tokens_new(struct api_client *api, void (*on_change)(void *arg, const char *uid), void *arg)
{
	struct tokens *t = xcalloc(1, sizeof(*t));
	*t = (struct tokens){api, map_new(entry_free), on_change, arg};
	return t;
}

void tokens_free(struct tokens *t)
{
	if (!t)
		return;
	map_free(t->entries);
	free(t);
}

int64_t tokens_refresh_ms(int64_t life_ms, unsigned jitter)
{
	int64_t after = MIN(life_ms - life_ms / 5, DAY_MS);
	return MAX(after - (int64_t)jitter * JITTER_MS, PAUSE_MIN_MS);
}

/* The life of an answer is what it says, or, where the clocks differ widely, what was asked for. */
static int64_t life_of(const struct entry *en, const json_t *answer)
{
	int64_t us, asked = json_int_at(answer, "spec.expirationSeconds", en->seconds) * 1000;
	const char *until = json_str_or(answer, "status.expirationTimestamp", "");
	if (rfc3339_parse(until, &us) < 0)
		return asked;
	int64_t left = us / 1000 - clock_wall_ms();
	return left > 0 && left < asked ? left : asked;
}

static void failed(struct entry *en, const char *why)
{
	free(en->problem);
	en->problem = xstrdup(why);
	en->pause_ms = MIN(MAX(en->pause_ms * 2, PAUSE_MIN_MS), PAUSE_MAX_MS);
	log_warn("no token for a pod, asking again pod=%s/%s account=%s after_ms=%lld error=\"%s\"", en->ns, en->pod, en->account,
		 (long long)en->pause_ms, why);
	timer_start(en->timer, en->pause_ms);
}

static void on_answer(void *arg, int status, json_t *body, const struct err *e)
{
	struct entry *en = arg;
	const char *token = json_str_at(body, "status.token");
	(void)status;
	en->call = NULL;
	if (e || str_empty(token)) {
		failed(en, e ? err_text(e) : "the answer has no token");
	} else {
		free(en->token);
		free(en->problem);
		en->token = xstrdup(token);
		en->problem = NULL;
		en->pause_ms = 0;
		timer_start_slack(en->timer, tokens_refresh_ms(life_of(en, body), rand_below(1000)), 1000);
	}
	en->owner->on_change(en->owner->arg, en->uid);
}

static void request(void *arg)
{
	struct entry *en = arg;
	if (en->call)
		return;
	AUTO_FREE char *path = xasprintf("/api/v1/namespaces/%s/serviceaccounts/%s/token", en->ns, en->account);
	AUTO_JSON *body = json_pack("{s:s, s:s, s:{s:I, s:{s:s, s:s, s:s, s:s}}}", "apiVersion", "authentication.k8s.io/v1", "kind",
				    "TokenRequest", "spec", "expirationSeconds", (json_int_t)en->seconds, "boundObjectRef",
				    "apiVersion", "v1", "kind", "Pod", "name", en->pod, "uid", en->uid);
	if (*en->audience)
		json_array_append_new(json_array_at(body, "spec.audiences"), json_string(en->audience));
	en->call = api_create(en->owner->api, path, body, on_answer, en);
}

static char *key_of(const char *uid, const json_t *source)
{
	return xasprintf("%s/%lld/%s", uid, (long long)json_int_at(source, "expirationSeconds", SECONDS_DEFAULT),
			 json_str_or(source, "audience", ""));
}

static void want(struct tokens *t, const json_t *pod, const json_t *source)
{
	const char *uid = json_str_or(pod, "metadata.uid", "");
	AUTO_FREE char *key = key_of(uid, source);
	if (map_has(t->entries, key))
		return;
	struct entry *en = xcalloc(1, sizeof(*en));
	*en = (struct entry){.owner = t,
			     .uid = xstrdup(uid),
			     .ns = xstrdup(json_str_or(pod, "metadata.namespace", "default")),
			     .pod = xstrdup(json_str_or(pod, "metadata.name", "")),
			     .account = xstrdup(json_str_or(pod, "spec.serviceAccountName", "default")),
			     .audience = xstrdup(json_str_or(source, "audience", "")),
			     .seconds = json_int_at(source, "expirationSeconds", SECONDS_DEFAULT)};
	en->timer = timer_new(api_client_loop(t->api), request, en);
	map_set(t->entries, key, en);
	request(en);
}

void tokens_want(struct tokens *t, const json_t *pod)
{
	json_t *volume, *source;
	size_t i, k;
	if (!t->api)
		return;
	json_array_foreach(json_at(pod, "spec.volumes"), i, volume)
	{
		json_array_foreach(json_at(volume, "projected.sources"), k, source)
		{
			const json_t *token = json_object_get(source, "serviceAccountToken");
			if (token)
				want(t, pod, token);
		}
	}
}

void tokens_drop(struct tokens *t, const char *uid)
{
	size_t at = 0;
	const char *key;
	struct entry *en;
	while (map_next(t->entries, &at, &key, &en))
		if (!strcmp(en->uid, uid))
			map_remove(t->entries, key);
}

bool tokens_ready(const struct tokens *t, const char *uid)
{
	size_t at = 0;
	const char *key;
	const struct entry *en;
	while (map_next(t->entries, &at, &key, &en))
		if (!strcmp(en->uid, uid) && !en->token && !en->problem)
			return false;
	return true;
}

const char *tokens_get(const struct tokens *t, const char *uid, const json_t *source, struct err *e)
{
	AUTO_FREE char *key = key_of(uid, source);
	const struct entry *en = map_get(t->entries, key);
	if (en && en->token)
		return en->token;
	err_set(e, en ? -ENOENT : -EOPNOTSUPP, "failed to fetch token: %s",
		!en		? "this agent has no API server"
		: en->problem ? en->problem
			      : "there is no answer yet");
	return NULL;
}
