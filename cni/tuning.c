/* The tuning plugin.
 *
 * ADD writes the sysctls inside the container's namespace, notes what the interface was in DATADIR/ID_IFNAME.json, and
 * changes it; DEL puts it back as it was. Fails where a sysctl is none of the network's or not in the list of those
 * that are allowed, or where the interface refuses. What always holds: the note is written before anything changes. */
#include "cni/tuning.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "cni/new_file.h"
#include "cni/owned.h"
#include "cni/sandbox_if.h"

#define ALLOWLIST "/etc/cni/tuning/allowlist.conf"
#define DATA_DIR "/run/cni/tuning"
#define TEXT_MAX (1u << 20)
#define SPACE " \t\r\v\f"

/* What is wished; -1, 0 and NULL: nothing. */
struct wish {
	char mac[64];
	int promisc, allmulti, mtu, txqlen;
};

/* args.cni comes before the configuration itself. */
static const json_t *member(const struct cni_call *c, const char *key)
{
	const json_t *args = json_object_get(json_at(c->conf, "args.cni"), key);
	return args ? args : json_object_get(c->conf, key);
}

static int parse(const struct cni_call *c, struct wish *w, struct err *e)
{
	const json_t *allmulti = member(c, "allmulti");
	const char *mac = json_str_or(c->conf, "args.cni.mac", "");
	int r = cni_args_check(c, e);
	if (r < 0)
		return r;
	*w = (struct wish){.promisc = json_is_true(member(c, "promisc")) ? 1 : -1,
			   .allmulti = json_is_boolean(allmulti) ? json_is_true(allmulti) : -1,
			   .mtu = (int)json_integer_value(member(c, "mtu")),
			   .txqlen = (int)json_integer_value(member(c, "txQLen"))};
	snprintf(w->mac, sizeof(w->mac), "%s", mac);
	if (!*w->mac)
		snprintf(w->mac, sizeof(w->mac), "%s", json_str_or(c->conf, "runtimeConfig.mac", ""));
	if (!*w->mac && !cni_args_get(c, "MAC", w->mac, sizeof(w->mac)))
		snprintf(w->mac, sizeof(w->mac), "%s", json_str_or(c->conf, "mac", ""));
	return 0;
}

static bool wants_link(const struct wish *w)
{
	return *w->mac || w->promisc >= 0 || w->allmulti >= 0 || w->mtu || w->txqlen;
}

/* A sysctl's path below /proc/sys: dots or slashes between its parts, IFNAME for the interface. Returns owned. */
static int sysctl_path(const struct cni_call *c, const char *key, char **ret, struct err *e)
{
	AUTO_STR path = STR_INIT;
	const char *at = strstr(key, "IFNAME");
	AUTO_FREE char *before = xstrndup(key, at ? (size_t)(at - key) : strlen(key));
	AUTO_FREE char *behind = xstrdup(at ? at + strlen("IFNAME") : "");
	bool dots = !strchr(key, '/');
	for (char *p = before; dots && (p = strchr(p, '.'));)
		*p = '/';
	for (char *p = behind; dots && (p = strchr(p, '.'));)
		*p = '/';
	str_addf(&path, "%s%s%s", before, at ? c->ifname : "", behind);
	if (!str_has_prefix(str_text(&path), "net/") || strstr(str_text(&path), "../") ||
	    str_has_suffix(str_text(&path), "/.."))
		return err_set(e, -EINVAL, "invalid net sysctl key: \"%s\"", str_text(&path));
	*ret = xasprintf("/proc/sys/%s", str_text(&path));
	return 0;
}

/* Values may be numbers in a configuration written by hand. */
static char *value_text(const json_t *value)
{
	return json_is_string(value)    ? xstrdup(json_string_value(value))
	       : json_is_integer(value) ? xasprintf("%lld", (long long)json_integer_value(value))
					: NULL;
}

