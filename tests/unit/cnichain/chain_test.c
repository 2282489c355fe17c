/* Configurations of chains, what each plugin is sent, and whole runs with shell scripts as plugins. */
#include "cni/chain/chain.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "cni/chain/chain_internal.h"
#include "tests/unit/quoted_json.h"

static char dir[64];

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = xasprintf("%s/%s", dir, name), *copy = xstrdup(text);
	for (char *p = copy; *p; p++)
		if (*p == '\'' && !strstr(name, "bin/"))
			*p = '"';
	ck_assert_int_eq(fs_write_atomic(path, copy, strlen(copy), mode, NULL), 0);
	free(path);
	free(copy);
}

static char *get(const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct str s = STR_INIT;
	fs_read_file(path, 1 << 20, &s, NULL);
	free(path);
	return str_take(&s);
}

#define LOG "echo \"$0 $CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS\" | sed 's/.*bin.//' >>%s/log\n"

static void plugin(const char *name, const char *body)
{
	char *file = xasprintf("bin/%s", name), *log = xasprintf(LOG, dir),
	     *text = xasprintf("#!/bin/sh\n%scat >%s/in.%s\n%s\n", log, dir, name, body);
	put(file, text, 0755);
	free(file);
	free(log);
	free(text);
}

static void make_dir(const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void setup(void)
{
	char sub[96];
	static const char *const subs[] = {"bin", "conf", "cache"};
	snprintf(dir, sizeof(dir), "/tmp/knarr-test-chain.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		snprintf(sub, sizeof(sub), "%s/%s", dir, subs[i]);
		ck_assert_int_eq(mkdir(sub, 0755), 0);
	}
	plugin("one",
	       "[ $CNI_COMMAND != ADD ] || echo "
	       "'{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"},{\"address\":\"fd00::2/64\"}]}'");
	plugin("two",
	       "[ $CNI_COMMAND != ADD ] || echo '{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.3/24\"}]}'");
	plugin(
	    "bad",
	    "[ $CNI_COMMAND != ADD ] || { echo '{\"code\":999,\"msg\":\"no luck\",\"details\":\"at all\"}'; exit 1; }");
	plugin("mute", "echo oops >&2; exit 3");
	plugin("slow", "exec sleep 60");
	put("conf/10-a.conflist",
	    "{'cniVersion':'1.1.0','name':'net','plugins':[{'type':'one'},{'type':'two','capabilities':{'portMappings':"
	    "true,'mac':false}}]}",
	    0644);
}

static void teardown(void)
{
	fs_remove_tree(dir, NULL);
}

struct outcome {
	int called;
	struct err e;
	char *result;
	struct loop *loop;
};

static void on_done(void *arg, const json_t *result, const struct err *e)
{
	struct outcome *o = arg;
	o->called++;
	if (e)
		o->e = *e;
	o->result = result ? json_text(result) : NULL;
	loop_stop(o->loop);
}

static struct loop *loop;
static struct chain *chain;
static int timeout_ms = 30000;

static void load(void)
{
	static char conf[96], bin[96], cache[96];
	struct err e = ERR_INIT;
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	snprintf(bin, sizeof(bin), "%s/bin", dir);
	snprintf(cache, sizeof(cache), "%s/cache", dir);
	if (!loop)
		ck_assert_int_eq(loop_new(&loop, NULL), 0);
	chain_free(chain);
	struct chain_config c = {
	    .loop = loop, .conf_dir = conf, .plugin_path = bin, .cache_dir = cache, .timeout_ms = timeout_ms};
	ck_assert_msg(chain_load(&c, &chain, &e) == 0, "%s", e.text);
}

static void unload(void)
{
	chain_free(chain);
	chain = NULL;
	loop_free(loop);
	loop = NULL;
}

static struct outcome wait_for(struct outcome *o)
{
	loop_run(loop);
	ck_assert_int_eq(o->called, 1);
	return *o;
}

static const struct chain_attachment att = {
    .container_id = "c1", .netns = "/run/netns/x", .pod_namespace = "ns", .pod_name = "p"};

static struct outcome add(const struct chain_attachment *a)
{
	struct outcome o = {.loop = loop};
	chain_add(chain, a, on_done, &o);
	return wait_for(&o);
}

static struct outcome del(const struct chain_attachment *a)
{
	struct outcome o = {.loop = loop};
	chain_del(chain, a, on_done, &o);
	return wait_for(&o);
}

START_TEST(add_and_del)
{
	load();
	json_t *caps = json_pack("{s:[{s:i}], s:s}", "portMappings", "hostPort", 80, "mac", "x");
	struct chain_attachment a = att;
	a.capability_args = caps;
	struct outcome o = add(&a);
	ck_assert_msg(!o.e.code, "%s", o.e.text);
	ck_assert(strstr(o.result, "10.0.0.3/24"));
	AUTO_FREE char *log = get("log"), *in = get("in.two"), *in_one = get("in.one");
	ck_assert_str_eq(log, "one ADD c1 eth0 /run/netns/x\ntwo ADD c1 eth0 /run/netns/x\n");
	ck_assert(strstr(in, "\"prevResult\":{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.2/24\"}"));
	ck_assert(strstr(in, "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":80}]}"));
	ck_assert(!strstr(in_one, "runtimeConfig") && !strstr(in_one, "prevResult"));
	AUTO_JSON *cached = chain_cached_result(chain, "c1", NULL);
	ck_assert_ptr_nonnull(cached);
	AUTO_STRV char **ips = chain_result_ips(cached);
	ck_assert_str_eq(ips[0], "10.0.0.3");
	free(o.result);
	/* the configuration changes, DEL still runs what ADD ran */
	put("conf/10-a.conflist", "{'cniVersion':'1.1.0','name':'net','plugins':[{'type':'one'}]}", 0644);
	load();
	o = del(&att);
	ck_assert(!o.e.code);
	AUTO_FREE char *log2 = get("log");
	ck_assert_str_eq(strstr(log2, "two DEL"), "two DEL c1 eth0 /run/netns/x\none DEL c1 eth0 /run/netns/x\n");
	ck_assert_ptr_null(chain_cached_result(chain, "c1", NULL));
	ck_assert(!del(&att).e.code);
	json_decref(caps);
	unload();
}
END_TEST

