/* Static tokens and their users from a file of comma-separated values. */
#ifndef KNARR_CP_AUTH_TOKEN_FILE_H
#define KNARR_CP_AUTH_TOKEN_FILE_H

#include <stddef.h>

#include "base/err.h"
#include "base/map.h"
#include "cp/auth/user.h"

/* Lines of token,user,uid[,"group1,group2"] become a map from token to struct auth_user *. -EINVAL names the line. Owned. */
int token_file_parse(const char *text, struct map **ret, struct err *e);
int token_file_load(const char *file, struct map **ret, struct err *e);

#endif
