/* What changed between two texts, as hunks of a unified diff with three lines of context, without the headers of files. Pure. */
#ifndef KNARR_CP_KINDS_TEXT_DIFF_H
#define KNARR_CP_KINDS_TEXT_DIFF_H

/* Returns owned; "" where nothing changed. Texts of more than 2,000 changed lines are told as one replacement. */
char *text_diff(const char *before, const char *after);

#endif
