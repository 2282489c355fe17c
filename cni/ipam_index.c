/* The index of owners.
 *
 * An entry is read, and believed only as far as the reference's file of each address says the same. The stamp is the
 * time of the directory's last change: it is written after each of our changes, so that it stays behind whenever
 * somebody else changes the directory, or when one of ours is killed half way. Nothing here is needed to be right:
 * failures to write are ignored, and found by the stamp later. */
#include "cni/ipam_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cni/hash.h"
#include "cni/ipam_spare.h"
#include "cni/ipam_used.h"

#define DIR_NAME ".owners"
#define STAMP "stamp"
#define STAMP_MAX 128
#define ENTRY_MAX 65536
#define NAME_MAX_BYTES 32
#define UNKNOWN "-"

enum { LINE_BOOT, LINE_MOUNTS, LINE_NETNS, LINE_ID, LINE_IFNAME, LINE_IPS };

void ipam_held_done(struct ipam_held *h)
{
	free(h->ips);
	*h = (struct ipam_held){0};
}

static const char *boot_id(void)
{
	static char id[64];
	AUTO_STR text = STR_INIT;
	if (!*id && fs_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL) >= 0)
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(str_text(&text), "\n"), str_text(&text));
	return *id ? id : UNKNOWN;
}

static const char *mount_namespace(void)
{
	static char text[32];
	struct stat st;
	if (!*text && !stat("/proc/self/ns/mnt", &st))
		snprintf(text, sizeof(text), "%llu", (unsigned long long)st.st_ino);
	return *text ? text : UNKNOWN;
}

static char *entry_name(char *ret, const char *id, const char *ifname)
{
	AUTO_FREE char *owner = xasprintf("%s/%s", id, ifname);
	snprintf(ret, NAME_MAX_BYTES, "%016llx", (unsigned long long)cni_hash(owner));
	return ret;
}

static char **read_entry(const struct ipam_store *s, const char *name)
{
	AUTO_STR text = STR_INIT;
	AUTO_FD int fd = openat(s->index_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fs_read_fd(fd, ENTRY_MAX, &text, NULL) < 0)
		return NULL;
	char **lines = str_split(str_text(&text), '\n');
	if (strv_len(lines) > LINE_IPS)
		return lines;
	free_strv(&lines);
	return NULL;
}

