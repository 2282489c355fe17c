/* knarr-proxy: the service proxy alone, against any Kubernetes API server. Parses flags, wires, runs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client.h"
#include "base/fs.h"
#include "base/json_pool.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics_process.h"
#include "base/sd_notify.h"
#include "cmd/proxy_config.h"
#include "io/loop.h"
#include "netfilter/proxy.h"
#include "netfilter/proxy_serve.h"

struct program {
	const struct proxy_options *options;
	struct loop *loop;
	struct kubeconfig kubeconfig;
	struct api_client *api;
	struct metrics *metrics;
	struct proxy *proxy;
	struct proxy_serve *serve;
	bool ready;
};

static void on_signal(void *arg, int signo)
{
	log_info("stopping, services go on signal=%d", signo);
	loop_stop(arg);
}

static void on_sync(void *arg, const struct err *e, size_t changed)
{
	struct program *p = arg;
	if (e) {
		log_warn("not in step, tried again error=\"%s\"", err_text(e));
		return;
	}
	if (!p->ready)
		log_info("in step with the API server changed=%zu", changed);
	else
		log_debug("synced changed=%zu", changed);
	p->ready = true;
	int r = sd_notify_send("READY=1");
	if (r < 0)
		log_debug("cannot notify the supervisor, ignoring error=\"%s\"", strerror(-r));
}

static void tell_process(void *arg)
{
	metrics_tell_process(arg);
}

static bool has_ipv6(void)
{
	AUTO_STR text = STR_INIT;
	return fs_read_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", 16, &text, NULL) >= 0 &&
	       str_has_prefix(str_text(&text), "0");
}

static bool any_ipv6(char *const *nets)
{
	for (; nets && *nets; nets++)
		if (strchr(*nets, ':'))
			return true;
	return false;
}

static int check_rivals(const struct proxy_options *o, struct err *e)
{
	const char *what = NULL;
	int r = netfilter_rival(&what, e);
	if (r <= 0)
		return r;
	if (o->beside_others) {
		log_warn("rules of another service proxy are here found=\"%s\"", what);
		return 0;
	}
	return err_set(e, -EEXIST,
		       "another service proxy is at work here (%s): end it and remove its rules (kube-proxy --cleanup), or "
		       "give --beside-others",
		       what);
}

static int start(struct program *p, struct err *e)
{
	const struct proxy_options *o = p->options;
	struct proxy_config c = {.loop = p->loop,
				 .node_name = o->node_name,
				 .nodeport_nets = (const char *const *)o->nodeport_nets,
				 .cluster_cidrs = (const char *const *)o->cluster_cidrs,
				 .ipv6 = has_ipv6(),
				 .masquerade_all = o->masquerade_all,
				 .metrics = p->metrics,
				 .on_sync = on_sync,
				 .arg = p};
	int r = check_rivals(o, e);
	if (r >= 0)
		r = netfilter_sysctls(any_ipv6(o->cluster_cidrs), e);
	if (r >= 0)
		r = proxy_options_connect(o, &p->kubeconfig, e);
	if (r >= 0)
		r = api_client_new(p->loop, &p->kubeconfig, &p->api, e);
	c.api = p->api;
	if (r >= 0)
		r = proxy_start(&c, &p->proxy, e);
	struct proxy_serve_config s = {.loop = p->loop,
				       .proxy = p->proxy,
				       .metrics = p->metrics,
				       .healthz = o->healthz,
				       .figures = o->figures};
	return r < 0 ? r : proxy_serve_start(&s, &p->serve, e);
}

static void stop(struct program *p)
{
	proxy_serve_stop(p->serve);
	proxy_stop(p->proxy, false);
	api_client_free(p->api);
	kubeconfig_done(&p->kubeconfig);
	loop_free(p->loop);
	metrics_free(p->metrics);
}

static int run(const struct proxy_options *o)
{
	struct program p = {.options = o, .metrics = metrics_new()};
	struct err e = ERR_INIT;
	metrics_before_write(p.metrics, tell_process, p.metrics);
	int r = loop_new(&p.loop, &e);
	if (r == 0)
		r = start(&p, &e);
	if (r < 0) {
		log_error("not started error=\"%s\"", err_text(&e));
		stop(&p);
		return EXIT_FAILURE;
	}
	struct signal_watch *term = signal_watch_new(p.loop, SIGTERM, on_signal, p.loop),
			    *intr = signal_watch_new(p.loop, SIGINT, on_signal, p.loop);
	loop_run(p.loop);
	signal_watch_free(term);
	signal_watch_free(intr);
	stop(&p);
	return EXIT_SUCCESS;
}

static int cleanup(void)
{
	struct err e = ERR_INIT;
	if (netfilter_cleanup(NULL, &e) >= 0)
		return EXIT_SUCCESS;
	log_error("rules not removed error=\"%s\"", err_text(&e));
	return EXIT_FAILURE;
}

static void print_help(void)
{
	AUTO_STR text = STR_INIT;
	proxy_options_help(&text);
	printf("Usage: knarr-proxy [--FLAG VALUE | --FLAG=VALUE]...\nKeeps the services of a Kubernetes cluster reachable from "
	       "this node.\n\n%s",
	       str_text(&text));
}

int main(int argc, char **argv)
{
	struct proxy_options o;
	struct err e = ERR_INIT;
	json_pool_use(); /* trees that come and go leave no holes between what stays */
	int r = proxy_options_parse(argc, argv, &o, &e), code = 2;
	log_init("knarr-proxy", o.verbosity <= 0   ? LOG_LEVEL_ERROR
				: o.verbosity == 1 ? LOG_LEVEL_WARN
				: o.verbosity < 4  ? LOG_LEVEL_INFO
						   : LOG_LEVEL_DEBUG);
	if (r < 0) {
		fprintf(stderr, "knarr-proxy: %s\n", err_text(&e));
	} else if (r == PROXY_OPTIONS_HELP) {
		print_help();
		code = EXIT_SUCCESS;
	} else if (o.version) {
		puts("knarr-proxy " KNARR_VERSION);
		code = EXIT_SUCCESS;
	} else {
		code = o.cleanup ? cleanup() : run(&o);
	}
	proxy_options_done(&o);
	return code;
}
