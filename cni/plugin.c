/* The skeleton of a CNI plugin.
 *
 * Reads CNI_COMMAND and the variables that the command needs, the configuration from standard input, checks names and
 * versions, runs the verb, prints the result in the caller's version, or an error object and exit status 1. What
 * always holds: standard output carries exactly one JSON object or nothing. */
#include "cni/plugin.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/rand.h"
#include "cni/member.h"
#include "cni/result.h"
#include "cni/version.h"
#include "io/net/rtnl.h"

#define CODE_BASE 100000
#define CONFIG_MAX (4u << 20)
/* Members that every plugin reads. */
#define COMMON_MEMBERS                                                                                                 \
	"type:s capabilities.{}:b ipam.type:s prevResult.cniVersion:s dns.nameservers.[]:s dns.domain:s "              \
	"dns.search.[]:s dns.options.[]:s"

enum { NEED_ID = 1, NEED_NETNS = 2, NEED_IFNAME = 4, NEED_PATH = 8 };

struct verb {
	const char *command;
	int needs;
	const char *since; /* NULL: every version */
};

static const struct verb verbs[] = {
    {"ADD", NEED_ID | NEED_NETNS | NEED_IFNAME | NEED_PATH, NULL},
    {"DEL", NEED_ID | NEED_IFNAME | NEED_PATH, NULL},
    {"CHECK", NEED_ID | NEED_NETNS | NEED_IFNAME | NEED_PATH, "0.4.0"},
    {"STATUS", NEED_PATH, "1.1.0"},
    {"GC", NEED_PATH, "1.1.0"},
};

int cni_fail(struct err *e, int cni_code, const char *fmt, ...)
{
	char text[sizeof(((struct err *)0)->text)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, -(CODE_BASE + cni_code), "%s", text);
}

/* The code to tell for a negative return. */
static int cni_code_of(int rc)
{
	return rc < -CODE_BASE ? -rc - CODE_BASE : CNI_INTERNAL;
}

