/* Regular expressions as Go's regexp package takes them. */
#ifndef KNARR_CP_SCHEMA_GO_REGEXP_H
#define KNARR_CP_SCHEMA_GO_REGEXP_H

/* Why text is none ("missing closing ): `(`"), owned; NULL: it is one, as far as its syntax goes. */
char *go_regexp_error(const char *text);

#endif
