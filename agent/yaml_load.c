/* YAML to JSON values.
 *
 * Happy path: libyaml's document tree is walked once. What can fail: syntax, nesting beyond 100, more than 100,000
 * nodes (aliases count each time). What always holds: quoted scalars are text, plain ones are what YAML 1.1 readers of
 * Kubernetes make of them. */
#include "agent/yaml_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 100, NODES_MAX = 100000 };

struct walk {
	yaml_document_t doc;
	int nodes;
};

static json_t *plain(const char *s)
{
	static const struct {
		const char *text;
		int kind; /* 0 null, 1 false, 2 true */
	} words[] = {{"", 0},   {"~", 0},   {"null", 0}, {"Null", 0}, {"NULL", 0}, {"false", 1}, {"False", 1},
		     {"no", 1}, {"off", 1}, {"true", 2}, {"True", 2}, {"yes", 2},  {"on", 2}};
	char *end;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(s, words[i].text))
			return words[i].kind == 0 ? json_null() : json_boolean(words[i].kind == 2);
	if (strspn(s, "0123456789+-.eExXabcdefABCDEF_o") != strlen(s) || !strpbrk(s, "0123456789") ||
	    strchr("abcdefABCDEFeE", *s))
		return json_string(s);
	errno = 0;
	long long i = strtoll(s, &end, 0);
	if (!*end && !errno)
		return json_integer(i);
	double d = strtod(s, &end);
	return *end || strpbrk(s, "xX") ? json_string(s) : json_real(d);
}

static json_t *convert(struct walk *w, int index, int depth);

static json_t *convert_map(struct walk *w, const yaml_node_t *n, int depth)
{
	json_t *o = json_object();
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(&w->doc, p->key);
		json_t *v = key && key->type == YAML_SCALAR_NODE ? convert(w, p->value, depth + 1) : NULL;
		if (!v || json_object_set_new(o, (const char *)key->data.scalar.value, v) < 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static json_t *convert_list(struct walk *w, const yaml_node_t *n, int depth)
{
	json_t *a = json_array();
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		json_t *v = convert(w, *i, depth + 1);
		if (!v || json_array_append_new(a, v) < 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}

static json_t *convert(struct walk *w, int index, int depth)
{
	const yaml_node_t *n = yaml_document_get_node(&w->doc, index);
	if (!n || depth > DEPTH_MAX || ++w->nodes > NODES_MAX)
		return NULL;
	switch (n->type) {
	case YAML_MAPPING_NODE:
		return convert_map(w, n, depth);
	case YAML_SEQUENCE_NODE:
		return convert_list(w, n, depth);
	case YAML_SCALAR_NODE:
		return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
			   ? plain((const char *)n->data.scalar.value)
			   : json_string((const char *)n->data.scalar.value);
	default:
		return json_null();
	}
}

int yaml_load_text(const char *text, size_t len, json_t **ret, struct err *e)
{
	yaml_parser_t parser;
	struct walk w = {.nodes = 0};
	if (!yaml_parser_initialize(&parser))
		return err_set(e, -ENOMEM, "no memory for YAML");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	int r = 0;
	if (!yaml_parser_load(&parser, &w.doc)) {
		r = err_set(e, -EINVAL, "line %zu: %s", parser.problem_mark.line + 1,
			    parser.problem ? parser.problem : "not YAML");
	} else {
		json_t *v = yaml_document_get_root_node(&w.doc) ? convert(&w, 1, 0) : json_null();
		r = v ? 0 : err_set(e, -E2BIG, "nested too deep, too large, or with a key that is no text");
		if (v)
			*ret = v;
		yaml_document_delete(&w.doc);
	}
	yaml_parser_delete(&parser);
	return r;
}

int yaml_load_file(const char *path, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, FILE_MAX, &text, e);
	if (r == 0)
		r = yaml_load_text(str_text(&text), text.len, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}
