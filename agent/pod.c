/* One pod on this node: made, recorded, restored, forgotten.
 *
 * Happy path: an object comes, the plan works, the record follows each change; with the pod's end its directories go.
 * What can fail: writing the record (logged, tried with the next change). What always holds: what is on disk is enough
 * to go on after the agent was killed at any moment. */
#include "agent/pod.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mounts.h"
#include "agent/objects.h"
#include "agent/tokens.h"
#include "agent/volumes.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "cni/chain/chain.h"

static void on_timer(void *arg)
{
	pod_sync(arg);
}

struct container_work *pod_work(struct pod *p, const struct container_state *c)
{
	for (size_t i = 0; i < p->n_work; i++)
		if (!strcmp(p->work[i]->name, c->name))
			return p->work[i];
	return NULL; /* never: every container has one */
}

/* For each container that has none yet. Hooks and probes point at what runs: it stays where it is when ephemeral containers are
 * added, at whatever place. */
static void make_work(struct pod *p)
{
	p->work = xreallocarray(p->work, p->state->n + 1, sizeof(*p->work));
	for (size_t i = 0; i < p->state->n; i++) {
		if (pod_work(p, &p->state->containers[i]))
			continue;
		struct container_work *w = p->work[p->n_work++] = xcalloc(1, sizeof(*w));
		w->pod = p;
		snprintf(w->name, sizeof(w->name), "%s", p->state->containers[i].name);
	}
}

struct pod *pod_add(struct agent *a, json_t *object, bool is_static)
{
	struct pod_state *s = pod_state_new(object, is_static, clock_wall_ms(), clock_mono_ms());
	/* The uid becomes part of paths. */
	if (!s || strspn(s->uid, "0123456789abcdefABCDEF-") != strlen(s->uid) || strchr(s->name, '/') ||
	    strchr(s->ns, '/')) {
		pod_state_free(s);
		return NULL;
	}
	struct pod *p = xcalloc(1, sizeof(*p));
	p->agent = a;
	p->state = s;
	p->dir = xasprintf("%s/pods/%s", a->config->run_dir, s->uid);
	p->volumes_dir = xasprintf("%s/pods/%s", a->config->root_dir, s->uid);
	p->netns = xasprintf("/run/netns/knarr-%s", s->uid);
	p->cgroup = xasprintf("/%s/pods/%s", a->config->cgroup_root, s->uid);
	p->timer = timer_new(a->loop, on_timer, p);
	p->execs = map_new(NULL);
	make_work(p);
	map_set(a->pods, s->uid, p);
	return p;
}

void pod_free(struct pod *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_work; i++) {
		container_work_stop(p->work[i]);
		free(p->work[i]);
	}
	free(p->work);
	if (p->cni)
		chain_cancel(p->cni);
	chain_free(p->chain);
	if (p->report_call)
		api_cancel(p->report_call);
	if (p->delete_call)
		api_cancel(p->delete_call);
	timer_free(p->report_timer);
	timer_free(p->timer);
	shim_free(p->shim);
	exec_free_all(p);
	json_decref(p->reported);
	free(p->saved);
	free(p->dir);
	free(p->volumes_dir);
	free(p->netns);
	free(p->cgroup);
	pod_state_free(p->state);
	free(p);
}

void pod_kick(struct pod *p)
{
	timer_start(p->timer, 0);
}

static void save_object(struct pod *p)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *path = xasprintf("%s/pod.json", p->dir);
	if (fs_exists(p->dir) && json_write_file(path, p->state->pod, 0600, &e) < 0)
		log_warn("pod not recorded, tried again with its next change pod=%s/%s error=\"%s\"", p->state->ns,
			 p->state->name, err_text(&e));
}

void pod_save(struct pod *p)
{
	struct err e = ERR_INIT;
	AUTO_FREE char *path = xasprintf("%s/state.json", p->dir);
	AUTO_JSON *record = pod_state_record(p->state);
	AUTO_FREE char *text = json_text(record);
	if (p->saved && !strcmp(p->saved, text))
		return;
	bool first = !p->saved;
	if (first && fs_mkdir_p(p->dir, 0700, NULL) == 0)
		save_object(p);
	if (fs_write_atomic(path, text, strlen(text), 0600, &e) < 0) {
		log_warn("state not recorded, tried again with its next change pod=%s/%s error=\"%s\"", p->state->ns,
			 p->state->name, err_text(&e));
		return;
	}
	free(p->saved);
	p->saved = TAKE(text);
}

