/* base/sd_notify: the datagram arrives; without a supervisor nothing happens. */
#include "tests/unit/check_main.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sd_notify.h"

/* Sends to a socket of that name, '@' first for an abstract one. */
static void round_trip(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char got[32] = "";
	AUTO_FD int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strcpy(a.sun_path, name);
	if (*name == '@')
		a.sun_path[0] = '\0';
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	ck_assert_int_eq(bind(s, (struct sockaddr *)&a, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	ck_assert_int_eq(sd_notify_send("READY=1"), 0);
	ck_assert_int_eq(recv(s, got, sizeof(got), MSG_DONTWAIT), 7);
	ck_assert_str_eq(got, "READY=1");
}

START_TEST(arrives)
{
	char name[64];
	snprintf(name, sizeof(name), "@knarr-notify-%d", (int)getpid());
	round_trip(name);
	snprintf(name, sizeof(name), "/tmp/knarr-notify-%d", (int)getpid());
	round_trip(name);
	unlink(name);
	ck_assert_int_eq(sd_notify_send("READY=1"), -ENOENT);
}
END_TEST

START_TEST(nobody_asks)
{
	char longer[200];
	unsetenv("NOTIFY_SOCKET");
	ck_assert_int_eq(sd_notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	ck_assert_int_eq(sd_notify_send("READY=1"), -EINVAL);
	memset(longer, '/', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	ck_assert_int_eq(sd_notify_send("READY=1"), -EINVAL);
}
END_TEST

TESTS("sd_notify", arrives, nobody_asks)
