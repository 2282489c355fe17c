/* Units of the two daemons, where systemd is the machine's init. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#define UNIT_DIR "/etc/systemd/system"

/* The server must start or fail at once; the agent tells that it is ready when the API server knows its node, however long
 * that is unreachable, and runs static pods until then: nobody waits for its start but "up" itself. */
static const struct unit {
	const char *name, *description, *wait, *more;
} units[] = {
	{ "knarr-server", "Knarr API server, controllers and scheduler", NULL, "" },
	{ "knarr-agent", "Knarr node agent", "--no-block",
	  "TimeoutStartSec=infinity\nDelegate=yes\nKillMode=process\nOOMScoreAdjust=-999\n" },
};

bool systemd_is_running(void)
{
	return fs_exists("/run/systemd/system");
}

/* A word of ExecStart, quoted (systemd.service(5), COMMAND LINES). */
static void add_word(struct str *s, const char *word)
{
	str_add(s, " \"");
	for (; *word; word++) {
		if (strchr("\"\\", *word))
			str_addc(s, '\\');
		if (*word == '%' || *word == '$')
			str_addc(s, *word);
		str_addc(s, *word);
	}
	str_addc(s, '"');
}

static int write_unit(const struct unit *u, char *const *argv, struct err *e)
{
	AUTO_STR text = STR_INIT;
	str_addf(&text, "[Unit]\nDescription=%s\nAfter=network-online.target\nWants=network-online.target\n", u->description);
	str_add(&text, "StartLimitIntervalSec=0\n\n[Service]\nType=notify\nExecStart=");
	str_add(&text, argv[0]);
	for (char *const *a = argv + 1; *a; a++)
		add_word(&text, *a);
	str_addf(&text, "\nRestart=always\nRestartSec=1\nLimitNOFILE=1048576\nTasksMax=infinity\n%s\n[Install]\nWantedBy=multi-user.target\n", u->more);
	AUTO_FREE char *path = xasprintf(UNIT_DIR "/%s.service", u->name);
	return fs_write_atomic(path, text.p, text.len, 0644, e);
}

/* Runs systemctl with the words that are not NULL. */
static int systemctl(const char *verb, const char *unit, const char *flag, const char *more, struct err *e)
{
	const char *const words[] = { "systemctl", verb, unit, flag, more };
	AUTO_STRV char **argv = NULL;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i])
			strv_add(&argv, words[i]);
	int r = run_program(argv, e);
	return r > 0 ? err_set(e, -EIO, "systemctl %s %s failed with status %d", verb, unit ? unit : "", r) : r;
}

int systemd_up(const struct node_options *o, char *const *server_argv, char *const *agent_argv, struct err *e)
{
	char *const *argvs[] = { server_argv, agent_argv };
	(void)o;
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(units); i++)
		r = argvs[i] ? write_unit(&units[i], argvs[i], e) : 0;
	if (r == 0)
		r = systemctl("daemon-reload", NULL, NULL, NULL, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(units); i++)
		r = argvs[i] ? systemctl("enable", units[i].name, "--now", units[i].wait, e) : 0;
	return r;
}

int systemd_down(struct err *e)
{
	int r = 0;
	for (size_t i = ARRAY_LEN(units); i-- > 0;) {
		AUTO_FREE char *path = xasprintf(UNIT_DIR "/%s.service", units[i].name);
		if (r < 0 || !fs_exists(path))
			continue;
		r = systemctl("disable", units[i].name, "--now", NULL, e);
		if (r == 0 && unlink(path) < 0)
			r = err_sys(e, "remove %s", path);
	}
	return r < 0 ? r : systemctl("daemon-reload", NULL, NULL, NULL, e);
}