void pod_object_changed(struct pod *p, json_t *object)
{
	struct pod_state *s = p->state;
	AUTO_JSON *old = json_incref(s->pod);
	bool was_deleting = s->deleting;
	int64_t grace = s->grace_ms;
	if (pod_container_count(object) < s->n)
		return; /* the API forbids it: only ephemeral containers come, and none goes */
	pod_state_update(s, object);
	if (p->n_work < s->n) {
		make_work(p);
		objects_want(p->agent->objects, object);
	}
	if (p->saved)
		save_object(p);
	bool labels = !json_equal(json_at(old, "metadata.labels"), json_at(object, "metadata.labels")) ||
		      !json_equal(json_at(old, "metadata.annotations"), json_at(object, "metadata.annotations"));
	if (labels && p->volumes_ready)
		volumes_refresh(p);
	bool spec = !json_equal(json_object_get(old, "spec"), json_object_get(object, "spec"));
	if (spec)
		pod_resize(p, old);
	bool gates = json_at(object, "spec.readinessGates") &&
		     !json_equal(json_at(old, "status.conditions"), json_at(object, "status.conditions"));
	if (labels || spec || gates || was_deleting != s->deleting || grace != s->grace_ms)
		pod_kick(p);
}

void pod_drop(struct pod *p, int64_t grace_ms)
{
	p->gone_from_api = true;
	p->state->grace_ms = p->state->deleting ? MIN(p->state->grace_ms, grace_ms) : grace_ms;
	p->state->deleting = true;
	pod_kick(p);
}

struct pod *pod_find(struct agent *a, const char *ns, const char *name)
{
	size_t at = 0;
	const char *uid;
	struct pod *p, *found = NULL;
	while (map_next(a->pods, &at, &uid, &p))
		if (!strcmp(p->state->ns, ns) && !strcmp(p->state->name, name) && (!found || found->state->deleting))
			found = p;
	return found;
}

static void remove_links(const struct pod *p)
{
	AUTO_FREE char *dir = xasprintf("%s/containers", p->agent->config->log_dir);
	AUTO_FREE char *prefix = xasprintf("%s_%s_", p->state->name, p->state->ns);
	DIR *d = opendir(dir);
	if (!d)
		return;
	for (struct dirent *de; (de = readdir(d));) {
		char target[4096];
		AUTO_FREE char *link = xasprintf("%s/%s", dir, de->d_name);
		ssize_t n = str_has_prefix(de->d_name, prefix) ? readlink(link, target, sizeof(target) - 1) : -1;
		target[n > 0 ? n : 0] = '\0';
		if (n > 0 && strstr(target, p->state->uid))
			unlink(link);
	}
	closedir(d);
}

static void forget(void *arg)
{
	struct pod *p = arg;
	struct pod_state *s = p->state;
	AUTO_FREE char *logs = xasprintf("%s/pods/%s_%s_%s", p->agent->config->log_dir, s->ns, s->name, s->uid);
	struct err e = ERR_INIT;
	remove_links(p);
	(void)mounts_detach_below(p->dir, NULL);
	if (fs_remove_tree(logs, &e) < 0 || fs_remove_tree(p->dir, &e) < 0 || fs_remove_tree(p->volumes_dir, &e) < 0)
		log_warn("pod's directories not removed, ignoring pod=%s/%s error=\"%s\"", s->ns, s->name,
			 err_text(&e));
	objects_drop(p->agent->objects, s->uid);
	tokens_drop(p->agent->tokens, s->uid);
	log_info("pod gone pod=%s/%s", s->ns, s->name);
	map_remove(p->agent->pods, s->uid); /* frees it */
}

void pod_forget(struct pod *p)
{
	if (p->removed)
		return;
	p->removed = true;
	timer_stop(p->timer);
	loop_defer(p->agent->loop, forget, p);
}

static void restore_one(struct agent *a, const char *uid)
{
	struct err e = ERR_INIT;
	AUTO_JSON *object = NULL, *record = NULL;
	AUTO_FREE char *pod_path = xasprintf("%s/pods/%s/pod.json", a->config->run_dir, uid);
	AUTO_FREE char *state_path = xasprintf("%s/pods/%s/state.json", a->config->run_dir, uid);
	int r = json_read_file(pod_path, &object, &e);
	if (r == 0)
		r = json_read_file(state_path, &record, &e);
	struct pod *p = r < 0 ? NULL : pod_add(a, object, json_bool_at(record, "is_static", false));
	if (!p) {
		log_warn("record of a pod not usable, ignoring uid=%s error=\"%s\"", uid, err_text(&e));
		return;
	}
	pod_state_restore(p->state, record);
	p->saved = json_text(record);
	p->volumes_ready = p->state->sandbox == SANDBOX_READY;
	objects_want(a->objects, object);
	tokens_want(a->tokens, object);
	sandbox_restore(p);
	if (!p->busy_restore)
		pod_kick(p);
}

void pods_restore(struct agent *a)
{
	AUTO_FREE char *dir = xasprintf("%s/pods", a->config->run_dir);
	AUTO_STRV char **uids = NULL;
	DIR *d = opendir(dir);
	for (struct dirent *de; d && (de = readdir(d));)
		if (de->d_name[0] != '.')
			strv_add(&uids, de->d_name);
	if (d)
		closedir(d);
	for (char **u = uids; u && *u; u++)
		restore_one(a, *u);
}
