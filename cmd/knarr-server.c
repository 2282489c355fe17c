/* knarr-server: API server, controllers and scheduler in one process. Purpose: wire the layers and run the loop. Happy
 * path: certificates, store, cache, API, bootstrap, listen, controllers, ready. What fails before that ends the process
 * with a line that says why. SIGTERM and SIGINT let running requests finish, then close the store. */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <ifaddrs.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/address.h"
#include "api/kubeconfig.h"
#include "api/pki.h"
#include "base/fs.h"
#include "base/json_pool.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sd_notify.h"
#include "cmd/server_backup.h"
#include "cmd/server_config.h"
#include "cmd/server_loops.h"
#include "cmd/server_store.h"
#include "cp/api/api.h"

/* What a client is told whose body is larger than the 3 MiB of max_body below. */
#define TOO_LARGE                                                                                                      \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Request entity too large: limit is "  \
	"3145728\",\"reason\":\"RequestEntityTooLarge\",\"code\":413}"

struct server {
	struct server_config config;
	struct loop *loop;
	struct schema *schema;
	struct store *store;
	struct cache *cache;
	struct api *api;
	struct tls_ctx *tls;
	struct http_server *http;
	struct server_loops *loops;
	struct server_backup *backup;
	struct signal_watch *signals[2];
	struct timer *delay; /* between the signal and the end */
	bool stopping;
	int result;
};

