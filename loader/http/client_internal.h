/*
 * client_internal.h - a post under way; shared inside this folder.
 */
#ifndef LOADER_HTTP_CLIENT_INTERNAL_H
#define LOADER_HTTP_CLIENT_INTERNAL_H

#include "loader/certificate/certificate.h"
#include "loader/http/client.h"

#include <curl/curl.h>
#include <glib.h>

#define ANSWER_KEPT ((size_t)2048)
#define ANSWER_MAX  ((size_t)64 * 1024)

struct http_transfer {
	struct http_client *client;
	void *context;
	CURL *curl;
	struct curl_slist *fields;
	char *url;   /* of the request at hand */
	char *proxy; /* for it, with a password where there is one; NULL: none */
	char *content_type;
	char **own_fields;
	char **home_fields; /* NULL, as the next, once the post went to another host */
	char **secret_fields;
	bool abroad;	/* it did */
	bool no_expect; /* a server of this post does not know `Expect` */
	struct body *body;
	uint64_t size_bytes;
	int64_t started_ms;
	int redirects;
	/* Of the answer at hand. */
	GString *kept;
	size_t answer_bytes;
	size_t header_bytes;
	bool header_ended;
	bool refused_private; /* the address of a connection was not allowed */
	bool refused_clear;   /* nor was going there without TLS */
	bool stapled;	      /* the server has to bring an answer about its revocation */
	enum certificate_verdict verdict;
	struct error refusal;	 /* why, where it is CERTIFICATE_REFUSED */
	struct error body_error; /* why the body could not be made */
	char curl_text[CURL_ERROR_SIZE];
	GString *trace; /* or NULL */
};

struct http_client {
	struct http_options options;
	struct certificate_trust *trust;
	bool stapled; /* a server has asked for it: from now on each is asked */
	char *client_certificate;
	char *trusted_hosts;
	char *proxy;
	CURLM *multi;
	GPtrArray *transfers;
	GPtrArray *idle; /* curl's handles that no transfer uses */
};

/* Forgets and wipes what is only for the host that the operator named. */
void http_transfer_leave_home(struct http_transfer *transfer);

/* Sets up curl for the request at hand. */
void http_transfer_prepare(struct http_transfer *transfer);

/* Judges what has come of the request: true and *ret_answer when the post has ended, false when
 * it goes on with another request. */
bool http_transfer_judge(struct http_transfer *transfer, CURLcode code,
			 struct http_answer *ret_answer);

#endif
