/* CRIU's protocol buffers.
 *
 * Happy path: varints and length-delimited fields, written in any order and read in any order. What can fail: an answer that
 * is cut off or has impossible lengths (-EBADMSG). What always holds: nothing is read beyond the given bytes, texts that are
 * too long for their place are cut. */
#include "runtime/criu_rpc.h"

#include <errno.h>
#include <string.h>

#include "base/protobuf.h"

enum { REQ_TYPE = 1, REQ_OPTS = 2, REQ_NOTIFY_SUCCESS = 3, REQ_FEATURES = 5 };
enum { RESP_TYPE = 1, RESP_SUCCESS = 2, RESP_RESTORE = 4, RESP_NOTIFY = 5, RESP_ERRNO = 7, RESP_FEATURES = 8, RESP_ERRMSG = 9,
       RESP_VERSION = 10 };

const char *criu_type_name(int type)
{
	static const char *const names[] = { [CRIU_DUMP] = "DUMP",
					     [CRIU_RESTORE] = "RESTORE",
					     [CRIU_PRE_DUMP] = "PRE_DUMP",
					     [CRIU_NOTIFY] = "NOTIFY",
					     [CRIU_FEATURE_CHECK] = "FEATURE_CHECK",
					     [CRIU_VERSION] = "VERSION" };
	bool known = type > 0 && (size_t)type < ARRAY_LEN(names) && names[type];
	return known ? names[type] : "EMPTY";
}

void criu_add_number(struct str *opts, enum criu_option field, uint64_t value)
{
	protobuf_add_number(opts, field, value);
}

void criu_add_text(struct str *opts, enum criu_option field, const char *text)
{
	protobuf_add_bytes(opts, field, text, strlen(text));
}

void criu_add_texts(struct str *opts, enum criu_option field, const char *first, const char *second)
{
	AUTO_STR inner = STR_INIT;
	protobuf_add_bytes(&inner, 1, first, strlen(first));
	protobuf_add_bytes(&inner, 2, second, strlen(second));
	protobuf_add_bytes(opts, field, inner.p, inner.len);
}

void criu_add_text_number(struct str *opts, enum criu_option field, const char *text, uint64_t number)
{
	AUTO_STR inner = STR_INIT;
	protobuf_add_bytes(&inner, 1, text, strlen(text));
	protobuf_add_number(&inner, 2, number);
	protobuf_add_bytes(opts, field, inner.p, inner.len);
}

void criu_request(enum criu_type type, const struct str *opts, struct str *ret)
{
	protobuf_add_number(ret, REQ_TYPE, type);
	if (opts)
		protobuf_add_bytes(ret, REQ_OPTS, opts->p, opts->len);
}

void criu_notify_done(struct str *ret)
{
	protobuf_add_number(ret, REQ_TYPE, CRIU_NOTIFY);
	protobuf_add_number(ret, REQ_NOTIFY_SUCCESS, true);
}

void criu_ask_features(struct str *ret)
{
	AUTO_STR features = STR_INIT;
	protobuf_add_number(&features, 1, true);
	protobuf_add_number(&features, 2, true);
	protobuf_add_number(ret, REQ_TYPE, CRIU_FEATURE_CHECK);
	protobuf_add_bytes(ret, REQ_FEATURES, features.p, features.len);
}

static void take_text(const struct protobuf_field *f, char *ret, size_t cap)
{
	size_t n = MIN(f->n, cap - 1);
	if (f->bytes)
		memcpy(ret, f->bytes, n);
	ret[f->bytes ? n : 0] = '\0';
}

static void take_notify(const struct protobuf_field *f, struct criu_answer *a)
{
	if (f->number == 1)
		take_text(f, a->script, sizeof(a->script));
	else if (f->number == 2)
		a->pid = (int)f->value;
}

static void take_restore(const struct protobuf_field *f, struct criu_answer *a)
{
	if (f->number == 1)
		a->pid = (int)f->value;
}

static void take_features(const struct protobuf_field *f, struct criu_answer *a)
{
	if (f->number == 1)
		a->mem_track = f->value;
	else if (f->number == 2)
		a->lazy_pages = f->value;
}

/* Major, minor, git id, sublevel: a build between two releases counts as the next minor one. */
static void take_version(const struct protobuf_field *f, struct criu_answer *a)
{
	static const int weight[] = { [1] = 10000, [2] = 100, [4] = 1 };
	if (f->number == 3)
		a->version += 100;
	else if (f->number < ARRAY_LEN(weight))
		a->version += (int)MIN(f->value, 999) * weight[f->number];
}

typedef void take_fn(const struct protobuf_field *f, struct criu_answer *a);

static int take_inner(const struct protobuf_field *f, take_fn *take, struct criu_answer *a)
{
	struct protobuf_reader r = protobuf_reader(f->bytes, f->n);
	struct protobuf_field inner;
	int more;
	while ((more = protobuf_next(&r, &inner)) > 0)
		take(&inner, a);
	return more;
}

int criu_answer_parse(const void *bytes, size_t n, struct criu_answer *ret)
{
	static take_fn *const inner[] = { [RESP_RESTORE] = take_restore,
					  [RESP_NOTIFY] = take_notify,
					  [RESP_FEATURES] = take_features,
					  [RESP_VERSION] = take_version };
	struct criu_answer a = { 0 };
	struct protobuf_reader r = protobuf_reader(bytes, n);
	struct protobuf_field f;
	int more;
	while ((more = protobuf_next(&r, &f)) > 0) {
		if (f.number == RESP_TYPE)
			a.type = (int)f.value;
		else if (f.number == RESP_SUCCESS)
			a.success = f.value;
		else if (f.number == RESP_ERRNO)
			a.cr_errno = (int)f.value;
		else if (f.number == RESP_ERRMSG)
			take_text(&f, a.message, sizeof(a.message));
		else if (f.number < ARRAY_LEN(inner) && inner[f.number] && take_inner(&f, inner[f.number], &a) < 0)
			return -EBADMSG;
	}
	if (more < 0 || !a.type)
		return -EBADMSG;
	*ret = a;
	return 0;
}

int criu_cgroups_mode(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} modes[] = { { "", 6 }, { "soft", 3 }, { "full", 4 }, { "strict", 5 }, { "ignore", 0 } };
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_eq(modes[i].name, name))
			return modes[i].number;
	return -EINVAL;
}