START_TEST(failing_add_turns_round)
{
	put("conf/05-b.conflist", "{'cniVersion':'1.0.0','name':'net','plugins':[{'type':'one'},{'type':'bad'}]}",
	    0644);
	load();
	struct outcome o = add(&att);
	ck_assert_int_eq(o.e.code, -EIO);
	ck_assert_str_eq(o.e.text, "plugin \"bad\": no luck: at all");
	AUTO_FREE char *log = get("log");
	ck_assert_str_eq(strstr(log, "bad DEL"), "bad DEL c1 eth0 /run/netns/x\none DEL c1 eth0 /run/netns/x\n");
	ck_assert_ptr_null(chain_cached_result(chain, "c1", NULL));
	unload();
}
END_TEST

START_TEST(mute_and_slow)
{
	put("conf/05-b.conf", "{'cniVersion':'1.0.0','name':'net','type':'mute'}", 0644);
	load();
	ck_assert_str_eq(add(&att).e.text, "plugin \"mute\" failed with exit status 3: oops");
	put("conf/05-b.conf", "{'cniVersion':'1.0.0','name':'net','type':'slow'}", 0644);
	timeout_ms = 300;
	load();
	ck_assert_int_eq(add(&att).e.code, -ETIMEDOUT);
	unload();
}
END_TEST

