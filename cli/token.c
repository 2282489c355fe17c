/* knarr token: bootstrap tokens of the cluster, with kubeadm's verbs, flags and columns. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bootstrap_secret.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/join_info.h"

#define SECRETS "/api/v1/namespaces/kube-system/secrets"

static const char usage[] =
	"Usage: knarr token create [TOKEN] [flags]\n"
	"       knarr token list [flags]\n"
	"       knarr token delete TOKEN-OR-ID ... [flags]\n"
	"       knarr token generate\n\n"
	"Bootstrap tokens, by which machines join the cluster. create prints the token (a random one where none is given);\n"
	"generate prints a random one and does nothing with it.\n\n";

struct token_flags {
	const char *kubeconfig, *config_dir, *description, *ttl;
	char **groups, **usages;
	bool print_join;
};

static const struct option_row rows[] = {
	{ .name = "kubeconfig", .kind = OPTION_TEXT, .offset = offsetof(struct token_flags, kubeconfig),
	  .help = "the administrator's kubeconfig (default: admin.conf in the configuration directory)" },
	{ .name = "config-dir", .kind = OPTION_TEXT, .offset = offsetof(struct token_flags, config_dir), .fallback = "/etc/kubernetes",
	  .help = "where admin.conf and pki are" },
	{ .name = "description", .kind = OPTION_TEXT, .offset = offsetof(struct token_flags, description),
	  .help = "create: what the token is for" },
	{ .name = "ttl", .kind = OPTION_TEXT, .offset = offsetof(struct token_flags, ttl), .fallback = "24h0m0s",
	  .help = "create: how long it is good, 0: for ever" },
	{ .name = "groups", .kind = OPTION_LIST, .offset = offsetof(struct token_flags, groups),
	  .help = "create: groups that its user is in (default: " BOOTSTRAP_DEFAULT_GROUP ")" },
	{ .name = "usages", .kind = OPTION_LIST, .offset = offsetof(struct token_flags, usages),
	  .help = "create: signing, authentication or both (default)" },
	{ .name = "print-join-command", .kind = OPTION_FLAG, .offset = offsetof(struct token_flags, print_join),
	  .help = "create: print the whole command that joins a machine" },
};

static int open_api(const struct token_flags *f, struct node_api **ret, struct err *e)
{
	AUTO_FREE char *path = f->kubeconfig ? xstrdup(f->kubeconfig) : xasprintf("%s/admin.conf", f->config_dir);
	return node_api_open(path, ret, e);
}

/* Values of a list that may have been given with commas. Owned. */
static char **flatten(char *const *list)
{
	char **out = NULL;
	for (; list && *list; list++) {
		AUTO_STRV char **parts = str_split(*list, ',');
		for (char **p = parts; p && *p; p++)
			strv_add(&out, *p);
	}
	return out;
}

static int read_usages(char *const *usages, struct join_token *t, struct err *e)
{
	t->signing = t->authentication = !usages;
	for (; usages && *usages; usages++) {
		if (strcmp(*usages, "signing") == 0)
			t->signing = true;
		else if (strcmp(*usages, "authentication") == 0)
			t->authentication = true;
		else
			return err_set(e, -EINVAL, "invalid bootstrap token usage string \"%s\", valid usage options: signing, authentication",
				       *usages);
	}
	return 0;
}

static int print_command(const struct token_flags *f, struct node_api *a, const char *token, struct err *e)
{
	AUTO_JSON *info = NULL;
	AUTO_FREE char *command = NULL;
	int r = node_api_get(a, JOIN_INFO_PATH, &info, e);
	if (r < 0)
		return r;
	const char *text = json_str_or(info, "data.kubeconfig", ""), *at = strstr(text, "server: https://");
	AUTO_FREE char *host = at ? xstrndup(at + 16, strcspn(at + 16, "\n")) : NULL;
	char *colon = host ? strrchr(host, ':') : NULL;
	if (!colon)
		return err_set(e, -EINVAL, "cluster-info names no server: knarr init makes it");
	*colon = '\0';
	struct node_options o = { .config_dir = (char *)f->config_dir, .node_ip = host, .secure_port = colon + 1 };
	if ((r = join_command(&o, token, &command, e)) == 0)
		puts(command);
	return r;
}

static int run_create(const struct token_flags *f, int n, char **args, struct err *e)
{
	AUTO_STRV char **groups = flatten(f->groups), **usages = flatten(f->usages);
	struct join_token t = { .text = n ? args[0] : NULL, .description = f->description, .groups = groups };
	char text[BOOTSTRAP_TOKEN_LEN + 1];
	struct node_api *a = NULL;
	int64_t ns = 0;
	if (n > 1)
		return err_set(e, -EINVAL, "unexpected argument: %s", args[1]);
	if (strcmp(f->ttl, "0") != 0 && (duration_parse(f->ttl, &ns) < 0 || ns < 0))
		return err_set(e, -EINVAL, "--ttl: not a duration: %s", f->ttl);
	t.ttl_s = ns / 1000000000;
	int r = read_usages(usages, &t, e);
	if (r == 0)
		r = open_api(f, &a, e);
	if (r == 0)
		r = join_token_create(a, &t, text, e);
	if (r == 0 && f->print_join)
		r = print_command(f, a, text, e);
	else if (r == 0)
		puts(text);
	node_api_close(a);
	return r;
}