static void stamp_text(const struct ipam_store *s, char *ret, size_t room)
{
	struct stat st = {0};
	fstat(s->dir_fd, &st);
	snprintf(ret, room, "%s %lld.%09ld ", boot_id(), (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* In place, with one length whatever it says. */
void ipam_index_stamp(struct ipam_store *s)
{
	char text[STAMP_MAX], count[8];
	stamp_text(s, text, sizeof(text) - sizeof(count));
	snprintf(count, sizeof(count), "%02u\n", s->n_spare);
	strcat(text, count);
	if (s->stamp_fd >= 0 && pwrite(s->stamp_fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		unlinkat(s->index_fd, STAMP, 0);
}

static bool is_whole(struct ipam_store *s)
{
	char want[STAMP_MAX], is[STAMP_MAX];
	ssize_t n = s->stamp_fd >= 0 ? pread(s->stamp_fd, is, sizeof(is) - 1, 0) : -1;
	stamp_text(s, want, sizeof(want));
	size_t len = strlen(want);
	if (n < (ssize_t)len || memcmp(want, is, len) != 0)
		return false;
	is[n] = '\0';
	is[len + strcspn(is + len, "\n")] = '\0';
	uint32_t spare = 0;
	if (str_to_u32(is + len, &spare) < 0 || spare > IPAM_SPARE_MAX)
		return false;
	s->n_spare = spare;
	return true;
}

static void put(struct ipam_store *s, const char *const head[LINE_IPS], const struct ip *ips, size_t n)
{
	AUTO_STR text = STR_INIT;
	char name[NAME_MAX_BYTES], ip[IP_TEXT_MAX];
	for (int i = 0; i < LINE_IPS; i++)
		str_addf(&text, "%s\n", head[i]);
	for (size_t i = 0; i < n; i++)
		str_addf(&text, "%s\n", ip_text(&ips[i], ip));
	entry_name(name, head[LINE_ID], head[LINE_IFNAME]);
	if (s->index_fd < 0 || (s->n_spare && faccessat(s->index_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) &&
				errno == ENOENT && ipam_spare_use(s, s->index_fd, name, str_text(&text)) >= 0))
		return;
	ipam_store_overwrite(s->index_fd, name, str_text(&text), 0600);
}

void ipam_index_put(struct ipam_store *s, const char *id, const char *ifname, const char *netns, const struct ip *ips,
		    size_t n)
{
	const char *const head[] = {boot_id(), mount_namespace(), *netns ? netns : UNKNOWN, id, ifname};
	put(s, head, ips, n);
}

void ipam_index_remove(struct ipam_store *s, const char *id, const char *ifname)
{
	char name[NAME_MAX_BYTES];
	if (s->index_fd >= 0)
		ipam_spare_keep(s, s->index_fd, entry_name(name, id, ifname));
}

/* The entry's addresses that are still this owner's. */
static void believe(struct ipam_store *s, char **lines, struct ipam_held *ret)
{
	for (size_t i = LINE_IPS; lines[i]; i++) {
		struct ip ip;
		if (ip_parse(lines[i], &ip) < 0 || !ipam_store_is_held(s, &ip, lines[LINE_ID], lines[LINE_IFNAME]))
			continue;
		ret->ips = xreallocarray(ret->ips, ret->n + 1, sizeof(*ret->ips));
		ret->ips[ret->n++] = ip;
	}
}

void ipam_index_get(struct ipam_store *s, const char *id, const char *ifname, struct ipam_held *ret)
{
	const char *const names[] = {ifname, ""};
	*ret = (struct ipam_held){0};
	for (size_t i = 0; i < ARRAY_LEN(names) && !ret->n; i++) {
		char name[NAME_MAX_BYTES];
		AUTO_STRV char **lines = read_entry(s, entry_name(name, id, names[i]));
		if (lines && !strcmp(lines[LINE_ID], id) && !strcmp(lines[LINE_IFNAME], names[i]))
			believe(s, lines, ret);
	}
}

/* Frees what the entry's owner holds, and the entry. Returns how many addresses. */
static int drop(struct ipam_store *s, const char *name, char **lines)
{
	struct ipam_held held = {0};
	believe(s, lines, &held);
	for (size_t i = 0; i < held.n; i++)
		ipam_store_release(s, &held.ips[i]);
	unlinkat(s->index_fd, name, 0);
	int n = (int)held.n;
	ipam_held_done(&held);
	return n;
}

static bool is_of_earlier_boot(char **lines)
{
	return strcmp(lines[LINE_BOOT], UNKNOWN) && strcmp(boot_id(), UNKNOWN) && strcmp(lines[LINE_BOOT], boot_id());
}

static bool has_lost_netns(char **lines)
{
	return !strcmp(lines[LINE_MOUNTS], mount_namespace()) && lines[LINE_NETNS][0] == '/' &&
	       access(lines[LINE_NETNS], F_OK) && errno == ENOENT;
}

static bool holds_nothing(struct ipam_store *s, char **lines)
{
	struct ipam_held held = {0};
	believe(s, lines, &held);
	bool nothing = !held.n;
	ipam_held_done(&held);
	return nothing;
}

/* Drops the entries for which gone() is true, those that cannot be read or hold nothing, and what else there is. */
static int drop_if(struct ipam_store *s, bool (*gone)(char **lines), struct err *e)
{
	int fd = openat(s->index_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		close_fd(&fd);
		return err_sys(e, "read the index of owners");
	}
	s->n_spare = IPAM_SPARE_MAX; /* no more while they are removed */
	for (struct dirent *d; (d = readdir(dir));) {
		if (d->d_name[0] == '.' || !strcmp(d->d_name, STAMP))
			continue;
		bool entry = !ipam_spare_is_one(d->d_name) && strcmp(d->d_name, IPAM_USED_NAME) != 0;
		AUTO_STRV char **lines = entry ? read_entry(s, d->d_name) : NULL;
		if (!lines || holds_nothing(s, lines))
			unlinkat(s->index_fd, d->d_name, 0);
		else if (gone(lines))
			n += drop(s, d->d_name, lines);
	}
	closedir(dir);
	s->n_spare = 0;
	return n;
}

static bool is_never(char **lines)
{
	(void)lines;
	return false;
}

int ipam_index_prune(struct ipam_store *s, struct err *e)
{
	return s->index_fd < 0 ? 0 : drop_if(s, is_never, e);
}

int ipam_index_sweep(struct ipam_store *s, struct err *e)
{
	return s->index_fd < 0 ? 0 : drop_if(s, has_lost_netns, e);
}

static void note(void *arg, const struct ip *ip, const char *id, const char *ifname)
{
	struct ipam_store *s = arg;
	char name[NAME_MAX_BYTES];
	struct ipam_held held = {0};
	AUTO_STRV char **lines = read_entry(s, entry_name(name, id, ifname));
	const char *head[] = {UNKNOWN, UNKNOWN, UNKNOWN, id, ifname};
	bool own = lines && !strcmp(lines[LINE_ID], id) && !strcmp(lines[LINE_IFNAME], ifname);
	if (own) {
		believe(s, lines, &held);
		for (int i = LINE_BOOT; i <= LINE_NETNS; i++)
			head[i] = lines[i];
	}
	for (size_t i = 0; i < held.n; i++)
		if (ip_eq(&held.ips[i], ip)) {
			ipam_held_done(&held);
			return;
		}
	held.ips = xreallocarray(held.ips, held.n + 1, sizeof(*held.ips));
	held.ips[held.n++] = *ip;
	put(s, head, held.ips, held.n);
	ipam_held_done(&held);
}

int ipam_index_open(struct ipam_store *s, struct err *e)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	s->index_fd = openat(s->dir_fd, DIR_NAME, flags);
	if (s->index_fd < 0 && errno == ENOENT && (!mkdirat(s->dir_fd, DIR_NAME, 0700) || errno == EEXIST))
		s->index_fd = openat(s->dir_fd, DIR_NAME, flags);
	if (s->index_fd < 0)
		return err_sys(e, "%s", DIR_NAME);
	s->stamp_fd = openat(s->index_fd, STAMP, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (is_whole(s))
		return 0;
	int r = drop_if(s, is_of_earlier_boot, e);
	if (r >= 0)
		r = ipam_store_each(s, note, s, e);
	if (r >= 0)
		ipam_index_stamp(s);
	return r < 0 ? r : 0;
}
