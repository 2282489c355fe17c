/* Reading resolv.conf. Nothing can fail; of several search lines the last one counts. */
#include "io/resolv_conf.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void resolv_conf_add(char ***to, const char *text, size_t max)
{
	if (!strv_has(*to, text) && strv_len(*to) < max)
		strv_add(to, text);
}

static void parse_line(struct resolv_conf *r, char *line)
{
	char *save = NULL, *word = strtok_r(line, " \t", &save);
	if (!word || *word == '#' || *word == ';')
		return;
	char ***to = !strcmp(word, "nameserver")                          ? &r->servers
		     : !strcmp(word, "search") || !strcmp(word, "domain") ? &r->searches
		     : !strcmp(word, "options")                           ? &r->options
									  : NULL;
	if (to == &r->searches)
		free_strv(to);
	while (to && (word = strtok_r(NULL, " \t", &save)))
		resolv_conf_add(to, word, to == &r->servers ? RESOLV_SERVERS_MAX : RESOLV_SEARCHES_MAX);
}

void resolv_conf_parse(struct resolv_conf *r, const char *text)
{
	AUTO_STRV char **lines = str_split(text ? text : "", '\n');
	for (char **l = lines; l && *l; l++)
		parse_line(r, *l);
}

void resolv_conf_done(struct resolv_conf *r)
{
	free_strv(&r->servers);
	free_strv(&r->searches);
	free_strv(&r->options);
}
