/* Whether the node's pods can have a network.
 *
 * Happy path: the configuration is read, each of its plugins is asked for STATUS in a process of its own, and while they
 * all say yes there is nothing to tell. What can fail: no configuration or a malformed one, a plugin that refuses (50, 51:
 * its own words are told), is not there or does not answer in time. What always holds: at most one STATUS is on its way;
 * until plugins have answered for the first time, and again after a configuration that could not be read, the network is not
 * ready; then each answer holds until the next one. */
#include "agent/node_network.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/node.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cni/chain/chain.h"

struct node_network {
	struct agent *agent;
	void (*on_config)(void *arg), (*on_change)(void *arg);
	void *arg;
	char *config_error, *status_error;
	bool answered; /* status_error is an answer of plugins */
	int64_t asked_mono;
	struct chain_run *status;
	int inotify_fd;
	struct fd_watch *watch;
};

const char *node_network_error(const struct node_network *w)
{
	if (w->config_error)
		return w->config_error;
	return w->answered ? w->status_error : "the network plugins have not told their status yet";
}

bool node_network_settled(const struct node_network *w)
{
	return w->config_error || w->answered;
}

static void text_replace(char **text, char *by)
{
	free(*text);
	*text = by;
}

static void on_status(void *arg, const json_t *result, const struct err *e)
{
	struct node_network *w = arg;
	AUTO_FREE char *before = xstrdup(node_network_error(w));
	(void)result;
	w->status = NULL;
	w->answered = true;
	text_replace(&w->status_error, e ? xstrdup(err_text(e)) : NULL);
	if (!str_eq(before, node_network_error(w)))
		w->on_change(w->arg);
}

static void stop_asking(struct node_network *w)
{
	if (w->status)
		chain_cancel(TAKE(w->status));
}

/* What plugins said of another configuration does not count for the next one. */
static void refuse(struct node_network *w, const char *why)
{
	stop_asking(w);
	w->answered = false;
	text_replace(&w->config_error, xstrdup(why));
}

void node_network_wait(struct node_network *w, const char *why)
{
	refuse(w, why);
}

void node_network_check(struct node_network *w, const char *pod_cidr, bool again)
{
	const struct agent_config *c = w->agent->config;
	struct chain_config cc = {.loop = w->agent->loop,
				  .conf_dir = c->cni_conf_dir,
				  .plugin_path = c->cni_bin_dir,
				  .timeout_ms = NODE_NETWORK_STATUS_MS};
	struct chain *chain = NULL;
	struct err e = ERR_INIT;
	int r = pod_cidr ? cni_config_write(c->cni_conf_dir, pod_cidr, &e) : 0;
	if (r == 0)
		r = chain_load(&cc, &chain, &e);
	if (r < 0) {
		refuse(w, err_text(&e));
		return;
	}
	text_replace(&w->config_error, NULL);
	if (again)
		stop_asking(w);
	bool lately = w->answered && clock_mono_ms() - w->asked_mono < NODE_NETWORK_EVERY_MS;
	if (!w->status && (again || !lately)) {
		w->asked_mono = clock_mono_ms();
		w->status = chain_status(chain, on_status, w);
	}
	chain_free(chain);
}

static void on_files(void *arg, int events)
{
	(void)events;
	struct node_network *w = arg;
	char buf[4096];
	while (read(w->inotify_fd, buf, sizeof(buf)) > 0)
		;
	w->on_config(w->arg);
}

static void watch_config(struct node_network *w)
{
	const char *dir = w->agent->config->cni_conf_dir;
	w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)fs_mkdir_p(dir, 0755, NULL); /* ignoring: without it changes are seen with the next check */
	if (w->inotify_fd < 0 ||
	    inotify_add_watch(w->inotify_fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM) < 0)
		return;
	w->watch = fd_watch_new(w->agent->loop, w->inotify_fd, FD_READ, on_files, w);
}

struct node_network *node_network_new(struct agent *a, void (*on_config)(void *arg), void (*on_change)(void *arg), void *arg)
{
	struct node_network *w = xcalloc(1, sizeof(*w));
	*w = (struct node_network){.agent = a, .on_config = on_config, .on_change = on_change, .arg = arg, .inotify_fd = -1};
	watch_config(w);
	return w;
}

void node_network_free(struct node_network *w)
{
	if (!w)
		return;
	stop_asking(w);
	fd_watch_free(w->watch);
	close_fd(&w->inotify_fd);
	free(w->config_error);
	free(w->status_error);
	free(w);
}