/* Those of the configuration, and those of args.cni, which come before them. Returns owned. */
static json_t *sysctls(const struct cni_call *c)
{
	json_t *all = json_object();
	json_object_update(all, json_object_get(c->conf, "sysctl"));
	json_object_update(all, json_at(c->conf, "args.cni.sysctl"));
	return all;
}

static int each_sysctl(const struct cni_call *c, int (*fn)(const char *path, const char *value, struct err *e),
		       struct err *e)
{
	AUTO_JSON *all = sysctls(c);
	const char *key;
	json_t *value;
	json_object_foreach(all, key, value)
	{
		AUTO_FREE char *path = NULL, *text = value_text(value);
		int r = text ? sysctl_path(c, key, &path, e)
			     : err_set(e, -EINVAL, "sysctl %s: the value must be a text", key);
		if (r < 0 || (r = fn(path, text, e)) < 0)
			return r;
	}
	return 0;
}

static int write_sysctl(const char *path, const char *value, struct err *e)
{
	return fs_write_existing(path, value, e);
}

static int check_sysctl(const char *path, const char *value, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, TEXT_MAX, &text, e);
	if (r < 0)
		return r;
	if (text.len && text.p[text.len - 1] == '\n')
		text.p[--text.len] = '\0';
	return strcmp(str_text(&text), value) ? err_set(e, -EINVAL,
							"Error: Tuning configured value of %s is %s, current "
							"value is %s",
							path, value, str_text(&text))
					      : 0;
}

static bool is_in(char *const *list, const char *key)
{
	for (size_t i = 0; list && list[i]; i++) {
		regex_t re;
		if (regcomp(&re, list[i], REG_EXTENDED | REG_NOSUB))
			continue;
		int no = regexec(&re, key, 0, NULL, 0);
		regfree(&re);
		if (!no)
			return true;
	}
	return false;
}

/* The lines without the space around them; NULL: none. Returns owned. */
static char **allowed(char *text)
{
	char **list = NULL, *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, SPACE);
		size_t n = strlen(line);
		while (n && strchr(SPACE, line[n - 1]))
			line[--n] = '\0';
		if (n)
			strv_add(&list, line);
	}
	return list;
}

