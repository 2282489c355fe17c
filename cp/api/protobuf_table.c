/* The table of field numbers. Purpose: know the wire form of each message without code a message. Happy path: the text
 * that is compiled in becomes a map at the first use; a server that nobody sends protobuf never reads it. Nothing
 * fails: the text is part of the program. */
#include "cp/api/protobuf_table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

__asm__(".section .rodata\n"
	".global protobuf_table_text\nprotobuf_table_text:\n.incbin \"cp/api/protobuf.tbl\"\n.byte 0\n"
	".previous\n");
extern const char protobuf_table_text[];

/* One word: NAME=NUMBER[*%^]TYPE */
static void parse_field(const char *word, struct pb_field *ret)
{
	const char *equals = strchr(word, '=');
	char *type;
	ret->name = xstrndup(word, (size_t)(equals - word));
	ret->number = (unsigned)strtoul(equals + 1, &type, 10);
	static const char shapes[] = "*%^";
	const char *shape = *type ? strchr(shapes, *type) : NULL;
	ret->shape = shape ? (enum pb_shape)(PB_REPEATED + (shape - shapes)) : PB_ONE;
	type += shape != NULL;
	bool scalar = type[0] && !type[1];
	ret->type = scalar ? type[0] : 'm';
	ret->message = scalar ? NULL : xstrdup(type);
}

static void parse_line(struct map *table, const char *line)
{
	AUTO_STRV char **words = str_split(line, ' ');
	if (!words || !words[0] || words[0][0] == '#' || !words[0][0])
		return;
	struct pb_message *m = xcalloc(1, sizeof(*m));
	size_t n = strv_len(words);
	m->fields = xcalloc(n, sizeof(*m->fields));
	for (size_t i = 1; i < n; i++) {
		if (strcmp(words[i], "[]") == 0)
			m->is_list = true;
		else if (strcmp(words[i], "|") == 0)
			m->is_choice = true;
		else if (strchr(words[i], '='))
			parse_field(words[i], &m->fields[m->n++]);
	}
	map_set(table, words[0], m);
}

const struct pb_message *pb_message_find(const char *name)
{
	static struct map *table; /* read once, kept for the life of the process */
	if (!table) {
		table = map_new(NULL);
		AUTO_STRV char **lines = str_split(protobuf_table_text, '\n');
		for (size_t i = 0; lines[i]; i++)
			parse_line(table, lines[i]);
	}
	return map_get(table, name);
}

const struct pb_field *pb_field_find(const struct pb_message *m, unsigned number)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->fields[i].number == number)
			return &m->fields[i];
	return NULL;
}
