/* What the parts of the HTTP client share: its state, a call, and what libcurl is told and tells about it. */
#ifndef KNARR_IO_HTTP_CLIENT_INTERNAL_H
#define KNARR_IO_HTTP_CLIENT_INTERNAL_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/str.h"
#include "io/curl_load.h"
#include "io/http_client.h"

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
	struct list calls; /* all */
	struct list work;  /* those that want something done outside libcurl */
	char *ca_file, *cert_file, *key_file, *token_file;
	bool insecure;
	char *token;
	struct stat token_stat;
	bool scheduled, freed;
	int depth; /* on the stack: not to be destroyed */
};

struct http_call {
	struct http_client *client;
	struct list link, work;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	void *body;
	struct http_call_opts o;
	int status;
	struct str response;      /* collected */
	struct str response_head; /* NUL-terminated lines of the last response */
	char error[CURL_ERROR_SIZE];
	int failure; /* -errno of our own that stopped the transfer */
	int64_t sent;     /* of a body that is read as it goes */
	int64_t expected; /* length of the answer's body; -1: not announced */
	int64_t received;
	bool added, cancelled, paused, status_told;
	bool starved;	   /* read_body had nothing */
	bool sent_all;	   /* it has given everything */
	bool answer_whole; /* before everything was sent: the call ends with it */
};

/* http_call_setup.c: everything of o that libcurl has to know, and the callbacks below. */
void http_call_set_options(struct http_call *call);

/* http_call_answer.c: libcurl's callbacks, arg is the call; one header line, and a piece of the body. */
size_t http_call_on_header(char *line, size_t size, size_t n, void *arg);
size_t http_call_on_body(char *bytes, size_t size, size_t n, void *arg);
/* http_client.c: the same for what goes out, from read_body; and for a call that has something to do outside libcurl. */
size_t http_call_on_send(char *bytes, size_t size, size_t n, void *arg);
void http_call_wants(struct http_call *call);
/* Whether all of an answer has come that may have come before the end of what was to be sent. */
bool http_call_answer_is_whole(const struct http_call *call);
/* The errno of a call that failed with this result. */
int http_call_error(struct http_call *call, CURLcode code);

#endif
