/* Unit names, slices, property lists, annotations: what goes over the bus, read back by a small reader of the wire form. */
#include "cgroups/unit_plan.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "cgroups/dbus_message.h"

struct reader {
	const uint8_t *p;
	size_t n, at;
};

static uint64_t number(struct reader *r, size_t size)
{
	uint64_t v = 0;
	r->at = (r->at + size - 1) / size * size;
	ck_assert_uint_le(r->at + size, r->n);
	memcpy(&v, r->p + r->at, size);
	r->at += size;
	return v;
}

static const char *text(struct reader *r)
{
	size_t n = number(r, 4);
	const char *s = (const char *)r->p + r->at;
	ck_assert_uint_lt(r->at + n, r->n);
	ck_assert_uint_eq(strlen(s), n);
	r->at += n + 1;
	return s;
}

static const char *signature(struct reader *r)
{
	size_t n = number(r, 1);
	const char *s = (const char *)r->p + r->at;
	ck_assert_uint_eq(strlen(s), n);
	r->at += n + 1;
	return s;
}

static size_t size_of(char type)
{
	return type == 'y' ? 1 : strchr("nq", type) ? 2 : strchr("xtd", type) ? 8 : 4;
}

static void show_value(struct reader *r, const char *type, struct str *out)
{
	if (*type == 's') {
		str_addf(out, "'%s'", text(r));
	} else if (*type == '(') {
		r->at = (r->at + 7) / 8 * 8;
		str_addf(out, "%s:", text(r));
		str_addf(out, "%s", text(r));
	} else if (*type != 'a') {
		uint64_t v = number(r, size_of(*type));
		str_addf(out, "%c%lld", *type, (long long)v);
	} else {
		size_t len = number(r, 4), align = type[1] == '(' ? 8 : size_of(type[1]);
		r->at = (r->at + align - 1) / align * align;
		size_t end = r->at + len;
		for (str_addc(out, '['); r->at < end; str_addc(out, ' '))
			show_value(r, type + 1, out);
		ck_assert_uint_eq(r->at, end);
		str_addc(out, ']');
	}
}

/* "Name=value;" for every property. */
static char *show(const struct str *body)
{
	AUTO_STR out = STR_INIT;
	struct reader r = { (const uint8_t *)body->p, body->len, 0 };
	while (r.at < r.n) {
		r.at = (r.at + 7) / 8 * 8;
		str_addf(&out, "%s=", text(&r));
		show_value(&r, signature(&r), &out);
		str_addc(&out, ';');
	}
	return str_take(&out);
}

START_TEST(test_names)
{
	static const struct {
		const char *path;
		bool user;
		const char *name, *slice, *place; /* name NULL: -EINVAL */
	} cases[] = {
		{ "system.slice:docker:1", false, "docker-1.scope", "system.slice", "/system.slice/docker-1.scope" },
		{ "machine-a-b.slice:x:y", false, "x-y.scope", "machine-a-b.slice",
		  "/machine.slice/machine-a.slice/machine-a-b.slice/x-y.scope" },
		{ ":p:n", false, "p-n.scope", "system.slice", "/system.slice/p-n.scope" },
		{ ":p:n", true, "p-n.scope", "user.slice", "/user.slice/p-n.scope" },
		{ NULL, false, "knarr-id.scope", "system.slice", "/system.slice/knarr-id.scope" },
		{ "-.slice:p:n", false, "p-n.scope", "-.slice", "/p-n.scope" },
		{ "kube.slice::kube-pod.slice", false, "kube-pod.slice", "kube.slice", "/kube.slice/kube-pod.slice" },
		{ "/a/b", false, NULL, NULL, NULL },
		{ "a:b", false, NULL, NULL, NULL },
		{ "../x.slice:b:c", false, NULL, NULL, NULL },
		{ "a--b.slice:b:c", false, NULL, NULL, NULL },
		{ "system:b:c", false, NULL, NULL, NULL },
		{ "system.slice:b:../c", false, NULL, NULL, NULL },
		{ "system.slice:b:", false, NULL, NULL, NULL },
		{ "-a.slice:b:c", false, NULL, NULL, NULL },
	};
	AUTO_UNIT_NAME n = { 0 };
	int r = unit_name_parse(cases[_i].path, "id", cases[_i].user, &n, NULL);
	ck_assert_int_eq(r, cases[_i].name ? 0 : -EINVAL);
	if (r == 0) {
		ck_assert_str_eq(n.name, cases[_i].name);
		ck_assert_str_eq(n.slice, cases[_i].slice);
		ck_assert_str_eq(n.path, cases[_i].place);
	}
}
END_TEST

