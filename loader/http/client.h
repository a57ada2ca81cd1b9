/*
 * client.h - posts to one target, several at a time, over connections that are kept.
 *
 * Life:      http_client_open(), http_client_start() and http_client_wait() in turn,
 *            http_client_free(), which gives up what is under way.
 * Redirects: 301, 302, 303, 307, 308 are followed with method and body, at most three in a row, as
 *            far as `redirects` allows. Another host gets neither the URL's credentials, nor the
 *            fields that carry more of them, nor the client certificate, unless it is trusted.
 * Limits:    connecting, and a delivery as a whole with its redirects; an answer is read up to 64
 *            KiB of header and 64 KiB of body.
 * Addresses: the one a connection is made to is checked, unless private ones are allowed.
 * Proxy:     looks names up itself, so that only what the URL says is checked (reach.h); its own
 *            address may be a private one. https goes through it by CONNECT, and it sees the host's
 *            name alone; http counts as in clear whatever its address.
 * TLS:       loader/certificate judges the server before each request.
 * In clear:  http:// goes to addresses of loopback only, unless `insecure`; credentials go there
 *            alone.
 * Errors:    of a post they are part of its answer; only what is wrong here is an error.
 * Threads:   one at a time.
 */
#ifndef LOADER_HTTP_CLIENT_H
#define LOADER_HTTP_CLIENT_H

#include "loader/http/body.h"
#include "loader/http/target.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stdint.h>

struct http_options {
	int64_t connect_timeout_ms;
	int64_t timeout_ms; /* of a delivery as a whole */
	int32_t concurrency;
	const char *ca_file;  /* trusted instead of the system's; NULL: those */
	const char *crl_file; /* revocation lists; NULL: none but those in ca_file */
	enum target_redirects redirects;
	const char *trusted_hosts;	/* get the credentials, too (target.h); NULL: none */
	const char *client_certificate; /* PEM file with certificate and key; NULL: none */
	const char *proxy;		/* a setting of proxy.h; NULL: none */
	bool allow_private;
	bool
	    insecure; /* http:// to other machines than this one, as long as no credentials go there */
	bool trace; /* keep each request, and the header of each answer */
};

struct http_request {
	const char *url; /* with user and password, where there are any */
	const char *content_type;
	char *const *fields;	    /* "Name: value", NULL at the end: go with each request */
	char *const *home_fields;   /* do not go to another host */
	char *const *secret_fields; /* nor these, and traces do not show their values */
	struct body *body;	    /* borrowed until the answer is there */
	uint64_t size_bytes;	    /* of the body */
};

/* Its texts are without the secrets of this process (redact.h). */
struct http_answer {
	int status;	       /* 0: none that could be understood */
	int redirects;	       /* that were followed */
	int64_t retry_after_s; /* 0 = not said */
	int64_t duration_ms;
	char *text;	    /* the first 2,048 bytes of its body as UTF-8; NULL where it is empty */
	char *trace;	    /* NULL unless wanted */
	struct error error; /* kind ERROR_NONE when there is an answer; ERROR_UNREACHABLE when there
			     * is none; another one when the body could not be made */
};

/* Releases the texts of an answer. */
void http_answer_clear(struct http_answer *answer);

struct http_client;

/* The options are copied. Errors: CONFIGURATION for ca_file, crl_file and proxy. */
int http_client_open(const struct http_options *options, struct http_client **ret_client,
		     struct error *err);
void http_client_free(struct http_client *client); /* takes NULL */

/* Begins a post; `context` comes back with its answer. */
void http_client_start(struct http_client *client, const struct http_request *request,
		       void *context);

/* How many have begun and not been handed out. */
int http_client_pending(const struct http_client *client);

/* Waits at most so long, or until something happens; true: a post has ended, its answer is the
 * caller's. */
bool http_client_wait(struct http_client *client, int64_t timeout_ms,
		      struct http_answer *ret_answer, void **ret_context);

SCOPED_DEFINE(struct http_client *, http_client_free)

#endif
