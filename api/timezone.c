/* Names of time zones. Purpose: a schedule in a zone that nobody knows is refused when it is written, not when it is due.
 * Happy path: a file of that name in the database begins as such files do. Fails with a sentence; nothing else can. What
 * always holds: a name never leaves the database's directory. */
#include "api/timezone.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define DATABASE "/usr/share/zoneinfo"

static bool has_form(const char *name)
{
	return *name && *name != '/' && !strstr(name, "..") &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == strlen(name);
}

static bool is_zone_file(int dir, const char *name)
{
	AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char magic[4];

	return fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) && !memcmp(magic, "TZif", sizeof(magic));
}

const char *timezone_check(const char *name, char *buf, unsigned long n)
{
	if (!strcmp(name, "UTC"))
		return NULL;
	if (*name == '/' || strstr(name, "..") || strchr(name, '\\'))
		return "time: invalid location name";
	AUTO_FD int dir = open(DATABASE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (has_form(name) && (dir < 0 || is_zone_file(dir, name)))
		return NULL;
	snprintf(buf, n, "unknown time zone %s", name);
	return buf;
}
