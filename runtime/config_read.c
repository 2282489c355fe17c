/* config.json from disk.
 *
 * Happy path: read, parse. What can fail: missing file (-ENOENT), syntax (-EINVAL). What always holds: unsigned 64-bit
 * numbers, which limits are full of and the JSON library refuses, are brought down to the largest signed one, which
 * every limit takes as "none". */
#include "runtime/config_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/fs.h"
#include "base/json.h"

#define CONFIG_MAX (8 << 20)
static const char largest[] = "9223372036854775807";

/* Integers of 19 and more digits outside strings that exceed the largest become it, padded with blanks. */
static void clamp_numbers(char *p, char *end)
{
	bool in_string = false;
	const size_t digits = sizeof(largest) - 1;
	while (p < end) {
		if (*p == '"')
			in_string = !in_string;
		else if (in_string && *p == '\\')
			p++;
		size_t n = 0;
		while (!in_string && p + n < end && isdigit((unsigned char)p[n]))
			n++;
		if (n >= digits && (n > digits || memcmp(p, largest, digits) > 0) && p[-1] != '.' &&
		    !strchr(".eE", p[n] ? p[n] : ' ')) {
			memcpy(p, largest, digits);
			memset(p + digits, ' ', n - digits);
		}
		p += n ? n : 1;
	}
}

int config_read_text(char *text, size_t len, json_t **ret, struct err *e)
{
	if (len && !isdigit((unsigned char)*text))
		clamp_numbers(text, text + len);
	return json_parse(text, len, ret, e);
}

int config_read(const char *bundle, json_t **ret, struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/config.json", bundle);
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, CONFIG_MAX, &text, e);
	if (r == -ENOENT)
		return err_set(e, -ENOENT, "JSON specification file config.json not found");
	if (r == 0)
		r = config_read_text(text.p, text.len, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}
