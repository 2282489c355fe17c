/* What OpenAPI documents tell about the members that every object has. */
#ifndef KNARR_CP_SCHEMA_OPENAPI_WORDS_H
#define KNARR_CP_SCHEMA_OPENAPI_WORDS_H

/* Of a member of the named type; type NULL: of every object. NULL: nothing is told. Static. */
const char *openapi_words(const char *type, const char *field);

#endif
