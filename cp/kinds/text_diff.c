/* A unified diff. Purpose: tell in an error what changed. Happy path: the lines that both texts have at the beginning and at the end
 * are cut off, the longest common subsequence of what is between says which lines went and came, and changes that are near each other
 * make one hunk. Nothing fails. */
#include "cp/kinds/text_diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { CONTEXT = 3, LCS_MAX = 2000 };

/* One line of the result: kept (' '), gone ('-') or new ('+'), with its place in both texts. */
struct edit {
	char mark;
	size_t a, b;
};

struct diff {
	char **a, **b;
	size_t n_a, n_b;
	struct edit *edits;
	size_t n;
};

static void add(struct diff *d, char mark, size_t a, size_t b)
{
	d->edits[d->n++] = (struct edit){ mark, a, b };
}

/* Lines a[from_a, to_a) against b[from_b, to_b), by the table of common lengths. */
static void compare_middle(struct diff *d, size_t from_a, size_t to_a, size_t from_b, size_t to_b)
{
	size_t rows = to_a - from_a, columns = to_b - from_b, w = columns + 1;
	bool small = rows <= LCS_MAX && columns <= LCS_MAX;
	AUTO_FREE uint16_t *common = small ? xcalloc((rows + 1) * w, sizeof(*common)) : NULL;
	for (size_t i = rows; small && i-- > 0;)
		for (size_t j = columns; j-- > 0;) {
			uint16_t down = common[(i + 1) * w + j], right = common[i * w + j + 1];
			common[i * w + j] = strcmp(d->a[from_a + i], d->b[from_b + j]) == 0 ? (uint16_t)(common[(i + 1) * w + j + 1] + 1)
									 : down > right		? down
												: right;
		}
	size_t i = 0, j = 0;
	while (i < rows || j < columns) {
		if (small && i < rows && j < columns && strcmp(d->a[from_a + i], d->b[from_b + j]) == 0) {
			add(d, ' ', from_a + i, from_b + j);
			i++;
			j++;
		} else if (i < rows && (!small || j == columns || common[(i + 1) * w + j] >= common[i * w + j + 1])) {
			add(d, '-', from_a + i++, from_b + j);
		} else {
			add(d, '+', from_a + i, from_b + j++);
		}
	}
}

static void compare(struct diff *d)
{
	size_t head = 0, tail = 0;
	while (head < d->n_a && head < d->n_b && strcmp(d->a[head], d->b[head]) == 0)
		head++;
	while (tail < d->n_a - head && tail < d->n_b - head && strcmp(d->a[d->n_a - 1 - tail], d->b[d->n_b - 1 - tail]) == 0)
		tail++;
	for (size_t i = 0; i < head; i++)
		add(d, ' ', i, i);
	compare_middle(d, head, d->n_a - tail, head, d->n_b - tail);
	for (size_t i = tail; i > 0; i--)
		add(d, ' ', d->n_a - i, d->n_b - i);
}

/* "first,count"; one line is only its number, none is at the line before. */
static void add_range(struct str *out, size_t first, size_t count)
{
	if (count == 1)
		str_addf(out, "%zu", first + 1);
	else
		str_addf(out, "%zu,%zu", count ? first + 1 : first, count);
}

static void add_hunk(struct str *out, const struct diff *d, size_t from, size_t to)
{
	size_t gone = 0, came = 0;
	for (size_t i = from; i < to; i++) {
		gone += d->edits[i].mark != '+';
		came += d->edits[i].mark != '-';
	}
	str_add(out, "@@ -");
	add_range(out, d->edits[from].a, gone);
	str_add(out, " +");
	add_range(out, d->edits[from].b, came);
	str_add(out, " @@\n");
	for (size_t i = from; i < to; i++)
		str_addf(out, "%c%s\n", d->edits[i].mark,
			 d->edits[i].mark == '+' ? d->b[d->edits[i].b] : d->a[d->edits[i].a]);
}

char *text_diff(const char *before, const char *after)
{
	AUTO_STRV char **a = str_split(before, '\n');
	AUTO_STRV char **b = str_split(after, '\n');
	struct diff d = { .a = a, .b = b, .n_a = strv_len(a), .n_b = strv_len(b) };
	struct str out = STR_INIT;
	d.edits = xcalloc(d.n_a + d.n_b + 1, sizeof(*d.edits));
	compare(&d);
	for (size_t i = 0; i < d.n; i++) {
		if (d.edits[i].mark == ' ')
			continue;
		size_t from = i > CONTEXT ? i - CONTEXT : 0, last = i;
		for (size_t k = i; k < d.n && k <= last + 2 * CONTEXT; k++)
			if (d.edits[k].mark != ' ')
				last = k;
		add_hunk(&out, &d, from, last + 1 + CONTEXT < d.n ? last + 1 + CONTEXT : d.n);
		i = last;
	}
	free(d.edits);
	return str_take(&out);
}
