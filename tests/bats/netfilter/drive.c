/* Drives the service proxy from standard input, for tests: one command a line, each answered by one line.
 *
 *   service JSON | slice JSON | del-service KEY | del-slice KEY
 *   sync                    "ok CHANGED MICROSECONDS USER SYSTEM" (the latter CPU time) or "error TEXT"
 *   many N ENDPOINTS        N services 10.100.x.y:80 with endpoints each
 *   cleanup                 removes the tables
 *
 * usage: proxy-drive [--cidr CIDR] [--service-cidr CIDR] [--node-ip IP] [--ipv6] [--masquerade] [--remove] */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/json.h"
#include "netfilter/proxy.h"
#include "netfilter/service_parse.h"

static int64_t now_us(void)
{
	return clock_wall_us();
}

static void add_json(struct proxy *p, const char *kind, const char *text)
{
	AUTO_JSON *j = NULL;
	struct err e = ERR_INIT;
	if (json_parse(text, strlen(text), &j, &e) < 0) {
		printf("error %s\n", err_text(&e));
		return;
	}
	if (!strcmp(kind, "service")) {
		struct service *s = service_parse(j);
		if (s)
			proxy_set_service(p, s);
	} else {
		struct service_slice *s = service_slice_parse(j, "node", "here");
		if (s)
			proxy_set_slice(p, s);
	}
	printf("ok\n");
}

static void add_many(struct proxy *p, unsigned n, unsigned endpoints)
{
	for (unsigned i = 0; i < n; i++) {
		char *svc = xasprintf(
		    "{\"metadata\":{\"namespace\":\"many\",\"name\":\"s%u\"},\"spec\":{\"clusterIP\":\"10.100.%u.%u\","
		    "\"ports\":[{\"port\":80}]}}",
		    i, i >> 8, i & 255);
		struct str slice = STR_INIT;
		str_addf(&slice,
			 "{\"metadata\":{\"namespace\":\"many\",\"name\":\"s%u-a\",\"labels\":{\"kubernetes.io/"
			 "service-name\":\"s%u\"}},"
			 "\"addressType\":\"IPv4\",\"ports\":[{\"port\":8080}],\"endpoints\":[",
			 i, i);
		for (unsigned k = 0; k < endpoints; k++)
			str_addf(&slice, "%s{\"addresses\":[\"10.%u.%u.%u\"]}", k ? "," : "", 200 + k % 50, i >> 8,
				 i & 255);
		str_add(&slice, "]}");
		AUTO_JSON *a = NULL, *b = NULL;
		json_parse(svc, strlen(svc), &a, NULL);
		json_parse(slice.p, slice.len, &b, NULL);
		proxy_set_service(p, service_parse(a));
		proxy_set_slice(p, service_slice_parse(b, "node", "here"));
		free(svc);
		str_done(&slice);
	}
	printf("ok\n");
}

/* Of this process: user, system. */
static void cpu_us(int64_t ret[2])
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	ret[0] = (int64_t)u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec;
	ret[1] = (int64_t)u.ru_stime.tv_sec * 1000000 + u.ru_stime.tv_usec;
}

static void sync_now(struct proxy *p)
{
	struct err e = ERR_INIT;
	size_t changed = 0;
	int64_t t = now_us(), cpu[2], after[2];
	cpu_us(cpu);
	if (proxy_sync(p, &changed, &e) < 0)
		printf("error %s\n", err_text(&e));
	else {
		t = now_us() - t;
		cpu_us(after);
		printf("ok %zu %lld %lld %lld\n", changed, (long long)t, (long long)(after[0] - cpu[0]),
		       (long long)(after[1] - cpu[1]));
	}
}

static void command(struct proxy *p, char *line)
{
	char *rest = strchr(line, ' ');
	unsigned n, k;
	if (rest)
		*rest++ = '\0';
	if (!strcmp(line, "service") || !strcmp(line, "slice")) {
		add_json(p, line, rest ? rest : "");
	} else if (!strcmp(line, "del-service") && rest) {
		proxy_delete_service(p, rest);
		printf("ok\n");
	} else if (!strcmp(line, "del-slice") && rest) {
		proxy_delete_slice(p, rest);
		printf("ok\n");
	} else if (!strcmp(line, "sync")) {
		sync_now(p);
	} else if (!strcmp(line, "many") && rest && sscanf(rest, "%u %u", &n, &k) == 2) {
		add_many(p, n, k);
	} else if (!strcmp(line, "cleanup")) {
		struct err e = ERR_INIT;
		printf(netfilter_cleanup("knarr-proxy", &e) < 0 ? "error %s\n" : "ok\n", err_text(&e));
	} else {
		printf("error unknown command\n");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"cidr", required_argument, NULL, 'c'},
						{"service-cidr", required_argument, NULL, 's'},
						{"node-ip", required_argument, NULL, 'n'},
						{"ipv6", no_argument, NULL, '6'},
						{"masquerade", no_argument, NULL, 'm'},
						{"remove", no_argument, NULL, 'r'},
						{0}};
	const char *cidrs[8] = {0}, *services[8] = {0}, *ips[8] = {0};
	size_t n_cidrs = 0, n_services = 0, n_ips = 0, room = 0;
	struct proxy_config c = {
	    .node_name = "node", .cluster_cidrs = cidrs, .service_cidrs = services, .node_ips = ips};
	bool remove = false;
	struct proxy *p;
	struct err e = ERR_INIT;
	char *line = NULL;
	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) > 0;) {
		if (o == 'c' && n_cidrs < 7)
			cidrs[n_cidrs++] = optarg;
		else if (o == 's' && n_services < 7)
			services[n_services++] = optarg;
		else if (o == 'n' && n_ips < 7)
			ips[n_ips++] = optarg;
		c.ipv6 |= o == '6';
		c.masquerade_pods |= o == 'm';
		remove |= o == 'r';
	}
	if (netfilter_sysctls(c.ipv6, &e) < 0 || proxy_start(&c, &p, &e) < 0) {
		fprintf(stderr, "%s\n", err_text(&e));
		return 1;
	}
	for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		command(p, line);
	}
	proxy_stop(p, remove);
	free(line);
	return 0;
}
