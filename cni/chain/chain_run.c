/* One operation on its way through the plugins of a chain.
 *
 * A run holds copies of all it needs and steps from plugin to plugin: forward for ADD, CHECK, STATUS and GC, backward
 * for DEL. A failing ADD turns round and runs DEL for the whole chain before it reports; a failing DEL or GC goes on
 * and reports its first failure; every other command stops at the first. GC first runs a DEL for each stale cached
 * attachment. What always holds: done is called once, from the loop, unless the run is cancelled. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "cni/chain/chain_internal.h"
#include "cni/plugin.h"
#include "cni/version.h"
#include "io/spawn.h"

enum command { ADD, DEL, CHECK, STATUS, GC };
static const struct {
	const char *name, *since;
} commands[] = {{"ADD", "0.1.0"}, {"DEL", "0.1.0"}, {"CHECK", "0.4.0"}, {"STATUS", "1.1.0"}, {"GC", "1.1.0"}};

struct chain_run {
	struct chain chain;         /* a copy of its own */
	enum command command, call; /* what was asked; what runs now (DEL while an ADD turns back) */
	struct chain_attachment att;
	char *text[6]; /* what att points to */
	json_t *capability_args, *prev, *valid, *stale;
	char *cache_path, *args; /* args: CNI_ARGS of the cached ADD */
	size_t at;               /* plugins done */
	struct spawn *spawn;
	struct chain_run *child;
	bool deferred, cancelled;
	struct err failure;
	chain_done done;
	void *arg;
};

static void step(struct chain_run *r);

static void run_free(struct chain_run *r)
{
	free(r->chain.plugin_path);
	free(r->chain.cache_dir);
	free(r->chain.name);
	json_decref(r->chain.list);
	for (size_t i = 0; i < ARRAY_LEN(r->text); i++)
		free(r->text[i]);
	json_decref(r->capability_args);
	json_decref(r->prev);
	json_decref(r->valid);
	json_decref(r->stale);
	free(r->cache_path);
	free(r->args);
	free(r);
}

static void finish(struct chain_run *r)
{
	bool ok = !r->failure.code;
	r->done(r->arg, ok && r->command == ADD ? r->prev : NULL, ok ? NULL : &r->failure);
	run_free(r);
}

static size_t plugin_count(const struct chain_run *r)
{
	return json_array_size(json_object_get(r->chain.list, "plugins"));
}

static size_t current(const struct chain_run *r)
{
	return r->call == DEL ? plugin_count(r) - 1 - r->at : r->at;
}

static const char *current_type(const struct chain_run *r)
{
	return json_member(json_array_get(json_object_get(r->chain.list, "plugins"), current(r)), "type");
}

/* The first failure is the one that is told. */
static void note_failure(struct chain_run *r, const struct err *e)
{
	if (!r->failure.code)
		r->failure = *e;
}

/* After a plugin failed: where to go from here. */
static void failed(struct chain_run *r, const struct err *e)
{
	note_failure(r, e);
	if (r->call == DEL) {
		r->at++;
	} else if (r->call == ADD) {
		r->call = DEL;
		r->at = 0;
	} else if (r->call == GC) {
		r->at++;
	} else {
		r->at = plugin_count(r);
	}
	step(r);
}

/* The plugin's own words, or what its end tells. */
static void describe_failure(const struct chain_run *r, const struct spawn_result *result, struct err *e)
{
	AUTO_JSON *j = NULL;
	const char *type = current_type(r), *msg, *details;
	struct str err = result->err;
	if (result->timed_out) {
		err_set(e, -ETIMEDOUT, "plugin \"%s\" did not end within %d ms", type, r->chain.timeout_ms);
		return;
	}
	if (result->out.len && json_parse(result->out.p, result->out.len, &j, NULL) >= 0 &&
	    (msg = json_str_at(j, "msg"))) {
		details = json_str_or(j, "details", "");
		bool later = json_int_at(j, "code", 0) == CNI_TRY_AGAIN_LATER;
		err_set(e, later ? -EAGAIN : -EIO, "plugin \"%s\": %s%s%s", type, msg, *details ? ": " : "", details);
		return;
	}
	while (err.len && err.p[err.len - 1] == '\n')
		err.len--;
	if (WIFSIGNALED(result->status))
		err_set(e, -EIO, "plugin \"%s\" was killed by signal %d", type, WTERMSIG(result->status));
	else
		err_set(e, -EIO, "plugin \"%s\" failed with exit status %d%s%.*s", type, WEXITSTATUS(result->status),
			err.len ? ": " : "", (int)MIN(err.len, (size_t)512), err.len ? err.p : "");
}

