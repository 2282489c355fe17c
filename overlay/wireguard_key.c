/* Keys of WireGuard. Happy path: 32 bytes from the file, in base64 as wg(8) writes them; a new one is random and clamped. What
 * can fail: the file. What always holds: a key that was handed out is on the disk. */
#include "overlay/wireguard_key.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"

enum { FILE_MAX = 256 };

static int make_key(const char *path, uint8_t *key, struct err *e)
{
	AUTO_STR text = STR_INIT;
	rand_bytes(key, WIREGUARD_KEY);
	key[0] &= 248;
	key[31] = (uint8_t)((key[31] & 127) | 64);
	base64_encode(&text, key, WIREGUARD_KEY);
	str_addc(&text, '\n');
	return fs_write_atomic(path, text.p, text.len, 0600, e);
}

static int read_key(const char *path, uint8_t *key, struct err *e)
{
	AUTO_STR text = STR_INIT, bytes = STR_INIT;
	int r = fs_read_file(path, FILE_MAX, &text, e);
	if (r < 0)
		return r;
	if (base64_decode(&bytes, text.p, strcspn(str_text(&text), "\n")) < 0 || bytes.len != WIREGUARD_KEY)
		return err_set(e, -EINVAL, "%s: no WireGuard key", path);
	memcpy(key, bytes.p, WIREGUARD_KEY);
	return 0;
}

int wireguard_key_load(const char *path, uint8_t ret_private[WIREGUARD_KEY], uint8_t ret_public[WIREGUARD_KEY], struct err *e)
{
	size_t len = WIREGUARD_KEY;
	int r = fs_exists(path) ? read_key(path, ret_private, e) : make_key(path, ret_private, e);
	EVP_PKEY *k = r < 0 ? NULL : EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, ret_private, WIREGUARD_KEY);
	if (r == 0 && (!k || EVP_PKEY_get_raw_public_key(k, ret_public, &len) != 1))
		r = err_set(e, -EINVAL, "%s: no public key", path);
	EVP_PKEY_free(k);
	return r;
}
