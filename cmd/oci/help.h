/* The texts that knarr-oci tells of itself. */
#ifndef KNARR_CMD_OCI_HELP_H
#define KNARR_CMD_OCI_HELP_H

#include "cmd/oci/oci.h"

void help_program(const struct globals *g, const struct verb *const *verbs, size_t n, const struct option_row *rows, size_t n_rows);
void help_verb(const struct globals *g, const struct verb *v);
void help_version(const struct globals *g);
/* Names of verbs (NULL) or options of a verb, one a line, for a shell's completion. */
void help_words(const struct verb *const *verbs, size_t n, const struct verb *v);

#endif