/* Without the list everything is allowed. */
static int check_allowed(const struct cni_call *c, struct err *e)
{
	AUTO_STR text = STR_INIT;
	AUTO_JSON *all = sysctls(c);
	const char *key;
	json_t *value;
	int r = fs_read_file(ALLOWLIST, TEXT_MAX, &text, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	AUTO_STRV char **list = text.len ? allowed(text.p) : NULL;
	AUTO_FREE char *told = str_join(list, " ");
	json_object_foreach(all, key, value)
	{
		if (!is_in(list, key))
			return err_set(e, -EACCES,
				       "Sysctl %s is not allowed. Only the following sysctls are allowed: [%s]", key, told);
	}
	return 0;
}

static const char *note_dir(const struct cni_call *c)
{
	const char *dir = json_str_or(c->conf, "dataDir", "");
	return *dir ? dir : DATA_DIR;
}

static char *note_path(const struct cni_call *c)
{
	return xasprintf("%s/%s_%s.json", note_dir(c), c->container_id, c->ifname);
}

/* What the interface was, in the reference's words, and, for GC, whose it is. A note that stands there already is of an
 * earlier, half-done ADD.
 */
static int write_note(const struct cni_call *c, const struct wish *w, const struct rtnl_link *l, struct err *e)
{
	AUTO_FREE char *path = note_path(c), *text = NULL;
	char mac[MAC_TEXT_MAX], owner[NFT_COMMENT_MAX + 1];
	AUTO_JSON *note = json_pack("{s:s}", "attachment", owned_by(owner, c->name, c->container_id, c->ifname));
	if (fs_exists(path))
		return 0;
	if (*w->mac)
		json_set_str(note, "mac", mac_text(l->mac, mac));
	if (w->promisc >= 0)
		json_object_set_new(note, "promisc", json_boolean(l->promisc));
	if (w->mtu)
		json_set_int(note, "mtu", l->mtu);
	if (w->allmulti >= 0)
		json_object_set_new(note, "allmulti", json_boolean(l->flags & IFF_ALLMULTI));
	if (w->txqlen)
		json_set_int(note, "txQLen", l->txqlen);
	int r = fs_mkdir_p(note_dir(c), 0700, e);
	if (r < 0)
		return r;
	AUTO_FD int dir = open(note_dir(c), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	text = json_text(note);
	if (dir < 0)
		return err_sys(e, "%s", note_dir(c));
	r = new_file(dir, strrchr(path, '/') + 1, text);
	return r < 0 && r != -EEXIST ? err_code(e, r, "%s", path) : 0;
}

static int change(struct rtnl *net, int index, const struct wish *w, struct err *e)
{
	uint8_t mac[6];
	struct rtnl_change c = {.promisc = w->promisc == 1,
				.no_promisc = w->promisc == 0,
				.allmulti = w->allmulti == 1,
				.no_allmulti = w->allmulti == 0,
				.mtu = w->mtu,
				.txqlen = w->txqlen};
	if (*w->mac && mac_parse(w->mac, mac) < 0)
		return err_set(e, -EINVAL, "invalid args %s for MAC addr", w->mac);
	c.mac = *w->mac ? mac : NULL;
	return rtnl_link_set(net, index, &c, e);
}

static void report_mac(json_t *result, const char *ifname, const char *mac)
{
	size_t i;
	json_t *j;
	json_array_foreach(json_object_get(result, "interfaces"), i,
			   j) if (str_eq(json_member(j, "name"), ifname) && !str_empty(json_member(j, "sandbox")))
	    json_set_str(j, "mac", mac);
}

/* Runs the sysctl function inside, and gives a socket and the interface there. */
static int enter(const struct cni_call *c, int (*fn)(const char *path, const char *value, struct err *e),
		 struct rtnl **ret, struct rtnl_link *ret_link, struct err *e)
{
	AUTO_FD int netns = netns_open(c->netns, e);
	if (netns < 0)
		return err_wrap(e, netns, "failed to open netns \"%s\"", c->netns);
	int previous = netns_enter(netns, e);
	if (previous < 0)
		return previous;
	int r = each_sysctl(c, fn, e);
	netns_leave(previous);
	if (r >= 0 && (r = rtnl_open(netns, ret, e)) >= 0)
		r = rtnl_link_get(*ret, c->ifname, ret_link, e);
	return r;
}

static int tuning_add(const struct cni_call *c, json_t **ret, struct err *e)
{
	AUTO_JSON *prev = NULL;
	AUTO_RTNL *net = NULL;
	struct rtnl_link link;
	struct wish w;
	int r = parse(c, &w, e);
	if (r < 0 || (r = check_allowed(c, e)) < 0 ||
	    (r = cni_prev_result(c, "Required prevResult missing", &prev, e)) < 0 ||
	    (r = enter(c, write_sysctl, &net, &link, e)) < 0)
		return r;
	if (wants_link(&w) && ((r = write_note(c, &w, &link, e)) < 0 || (r = change(net, link.index, &w, e)) < 0))
		return r;
	if (*w.mac)
		report_mac(prev, c->ifname, w.mac);
	*ret = TAKE(prev);
	return 0;
}

/* Whatever cannot be put back any more goes with the interface: failures are ignored, as by the reference. */
static int tuning_del(const struct cni_call *c, struct err *e)
{
	AUTO_FREE char *path = note_path(c);
	AUTO_JSON *note = NULL;
	AUTO_RTNL *net = NULL;
	struct rtnl_link link;
	AUTO_FD int netns = *c->netns ? netns_open(c->netns, NULL) : -1;
	(void)e;
	if (json_read_file(path, &note, NULL) >= 0 && netns >= 0 && rtnl_open(netns, &net, NULL) >= 0 &&
	    rtnl_link_get(net, c->ifname, &link, NULL) >= 0) {
		const json_t *promisc = json_object_get(note, "promisc"), *allmulti = json_object_get(note, "allmulti");
		struct wish w = {.promisc = promisc ? json_is_true(promisc) : -1,
				 .allmulti = allmulti ? json_is_true(allmulti) : -1,
				 .mtu = (int)json_int_at(note, "mtu", 0),
				 .txqlen = (int)json_int_at(note, "txQLen", 0)};
		snprintf(w.mac, sizeof(w.mac), "%s", json_str_or(note, "mac", ""));
		change(net, link.index, &w, NULL);
	}
	unlink(path);
	return 0;
}

static int check_link(const struct cni_call *c, const struct wish *w, const struct rtnl_link *l, struct err *e)
{
	char mac[MAC_TEXT_MAX];
	bool allmulti = l->flags & IFF_ALLMULTI;
	if (*w->mac && strcasecmp(w->mac, mac_text(l->mac, mac)))
		return err_set(e, -EINVAL, "Error: Tuning configured Ethernet of %s is %s, current value is %s",
			       c->ifname, w->mac, mac);
	if (w->promisc == 1 && !l->promisc)
		return err_set(e, -EINVAL, "Error: Tuning link %s configured promisc is true, current value is 0",
			       c->ifname);
	if (w->mtu && w->mtu != l->mtu)
		return err_set(e, -EINVAL, "Error: Tuning configured MTU of %s is %d, current value is %d", c->ifname,
			       w->mtu, l->mtu);
	if (w->allmulti >= 0 && w->allmulti != allmulti)
		return err_set(e, -EINVAL,
			       "Error: Tuning configured all-multicast mode of %s is %s, current value is %s",
			       c->ifname, w->allmulti ? "true" : "false", allmulti ? "true" : "false");
	if (w->txqlen && w->txqlen != l->txqlen)
		return err_set(e, -EINVAL,
			       "Error: Tuning configured Transmit Queue Length of %s is %d, current value is %d",
			       c->ifname, w->txqlen, l->txqlen);
	return 0;
}

static int tuning_check(const struct cni_call *c, struct err *e)
{
	AUTO_JSON *prev = NULL;
	AUTO_RTNL *net = NULL;
	struct rtnl_link link;
	struct wish w;
	int r = parse(c, &w, e);
	if (r < 0 || (r = cni_prev_result(c, "Required prevResult missing", &prev, e)) < 0 ||
	    (r = enter(c, check_sysctl, &net, &link, e)) < 0)
		return r;
	return check_link(c, &w, &link, e);
}

static int tuning_gc(const struct cni_call *c, struct err *e)
{
	DIR *dir = opendir(note_dir(c));
	if (!dir)
		return errno == ENOENT ? 0 : err_sys(e, "%s", note_dir(c));
	for (struct dirent *d; (d = readdir(dir));) {
		AUTO_FREE char *path = xasprintf("%s/%s", note_dir(c), d->d_name);
		AUTO_JSON *note = NULL;
		if (str_has_suffix(d->d_name, ".json") && json_read_file(path, &note, NULL) >= 0 &&
		    owned_is_stale(c, json_str_or(note, "attachment", "")))
			unlink(path);
	}
	closedir(dir);
	return 0;
}

const struct cni_plugin tuning_plugin = {
    .name = "tuning",
    .members = "mac:s mtu:n promisc:b allmulti:b txQLen:n dataDir:s runtimeConfig.mac:s args.cni.mac:s "
	       "args.cni.mtu:n args.cni.promisc:b args.cni.allmulti:b args.cni.txQLen:n",
 .add = tuning_add, .del = tuning_del, .check = tuning_check, .gc = tuning_gc};
