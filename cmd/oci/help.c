/* Help and versions, all from the tables of verbs and options. */
#include "cmd/oci/help.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

/* The release of runc whose command line this one follows. */
#define RUNC_VERSION "1.3.6"

static bool is_runc(const struct globals *g)
{
	return str_eq(g->name, "runc");
}

void help_program(const struct globals *g, const struct verb *const *verbs, size_t n, const struct option_row *rows, size_t n_rows)
{
	AUTO_STR s = STR_INIT;
	str_addf(&s, "NAME:\n   %s%s - Open Container Initiative runtime\n\n", g->name, is_runc(g) ? "" : ", in place of runc");
	str_add(&s, "Runs containers from bundles: directories with a config.json and a root filesystem.\n\n");
	str_addf(&s, "USAGE:\n   %s [global options] command [command options] [arguments...]\n\n", g->name);
	str_add(&s, "VERSION:\n   " KNARR_VERSION "\n\nCOMMANDS:\n");
	for (size_t i = 0; i < n; i++)
		str_addf(&s, "   %-10s  %s\n", verbs[i]->name, verbs[i]->brief);
	str_add(&s, "   help, h     show a list of commands or help for one command\n\nGLOBAL OPTIONS:\n");
	options_help(rows, n_rows, &s);
	fputs(str_text(&s), stdout);
}

void help_verb(const struct globals *g, const struct verb *v)
{
	AUTO_STR s = STR_INIT;
	str_addf(&s, "NAME:\n   %s %s - %s", g->name, v->name, v->brief);
	if (!is_runc(g))
		str_addf(&s, " (as runc %s)", v->name);
	str_addf(&s, "\n\nUSAGE:\n   %s %s%s %s\n", g->name, v->name, v->n_rows ? " [command options]" : "", v->args);
	if (v->about)
		str_addf(&s, "\nDESCRIPTION:\n   %s\n", v->about);
	str_add(&s, "\nOPTIONS:\n");
	options_help(v->rows, v->n_rows, &s);
	fputs(str_text(&s), stdout);
}

void help_version(const struct globals *g)
{
	printf("%s version " KNARR_VERSION "%s\n", g->name, is_runc(g) ? "" : ", in place of runc version " RUNC_VERSION);
	printf("commit: v" KNARR_VERSION "\nspec: %s\n", CONTAINER_SPEC_VERSION);
}

void help_words(const struct verb *const *verbs, size_t n, const struct verb *v)
{
	AUTO_STR s = STR_INIT;
	for (size_t i = 0; !v && i < n; i++)
		str_addf(&s, "%s\n", verbs[i]->name);
	if (v)
		options_words(v->rows, v->n_rows, &s);
	fputs(str_text(&s), stdout);
}