bool cni_name_is_valid(const char *s)
{
	if (!isalnum((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return false;
	return true;
}

const char *cni_ifname_problem(const char *s)
{
	if (!*s)
		return "interface name is empty";
	if (strlen(s) >= IFNAMSIZ)
		return "interface name is too long\ninterface name should be less than 16 characters";
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return "interface name is . or ..";
	for (; *s; s++)
		if (*s == '/' || *s == ':' || isspace((unsigned char)*s))
			return "interface name contains / or : or whitespace characters";
	return NULL;
}

int cni_args_check(const struct cni_call *c, struct err *e)
{
	AUTO_STRV char **pairs = str_split(c->args, ';');
	for (size_t i = 0; pairs && pairs[i]; i++) {
		const char *eq = strchr(pairs[i], '=');
		if (*pairs[i] && (!eq || eq == pairs[i]))
			return err_set(e, -EINVAL, "ARGS: invalid pair \"%s\"", pairs[i]);
	}
	return 0;
}

bool cni_args_get(const struct cni_call *c, const char *key, char *ret, size_t room)
{
	size_t len = strlen(key);
	for (const char *p = c->args; *p; p += strcspn(p, ";"), p += *p == ';') {
		size_t n = strcspn(p, ";");
		if (n > len && !strncmp(p, key, len) && p[len] == '=') {
			snprintf(ret, room, "%.*s", (int)(n - len - 1), p + len + 1);
			return true;
		}
	}
	return false;
}

static const char *env_or_empty(const char *name)
{
	const char *v = getenv(name);
	return v ? v : "";
}

static int check_id(const char *id, struct err *e)
{
	return cni_name_is_valid(id)
		   ? 0
		   : cni_fail(e, CNI_INVALID_ENVIRONMENT, "invalid characters in containerID\n%s", id);
}

static int check_ifname(const char *name, struct err *e)
{
	const char *problem = cni_ifname_problem(name);
	return problem ? cni_fail(e, CNI_INVALID_ENVIRONMENT, "%s", problem) : 0;
}

/* In the order of the variables: one that is malformed comes before what is missing. */
static int check_env(const struct cni_call *c, const struct verb *v, struct err *e)
{
	const struct {
		int need;
		const char *name, *value;
		int (*check)(const char *value, struct err *e);
	} wanted[] = {
	    {NEED_ID, "CNI_CONTAINERID", c->container_id, check_id},
	    {NEED_NETNS, "CNI_NETNS", c->netns, NULL},
	    {NEED_IFNAME, "CNI_IFNAME", c->ifname, check_ifname},
	    {NEED_PATH, "CNI_PATH", c->path, NULL},
	};
	AUTO_STR missing = STR_INIT;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		int r = 0;
		if (!(v->needs & wanted[i].need))
			continue;
		if (!*wanted[i].value)
			str_addf(&missing, "%s%s", missing.len ? "," : "", wanted[i].name);
		else if (wanted[i].check && (r = wanted[i].check(wanted[i].value, e)) < 0)
			return r;
	}
	if (missing.len)
		return cni_fail(e, CNI_INVALID_ENVIRONMENT, "required env variables [%s] missing", str_text(&missing));
	return 0;
}

static int read_conf(struct cni_call *c, struct err *e)
{
	AUTO_STR text = STR_INIT;
	struct err sub = ERR_INIT;
	int r = fs_read_fd(STDIN_FILENO, CONFIG_MAX, &text, &sub);
	if (r < 0)
		return cni_fail(e, CNI_IO_FAILURE, "error reading from stdin: %s", err_text(&sub));
	if (json_parse(str_text(&text), text.len, &c->conf, &sub) < 0)
		return cni_fail(e, CNI_DECODING_FAILURE, "error unmarshall network config: %s", err_text(&sub));
	if (!json_is_object(c->conf))
		return cni_fail(e, CNI_DECODING_FAILURE, "error unmarshall network config: not an object");
	if (member_check(c->conf, "name:s cniVersion:s", &sub) < 0)
		return cni_fail(e, CNI_DECODING_FAILURE, "error unmarshall network config: %s", err_text(&sub));
	c->version = json_str_or(c->conf, "cniVersion", "0.1.0");
	if (!*c->version)
		c->version = "0.1.0";
	c->name = json_str_or(c->conf, "name", "");
	return 0;
}

static int check_name(const struct cni_call *c, struct err *e)
{
	if (!*c->name)
		return cni_fail(e, CNI_INVALID_CONFIG, "missing network name");
	if (!cni_name_is_valid(c->name))
		return cni_fail(e, CNI_INVALID_CONFIG, "invalid characters found in network name\n%s", c->name);
	return 0;
}

/* Whether the configuration's version has the verb. */
static int check_since(const struct cni_call *c, const struct verb *v, struct err *e)
{
	int number = cni_version_number(c->version);
	if (number < 0)
		return cni_fail(e, CNI_DECODING_FAILURE, "cniVersion \"%s\" is no version", c->version);
	if (number < cni_version_number(v->since))
		return cni_fail(e, CNI_INCOMPATIBLE_VERSION, "config version does not allow %s", v->command);
	if (number > cni_version_number(CNI_VERSION_LATEST))
		return cni_fail(e, CNI_INCOMPATIBLE_VERSION, "plugin version does not allow %s", v->command);
	return 0;
}

static int check_version(const struct cni_call *c, const struct verb *v, struct err *e)
{
	int r = v->since ? check_since(c, v, e) : 0;
	if (r < 0)
		return r;
	if (!cni_version_is_supported(c->version)) {
		AUTO_STR all = STR_INIT;
		for (size_t i = 0; cni_versions[i]; i++)
			str_addf(&all, "%s\"%s\"", i ? " " : "", cni_versions[i]);
		return cni_fail(e, CNI_INCOMPATIBLE_VERSION,
				"incompatible CNI versions\nconfig is \"%s\", plugin supports [%s]", c->version,
				str_text(&all));
	}
	return 0;
}

/* A caller that passes the plugin's own namespace as the container's would have its host interfaces changed. */
static int check_netns(const struct cni_call *c, struct err *e)
{
	const char *override = env_or_empty("CNI_NETNS_OVERRIDE");
	bool wanted = !strcasecmp(override, "true") || !strcmp(override, "1");
	AUTO_FD int fd = *c->netns && !wanted ? netns_open(c->netns, NULL) : -1;
	if (fd >= 0 && netns_is_current(fd))
		return cni_fail(e, CNI_INVALID_NETNS, "plugin's netns and netns from CNI_NETNS should not be the same");
	return 0;
}

static int print_json(const json_t *j)
{
	AUTO_FREE char *text = json_text(j);
	return fs_write_all(STDOUT_FILENO, text, strlen(text)) < 0 ? 1 : 0;
}

static int print_versions(void)
{
	AUTO_JSON *j = json_pack("{s:s, s:[]}", "cniVersion", CNI_VERSION_LATEST, "supportedVersions");
	for (size_t i = 0; cni_versions[i]; i++)
		json_array_append_new(json_object_get(j, "supportedVersions"), json_string(cni_versions[i]));
	return print_json(j);
}

static int print_error(const char *version, int rc, const struct err *e)
{
	const char *text = err_text(e), *nl = strchr(text, '\n');
	const char *v = cni_version_is_supported(version) ? version : CNI_VERSION_LATEST;
	AUTO_JSON *j = json_pack("{s:s, s:i, s:o}", "cniVersion", v, "code", cni_code_of(rc), "msg",
				 json_stringn(text, nl ? (size_t)(nl - text) : strlen(text)));
	if (!j) /* a text that is no UTF-8 */
		j = json_pack("{s:s, s:i, s:s}", "cniVersion", v, "code", cni_code_of(rc), "msg", "failed");
	if (nl)
		json_set_str(j, "details", nl + 1);
	print_json(j);
	return 1;
}

/* Whatever the configuration has become, what was made by it can be taken away. */
static int check_members(const struct cni_plugin *p, const struct cni_call *c, struct err *e)
{
	bool removes = !strcmp(c->command, "DEL") || !strcmp(c->command, "GC");
	int common = member_check(c->conf, COMMON_MEMBERS, removes ? NULL : e),
	    own = member_check(c->conf, p->members, common < 0 || removes ? NULL : e), r = common < 0 ? common : own;
	return removes || r >= 0 ? 0 : err_wrap(e, r, "failed to load netconf");
}

int cni_plugin_call(const struct cni_plugin *p, const struct cni_call *c, json_t **ret, struct err *e)
{
	int r = check_members(p, c, e);
	if (r < 0)
		return r;
	if (!strcmp(c->command, "ADD"))
		return p->add ? p->add(c, ret, e) : 0;
	int (*verb)(const struct cni_call *, struct err *) = !strcmp(c->command, "DEL")      ? p->del
							     : !strcmp(c->command, "CHECK")  ? p->check
							     : !strcmp(c->command, "STATUS") ? p->status
											     : p->gc;
	return verb ? verb(c, e) : 0;
}

static int run(const struct cni_plugin *p, struct cni_call *c, json_t **ret, struct err *e)
{
	const struct verb *v = NULL;
	int r;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].command, c->command))
			v = &verbs[i];
	if ((v && (r = check_env(c, v, e)) < 0) || (r = read_conf(c, e)) < 0 || (r = check_name(c, e)) < 0)
		return r;
	if (!v)
		return cni_fail(e, CNI_INVALID_ENVIRONMENT, "unknown CNI_COMMAND: %s", c->command);
	if ((r = check_version(c, v, e)) < 0 || (r = check_netns(c, e)) < 0)
		return r;
	AUTO_JSON *result = NULL;
	r = cni_plugin_call(p, c, &result, e);
	return r < 0 || !result ? r : cni_result_export(result, c->version, ret, e);
}

