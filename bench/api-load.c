/* api-load: a client that loads an API server and prints figures, one JSON line a measurement. bench/api runs it; see there
 * for what the lines mean. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/options.h"
#include "bench/load.h"

#define OPT(n, k, m, f, h) {.name = n, .kind = k, .offset = offsetof(struct load_options, m), .fallback = f, .help = h}
static const struct option_row rows[] = {
	OPT("clients", OPTION_INT, clients, "1", "connections, or watchers"),
	OPT("seconds", OPTION_INT, seconds, "5", "how long"),
	OPT("count", OPTION_INT, count, "0", "this many requests instead"),
	OPT("first", OPTION_INT, first, "0", "number of the first object"),
	OPT("objects", OPTION_INT, objects, "0", "how many objects to choose from"),
	OPT("rate", OPTION_INT, rate, "0", "fanout: updates a second; 0: as fast as they are taken"),
	OPT("writers", OPTION_INT, writers, "1", "fanout: how many update"),
	OPT("pid", OPTION_INT, pid, "0", "the server's, whose CPU time is measured"),
	OPT("path", OPTION_TEXT, path, NULL, "list, fanout: what"),
};

static int fail(const struct err *e)
{
	fprintf(stderr, "api-load: %s\n", err_text(e));
	return EXIT_FAILURE;
}

struct load_conn *load_connect(const struct load *l, void (*on_body)(void *arg, const char *p, size_t n),
			       void (*on_done)(void *arg, int status, struct str *body), void *arg)
{
	struct err e = ERR_INIT;
	struct load_conn *c = NULL;
	struct load_conn_config config = {
	    .loop = l->loop, .tls = l->tls, .host = l->host, .port = l->port, .on_body = on_body, .on_done = on_done, .arg = arg};
	if (load_conn_new(&config, &c, &e) < 0)
		exit(fail(&e));
	return c;
}

static int open_load(const char *kubeconfig, struct load *l, struct err *e)
{
	int r = kubeconfig_load(kubeconfig, &l->kube, e);
	if (r < 0)
		return r;
	const char *host = strstr(l->kube.server, "://"), *port = strrchr(l->kube.server, ':');
	if (!host || port < host + 3)
		return err_set(e, -EINVAL, "%s: no port in it", l->kube.server);
	l->host = xstrndup(host + 3, (size_t)(port - host - 3));
	l->port = xstrdup(port + 1);
	struct tls_config t = {.ca_file = l->kube.ca_file, .cert_file = l->kube.cert_file, .key_file = l->kube.key_file};
	r = tls_client_new(&t, &l->tls, e);
	return r < 0 ? r : loop_new(&l->loop, e);
}

static void close_load(struct load *l)
{
	loop_free(l->loop);
	tls_unref(l->tls);
	kubeconfig_done(&l->kube);
	free(l->host);
	free(l->port);
}

int main(int argc, char **argv)
{
	struct load_options o = {0};
	struct load l = {.o = &o};
	struct err e = ERR_INIT;
	struct rlimit files;
	int n = 0, r = options_parse(rows, ARRAY_LEN(rows), OPTIONS_ANYWHERE, argc - 1, argv + 1, &o, &n, &e);
	const struct load_mode *m = n == 2 ? load_mode_find(argv[2]) : NULL;
	if (r < 0)
		return fail(&e);
	if (r == OPTIONS_HELP || n != 2 || (!m && strcmp(argv[2], "fanout") != 0)) {
		AUTO_STR help = STR_INIT;
		options_help(rows, ARRAY_LEN(rows), &help);
		printf("usage: api-load KUBECONFIG MODE [OPTION]...\nmodes: see bench/load_mode.c, and fanout\n%s", str_text(&help));
		return r == OPTIONS_HELP ? EXIT_SUCCESS : 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	r = open_load(argv[1], &l, &e);
	r = r < 0 ? fail(&e) : m ? load_requests(&l, m) : load_fanout(&l);
	close_load(&l);
	return r;
}