static const struct {
	const char *json, *v1, *v2; /* NULL: -EINVAL */
} plans[] = {
	{ "{}", "", "" },
	{ "{\"cpu\":{\"shares\":1024}}", "CPUShares=t1024;", "CPUWeight=t100;" },
	{ "{\"cpu\":{\"idle\":1,\"shares\":1024}}", "CPUShares=t1024;", "CPUWeight=t0;" },
	{ "{\"cpu\":{\"quota\":4000,\"period\":10000}}", "CPUQuotaPeriodUSec=t10000;CPUQuotaPerSecUSec=t400000;",
	  "CPUQuotaPeriodUSec=t10000;CPUQuotaPerSecUSec=t400000;" },
	{ "{\"cpu\":{\"quota\":1501}}", "CPUQuotaPerSecUSec=t20000;", "CPUQuotaPerSecUSec=t20000;" },
	{ "{\"cpu\":{\"quota\":-1}}", "CPUQuotaPerSecUSec=t-1;", "CPUQuotaPerSecUSec=t-1;" },
	{ "{\"cpu\":{\"cpus\":\"0,9\",\"mems\":\"0\"}}", "AllowedCPUs=[y1 y2 ];AllowedMemoryNodes=[y1 ];",
	  "AllowedCPUs=[y1 y2 ];AllowedMemoryNodes=[y1 ];" },
	{ "{\"cpu\":{\"cpus\":\"1-x\"}}", NULL, NULL },
	{ "{\"memory\":{\"limit\":100,\"swap\":300,\"reservation\":7}}", "MemoryLimit=t100;",
	  "MemoryMax=t100;MemoryLow=t7;MemorySwapMax=t200;" },
	{ "{\"memory\":{\"limit\":-1}}", "MemoryLimit=t-1;", "MemoryMax=t-1;MemorySwapMax=t-1;" },
	{ "{\"memory\":{\"limit\":100,\"swap\":100}}", "MemoryLimit=t100;", "MemoryMax=t100;MemorySwapMax=t0;" },
	{ "{\"memory\":{\"swap\":300}}", "", NULL },
	{ "{\"pids\":{\"limit\":20}}", "TasksMax=t20;", "TasksMax=t20;" },
	{ "{\"pids\":{\"limit\":-1}}", "TasksMax=t-1;", "TasksMax=t-1;" },
	{ "{\"blockIO\":{\"weight\":500}}", "BlockIOWeight=t500;", "" },
	{ "{\"unified\":{\"cpu.max\":\"max 1000\",\"cpu.weight\":\"8\",\"memory.high\":\" 5\\n\",\"pids.max\":\"max\",\"io.max\":\"x\"}}", "",
	  "CPUQuotaPeriodUSec=t1000;CPUQuotaPerSecUSec=t-1;CPUWeight=t8;MemoryHigh=t5;TasksMax=t-1;" },
	{ "{\"unified\":{\"cpu.idle\":\"1\",\"cpu.weight\":\"8\"}}", "", "CPUWeight=t0;" },
	{ "{\"unified\":{\"memory.max\":\"a\"}}", "", NULL },
	{ "{\"devices\":[{\"allow\":true,\"type\":\"b\"},{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rw\"},"
	  "{\"allow\":true,\"type\":\"c\",\"major\":136,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"access\":\"m\"},"
	  "{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"w\"}]}",
	  "DeviceAllow=[];DevicePolicy='strict';DeviceAllow=[/dev/char/1:3:r char-136:rwm char-*:m ];",
	  "DeviceAllow=[];DevicePolicy='strict';DeviceAllow=[/dev/char/1:3:r char-136:rwm char-*:m ];" },
	{ "{\"devices\":[{\"allow\":true}]}", "DeviceAllow=[];DevicePolicy='auto';", "DeviceAllow=[];DevicePolicy='auto';" },
};

START_TEST(test_resources)
{
	AUTO_JSON *j = NULL;
	ck_assert_int_eq(json_parse(plans[_i].json, strlen(plans[_i].json), &j, NULL), 0);
	for (int v2 = 0; v2 < 2; v2++) {
		const char *want = v2 ? plans[_i].v2 : plans[_i].v1;
		AUTO_STR body = STR_INIT;
		int r = unit_add_resources(&body, j, v2, true, NULL);
		ck_assert_int_eq(r, want ? 0 : -EINVAL);
		AUTO_FREE char *got = r < 0 ? NULL : show(&body);
		if (got)
			ck_assert_str_eq(got, want);
	}
}
END_TEST

START_TEST(test_basics)
{
	AUTO_STR scope = STR_INIT, slice = STR_INIT;
	unit_add_basics(&scope, "a-b.scope", "s.slice", 7, true);
	unit_add_basics(&slice, "s-x.slice", "s.slice", 7, false);
	AUTO_FREE char *one = show(&scope), *two = show(&slice);
	ck_assert_str_eq(one, "Description='container a-b.scope';Slice='s.slice';Delegate=b1;PIDs=[u7 ];MemoryAccounting=b1;"
			      "CPUAccounting=b1;IOAccounting=b1;TasksAccounting=b1;DefaultDependencies=b0;"
			      "CollectMode='inactive-or-failed';");
	ck_assert_str_eq(two, "Description='container s-x.slice';Wants=['s.slice' ];MemoryAccounting=b1;CPUAccounting=b1;"
			      "BlockIOAccounting=b1;TasksAccounting=b1;DefaultDependencies=b0;");
}
END_TEST

