/* Completion indexes as ordered ranges; pure. What cannot be read is left out: the text comes from the status that the controller
 * writes itself. */
#include "cp/controllers/job_indexes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void job_indexes_done(struct job_indexes *s)
{
	free(s->v);
	*s = (struct job_indexes){0};
}

static void add_range(struct job_indexes *s, int64_t first, int64_t last)
{
	size_t at = 0, end;
	while (at < s->n && s->v[at].last + 1 < first)
		at++;
	for (end = at; end < s->n && s->v[end].first <= last + 1; end++) {
		first = MIN(first, s->v[end].first);
		last = MAX(last, s->v[end].last);
	}
	if (end == at) { /* touches none */
		s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
		memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(*s->v));
		s->n++;
	} else {
		memmove(&s->v[at + 1], &s->v[end], (s->n - end) * sizeof(*s->v));
		s->n -= end - at - 1;
	}
	s->v[at] = (struct job_range){first, last};
}

void job_indexes_parse(struct job_indexes *s, const char *text, int64_t limit)
{
	AUTO_STRV char **parts = text ? str_split(text, ',') : NULL;
	for (size_t i = 0; parts && parts[i]; i++) {
		AUTO_STRV char **ends = str_split(parts[i], '-');
		int64_t first, last;
		size_t n = strv_len(ends);
		if (!n || n > 2 || str_to_i64(ends[0], &first) < 0 || str_to_i64(ends[n - 1], &last) < 0 || first < 0 || first > last)
			continue;
		if (first < limit)
			add_range(s, first, MIN(last, limit - 1));
	}
}

char *job_indexes_text(const struct job_indexes *s)
{
	AUTO_STR out = STR_INIT;
	for (size_t i = 0; i < s->n; i++) {
		str_addf(&out, "%s%lld", i ? "," : "", (long long)s->v[i].first);
		if (s->v[i].last > s->v[i].first)
			str_addf(&out, "%c%lld", s->v[i].last == s->v[i].first + 1 ? ',' : '-', (long long)s->v[i].last);
	}
	return str_take(&out);
}

void job_indexes_add(struct job_indexes *s, int64_t index)
{
	add_range(s, index, index);
}

bool job_indexes_has(const struct job_indexes *s, int64_t index)
{
	for (size_t i = 0; i < s->n && s->v[i].first <= index; i++) {
		if (index <= s->v[i].last)
			return true;
	}
	return false;
}

int64_t job_indexes_count(const struct job_indexes *s)
{
	int64_t count = 0;
	for (size_t i = 0; i < s->n; i++)
		count += s->v[i].last - s->v[i].first + 1;
	return count;
}
