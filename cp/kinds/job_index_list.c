/* Lists of a job's indexes: "1,3-5,7". Purpose: which indexes succeeded or failed, and which have to. Happy path: each fragment is
 * one index or an interval of at least two, below the number of completions, each behind the one before it. What is wrong is said
 * in the words of the reference. Pure. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cp/kinds/job_rules.h"

struct interval {
	int64_t from, to;
};

/* One end of an interval. Returns why it is none, NULL: it is one. Owned. */
static char *end_parse(const char *text, int64_t completions, int64_t *ret)
{
	AUTO_STR quoted = STR_INIT;
	const char *digits = *text == '+' ? text + 1 : text;
	int64_t n;
	str_add_json(&quoted, text);
	if (str_to_i64(digits, &n) < 0)
		return xasprintf("cannot convert string to integer for index: %s", str_text(&quoted));
	if (n >= completions)
		return xasprintf("too large index: %s", str_text(&quoted));
	*ret = n;
	return NULL;
}

static char *interval_parse(const char *text, int64_t completions, struct interval *ret)
{
	AUTO_STRV char **ends = str_split(text, '-');
	struct interval at = { 0, 0 };
	size_t n = strv_len(ends);
	if (n > 2) {
		AUTO_STR quoted = STR_INIT;
		str_add_json(&quoted, text);
		return xasprintf("the fragment %s violates the requirement that an index interval can have at most two parts separated by '-'",
				 str_text(&quoted));
	}
	char *why = end_parse(n ? ends[0] : "", completions, &at.from);
	if (why)
		return why;
	at.to = at.from;
	if (n == 2 && (why = end_parse(ends[1], completions, &at.to)))
		return why;
	if (n == 2 && at.from >= at.to)
		return xasprintf("non-increasing order, previous: %lld, current: %lld", (long long)at.from, (long long)at.to);
	*ret = at;
	return NULL;
}

int64_t job_index_list_count(const char *text, int64_t completions, char **ret_why)
{
	AUTO_STRV char **parts = *text ? str_split(text, ',') : NULL;
	int64_t total = 0;
	struct interval at, before = { 0, -1 };
	for (size_t i = 0; parts && parts[i]; i++) {
		char *why = interval_parse(parts[i], completions, &at);
		if (!why && i && before.to >= at.from)
			why = xasprintf("non-increasing order, previous: %lld, current: %lld", (long long)before.to, (long long)at.from);
		if (why) {
			*ret_why = why;
			return 0;
		}
		total += at.to - at.from + 1;
		before = at;
	}
	return total;
}

/* The next interval from *i on; false: there is none. */
static bool next(char *const *parts, size_t *i, int64_t completions, struct interval *ret)
{
	for (; parts[*i]; ++*i) {
		AUTO_FREE char *why = interval_parse(parts[*i], completions, ret);
		if (!why)
			return true;
	}
	return false;
}

char *job_index_list_overlap(const char *completed, const char *failed, int64_t completions)
{
	if (!*completed || !*failed)
		return NULL;
	AUTO_STRV char **c = str_split(completed, ','), **f = str_split(failed, ',');
	struct interval x = { 0, 0 }, y = { 0, 0 };
	for (size_t i = 0, k = 0; next(c, &i, completions, &x) && next(f, &k, completions, &y);) {
		if (x.from <= y.to && y.from <= x.to)
			return xasprintf("failedIndexes and completedIndexes overlap at index: %lld", (long long)(x.from > y.from ? x.from : y.from));
		if (x.from <= y.from)
			i++;
		else
			k++;
	}
	return NULL;
}
