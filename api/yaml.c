/* YAML. Purpose: bodies, manifests and configuration files. Happy path: libyaml's document tree becomes JSON; plain scalars
 * resolve by YAML 1.1 (y, yes, on are booleans; 0x and 0 prefixed integers), quoted ones are text. Fails on bad syntax,
 * on depth and on alias bombs. Keys are always text. */
#include "api/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

#define MAX_NODES 1000000
#define MAX_DEPTH 200
#define TOO_DEEP "document is too large or too deep"

struct walk {
	yaml_document_t *doc;
	bool texts; /* scalars stay texts */
	char ***repeats; /* NULL: nobody asks */
	size_t nodes;
	struct err *e;
};

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

static json_t *plain_number(const char *s)
{
	char *end;
	const char *digits = s + (*s == '-' || *s == '+');
	if (*digits < '0' || *digits > '9') {
		if (*digits != '.' || digits[1] < '0' || digits[1] > '9')
			return NULL;
	}
	errno = 0;
	bool octal = digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'O');
	long long i = octal ? strtoll(digits + 2, &end, 8) : strtoll(s, &end, 0);
	if (*end == '\0' && errno == 0)
		return json_integer(octal && *s == '-' ? -i : i);
	if (strspn(digits, "0123456789.eE+-") != strlen(digits))
		return NULL;
	double d = strtod(s, &end);
	return *end == '\0' && isfinite(d) ? json_real(d) : NULL;
}

static json_t *plain_scalar(const char *s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", "y",  "Y",  "yes",
					    "Yes",  "YES",  "on",   "On", "ON", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", "n",   "N",   "no",
					     "No",    "NO",    "off",   "Off", "OFF", NULL};
	if (one_of(s, nulls))
		return json_null();
	if (one_of(s, trues))
		return json_true();
	if (one_of(s, falses))
		return json_false();
	json_t *number = plain_number(s);
	return number ? number : json_string(s);
}

static int convert(struct walk *w, int index, int depth, json_t **ret);

static void note_repeat(struct walk *w, const char *key, int value)
{
	const yaml_node_t *n = yaml_document_get_node(w->doc, value);
	AUTO_FREE char *line = xasprintf("line %zu: key \"%s\" already set in map", n ? n->start_mark.line + 1 : 0, key);
	strv_add(w->repeats, line);
}

static int convert_mapping(struct walk *w, const yaml_node_t *n, int depth, json_t **ret)
{
	json_t *o = json_object();
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(w->doc, p->key);
		json_t *value = NULL;
		int r = key && key->type == YAML_SCALAR_NODE
			    ? convert(w, p->value, depth + 1, &value)
			    : err_set(w->e, -EINVAL, "line %zu: a mapping key is not a scalar", n->start_mark.line + 1);
		if (r >= 0 && w->repeats && json_object_get(o, (const char *)key->data.scalar.value))
			note_repeat(w, (const char *)key->data.scalar.value, p->value);
		if (r >= 0 && json_object_set_new(o, (const char *)key->data.scalar.value, value) < 0)
			r = err_set(w->e, -EINVAL, "line %zu: a key is not valid UTF-8", key->start_mark.line + 1);
		if (r < 0) {
			json_decref(o);
			return r;
		}
	}
	*ret = o;
	return 0;
}

static int convert_sequence(struct walk *w, const yaml_node_t *n, int depth, json_t **ret)
{
	json_t *a = json_array();
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		json_t *value = NULL;
		int r = convert(w, *i, depth + 1, &value);
		if (r < 0) {
			json_decref(a);
			return r;
		}
		json_array_append_new(a, value);
	}
	*ret = a;
	return 0;
}

