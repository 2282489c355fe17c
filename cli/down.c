/* knarr down: stops the daemons, then removes what they left; --purge removes the data, too. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli/cli.h"

enum { STOP_MS = 30000 };

static const char usage[] =
	"Usage: knarr down [--purge] [flags of up]\n\n"
	"Stops the cluster of this node and removes its processes, mounts, network namespaces, links, nf_tables tables and\n"
	"cgroups. Data, certificates and images stay unless --purge is given.\n\n";

static int stop_daemon(const struct node_options *o, const char *name, struct err *e)
{
	int pid = daemon_pid(o, name);
	if (!pid)
		return 0;
	AUTO_FD int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : err_sys(e, "%s", name);
	struct pollfd f = { .fd = fd, .events = POLLIN };
	(void)pidfd_send_signal(fd, SIGTERM, NULL, 0);
	if (poll(&f, 1, STOP_MS) == 0) {
		(void)pidfd_send_signal(fd, SIGKILL, NULL, 0);
		if (poll(&f, 1, STOP_MS) == 0)
			return err_set(e, -ETIMEDOUT, "%s (pid %d) does not end", name, pid);
	}
	return 0;
}

static int stop_all(const struct node_options *o, struct err *e)
{
	/* The supervisor first, so that it starts nothing again. */
	static const char *const names[] = { "supervise", "agent", "server" };
	int r = systemd_is_running() ? systemd_down(e) : 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s.pid", o->run_dir, names[i]);
		r = stop_daemon(o, names[i], e);
		unlink(path);
	}
	return r;
}

/* Empties a directory, which itself may be a mount point and then stays. */
static int empty_dir(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", path);
	int r = 0;
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		AUTO_FREE char *child = xasprintf("%s/%s", path, de->d_name);
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			r = fs_remove_tree(child, e);
	}
	closedir(d);
	rmdir(path);
	return r;
}

static int purge(const struct node_options *o, struct err *e)
{
	static const char *const config[] = { "pki", "admin.conf", "agent.conf", "manifests" };
	int r = empty_dir(o->data_dir, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(config); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", o->config_dir, config[i]);
		r = fs_remove_tree(path, e);
	}
	AUTO_FREE char *conflist = xasprintf("%s/10-knarr.conflist", o->cni_conf_dir);
	if (r == 0)
		r = fs_remove_tree(conflist, e);
	if (r == 0)
		r = fs_remove_tree(o->log_dir, e);
	static const char *const logs[] = { "/var/log/pods", "/var/log/containers" };
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(logs); i++)
		r = fs_remove_tree(logs[i], e);
	rmdir(o->config_dir);
	rmdir(o->root_dir);
	return r;
}

static int stop_and_clean(struct node_options *o, struct err *e)
{
	static const struct {
		const char *what;
		int (*run)(const struct node_options *, struct err *);
	} steps[] = { { "stopping the daemons", stop_all }, { "removing pods and network", node_cleanup }, { "removing data", purge } };
	int r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(steps) - !o->purge; i++) {
		progress_begin("%s", steps[i].what);
		r = steps[i].run(o, e);
		progress_end(r >= 0, r < 0 ? err_text(e) : NULL);
	}
	return r;
}

static int run(int argc, char **argv, const char *text, bool all)
{
	struct node_options o = { 0 };
	struct err e = ERR_INIT;
	int r = node_options_begin(&o, argc, argv, text, &e);
	if (r > 0)
		return 0;
	o.purge |= all;
	if (r == 0)
		r = stop_and_clean(&o, &e);
	if (r < 0)
		fprintf(stderr, "knarr %s: %s\n", argv[0], err_text(&e));
	node_options_done(&o);
	return r < 0;
}

int cmd_down(int argc, char **argv)
{
	return run(argc, argv, usage, false);
}

int cmd_reset(int argc, char **argv)
{
	static const char reset_usage[] =
		"Usage: knarr reset [flags of up]\n\n"
		"Undoes `knarr init` and `knarr join` on this machine: as `knarr down --purge`. The Node object stays until somebody\n"
		"with the right to do so deletes it (kubectl delete node NAME).\n\n";
	return run(argc, argv, reset_usage, true);
}
