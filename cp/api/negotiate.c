/* Accept and Content-Type. Purpose: turn header text into the few choices that the API has. Happy path: the first
 * clause of the highest q that names JSON or YAML, plain or as a transformation. Fails with -EINVAL when no clause can
 * be served. Unknown parameters never matter; an unknown as= makes its clause unservable. */
#include "cp/api/negotiate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

struct clause {
	char *media, *as, *v, *g;
	double q;
};

static void clause_parse(char *text, struct clause *ret)
{
	*ret = (struct clause){.q = 1};
	char *save = NULL;
	for (char *part = strtok_r(text, ";", &save); part; part = strtok_r(NULL, ";", &save)) {
		part = trim(part);
		if (!ret->media) {
			ret->media = part;
			continue;
		}
		char *equals = strchr(part, '=');
		if (!equals)
			continue;
		*equals = '\0';
		char *value = trim(equals + 1);
		if (strcmp(part, "as") == 0)
			ret->as = value;
		else if (strcmp(part, "v") == 0)
			ret->v = value;
		else if (strcmp(part, "g") == 0)
			ret->g = value;
		else if (strcmp(part, "q") == 0)
			ret->q = strtod(value, NULL);
	}
	if (!ret->media)
		ret->media = "";
}

static bool form_of(const struct clause *c, bool forms, bool discovery, struct answer_type *ret)
{
	static const struct {
		const char *as, *group;
		enum answer_form form;
	} known[] = {
	    {"Table", "meta.k8s.io", FORM_TABLE},
	    {"PartialObjectMetadata", "meta.k8s.io", FORM_PARTIAL},
	    {"PartialObjectMetadataList", "meta.k8s.io", FORM_PARTIAL_LIST},
	    {"APIGroupDiscoveryList", "apidiscovery.k8s.io", FORM_DISCOVERY},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		bool wanted = known[i].form == FORM_DISCOVERY ? discovery : forms;
		if (!wanted || !str_eq(known[i].as, c->as) || !str_eq(known[i].group, c->g) || !c->v)
			continue;
		bool version = known[i].form == FORM_DISCOVERY
				   ? strcmp(c->v, "v2") == 0
				   : strcmp(c->v, "v1") == 0 || strcmp(c->v, "v1beta1") == 0;
		if (!version)
			return false;
		ret->form = known[i].form;
		strcpy(ret->version, strcmp(c->v, "v1beta1") == 0 ? "v1beta1" : strcmp(c->v, "v2") == 0 ? "v2" : "v1");
		return true;
	}
	return false;
}

static bool clause_serves(const struct clause *c, bool forms, bool discovery, struct answer_type *ret)
{
	static const char *const json[] = {"application/json", "application/*", "*/*"};
	struct answer_type t = {0};
	bool ok = strcasecmp(c->media, "application/yaml") == 0;
	t.yaml = ok;
	for (size_t i = 0; i < ARRAY_LEN(json); i++)
		ok = ok || strcasecmp(c->media, json[i]) == 0;
	if (!ok || c->q <= 0)
		return false;
	if (c->as && !form_of(c, forms, discovery, &t))
		return false;
	*ret = t;
	return true;
}

int negotiate_accept(const char *accept, bool forms, bool discovery, struct answer_type *ret)
{
	if (str_empty(accept)) {
		*ret = (struct answer_type){0};
		return 0;
	}
	AUTO_FREE char *text = xstrdup(accept);
	double best = 0;
	char *save = NULL;
	for (char *part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		struct clause c;
		struct answer_type t;
		clause_parse(part, &c);
		if (c.q > best && clause_serves(&c, forms, discovery, &t)) {
			best = c.q;
			*ret = t;
		}
	}
	return best > 0 ? 0 : -EINVAL;
}

bool negotiate_gzip(const char *accept_encoding)
{
	if (!accept_encoding)
		return false;
	AUTO_FREE char *text = xstrdup(accept_encoding);
	char *save = NULL;
	for (char *part = strtok_r(text, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		struct clause c;
		clause_parse(part, &c);
		if (strcasecmp(c.media, "gzip") == 0 && c.q > 0)
			return true;
	}
	return false;
}

enum body_type negotiate_body(const char *content_type)
{
	static const struct {
		const char *media;
		enum body_type type;
	} known[] = {
	    {"", BODY_JSON},
	    {"application/json", BODY_JSON},
	    {"application/yaml", BODY_YAML},
	    {"application/vnd.kubernetes.protobuf", BODY_PROTOBUF},
	    {"application/json-patch+json", BODY_JSON_PATCH},
	    {"application/merge-patch+json", BODY_MERGE_PATCH},
	    {"application/strategic-merge-patch+json", BODY_STRATEGIC_PATCH},
	    {"application/apply-patch+yaml", BODY_APPLY},
	};
	AUTO_FREE char *text = xstrdup(content_type ? content_type : "");
	text[strcspn(text, ";")] = '\0';
	const char *media = trim(text);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcasecmp(known[i].media, media) == 0)
			return known[i].type;
	return BODY_OTHER;
}
