/* Members of configurations: what is of the wrong type is named with its place, what has other capitals is found. */
#include "cni/member.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "tests/unit/quoted_json.h"

#define SPEC "mtu:n on:b name:s ids.[].id:n args.{}:s a.b.c:s"

static const struct {
	const char *conf, *error;
} cases[] = {
    {"{}", NULL},
    {"{'mtu':1500,'on':true,'name':'x','ids':[{'id':1},{}],'args':{'k':'v'},'a':{'b':{'c':'d'}},'else':[1]}", NULL},
    {"{'mtu':null,'on':null,'ids':null,'args':{'k':null},'a':{'b':null}}", NULL},
    {"{'mtu':'1500'}", "mtu must be a whole number"},
    {"{'mtu':1500.5}", "mtu must be a whole number"},
    {"{'on':'true'}", "on must be true or false"},
    {"{'name':7}", "name must be a text"},
    {"{'ids':{'id':1}}", "ids must be a list"},
    {"{'ids':[{'id':1},{'id':'2'}]}", "ids[1].id must be a whole number"},
    {"{'ids':[4]}", "ids[0] must be an object"},
    {"{'args':{'k':'v','l':[]}}", "args.l must be a text"},
    {"{'args':['v']}", "args must be an object"},
    {"{'a':{'b':'c'}}", "a.b must be an object"},
    {"{'a':{'b':{'c':1}}}", "a.b.c must be a text"},
    {"{'MTU':'x'}", "mtu must be a whole number"},
    {"{'on':1,'name':2}", "on must be true or false"},
};

START_TEST(types)
{
	struct err e = ERR_INIT;
	AUTO_JSON *j = quoted_json(cases[_i].conf);
	int r = member_check(j, SPEC, &e);
	ck_assert_int_eq(r, cases[_i].error ? -EINVAL : 0);
	ck_assert_str_eq(e.text, cases[_i].error ? cases[_i].error : "");
}
END_TEST

/* Also behind a member that is wrong; one under its own name is not taken from another. */
START_TEST(capitals)
{
	AUTO_JSON *j = quoted_json("{'MTU':'x','ON':true,'A':{'B':{'C':'deep'}},'name':'own','Name':'other'}");
	ck_assert_int_eq(member_check(j, SPEC, NULL), -EINVAL);
	ck_assert(json_bool_at(j, "on", false));
	ck_assert_str_eq(json_str_at(j, "a.b.c"), "deep");
	ck_assert_str_eq(json_str_at(j, "name"), "own");
	ck_assert_int_eq(member_check(j, NULL, NULL), 0);
}
END_TEST

#include "tests/unit/check_main.h"
TESTS_TABLE("member", types, ARRAY_LEN(cases), capitals)