static int convert(struct walk *w, int index, int depth, json_t **ret)
{
	yaml_node_t *n = yaml_document_get_node(w->doc, index);
	if (++w->nodes > MAX_NODES || depth > MAX_DEPTH)
		return err_set(w->e, -E2BIG, TOO_DEEP);
	if (!n) {
		*ret = json_null();
		return 0;
	}
	if (n->type == YAML_MAPPING_NODE)
		return convert_mapping(w, n, depth, ret);
	if (n->type == YAML_SEQUENCE_NODE)
		return convert_sequence(w, n, depth, ret);
	const char *text = (const char *)n->data.scalar.value;
	bool tagged = n->tag && strcmp((const char *)n->tag, YAML_STR_TAG) != 0;
	bool plain = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	*ret = !w->texts && (plain || tagged) ? plain_scalar(text) : json_stringn(text, n->data.scalar.length);
	return *ret ? 0 : err_set(w->e, -EINVAL, "line %zu: text is not valid UTF-8", n->start_mark.line + 1);
}

/* Lines are counted as the original's reader counts them: what the scanner finds is one line further down, and the first
 * line has no number. */
static int load(yaml_parser_t *parser, yaml_document_t *ret, struct err *e)
{
	const char *why;
	size_t line;
	if (yaml_parser_load(parser, ret))
		return 0;
	why = parser->problem ? parser->problem : "unknown problem parsing YAML content";
	line = parser->problem_mark.line ? parser->problem_mark.line + (parser->error == YAML_SCANNER_ERROR)
					 : parser->context_mark.line;
	return line ? err_set(e, -EINVAL, "yaml: line %zu: %s", line, why) : err_set(e, -EINVAL, "yaml: %s", why);
}

/* Only many brackets make a deep flow collection. */
static bool may_be_deep(const char *text, size_t len)
{
	size_t open = 0;
	for (const char *p = text; p < text + len && open <= MAX_DEPTH; p++)
		open += *p == '[' || *p == '{';
	return open > MAX_DEPTH;
}

/* The scanner looks at every open flow collection at each token: what is too deep has to be found before it is loaded. What
 * is wrong otherwise is for load() to tell. */
static int check_depth(const char *text, size_t len, struct err *e)
{
	yaml_parser_t parser;
	size_t depth = 0;
	bool end = false;
	if (!may_be_deep(text, len) || !yaml_parser_initialize(&parser))
		return 0;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!end && depth <= MAX_DEPTH + 1) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event))
			break;
		depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
		depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return depth > MAX_DEPTH + 1 ? err_set(e, -E2BIG, TOO_DEEP) : 0;
}

static int convert_first(yaml_parser_t *parser, bool texts, json_t **ret, char ***repeats, struct err *e)
{
	yaml_document_t doc;
	int r = load(parser, &doc, e);
	if (r < 0)
		return r;
	struct walk w = {.doc = &doc, .texts = texts, .repeats = repeats, .e = e};
	if (yaml_document_get_root_node(&doc))
		r = convert(&w, 1, 0, ret);
	else
		*ret = json_null();
	yaml_document_delete(&doc);
	return r;
}

/* Behind the first document there may be others, but nothing that is no YAML. */
static int check_rest(yaml_parser_t *parser, struct err *e)
{
	yaml_document_t doc;
	int r = load(parser, &doc, e);
	if (r >= 0)
		yaml_document_delete(&doc);
	return r;
}

static int parse(const char *text, size_t len, bool texts, json_t **ret, char ***repeats, struct err *e)
{
	yaml_parser_t parser;
	AUTO_JSON *value = NULL;
	int r = check_depth(text, len, e);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&parser))
		return err_set(e, -ENOMEM, "yaml: out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	r = convert_first(&parser, texts, &value, repeats, e);
	if (r >= 0)
		r = check_rest(&parser, e);
	yaml_parser_delete(&parser);
	if (r >= 0)
		*ret = TAKE(value);
	return r;
}

int yaml_parse(const char *text, size_t len, json_t **ret, struct err *e)
{
	return parse(text, len, false, ret, NULL, e);
}

int yaml_parse_noting(const char *text, size_t len, json_t **ret, char ***repeats, struct err *e)
{
	return parse(text, len, false, ret, repeats, e);
}

int yaml_parse_texts(const char *text, size_t len, json_t **ret, struct err *e)
{
	return parse(text, len, true, ret, NULL, e);
}

int yaml_read_file(const char *path, size_t max, json_t **ret, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, max, &text, e);
	if (r < 0)
		return r;
	r = yaml_parse(str_text(&text), text.len, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}
