/* Why a webhook could not be called, in the words that operators of the original search for. Pure. */
#ifndef KNARR_CP_ADMISSION_HOOK_WORDS_H
#define KNARR_CP_ADMISSION_HOOK_WORDS_H

#include <stddef.h>

#include "base/err.h"

/* What e of an HTTP call to url (or to peer, "host:port", NULL: by the URL) means; owned. */
char *hook_words_of_network(const struct err *e, const char *url, const char *peer);
/* What an answer with another status than 2xx says: the message of a Status in its body, or words for the status; owned.
 * type is its Content-Type, NULL: none. */
char *hook_words_of_answer(int status, const char *type, const char *body, size_t len);

#endif
