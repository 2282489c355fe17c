/* Drives network policies from standard input, for tests: one command a line, each answered by one line.
 *
 *   policy JSON | del-policy KEY | pod JSON | del-pod UID | namespace JSON | del-namespace NAME
 *   sync                    "ok CHANGED" or "error TEXT"
 *
 * Pods of the node "here" are this node's. usage: policy-drive TABLE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "netfilter/policy_sync.h"

static int set_policy(struct policy_sync *s, const json_t *j, struct err *e)
{
	struct policy *p = NULL;
	int r = policy_parse(j, &p, e);
	if (r == 0)
		policy_sync_set_policy(s, p);
	return r;
}

static int set_object(struct policy_sync *s, const char *verb, const char *text, struct err *e)
{
	AUTO_JSON *j = NULL;
	int r = json_parse(text, strlen(text), &j, e);
	if (r < 0)
		return r;
	if (!strcmp(verb, "policy"))
		return set_policy(s, j, e);
	if (!strcmp(verb, "pod"))
		policy_sync_set_pod(s, policy_pod_parse(j, "here"));
	else
		policy_sync_set_namespace(s, json_str_or(j, "metadata.name", ""), json_at(j, "metadata.labels"));
	return 0;
}

static int run(struct policy_sync *s, const char *verb, const char *rest, size_t *ret_changed, struct err *e)
{
	static const struct {
		const char *verb;
		void (*fn)(struct policy_sync *s, const char *key);
	} deletes[] = {{"del-policy", policy_sync_delete_policy}, {"del-pod", policy_sync_delete_pod}, {"del-namespace", policy_sync_delete_namespace}};
	if (!strcmp(verb, "sync"))
		return policy_sync_commit(s, ret_changed, e);
	for (size_t i = 0; i < sizeof(deletes) / sizeof(deletes[0]); i++) {
		if (strcmp(verb, deletes[i].verb) != 0)
			continue;
		deletes[i].fn(s, rest);
		return 0;
	}
	return set_object(s, verb, rest, e);
}

int main(int argc, char **argv)
{
	struct policy_sync *s = NULL;
	struct err e = ERR_INIT;
	char *line = NULL;
	size_t cap = 0;
	if (argc != 2 || policy_sync_new(argv[1], &s, &e) < 0)
		return EXIT_FAILURE;
	while (getline(&line, &cap, stdin) > 0) {
		size_t changed = 0;
		line[strcspn(line, "\n")] = '\0';
		char *rest = strchr(line, ' ');
		if (rest)
			*rest++ = '\0';
		if (run(s, line, rest ? rest : "", &changed, &e) < 0)
			printf("error %s\n", err_text(&e));
		else
			printf("ok %zu\n", changed);
		fflush(stdout);
	}
	free(line);
	policy_sync_free(s);
	return EXIT_SUCCESS;
}
