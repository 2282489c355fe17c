/* Query strings of lists and watches, and continue tokens: a token that is read is written the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cp/api/list_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_token(const char *token)
{
	uint64_t rev, rev2;
	int64_t at, at2;
	AUTO_FREE char *key = NULL, *key2 = NULL;
	if (continue_decode(token, &rev, &at, &key, NULL) < 0)
		return;
	AUTO_FREE char *again = continue_encode(rev, at, key);
	if (continue_decode(again, &rev2, &at2, &key2, NULL) < 0 || rev != rev2 || at != at2 || strcmp(key, key2))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schema *s;
	if (!s && schema_load_builtin(&s, NULL) < 0)
		abort();
	if (size < 1)
		return 0;
	AUTO_FREE char *text = xstrndup((const char *)data + 1, size - 1);
	struct query q;
	struct list_plan plan;
	try_token(text);
	query_parse(text, &q);
	AUTO_JSON *status = list_plan_read(&q, schema_find_kind(s, "", "v1", data[0] & 1 ? "Pod" : "ConfigMap"), data[0] & 2, &plan);
	if (!status && !plan.labels && query_get(&q, "labelSelector") && *query_get(&q, "labelSelector") == '!')
		abort();
	list_plan_done(&plan);
	const char *token = query_get(&q, "continue");
	if (token)
		try_token(token);
	query_done(&q);
	return 0;
}
