/* The token file. Happy path: every line has a token, a user, a uid and maybe groups. Fails for a line with fewer fields
 * or an open quote. A token that stands twice belongs to the later line. */
#include "cp/auth/token_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

static void user_free(void *p)
{
	auth_user_done(p);
	free(p);
}

/* One field of a line (RFC 4180); moves *at behind it and its comma. -EINVAL for a quote that does not end. */
static int next_field(const char **at, struct str *ret)
{
	const char *p = *at + strspn(*at, " ");
	if (*p != '"') {
		size_t n = strcspn(p, ",");
		str_addn(ret, p, n);
		*at = p + n + (p[n] == ',');
		return 0;
	}
	for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
		p += *p == '"';
		str_addc(ret, *p);
	}
	if (*p++ != '"')
		return -EINVAL;
	*at = p + strcspn(p, ",");
	*at += **at == ',';
	return 0;
}

static int parse_line(struct map *m, const char *line)
{
	AUTO_STRV char **fields = NULL, **groups = NULL;
	for (const char *at = line; *at;) {
		AUTO_STR field = STR_INIT;
		if (next_field(&at, &field) < 0)
			return -EINVAL;
		strv_add(&fields, str_text(&field));
	}
	if (strv_len(fields) < 3 || !*fields[0] || !*fields[1])
		return -EINVAL;
	if (fields[3])
		groups = str_split(fields[3], ',');
	struct auth_user *u = xcalloc(1, sizeof(*u));
	auth_user_set(u, fields[1], groups);
	auth_user_set_uid(u, fields[2]);
	map_set(m, fields[0], u);
	return 0;
}

int token_file_parse(const char *text, struct map **ret, struct err *e)
{
	AUTO_STRV char **lines = str_split(text, '\n');
	AUTO_MAP *m = map_new(user_free);
	for (size_t i = 0; lines && lines[i]; i++) {
		lines[i][strcspn(lines[i], "\r")] = '\0';
		if (!*lines[i] || *lines[i] == '#')
			continue;
		if (parse_line(m, lines[i]) < 0)
			return err_set(e, -EINVAL, "line %zu: not token,user,uid[,\"groups\"]", i + 1);
	}
	*ret = TAKE(m);
	return 0;
}

int token_file_load(const char *file, struct map **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(file, 16 << 20, &text, e);
	if (r < 0)
		return r;
	r = token_file_parse(str_text(&text), ret, e);
	return r < 0 ? err_wrap(e, r, "%s", file) : 0;
}
