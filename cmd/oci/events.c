/* knarr-oci events: statistics and out-of-memory kills, a line of JSON each.
 *
 * Happy path: statistics at every interval, kills as the kernel tells them, until the cgroup is gone. What can fail: a
 * container that is not running; statistics that cannot be read are logged and tried again. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cgroups/oom_watch.h"
#include "cgroups/stats.h"
#include "cmd/oci/oci.h"
#include "cmd/oci/rdt_stats.h"

struct events_flags {
	int64_t interval_ns;
	bool stats;
};

static const struct option_row rows[] = {
	{ "interval", 0, OPTION_DURATION, offsetof(struct events_flags, interval_ns), "time between two statistics", "5s", false },
	ROW(struct events_flags, stats, OPTION_FLAG, "stats", 0, "show the container's statistics once, then exit"),
};

static int print_stats(const struct cgroup *cg, const char *id, struct err *e)
{
	AUTO_STR s = STR_INIT;
	str_add(&s, "{\"type\":\"stats\",\"id\":");
	str_add_json(&s, id);
	str_add(&s, ",\"data\":{");
	int r = cgroup_stats_text(cg, &s, e);
	if (r < 0)
		return r;
	rdt_stats(&s, id);
	str_add(&s, ",\"network_interfaces\":null}}");
	puts(str_text(&s));
	fflush(stdout);
	return 0;
}

static void print_oom(const char *id)
{
	AUTO_STR s = STR_INIT;
	str_add(&s, "{\"type\":\"oom\",\"id\":");
	str_add_json(&s, id);
	str_addc(&s, '}');
	puts(str_text(&s));
	fflush(stdout);
}

static int watch(const struct cgroup *cg, const char *id, int64_t interval_ms, struct err *e)
{
	AUTO_OOM_WATCH *w = NULL;
	int r = oom_watch_open(cg, &w, e);
	if (r < 0)
		return r;
	struct pollfd p = { .fd = oom_watch_fd(w), .events = POLLIN };
	for (int64_t next = clock_mono_ms() + interval_ms;;) {
		int64_t left = next - clock_mono_ms();
		int n = left > 0 ? poll(&p, 1, (int)MIN(left, INT32_MAX)) : 0;
		enum oom_event event = n > 0 ? oom_watch_read(w) : OOM_NOTHING;
		if (event == OOM_GONE)
			return 0;
		if (event == OOM_KILLED)
			print_oom(id);
		if (clock_mono_ms() < next)
			continue;
		next = clock_mono_ms() + interval_ms;
		struct err mine = ERR_INIT;
		if (print_stats(cg, id, &mine) < 0)
			oci_log(OCI_ERROR, "%s", err_text(&mine));
	}
}

static int run_events(const struct globals *g, const struct call *c)
{
	const struct events_flags *f = c->values;
	const char *id = c->argv[0];
	AUTO_CONTAINER_INFO i = { 0 };
	AUTO_CGROUP *cg = NULL;
	struct err e = ERR_INIT;
	if (container_state(g->root, id, &i, &e) < 0)
		return report(g, 1, NULL, &e);
	if (f->interval_ns <= 0)
		return report_text(g, 1, "duration interval must be greater than 0");
	if (i.status == CONTAINER_STOPPED)
		return report_text(g, 1, "container with id %s is not running", id);
	int r = cgroup_load(i.cgroup, &cg, &e);
	if (r == 0)
		r = f->stats ? print_stats(cg, id, &e) : watch(cg, id, MAX(f->interval_ns / 1000000, 1), &e);
	return r < 0 ? report(g, 1, NULL, &e) : 0;
}

const struct verb verb_events = {
	.name = "events",
	.brief = "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
	.args = "<container-id>",
	VERB_OPTIONS(struct events_flags, rows),
	.order = OPTIONS_ANYWHERE,
	.min_args = 1,
	.max_args = 1,
	.run = run_events,
};