START_TEST(test_annotations)
{
	static const struct {
		const char *key, *value, *want;
	} cases[] = {
		{ "other", "x", "" },
		{ "org.systemd.property.After", "['a.service', 'b']", "After=['a.service' 'b' ];" },
		{ "org.systemd.property.TimeoutStopUSec", "uint64 5", "TimeoutStopUSec=t5;" },
		{ "org.systemd.property.TimeoutStopSec", "3", "TimeoutStopUSec=t3000000;" },
		{ "org.systemd.property.TimeoutStopSec", "1.5", "TimeoutStopUSec=t1500000;" },
		{ "org.systemd.property.CollectMode", "'inactive'", "CollectMode='inactive';" },
		{ "org.systemd.property.SendSIGHUP", "true", "SendSIGHUP=b1;" },
		{ "org.systemd.property.Nice", "int32 -1", "Nice=i4294967295;" },
		{ "org.systemd.property.Wants", "@as []", "Wants=[];" },
		{ "org.systemd.property.Numbers", "[uint64 1, 2]", "Numbers=[t1 t2 ];" },
		{ "org.systemd.property.A-b", "true", NULL },
		{ "org.systemd.property.Nice", "", NULL },
		{ "org.systemd.property.Nice", "'open", NULL },
		{ "org.systemd.property.Nice", "5 6", NULL },
		{ "org.systemd.property.Nice", "[1, 'a']", NULL },
		{ "org.systemd.property.Nice", "[1", NULL },
		{ "org.systemd.property.Nice", "[]", NULL },
		{ "org.systemd.property.StopSec", "'a'", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_JSON *j = json_pack("{s:s}", cases[i].key, cases[i].value);
		AUTO_STR body = STR_INIT;
		int r = unit_add_annotations(&body, j, NULL);
		ck_assert_msg(r == (cases[i].want ? 0 : -EINVAL), "%s", cases[i].value);
		AUTO_FREE char *got = r < 0 ? NULL : show(&body);
		if (got)
			ck_assert_str_eq(got, cases[i].want);
	}
}
END_TEST

START_TEST(test_round_quota)
{
	AUTO_JSON *j = json_pack("{s:{s:i, s:i}}", "cpu", "quota", 15001, "period", 100000);
	AUTO_JSON *r = unit_round_quota(j);
	ck_assert_int_eq(json_int_at(r, "cpu.quota", 0), 16000);
	ck_assert_int_eq(json_int_at(j, "cpu.quota", 0), 15001);
}
END_TEST

START_TEST(test_messages)
{
	AUTO_STR body = STR_INIT, out = STR_INIT;
	struct dbus_call c = { "org.x", "/a", "org.x.I", "M", "s" };
	struct dbus_message m;
	size_t n = 0;
	const char *s;
	dbus_add_text(&body, "hello");
	dbus_add_call(&out, &c, 9, &body);
	const uint8_t *p = (const uint8_t *)out.p;
	ck_assert_int_eq(dbus_message_length(p, &n, NULL), 0);
	ck_assert_uint_eq(n, out.len);
	ck_assert_int_eq(dbus_message_parse(p, n, &m, NULL), 0);
	ck_assert_str_eq(m.member, "M");
	ck_assert_str_eq(m.signature, "s");
	ck_assert_int_eq(dbus_read_text(&m, &s), 0);
	ck_assert_str_eq(s, "hello");
	ck_assert_int_eq(dbus_read_text(&m, &s), -EBADMSG);
	for (size_t cut = 0; cut < n; cut++) /* no length but the right one */
		ck_assert_int_eq(dbus_message_parse(p, cut, &m, NULL), -EBADMSG);
	for (size_t i = 0; i < n * 8; i++) { /* any flipped bit is survived */
		AUTO_FREE uint8_t *bad = xmemdup(out.p, n);
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		if (dbus_message_parse(bad, n, &m, NULL) == 0)
			while (dbus_read_text(&m, &s) == 0)
				;
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("unit_plan");
	TCase *t = tcase_create("all");
	tcase_add_loop_test(t, test_names, 0, 15);
	tcase_add_loop_test(t, test_resources, 0, (int)ARRAY_LEN(plans));
	tcase_add_test(t, test_basics);
	tcase_add_test(t, test_annotations);
	tcase_add_test(t, test_round_quota);
	tcase_add_test(t, test_messages);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
