/* JSON values in the notation that Go's %v gives: map[a:1 b:[x y]]. */
#ifndef KNARR_CP_API_GO_FORMAT_H
#define KNARR_CP_API_GO_FORMAT_H

#include <jansson.h>

char *go_format(const json_t *v); /* returns owned */

#endif