START_TEST(check_status_gc)
{
	load();
	struct outcome o = {.loop = loop};
	chain_check(chain, &att, on_done, &o);
	ck_assert_int_eq(wait_for(&o).e.code, -ENOENT);
	free(add(&att).result);
	struct chain_attachment other = {.container_id = "c2", .netns = "/n"};
	free(add(&other).result);
	o = (struct outcome){.loop = loop};
	chain_check(chain, &att, on_done, &o);
	ck_assert(!wait_for(&o).e.code);
	o = (struct outcome){.loop = loop};
	chain_status(chain, on_done, &o);
	ck_assert(!wait_for(&o).e.code);
	o = (struct outcome){.loop = loop};
	chain_gc(chain, &att, 1, on_done, &o);
	ck_assert(!wait_for(&o).e.code);
	AUTO_FREE char *log = get("log"), *in = get("in.one");
	ck_assert(strstr(log, "two DEL c2 eth0 /n\none DEL c2 eth0 /n\none GC   \ntwo GC   \n"));
	ck_assert(!strstr(log, "DEL c1"));
	ck_assert(strstr(in, "\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth0\"}]"));
	unload();
}
END_TEST

START_TEST(cancelled)
{
	load();
	struct outcome o = {.loop = loop};
	struct chain_run *r = chain_add(chain, &att, on_done, &o);
	chain_cancel(r);
	loop_run_once(loop, 0);
	r = chain_add(chain, &att, on_done, &o);
	loop_run_once(loop, 0);
	chain_cancel(r);
	loop_run_once(loop, 0);
	ck_assert_int_eq(o.called, 0);
	unload();
}
END_TEST

/* What chain_load() says: "" where it is content. */
static const char *load_error(void)
{
	static struct err e;
	char conf[96];
	struct chain *c = NULL;
	e = (struct err)ERR_INIT;
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	struct chain_config config = {.conf_dir = conf, .plugin_path = "/nowhere"};
	int r = chain_load(&config, &c, &e);
	chain_free(c);
	return r < 0 ? e.text : "";
}

START_TEST(plugins_of_a_directory)
{
	char sub[96];
	snprintf(sub, sizeof(sub), "%s/conf/net", dir);
	ck_assert_int_eq(mkdir(sub, 0755), 0);
	put("conf/net/20.conf", "{'type':'two'}", 0644);
	put("conf/net/10.conf", "{'type':'one'}", 0644);
	put("conf/net/30.txt", "{'type':'bad'}", 0644);
	put("conf/10-a.conflist", "{'cniVersion':'1.1.0','name':'net'}", 0644);
	make_dir("conf/00-no-file.conflist");
	make_dir("conf/net/00-no-file.conf");
	load();
	free(add(&att).result);
	AUTO_FREE char *log = get("log");
	ck_assert_str_eq(log, "one ADD c1 eth0 /run/netns/x\ntwo ADD c1 eth0 /run/netns/x\n");
	put("conf/10-a.conflist",
	    "{'cniVersion':'1.1.0','name':'net','loadOnlyInlinedPlugins':true,'plugins':[{'type':'one'}]}", 0644);
	load();
	struct chain_attachment other = {.container_id = "c2", .netns = "/n"};
	free(add(&other).result);
	AUTO_FREE char *log2 = get("log");
	ck_assert_str_eq(strstr(log2, "one ADD c2"), "one ADD c2 eth0 /n\n");
	/* what was added with the directory's plugins is deleted with them */
	ck_assert(!del(&att).e.code);
	AUTO_FREE char *log3 = get("log");
	ck_assert_str_eq(strstr(log3, "two DEL"), "two DEL c1 eth0 /run/netns/x\none DEL c1 eth0 /run/netns/x\n");
	unload();
	put("conf/net/20.conf", "{}", 0644);
	put("conf/10-a.conflist", "{'cniVersion':'1.1.0','name':'net','plugins':[{'type':'one'}]}", 0644);
	ck_assert(strstr(load_error(), "conf/net/20.conf: plugins[0]: \"type\" must be the name of a plugin"));
	put("conf/10-a.conflist", "{'cniVersion':'1.1.0','name':'other'}", 0644);
	ck_assert(strstr(load_error(), "at least one plugin"));
	put("conf/10-a.conflist", "{'cniVersion':'1.1.0','name':'other','disableGC':'perhaps','plugins':[{'type':'one'}]}", 0644);
	ck_assert(strstr(load_error(), "invalid value \"perhaps\" for disableGC"));
}
END_TEST