static void print_token(const struct bootstrap_secret *s)
{
	char left[24] = "<forever>";
	int64_t end = bootstrap_secret_end_ms(s), now = clock_wall_ms();
	AUTO_FREE char *token = xasprintf("%s.%s", s->id, s->secret), *groups = s->groups ? str_join(s->groups, ",") : xstrdup("<none>");
	if (end <= now)
		snprintf(left, sizeof(left), "<invalid>");
	else if (end != INT64_MAX)
		duration_human(end - now, left);
	AUTO_FREE char *usages = xasprintf("%s%s%s", s->authentication ? "authentication" : "", s->authentication && s->signing ? "," : "",
					   s->signing ? "signing" : "");
	printf("%-25s %-11s %-22s %-26s %-58s %s\n", token, left, str_empty(s->expiration) ? "<never>" : s->expiration,
	       *usages ? usages : "<none>", str_empty(s->description) ? "<none>" : s->description, groups);
}

static int run_list(const struct token_flags *f, int n, char **args, struct err *e)
{
	AUTO_JSON *list = NULL;
	struct node_api *a = NULL;
	json_t *secret;
	size_t i;
	(void)n;
	(void)args;
	int r = open_api(f, &a, e);
	if (r == 0)
		r = node_api_get(a, SECRETS "?fieldSelector=type%3D" "bootstrap.kubernetes.io%2Ftoken", &list, e);
	node_api_close(a);
	if (json_array_size(json_object_get(list, "items")))
		printf("%-25s %-11s %-22s %-26s %-58s %s\n", "TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS");
	json_array_foreach(json_object_get(list, "items"), i, secret) {
		AUTO_BOOTSTRAP_SECRET s = { 0 };
		if (bootstrap_secret_read(secret, &s) == 0)
			print_token(&s);
	}
	return r;
}

static int delete_one(struct node_api *a, const char *token, struct err *e)
{
	AUTO_FREE char *id = xstrndup(token, BOOTSTRAP_ID_LEN), *path = xasprintf(SECRETS "/" BOOTSTRAP_SECRET_PREFIX "%s", id);
	if (!bootstrap_token_has_form(token) && !bootstrap_id_has_form(token))
		return err_set(e, -EINVAL, "given token \"%s\" does not match pattern [a-z0-9]{6} or [a-z0-9]{6}.[a-z0-9]{16}", token);
	int r = node_api_delete(a, path, e);
	if (r == 0)
		printf("bootstrap token \"%s\" deleted\n", id);
	return r < 0 ? err_wrap(e, r, "failed to delete bootstrap token \"%s\"", id) : 0;
}

static int run_delete(const struct token_flags *f, int n, char **args, struct err *e)
{
	struct node_api *a = NULL;
	int r = n ? open_api(f, &a, e) : err_set(e, -EINVAL, "missing argument: delete wants a token or a token's id");
	for (int i = 0; r == 0 && i < n; i++)
		r = delete_one(a, args[i], e);
	node_api_close(a);
	return r;
}

static int run_generate(const struct token_flags *f, int n, char **args, struct err *e)
{
	char text[BOOTSTRAP_TOKEN_LEN + 1];
	(void)f;
	(void)n;
	(void)args;
	(void)e;
	puts(bootstrap_token_random(text));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct token_flags *f, int n, char **args, struct err *e);
} verbs[] = { { "create", run_create }, { "list", run_list }, { "delete", run_delete }, { "generate", run_generate } };

static int run(int argc, char **argv, struct err *e)
{
	struct token_flags f = { 0 };
	int n = 0, r = options_parse(rows, ARRAY_LEN(rows), OPTIONS_ANYWHERE, argc, argv, &f, &n, e);
	if (r == OPTIONS_HELP || (r == 0 && !n)) {
		AUTO_STR text = STR_INIT;
		options_help(rows, ARRAY_LEN(rows), &text);
		printf("%s%s", usage, str_text(&text));
	} else if (r == 0) {
		size_t i = 0;
		while (i < ARRAY_LEN(verbs) && strcmp(verbs[i].name, argv[0]) != 0)
			i++;
		r = i < ARRAY_LEN(verbs) ? verbs[i].run(&f, n - 1, argv + 1, e) : err_set(e, -EINVAL, "unknown command \"%s\"", argv[0]);
	}
	options_free(rows, ARRAY_LEN(rows), &f);
	return r;
}

int cmd_token(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r = run(argc - 1, argv + 1, &e);
	if (r < 0)
		fprintf(stderr, "knarr token: %s\n", err_text(&e));
	return r < 0;
}
