/* Answers of etcd, of each kind, as messages and in frames; and stored values that look encrypted. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "cp/store/etcd_codec.h"
#include "cp/store/store_crypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resolve(void *arg, const char *resource, char ***prefixes)
{
	(void)arg, (void)resource;
	strv_add(prefixes, "/registry/");
}

static void open_value(const char *text, size_t size)
{
	static const char config[] =
	    "{\"kind\":\"EncryptionConfiguration\",\"apiVersion\":\"apiserver.config.k8s.io/v1\",\"resources\":[{\"resources\":"
	    "[\"x\"],\"providers\":[{\"aesgcm\":{\"keys\":[{\"name\":\"k\",\"secret\":\"Y2NjY2NjY2NjY2NjY2NjYw==\"}]}},"
	    "{\"aescbc\":{\"keys\":[{\"name\":\"k\",\"secret\":\"Y2NjY2NjY2NjY2NjY2NjYw==\"}]}},{\"identity\":{}}]}]}";
	static struct store_crypt *c;
	AUTO_JSON *j = NULL;
	if (!c && (json_parse(config, strlen(config), &j, NULL) < 0 || store_crypt_new(j, resolve, NULL, &c, NULL) < 0))
		abort();
	AUTO_BUF *stored = buf_new(text, size), *value = NULL;
	bool stale;
	int r = store_crypt_open(c, "/registry/x/a", stored, &value, &stale, NULL);
	/* What carries the mark is never given out as it is. */
	if (!r && size >= 8 && !memcmp(text, "k8s:enc:", 8) && value->len >= size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct etcd_range range = {0};
	struct etcd_txn_answer txn = {0}, turn = {0};
	struct etcd_watch_answer watch = {0};
	uint64_t version;
	struct err e = ERR_INIT;
	etcd_range_answer(text, size, &range, &e);
	etcd_txn_answer(text, size, &txn, &e);
	etcd_version_answer(text, size, &turn, &version, &e);
	etcd_watch_answer(text, size, &watch, &e);
	const char *part;
	size_t n;
	if (etcd_unframe(text, size, &part, &n) > 0 && part + n > text + size)
		abort();
	if (!etcd_snapshot_answer(text, size, &part, &n, &e) && n > size)
		abort();
	etcd_range_done(&range);
	etcd_txn_answer_done(&txn);
	etcd_txn_answer_done(&turn);
	etcd_watch_answer_done(&watch);
	open_value(text, size);
	return 0;
}