/* Whoever shares the network with other callers does not want theirs taken for stale. */
START_TEST(gc_is_disabled)
{
	put("conf/10-a.conflist", "{'cniVersion':'1.1.0','name':'net','disableGC':true,'plugins':[{'type':'one'}]}", 0644);
	load();
	free(add(&att).result);
	struct outcome o = {.loop = loop};
	chain_gc(chain, NULL, 0, on_done, &o);
	ck_assert(!wait_for(&o).e.code);
	AUTO_FREE char *log = get("log");
	ck_assert_str_eq(log, "one ADD c1 eth0 /run/netns/x\n");
	unload();
}
END_TEST

START_TEST(arguments_are_cached)
{
	put("conf/10-a.conflist",
	    "{'cniVersion':'1.1.0','name':'net','plugins':[{'type':'args','capabilities':{'mac':true}}]}", 0644);
	plugin("args", "echo \"$CNI_ARGS\" >>\"${0%/bin/*}/args\"; [ $CNI_COMMAND != ADD ] || echo '{\"cniVersion\":\"1.1.0\"}'");
	load();
	json_t *caps = json_pack("{s:s}", "mac", "x");
	struct chain_attachment a = att;
	a.capability_args = caps;
	free(add(&a).result);
	struct outcome o = {.loop = loop};
	chain_gc(chain, NULL, 0, on_done, &o); /* its DEL knows nothing but the cache */
	ck_assert(!wait_for(&o).e.code);
	AUTO_FREE char *args = get("args"), *log = get("log");
	const char *want = "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=\n";
	ck_assert_msg(!strncmp(args, want, strlen(want)) && !strncmp(args + strlen(want), want, strlen(want)), "%s", args);
	ck_assert(strstr(log, "args DEL c1"));
	json_decref(caps);
	unload();
}
END_TEST

/* An entry that libcni has written, of a node that ran another caller. */
START_TEST(foreign_cache)
{
	struct str config = STR_INIT;
	char *path = xasprintf("%s/cache/results", dir);
	const char *list = "{\"cniVersion\":\"0.4.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"old\",\"capabilities\":"
			   "{\"portMappings\":true}}]}";
	plugin("old", "echo \"$CNI_ARGS\" >\"${0%/bin/*}/args\"");
	base64_encode(&config, list, strlen(list));
	ck_assert_int_eq(mkdir(path, 0755), 0);
	char *text = xasprintf("{'kind':'cniCacheV1','containerId':'c9','config':'%s','ifName':'eth0','networkName':'net',"
			       "'cniArgs':[['IgnoreUnknown','1'],['K8S_POD_NAME','p9']],'capabilityArgs':{'portMappings':"
			       "[{'hostPort':80}]},'result':{'cniVersion':'0.4.0','ips':[{'version':'4','address':"
			       "'10.0.0.9/24'}]}}",
			       str_text(&config));
	put("cache/results/net-c9-eth0", text, 0600);
	load();
	struct outcome o = {.loop = loop};
	chain_gc(chain, NULL, 0, on_done, &o);
	ck_assert(!wait_for(&o).e.code);
	AUTO_FREE char *log = get("log"), *in = get("in.old"), *args = get("args");
	ck_assert(strstr(log, "old DEL c9 eth0"));
	ck_assert_str_eq(args, "IgnoreUnknown=1;K8S_POD_NAME=p9\n");
	ck_assert(strstr(in, "\"prevResult\":{\"cniVersion\":\"0.4.0\",\"ips\"") && strstr(in, "\"hostPort\":80"));
	ck_assert_ptr_null(chain_cached_result(chain, "c9", NULL));
	str_done(&config);
	free(path);
	free(text);
	unload();
}
END_TEST

START_TEST(failures_of_gc_and_later)
{
	put("conf/10-a.conflist", "{'cniVersion':'1.1.0','name':'net','plugins':[{'type':'later'},{'type':'two'}]}", 0644);
	plugin("later", "echo '{\"code\":11,\"msg\":\"busy\"}'; exit 1");
	load();
	struct outcome o = {.loop = loop};
	chain_gc(chain, NULL, 0, on_done, &o);
	ck_assert_int_eq(wait_for(&o).e.code, -EAGAIN);
	ck_assert_str_eq(o.e.text, "plugin \"later\": busy");
	AUTO_FREE char *log = get("log");
	ck_assert_str_eq(log, "later GC   \ntwo GC   \n");
	unload();
}
END_TEST

