/* The file of addresses in use, and the set that is made of it.
 *
 * Records of 20 bytes: whether it was taken, family, address. They are appended, and once there are many more than
 * addresses the file is made anew. Only a hint: who takes an address is told by the directory whether it is free, and
 * who finds none forgets the file and looks again. Failures to write are ignored, the file goes then. */
#include "cni/ipam_used.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#define FILE_MAX (1u << 20)
#define SPARE_RECORDS 1024
#define FREED (-1) /* in the place of a family: was there, goes on behind it */

struct record {
	uint8_t taken, six, zero[2], b[16];
};
_Static_assert(sizeof(struct record) == 20, "a record's size on disk");

static size_t slot_of(const struct ipam_used *u, const struct ip *ip)
{
	uint64_t half[2];
	memcpy(half, ip->b, sizeof(half));
	uint64_t h = (half[0] ^ (half[1] * 0x9e3779b97f4a7c15u) ^ (uint64_t)ip->family) * 0xff51afd7ed558ccdu;
	return (h ^ h >> 32) & u->mask;
}

static bool same(const struct ip *a, const struct ip *b) /* ip_eq(), which cannot be inlined */
{
	return a->family == b->family && !memcmp(a->b, b->b, sizeof(a->b));
}

/* Where it is, or where it would be. */
static struct ip *find(const struct ipam_used *u, const struct ip *ip)
{
	size_t i = slot_of(u, ip);
	while (u->slots[i].family && !same(&u->slots[i], ip))
		i = (i + 1) & u->mask;
	return &u->slots[i];
}

static void init(struct ipam_used *u, size_t n)
{
	size_t size = 64;
	while (size < n + n / 2 + 1)
		size *= 2;
	*u = (struct ipam_used){xcalloc(size, sizeof(*u->slots)), size - 1};
}

void ipam_used_done(struct ipam_used *u)
{
	free(u->slots);
	*u = (struct ipam_used){0};
}

bool ipam_used_has(const struct ipam_used *u, const struct ip *ip)
{
	return find(u, ip)->family != 0;
}

void ipam_used_forget(struct ipam_store *s)
{
	if (s->index_fd >= 0)
		unlinkat(s->index_fd, IPAM_USED_NAME, 0);
}

static struct record record_of(const struct ip *ip, bool taken)
{
	struct record r = {.taken = taken, .six = ip->family == AF_INET6};
	memcpy(r.b, ip->b, sizeof(r.b));
	return r;
}

void ipam_used_note(struct ipam_store *s, const struct ip *ip, bool taken)
{
	struct record r = record_of(ip, taken);
	struct stat st;
	AUTO_FD int fd =
	    s->index_fd >= 0 ? openat(s->index_fd, IPAM_USED_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd >= 0 && (fstat(fd, &st) || st.st_size > FILE_MAX || fs_write_all(fd, &r, sizeof(r)) < 0))
		ipam_used_forget(s);
}

/* 1 where the file could be read and is worth keeping. */
static int load_file(struct ipam_store *s, struct ipam_used *ret)
{
	AUTO_STR bytes = STR_INIT;
	size_t live = 0;
	AUTO_FD int fd =
	    s->index_fd >= 0 ? openat(s->index_fd, IPAM_USED_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) || st.st_size > FILE_MAX * 2)
		return 0;
	str_reserve(&bytes, (size_t)st.st_size + 1);
	if (fs_read_fd(fd, FILE_MAX * 2, &bytes, NULL) < 0 || bytes.len % sizeof(struct record))
		return 0;
	size_t n = bytes.len / sizeof(struct record);
	init(ret, n);
	for (size_t i = 0; i < n; i++) {
		struct record r;
		memcpy(&r, bytes.p + i * sizeof(r), sizeof(r));
		struct ip ip = {.family = r.six ? AF_INET6 : AF_INET};
		memcpy(ip.b, r.b, sizeof(r.b));
		struct ip *slot = find(ret, &ip);
		bool was = slot->family != 0;
		live += r.taken && !was;
		live -= !r.taken && was;
		if (r.taken)
			*slot = ip;
		else if (was)
			slot->family = FREED;
	}
	if (n <= live * 2 + SPARE_RECORDS)
		return 1;
	ipam_used_done(ret);
	return 0;
}

static int load_directory(struct ipam_store *s, struct ipam_used *ret, struct err *e)
{
	AUTO_FREE struct ip *v = NULL;
	AUTO_STR bytes = STR_INIT;
	size_t n = 0;
	int r = ipam_store_list(s, &v, &n, e);
	if (r < 0)
		return r;
	init(ret, n);
	for (size_t i = 0; i < n; i++) {
		struct record rec = record_of(&v[i], true);
		*find(ret, &v[i]) = v[i];
		str_addn(&bytes, &rec, sizeof(rec));
	}
	ipam_used_forget(s);
	AUTO_FD int fd = s->index_fd >= 0 && bytes.len < FILE_MAX / 2
			     ? openat(s->index_fd, IPAM_USED_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
			     : -1;
	if (fd >= 0 && fs_write_all(fd, bytes.p, bytes.len) < 0)
		ipam_used_forget(s);
	return 0;
}

int ipam_used_load(struct ipam_store *s, struct ipam_used *ret, struct err *e)
{
	return load_file(s, ret) ? 0 : load_directory(s, ret, e);
}
