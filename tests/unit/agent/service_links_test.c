#include "agent/service_links.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/check_main.h"
#include "tests/unit/quoted_json.h"

/* What is kept of a service; NULL: it makes no variables. */
static const struct row {
	const char *service, *kept;
} rows[] = {
    {"{'metadata':{'name':'db','namespace':'n','uid':'u','labels':{'a':'b'}},'spec':{'clusterIP':'10.96.0.9','type':'ClusterIP',"
     "'selector':{'a':'b'},'ports':[{'name':'pg','port':5432,'protocol':'TCP','targetPort':5432,'nodePort':30000},{'port':1}]},"
     "'status':{}}",
     "{'metadata':{'name':'db','namespace':'n'},'spec':{'clusterIP':'10.96.0.9','ports':[{'name':'pg','port':5432,"
     "'protocol':'TCP'},{'port':1}]}}"},
    {"{'metadata':{'name':'db'},'spec':{'clusterIP':'None','ports':[{'port':1}]}}", NULL},
    {"{'metadata':{'name':'db'},'spec':{'ports':[{'port':1}]}}", NULL},
    {"{'metadata':{'name':'db'},'spec':{'clusterIP':'10.96.0.9','ports':[]}}", NULL},
    {"{'metadata':{'name':'db'}}", NULL},
};

START_TEST(kept)
{
	const struct row *row = &rows[_i];
	AUTO_JSON *service = quoted_json(row->service), *wanted = row->kept ? quoted_json(row->kept) : NULL,
		  *got = NULL;
	AUTO_FREE char *text = service_link_text(service);
	ck_assert_int_eq(!text, !row->kept);
	if (!text)
		return;
	ck_assert_int_eq(json_parse(text, strlen(text), &got, NULL), 0);
	ck_assert(json_equal(got, wanted));
}
END_TEST

START_TEST(kept_text_is_short)
{
	AUTO_JSON *service = quoted_json(rows[0].service);
	AUTO_FREE char *text = service_link_text(service);
	ck_assert_uint_lt(strlen(text), 200);
}
END_TEST

TESTS_TABLE("service_links", kept, ARRAY_LEN(rows), kept_text_is_short)
