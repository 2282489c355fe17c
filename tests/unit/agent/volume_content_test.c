#include "tests/unit/agent/pods.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/tokens.h"
#include "agent/volume_content.h"
#include "agent/volume_writer.h"
#include "base/fs.h"
#include "base/mem.h"

static const json_t *object(void *arg, const char *resource, const char *name)
{
	return strcmp(name, "o") ? NULL : json_object_get(arg, resource);
}

/* The audience "lost" has no token. */
static const char *token(void *arg, const json_t *source, struct err *e)
{
	(void)arg;
	if (strcmp(json_str_or(source, "audience", ""), "lost"))
		return "T";
	err_set(e, -ENOENT, "no token");
	return NULL;
}

static int64_t test_fs_group = -1;

static int content(const char *volume, struct volume_files *ret, struct err *e)
{
	AUTO_FREE char *spec =
	    xasprintf("'containers':[{'name':'c','resources':{'limits':{'cpu':'2'}}}],'volumes':[%s]", volume);
	AUTO_JSON *pod = pod_object(spec);
	AUTO_JSON *objects = json_pack("{s:{s:{s:s,s:s},s:{s:s}},s:{s:{s:s}}}", "configmaps", "data", "a", "1", "b",
				       "two", "binaryData", "z", "AAE=", "secrets", "data", "pw", "c2VjcmV0");
	struct volume_in in = {.facts = {.pod = pod, .node_name = "n"}, .object = object, .token = token, .fs_group = test_fs_group, .arg = objects};
	return volume_content(&in, json_array_get(json_at(pod, "spec.volumes"), 0), ret, e);
}

static const struct volume_file *file(const struct volume_files *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->files[i].path, path))
			return &f->files[i];
	return NULL;
}

START_TEST(kinds)
{
	struct volume_files f;
	ck_assert_int_eq(content("{'configMap':{'name':'o'}}", &f, NULL), 0);
	ck_assert_uint_eq(f.n, 3);
	ck_assert_str_eq(file(&f, "b")->bytes, "two");
	ck_assert_int_eq(file(&f, "b")->mode, 0644);
	ck_assert(file(&f, "z")->len == 2 && file(&f, "z")->bytes[1] == 1);
	volume_files_done(&f);
	ck_assert_int_eq(
	    content("{'secret':{'secretName':'o','defaultMode':256,'items':[{'key':'pw','path':'d/e','mode':384}]}}",
		    &f, NULL),
	    0);
	ck_assert(f.n == 1 && !strcmp(file(&f, "d/e")->bytes, "secret") && file(&f, "d/e")->mode == 0600);
	volume_files_done(&f);
	ck_assert_int_eq(
	    content("{'projected':{'sources':[{'configMap':{'name':'o','items':[{'key':'a','path':'x'}]}},"
		    "{'secret':{'name':'o'}},{'downwardAPI':{'items':[{'path':'x','fieldRef':{'fieldPath':'metadata."
		    "name'}},"
		    "{'path':'cpu','resourceFieldRef':{'containerName':'c','resource':'limits.cpu'}}]}}]}}",
		    &f, NULL),
	    0);
	ck_assert_uint_eq(f.n, 3);
	ck_assert_str_eq(file(&f, "x")->bytes, "p"); /* the later source wins */
	ck_assert_str_eq(file(&f, "cpu")->bytes, "2");
	volume_files_done(&f);
	ck_assert_int_eq(content("{'configMap':{'name':'none','optional':true}}", &f, NULL), 0);
	ck_assert_uint_eq(f.n, 0);
	ck_assert_int_eq(
	    content("{'configMap':{'name':'o','optional':true,'items':[{'key':'q','path':'q'}]}}", &f, NULL), 0);
	ck_assert_uint_eq(f.n, 0);
}
END_TEST