static const struct {
	const char *conf, *error;
} confs[] = {
    {"[]", "not a JSON object"},
    {"{}", "\"name\""},
    {"{'name':'a b','plugins':[{'type':'x'}]}", "\"name\""},
    {"{'name':'a','cniVersion':'7.0.0','plugins':[{'type':'x'}]}", "7.0.0 is not supported"},
    {"{'name':'a','plugins':{}}", "must be a list"},
    {"{'name':'a','plugins':[{'type':'x'}],'loadOnlyInlinedPlugins':'maybe'}", "invalid value \"maybe\""},
    {"{'name':'a','loadOnlyInlinedPlugins':true}", "no \"plugins\""},
    {"{'name':'a','plugins':[{'type':'../x'}]}", "plugins[0]"},
    {"{'name':'a','type':''}", "plugins[0]"},
    {"{'name':'a','plugins':[]}", NULL}, /* they may lie in a directory */
    {"{'name':'a'}", NULL},
    {"{'name':'a','type':'x'}", NULL},
    {"{'name':'a','cniVersion':'1.0.0','plugins':[{'type':'x'}]}", NULL},
};

START_TEST(configurations)
{
	AUTO_JSON *conf = quoted_json(confs[_i].conf), *list = NULL;
	struct err e = ERR_INIT;
	int r = chain_conf_list(conf, &list, &e);
	ck_assert_msg(confs[_i].error ? r < 0 && strstr(e.text, confs[_i].error) : r == 0, "%s: %s", confs[_i].conf,
		      e.text);
}
END_TEST

START_TEST(the_newest_version_is_spoken)
{
	AUTO_JSON *conf = json_loads("{\"name\":\"a\",\"type\":\"x\",\"cniVersion\":\"0.4.0\",\"cniVersions\":"
				     "[\"0.3.1\",\"1.1.0\",\"9.0.0\",\"1.0.0\"]}",
				     0, NULL);
	AUTO_JSON *list = NULL;
	ck_assert_int_eq(chain_conf_list(conf, &list, NULL), 0);
	ck_assert_str_eq(json_str_at(list, "cniVersion"), "1.1.0");
}
END_TEST

START_TEST(load_errors)
{
	char conf[96];
	struct chain *c;
	struct err e = ERR_INIT;
	snprintf(conf, sizeof(conf), "%s/cache", dir);
	struct chain_config config = {.conf_dir = conf, .plugin_path = "/nowhere"};
	ck_assert_int_eq(chain_load(&config, &c, &e), -ENOENT);
	ck_assert(strstr(e.text, "no CNI configuration"));
	load();
	config.loop = loop;
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	ck_assert_int_eq(chain_load(&config, &c, &e), 0);
	struct outcome o = {.loop = loop};
	chain_add(c, &att, on_done, &o);
	ck_assert_int_eq(wait_for(&o).e.code, -ENOENT);
	ck_assert(strstr(o.e.text, "CNI plugin \"one\" is not in /nowhere"));
	chain_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chain");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, add_and_del);
	tcase_add_test(t, failing_add_turns_round);
	tcase_add_test(t, mute_and_slow);
	tcase_add_test(t, check_status_gc);
	tcase_add_test(t, cancelled);
	tcase_add_test(t, plugins_of_a_directory);
	tcase_add_test(t, gc_is_disabled);
	tcase_add_test(t, arguments_are_cached);
	tcase_add_test(t, foreign_cache);
	tcase_add_test(t, failures_of_gc_and_later);
	tcase_add_loop_test(t, configurations, 0, (int)ARRAY_LEN(confs));
	tcase_add_test(t, the_newest_version_is_spoken);
	tcase_add_test(t, load_errors);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
