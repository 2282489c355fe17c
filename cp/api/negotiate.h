/* Content negotiation: what form of an answer a client accepts, what a body is written in (RFC 9110, Accept). */
#ifndef KNARR_CP_API_NEGOTIATE_H
#define KNARR_CP_API_NEGOTIATE_H

#include <stdbool.h>

enum answer_form { FORM_OBJECT, FORM_TABLE, FORM_PARTIAL, FORM_PARTIAL_LIST, FORM_DISCOVERY };

struct answer_type {
	bool yaml;
	enum answer_form form;
	char version[16]; /* of the form: "v1", "v1beta1", "v2" */
};

/* forms: also transformations (as=Table ...) are understood; discovery: as=APIGroupDiscoveryList (v2). The first clause
 * that can be served wins, by q then order. 0, or -EINVAL when none can. NULL and "" accept anything. */
int negotiate_accept(const char *accept, bool forms, bool discovery, struct answer_type *ret);
bool negotiate_gzip(const char *accept_encoding);

enum body_type {
	BODY_JSON,
	BODY_YAML,
	BODY_PROTOBUF,
	BODY_JSON_PATCH,
	BODY_MERGE_PATCH,
	BODY_STRATEGIC_PATCH,
	BODY_APPLY,
	BODY_OTHER
};
/* Parameters behind ; are ignored; NULL and "" are JSON. */
enum body_type negotiate_body(const char *content_type);

#endif
