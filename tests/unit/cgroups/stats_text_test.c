/* cgroups/stats_text: kernel texts become JSON members; odd ones do not break it. */
#include "tests/unit/check_main.h"

#include <string.h>

#include "base/json.h"
#include "cgroups/stats.h"

/* The text so far, closed, must be JSON. */
static void check(struct str *s, const char *want)
{
	AUTO_JSON *j = NULL;
	str_addc(s, '}');
	ck_assert_str_eq(s->p, want);
	ck_assert_int_eq(json_parse(s->p, s->len, &j, NULL), 0);
	str_reset(s);
	str_addc(s, '{');
}

START_TEST(numbers)
{
	AUTO_STR s = STR_INIT;
	str_addc(&s, '{');
	stats_number(&s, "a", 0, false);
	stats_number(&s, "b", 0, true);
	stats_open(&s, "o");
	stats_number(&s, "c", 9223372036854771712u, false);
	stats_close(&s);
	check(&s, "{\"b\":0,\"o\":{\"c\":9223372036854771712}}");
	stats_number(&s, "limit", UINT64_MAX, true);
	ck_assert_str_eq(s.p, "{\"limit\":18446744073709551615"); /* more than the JSON library reads */
}
END_TEST

START_TEST(flat)
{
	AUTO_STR s = STR_INIT;
	str_addc(&s, '{');
	stats_flat(&s, "raw", "cache 12\nodd\nrss x\n\nlast 3");
	stats_flat(&s, "none", NULL);
	check(&s, "{\"raw\":{\"cache\":12,\"last\":3}}");
}
END_TEST

START_TEST(pressure)
{
	AUTO_STR s = STR_INIT;
	str_addc(&s, '{');
	stats_pressure(&s, "some avg10=75.34 avg60=0.00 avg300=00.5 total=1552013231\nfull avg10=1.2.x avg60=. total=0\n");
	check(&s, "{\"psi\":{\"some\":{\"avg10\":75.34,\"avg60\":0.00,\"avg300\":0.5,\"total\":1552013231},\"full\":{\"total\":0}}}");
	stats_pressure(&s, NULL);
	check(&s, "{}");
}
END_TEST

START_TEST(lists)
{
	AUTO_STR s = STR_INIT;
	str_addc(&s, '{');
	stats_list(&s, "a", "1 22 333 ");
	stats_list(&s, "b", "");
	stats_ranges(&s, "c", "0-2,7");
	stats_ranges(&s, "d", "\n");
	stats_ranges(&s, "e", "3-1,x,65535-99999999999");
	stats_column(&s, "user", "cpu user system\n0 5 6\n1 7 8", 1);
	stats_column(&s, "system", "cpu user system\n0 5 6\n1 7 8", 2);
	stats_column(&s, "none", NULL, 1);
	check(&s, "{\"a\":[1,22,333],\"c\":[0,1,2,7],\"e\":[65535],\"user\":[5,7],\"system\":[6,8]}");
}
END_TEST

START_TEST(block_io)
{
	AUTO_STR s = STR_INIT;
	str_addc(&s, '{');
	stats_blkio(&s, "bytes", "253:0 Read 12\n253:0 Total 12\nTotal 12\n8:16 5");
	stats_blkio(&s, "none", "Total 0");
	stats_io(&s, "io", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0\nx rbytes=9", "rbytes", "wbytes");
	stats_io(&s, "ios", "8:0 rbytes=1 wbytes=2 rios=3 wios=4", "rios", "wios");
	check(&s, "{\"bytes\":[{\"major\":253,\"op\":\"Read\",\"value\":12},{\"major\":253,\"op\":\"Total\",\"value\":12},"
		  "{\"major\":8,\"minor\":16,\"value\":5}],"
		  "\"io\":[{\"major\":8,\"op\":\"Read\",\"value\":1},{\"major\":8,\"op\":\"Write\",\"value\":2}],"
		  "\"ios\":[{\"major\":8,\"op\":\"Read\",\"value\":3},{\"major\":8,\"op\":\"Write\",\"value\":4}]}");
}
END_TEST

TESTS("stats_text", numbers, flat, pressure, lists, block_io)