static int take_result(struct chain_run *r, const struct spawn_result *result, struct err *e)
{
	json_t *j = NULL;
	if (r->call != ADD)
		return 0;
	int rc = json_parse(str_text(&result->out), result->out.len, &j, e);
	if (rc < 0 || !json_is_object(j)) {
		json_decref(j);
		return err_set(e, -EPROTO, "plugin \"%s\" printed no result", current_type(r));
	}
	json_decref(r->prev);
	r->prev = j;
	return 0;
}

static void on_exit_of_plugin(void *arg, const struct spawn_result *result)
{
	struct chain_run *r = arg;
	struct err e = ERR_INIT;
	r->spawn = NULL;
	if (result->timed_out || result->status) {
		describe_failure(r, result, &e);
		failed(r, &e);
	} else if (take_result(r, result, &e) < 0) {
		failed(r, &e);
	} else {
		r->at++;
		step(r);
	}
}

static char **plugin_env(const struct chain_run *r)
{
	char **env = NULL;
	const char *path = getenv("PATH");
	AUTO_FREE char *own = r->att.container_id ? chain_conf_args(&r->att) : NULL;
	const char *args = own ? own : r->args;
	const struct {
		const char *key, *value;
	} vars[] = {
	    {"PATH", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin"},
	    {"CNI_COMMAND", commands[r->call].name},
	    {"CNI_CONTAINERID", r->att.container_id},
	    {"CNI_NETNS", r->att.netns},
	    {"CNI_IFNAME", r->att.ifname},
	    {"CNI_ARGS", args},
	    {"CNI_PATH", r->chain.plugin_path},
	};
	for (size_t i = 0; i < ARRAY_LEN(vars); i++) {
		AUTO_FREE char *var = vars[i].value ? xasprintf("%s=%s", vars[i].key, vars[i].value) : NULL;
		if (var)
			strv_add(&env, var);
	}
	return env;
}

static int start_plugin(struct chain_run *r, struct err *e)
{
	AUTO_FREE char *program = NULL, *input = NULL;
	AUTO_STRV char **env = plugin_env(r);
	AUTO_JSON *conf =
	    chain_conf_for(r->chain.list, current(r), r->prev, r->capability_args, r->call == GC ? r->valid : NULL);
	int rc = chain_conf_program(r->chain.plugin_path, current_type(r), &program, e);
	if (rc < 0)
		return rc;
	input = json_text(conf);
	char *argv[] = {program, NULL};
	struct spawn_opts o = {
	    .argv = argv, .env = env, .input = input, .input_len = strlen(input), .timeout_ms = r->chain.timeout_ms};
	rc = spawn_start(r->chain.loop, &o, on_exit_of_plugin, r, &r->spawn, e);
	return rc < 0 ? err_wrap(e, rc, "plugin \"%s\"", current_type(r)) : 0;
}

/* Every plugin has run. */
static void complete(struct chain_run *r)
{
	struct err e = ERR_INIT;
	if (r->command == ADD && !r->failure.code &&
	    chain_cache_write(r->cache_path, &r->chain, &r->att, r->prev, &e) < 0) {
		failed(r, &e); /* turns round: without the entry nobody could undo the attachment */
		return;
	}
	if (r->command == DEL && !r->failure.code)
		unlink(r->cache_path);
	finish(r);
}

static void on_stale_deleted(void *arg, const json_t *result, const struct err *e)
{
	struct chain_run *r = arg;
	(void)result;
	r->child = NULL;
	if (e)
		note_failure(r, e);
	json_array_remove(r->stale, 0);
	step(r);
}

static void step(struct chain_run *r)
{
	struct err e = ERR_INIT;
	const json_t *stale = json_array_get(r->stale, 0);
	if (stale) {
		struct chain_attachment a = {.container_id = json_member(stale, "containerID"),
					     .netns = json_member(stale, "netns"),
					     .ifname = json_member(stale, "ifname")};
		r->child = chain_del(&r->chain, &a, on_stale_deleted, r);
	} else if (r->at >= plugin_count(r)) {
		complete(r);
	} else if (start_plugin(r, &e) < 0) {
		failed(r, &e);
	}
}

static void start_deferred(void *arg)
{
	struct chain_run *r = arg;
	r->deferred = false;
	if (r->cancelled)
		run_free(r);
	else if (r->failure.code)
		finish(r);
	else
		step(r);
}

static void copy_attachment(struct chain_run *r, const struct chain_attachment *a)
{
	const char *const from[] = {
	    a->container_id, a->netns ? a->netns : "", a->ifname ? a->ifname : "eth0", a->pod_namespace, a->pod_name,
	    a->pod_uid};
	for (size_t i = 0; i < ARRAY_LEN(from); i++)
		r->text[i] = xstrdup(from[i]);
	r->att =
	    (struct chain_attachment){r->text[0], r->text[1], r->text[2], r->text[3], r->text[4], r->text[5], NULL};
	r->capability_args = a->capability_args ? json_deep_copy(a->capability_args) : NULL;
	r->att.capability_args = r->capability_args;
}

static struct chain_run *run_new(struct chain *c, enum command command, const struct chain_attachment *a,
				 chain_done done, void *arg)
{
	struct chain_run *r = xcalloc(1, sizeof(*r));
	r->chain = (struct chain){.loop = c->loop,
				  .plugin_path = xstrdup(c->plugin_path),
				  .cache_dir = xstrdup(c->cache_dir),
				  .name = xstrdup(c->name),
				  .list = json_incref(c->list),
				  .timeout_ms = c->timeout_ms};
	r->command = r->call = command;
	r->done = done;
	r->arg = arg;
	if (a) {
		copy_attachment(r, a);
		r->cache_path = chain_cache_path(c, r->att.container_id, r->att.ifname);
	}
	r->deferred = true;
	loop_defer(c->loop, start_deferred, r);
	return r;
}

/* Nothing is to be called for this command: the run ends well at once. */
static void skip_below_version(struct chain_run *r, bool disabled)
{
	const char *version = json_str_or(r->chain.list, "cniVersion", "");
	if (disabled || !cni_version_at_least(version, commands[r->command].since))
		r->at = plugin_count(r);
}

/* What was used at ADD, where the cache has it. Arguments that the caller gives come before those. */
static int use_cache(struct chain_run *r, struct err *e)
{
	struct chain_cached was = {0};
	int rc = chain_cache_read(r->cache_path, &was, e);
	if (was.list) {
		json_decref(r->chain.list);
		r->chain.list = TAKE(was.list);
	}
	if (cni_version_at_least(json_str_or(r->chain.list, "cniVersion", ""), "0.4.0"))
		r->prev = TAKE(was.result);
	if (!r->capability_args)
		r->capability_args = TAKE(was.capability_args);
	r->args = TAKE(was.args);
	chain_cached_done(&was);
	return rc;
}

struct chain_run *chain_add(struct chain *c, const struct chain_attachment *a, chain_done done, void *arg)
{
	return run_new(c, ADD, a, done, arg);
}

struct chain_run *chain_del(struct chain *c, const struct chain_attachment *a, chain_done done, void *arg)
{
	struct chain_run *r = run_new(c, DEL, a, done, arg);
	use_cache(r, NULL);
	return r;
}

struct chain_run *chain_check(struct chain *c, const struct chain_attachment *a, chain_done done, void *arg)
{
	struct chain_run *r = run_new(c, CHECK, a, done, arg);
	if (use_cache(r, &r->failure) < 0 && !r->failure.code)
		r->failure.code = -ENOENT;
	skip_below_version(r, c->no_check);
	return r;
}

struct chain_run *chain_status(struct chain *c, chain_done done, void *arg)
{
	struct chain_run *r = run_new(c, STATUS, NULL, done, arg);
	skip_below_version(r, false);
	return r;
}

static bool is_valid(const json_t *attachment, const struct chain_attachment *valid, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(json_member(attachment, "containerID"), valid[i].container_id) &&
		    str_eq(json_member(attachment, "ifname"), valid[i].ifname ? valid[i].ifname : "eth0"))
			return true;
	return false;
}

struct chain_run *chain_gc(struct chain *c, const struct chain_attachment *valid, size_t n, chain_done done, void *arg)
{
	struct chain_run *r = run_new(c, GC, NULL, done, arg);
	AUTO_JSON *cached = chain_cache_attachments(c);
	size_t i;
	json_t *a;
	r->stale = json_array();
	r->valid = json_array();
	json_array_foreach(cached, i, a) if (!c->no_gc && !is_valid(a, valid, n)) json_array_append(r->stale, a);
	for (i = 0; i < n; i++)
		json_array_append_new(r->valid, json_pack("{s:s, s:s}", "containerID", valid[i].container_id, "ifname",
							  valid[i].ifname ? valid[i].ifname : "eth0"));
	skip_below_version(r, c->no_gc);
	return r;
}

void chain_cancel(struct chain_run *r)
{
	if (r->child)
		chain_cancel(r->child);
	if (r->spawn)
		spawn_cancel(r->spawn);
	r->cancelled = true;
	if (!r->deferred)
		run_free(r);
}