static int usage(const struct cni_plugin *p)
{
	fprintf(stderr, "CNI %s plugin of Knarr %s\nCNI protocol versions supported:", p->name, KNARR_VERSION);
	for (size_t i = 0; cni_versions[i]; i++)
		fprintf(stderr, "%s %s", i ? "," : "", cni_versions[i]);
	fprintf(stderr, "\n");
	return 0;
}

int cni_plugin_main(const struct cni_plugin *p)
{
	struct cni_call c = {.command = env_or_empty("CNI_COMMAND"),
			     .container_id = env_or_empty("CNI_CONTAINERID"),
			     .netns = env_or_empty("CNI_NETNS"),
			     .ifname = env_or_empty("CNI_IFNAME"),
			     .args = env_or_empty("CNI_ARGS"),
			     .path = env_or_empty("CNI_PATH"),
			     .version = ""};
	AUTO_JSON *result = NULL;
	struct err e = ERR_INIT;
	uint32_t seed;
	rand_bytes(&seed, sizeof(seed)); /* of jansson's hashes, which would read a device for it */
	json_object_seed(seed | 1);
	if (!*c.command)
		return usage(p);
	if (!strcmp(c.command, "VERSION"))
		return print_versions();
	int r = run(p, &c, &result, &e);
	int status = r < 0 ? print_error(c.version, r, &e) : result ? print_json(result) : 0;
	json_decref(c.conf);
	return status;
}