static void notify(const char *text)
{
	int r = sd_notify_send(text);
	if (r < 0)
		log_warn("cannot notify the supervisor, ignoring error=\"%s\"", strerror(-r));
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static bool is_any(const char *address)
{
	return !*address || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* The address to advertise when none is given: the one bound to, else the first that is not loopback. */
static char *default_address(const char *bound)
{
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";
	struct ifaddrs *all = NULL;
	if (!is_any(bound) && !is_loopback(bound))
		return xstrdup(bound);
	if (getifaddrs(&all) < 0)
		return xstrdup(text);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		struct in_addr a = ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
		if ((ntohl(a.s_addr) >> 24) == 127)
			continue;
		inet_ntop(AF_INET, &a, text, sizeof(text));
		break;
	}
	freeifaddrs(all);
	return xstrdup(text);
}

static int make_certificates(struct server_config *c, struct err *e)
{
	AUTO_FREE char *service_ip = address_first(c->service_cidr);
	int r = service_ip ? fs_mkdir_p(c->data_dir, 0700, e)
			   : err_set(e, -EINVAL, "--service-cluster-ip-range: \"%s\" is no range", c->service_cidr);
	if (r < 0)
		return r;
	return pki_cluster_ensure(&(struct pki_cluster){.dir = c->cert_dir,
							.service_ip = service_ip,
							.cluster_domain = c->cluster_domain,
							.advertise_address = c->advertise_address},
				  e);
}

static int write_kubeconfig(const struct server_config *c, uint16_t port, struct err *e)
{
	AUTO_FREE char *ca = xasprintf("%s/ca.crt", c->cert_dir);
	AUTO_FREE char *crt = xasprintf("%s/admin.crt", c->cert_dir);
	AUTO_FREE char *key = xasprintf("%s/admin.key", c->cert_dir);
	const char *host = is_any(c->bind_address) ? c->advertise_address : c->bind_address;
	AUTO_FREE char *url = xasprintf(strchr(host, ':') ? "https://[%s]:%u" : "https://%s:%u", host, port);
	return kubeconfig_write(c->kubeconfig_out, "kubernetes", url, ca, "kubernetes-admin", crt, key, e);
}

/* Changes were missed: only loading anew makes the cache true again. The supervisor starts the next process. */
static void on_lost(void *arg, const struct err *e)
{
	struct server *s = arg;
	log_error("cannot follow the store any more, ending error=\"%s\"", err_text(e));
	s->result = 1;
	loop_stop(s->loop);
}

static int open_data(struct server *s, struct err *e)
{
	int r = schema_load_builtin(&s->schema, e);
	if (r < 0)
		return r;
	if ((r = server_store_open(&s->config, s->schema, s->loop, &s->store, e)) < 0)
		return r;
	store_set_lost(s->store, on_lost, s);
	s->backup = server_backup_new(s->loop, s->store, s->config.data_dir);
	s->cache = cache_new(s->loop, s->store);
	api_declare_buckets(s->cache, s->schema);
	return cache_load(s->cache, e);
}

/* Takes requests once the server listens; the API is there before the first can come. */
static void on_request(void *arg, struct http_exchange *x)
{
	struct server *s = arg;
	if (!server_backup_request(s->backup, x))
		api_on_request(s->api, x);
}

static bool streams(void *arg, const char *method, const char *path)
{
	struct server *s = arg;
	return api_streams(s->api, method, path);
}

static int listen_https(struct server *s, struct err *e)
{
	struct server_config *c = &s->config;
	AUTO_FREE char *crt = c->tls_cert_file ? xstrdup(c->tls_cert_file) : xasprintf("%s/apiserver.crt", c->cert_dir);
	AUTO_FREE char *key = c->tls_key_file ? xstrdup(c->tls_key_file) : xasprintf("%s/apiserver.key", c->cert_dir);
	struct tls_config tls = {.cert_file = crt, .key_file = key, .ca_file = c->client_ca_file, .proxy_ca_file = c->proxy_ca_file};
	int r = tls_server_new(&tls, &s->tls, e);
	if (r < 0)
		return r;
	struct http_server_config http = {.loop = s->loop,
					  .bind_address = c->bind_address,
					  .port = c->port,
					  .tls = s->tls,
					  .max_body = 3145728,
					  .too_large = TOO_LARGE,
					  .on_request = on_request,
					  .streams = streams,
					  .arg = s};
	r = http_server_start(&http, &s->http, e);
	return r < 0 ? err_wrap(e, r, "%s port %u", c->bind_address, c->port) : 0;
}

/* Comma-separated texts that a configuration borrows. */
struct lists {
	char **issuers, **audiences, **keys, **names, **users, **uids, **groups, **extras;
};

static void lists_done(struct lists *l)
{
	free_strv(&l->issuers);
	free_strv(&l->audiences);
	free_strv(&l->keys);
	free_strv(&l->names);
	free_strv(&l->users);
	free_strv(&l->uids);
	free_strv(&l->groups);
	free_strv(&l->extras);
}

static struct authn_config authentication(const struct server_config *c, struct lists *l)
{
	*l = (struct lists){.issuers = str_split(c->sa_issuers, ','),
			    .audiences = c->api_audiences ? str_split(c->api_audiences, ',') : NULL,
			    .keys = str_split(c->sa_key_files, ','),
			    .names = str_split(c->proxy_names, ','),
			    .users = str_split(c->proxy_users, ','),
			    .uids = str_split(c->proxy_uids, ','),
			    .groups = str_split(c->proxy_groups, ','),
			    .extras = str_split(c->proxy_extras, ',')};
	return (struct authn_config){.issuers = l->issuers,
				     .audiences = l->audiences,
				     .signing_key_file = c->sa_signing_key_file,
				     .key_files = l->keys,
				     .token_file = c->token_file,
				     .bootstrap_tokens = !strcmp(c->bootstrap_tokens, "true"),
				     .anonymous = !strcmp(c->anonymous, "true"),
				     .proxy_names = l->names,
				     .proxy_user_headers = l->users,
				     .proxy_uid_headers = l->uids,
				     .proxy_group_headers = l->groups,
				     .proxy_extra_prefixes = l->extras};
}

static int make_api(struct server *s, struct err *e)
{
	AUTO(lists_done) struct lists lists = {0};
	struct server_config *c = &s->config;
	AUTO_FREE char *ca = xasprintf("%s/ca.crt", c->cert_dir);
	AUTO_FREE char *crt = xasprintf("%s/apiserver-kubelet-client.crt", c->cert_dir);
	AUTO_FREE char *key = xasprintf("%s/apiserver-kubelet-client.key", c->cert_dir);
	AUTO_FREE char *proxy_crt = xasprintf("%s/front-proxy-client.crt", c->cert_dir);
	AUTO_FREE char *proxy_key = xasprintf("%s/front-proxy-client.key", c->cert_dir);
	return api_new(&(struct api_config){.loop = s->loop,
					    .schema = s->schema,
					    .cache = s->cache,
					    .service_cidr = c->service_cidr,
					    .cluster_dns = c->cluster_dns,
					    .node_port_min = c->node_port_min,
					    .node_port_max = c->node_port_max,
					    .advertise_address = c->advertise_address,
					    .secure_port = http_server_port(s->http),
					    .cluster_domain = c->cluster_domain,
					    .agent_ca_file = ca,
					    .agent_cert_file = crt,
					    .agent_key_file = key,
					    .proxy_client_cert_file = proxy_crt,
					    .proxy_client_key_file = proxy_key,
					    .authn = authentication(c, &lists),
					    .audit = {.policy_file = c->audit_policy_file,
						      .log_path = c->audit_log_path,
						      .max_bytes = (int64_t)c->audit_mb << 20,
						      .max_backups = (int)c->audit_backups,
						      .max_age_days = (int)c->audit_days},
					    .jwks_uri = c->sa_jwks_uri,
					    .extend_tokens = !strcmp(c->sa_extend, "true"),
					    .token_seconds_max = c->sa_max_seconds,
					    .node_network = strcmp(c->controllers, "none") != 0,
					    .ca_file = ca,
					    .flow = {.off = strcmp(c->fairness, "true") != 0,
						     .max_requests = c->max_requests_n,
						     .max_changing = c->max_changing_n,
						     .request_timeout_ms = c->request_timeout_ms}},
		       &s->api, e);
}

static void fail(struct server *s, const struct err *e)
{
	log_error("cannot start error=\"%s\"", err_text(e));
	s->result = 1;
	loop_stop(s->loop);
}

static void on_bootstrapped(void *arg, int r, const struct err *failure)
{
	struct server *s = arg;
	struct err e = ERR_INIT;
	uint16_t port = http_server_port(s->http);
	if (s->stopping)
		return;
	if (r < 0) {
		fail(s, failure);
		return;
	}
	if (server_loops_start(s->api, &s->config, &s->loops, &e) < 0 || write_kubeconfig(&s->config, port, &e) < 0) {
		fail(s, &e);
		return;
	}
	if (s->config.port == 0) {
		printf("%u\n", port);
		fflush(stdout);
	}
	malloc_trim(0); /* the start needs more memory than what follows */
	log_info("ready address=%s port=%u kubeconfig=%s", s->config.bind_address, port, s->config.kubeconfig_out);
	notify("READY=1");
}

static void on_stopped(void *arg)
{
	struct server *s = arg;
	s->http = NULL;
	loop_stop(s->loop);
}

static void on_released(void *arg)
{
	struct server *s = arg;
	api_drain(s->api);
	http_server_stop(s->http, 5000, on_stopped, s);
}

static void stop_serving(void *arg)
{
	struct server *s = arg;
	if (s->loops)
		server_loops_release(s->loops, on_released, s);
	else
		on_released(s);
}

/* At first it only says that it is not ready; a second signal ends the delay. */
static void on_signal(void *arg, int signo)
{
	struct server *s = arg;
	if (s->stopping && timer_is_active(s->delay)) {
		timer_stop(s->delay);
		stop_serving(s);
	}
	if (s->stopping)
		return;
	s->stopping = true;
	log_info("stopping signal=%d", signo);
	notify("STOPPING=1");
	api_terminate(s->api);
	if (s->config.shutdown_delay_ms > 0)
		timer_start(s->delay, s->config.shutdown_delay_ms);
	else
		stop_serving(s);
}

static int start(struct server *s, struct err *e)
{
	struct server_config *c = &s->config;
	if (!c->advertise_address)
		c->advertise_address = default_address(c->bind_address);
	int r = loop_new(&s->loop, e);
	if (r < 0 || (r = make_certificates(c, e)) < 0 || (r = open_data(s, e)) < 0)
		return r;
	/* The port is known before the API is made, which says it to clients. */
	if ((r = listen_https(s, e)) < 0 || (r = make_api(s, e)) < 0)
		return r;
	s->delay = timer_new(s->loop, stop_serving, s);
	s->signals[0] = signal_watch_new(s->loop, SIGTERM, on_signal, s);
	s->signals[1] = signal_watch_new(s->loop, SIGINT, on_signal, s);
	api_bootstrap(s->api, on_bootstrapped, s);
	return 0;
}

static void stop(struct server *s)
{
	server_loops_free(s->loops);
	if (s->http)
		http_server_stop(s->http, 0, NULL, NULL);
	timer_free(s->delay);
	signal_watch_free(s->signals[0]);
	signal_watch_free(s->signals[1]);
	server_backup_free(s->backup);
	if (s->store)
		store_close(s->store);
	api_free(s->api);
	cache_free(s->cache);
	schema_free(s->schema);
	tls_unref(s->tls);
	loop_free(s->loop);
	server_config_done(&s->config);
}

static enum log_level level_of(const char *verbosity)
{
	int v = atoi(verbosity);
	return v <= 0 ? LOG_LEVEL_ERROR : v == 1 ? LOG_LEVEL_WARN : v < 4 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

int main(int argc, char **argv)
{
	struct server s = {0};
	struct err e = ERR_INIT;
	json_pool_use();
	if (server_config_read(&s.config, argc, argv, &e) < 0) {
		fprintf(stderr, "knarr-server: %s\n", err_text(&e));
		return 2;
	}
	if (s.config.help || s.config.version) {
		if (s.config.help)
			server_config_usage();
		else
			printf("knarr-server %s (Kubernetes v1.36)\n", KNARR_VERSION);
		server_config_done(&s.config);
		return 0;
	}
	log_init("knarr-server", level_of(s.config.verbosity));
	if (start(&s, &e) < 0) {
		log_error("cannot start error=\"%s\"", err_text(&e));
		s.result = 1;
	} else {
		loop_run(s.loop);
	}
	int result = s.result;
	stop(&s);
	return result;
}