START_TEST(errors)
{
	static const struct {
		const char *volume;
		int code;
		const char *text;
	} cases[] = {
	    {"{'configMap':{'name':'none'}}", -ENOENT, "configmap \"none\" not found"},
	    {"{'configMap':{'name':'o','items':[{'key':'q','path':'q'}]}}", -ENOENT,
	     "references non-existent config key: q"},
	    {"{'configMap':{'name':'o','items':[{'key':'a','path':'../q'}]}}", -EINVAL,
	     "invalid path \"../q\" in volume"},
	    {"{'configMap':{'name':'o','items':[{'key':'a','path':'x/../../q'}]}}", -EINVAL, NULL},
	    {"{'configMap':{'name':'o','items':[{'key':'a','path':'/q'}]}}", -EINVAL, NULL},
	    {"{'configMap':{'name':'o','items':[{'key':'a','path':'..data'}]}}", -EINVAL, NULL},
	    {"{'projected':{'sources':[{'serviceAccountToken':{'path':'token','audience':'lost'}}]}}", -ENOENT, "no token"},
	    {"{'projected':{'sources':[{'serviceAccountToken':{'path':'../token'}}]}}", -EINVAL, NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = ERR_INIT;
		struct volume_files f = {0};
		ck_assert_int_eq(content(cases[i].volume, &f, &e), cases[i].code);
		if (cases[i].text)
			ck_assert_str_eq(err_text(&e), cases[i].text);
	}
}
END_TEST

START_TEST(tokens)
{
	struct volume_files f;
	const char *plain = "{'projected':{'sources':[{'serviceAccountToken':{'path':'token'}}]}}";
	ck_assert_int_eq(content(plain, &f, NULL), 0);
	ck_assert(f.n == 1 && !strcmp(file(&f, "token")->bytes, "T") && file(&f, "token")->mode == 0644);
	ck_assert_int_eq(file(&f, "token")->uid, -1);
	volume_files_done(&f);
	test_fs_group = 7;
	ck_assert_int_eq(content(plain, &f, NULL), 0);
	ck_assert_int_eq(file(&f, "token")->mode, 0600);
	test_fs_group = -1;
	volume_files_done(&f);
	/* At 80 % of the life, after a day at the latest, with some jitter. */
	ck_assert_int_eq(tokens_refresh_ms(3607000, 0), 2885600);
	ck_assert_int_eq(tokens_refresh_ms(3607000, 1000), 2875600);
	ck_assert_int_eq(tokens_refresh_ms(31536000000, 0), 86400000);
	ck_assert_int_eq(tokens_refresh_ms(0, 1000), 1000);
}
END_TEST

static struct volume_files two(const char *a, const char *b)
{
	struct volume_files f = {xcalloc(2, sizeof(struct volume_file)), 2};
	f.files[0] = (struct volume_file){xstrdup("a"), xstrdup(a), strlen(a), 0644, -1};
	f.files[1] = (struct volume_file){xstrdup("d/b"), xstrdup(b), strlen(b), 0600, -1};
	return f;
}

static char *text_at(const char *dir, const char *name)
{
	AUTO_STR out = STR_INIT;
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	return fs_read_file(path, 1000, &out, NULL) < 0 ? xstrdup("absent") : str_take(&out);
}

START_TEST(written_atomically)
{
	char dir[] = "/tmp/volume-writer-XXXXXX", before[256] = "", after[256] = "";
	ck_assert_ptr_nonnull(mkdtemp(dir));
	AUTO_FREE char *data = xasprintf("%s/..data", dir);
	struct volume_files f = two("one", "two");
	ck_assert_int_eq(volume_write(dir, &f, -1, NULL), 1);
	ck_assert_int_eq(volume_write(dir, &f, -1, NULL), 0);
	volume_files_done(&f);
	ck_assert_int_gt(readlink(data, before, sizeof(before) - 1), 0);
	f = two("ONE", "two");
	f.n = 1;
	ck_assert_int_eq(volume_write(dir, &f, -1, NULL), 1);
	ck_assert_int_gt(readlink(data, after, sizeof(after) - 1), 0);
	ck_assert_str_ne(before, after);
	AUTO_FREE char *a = text_at(dir, "a"), *b = text_at(dir, "d/b"), *old = text_at(dir, before);
	ck_assert_str_eq(a, "ONE");
	ck_assert_str_eq(b, "absent");
	ck_assert_str_eq(old, "absent");
	f.n = 2;
	volume_files_done(&f);
	ck_assert_int_eq(fs_remove_tree(dir, NULL), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {kinds, errors, tokens, written_atomically};
	return run_suite("volume_content", tests, ARRAY_LEN(tests));
}
