/* Tokens as they come from the network: read, and verified against a fixed key, whose signature none of them can have. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cp/auth/jwt.h"
#include "tests/unit/cp/auth/jwt_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jwt_key *key;
	AUTO_FREE char *token = xstrndup((const char *)data, size);
	json_t *header = NULL, *claims = NULL;
	if (!key && jwt_key_parse(rsa_public, strlen(rsa_public), &key, NULL) < 0)
		abort();
	if (jwt_read(token, &header, &claims) == 0 && (!json_is_object(header) || !json_is_object(claims)))
		abort();
	json_decref(header);
	json_decref(claims);
	claims = NULL;
	if (jwt_verify(&key, 1, token, &claims, NULL) == 0 && strcmp(token, foreign_token))
		abort();
	json_decref(claims);
	return 0;
}
