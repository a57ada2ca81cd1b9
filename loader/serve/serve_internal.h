/*
 * serve_internal.h - a server, its callers, and a request from its first byte to the end of its answer.
 *
 * Life: a caller lives as long as its connection, a request until its answer is sent or cannot be.
 */
#ifndef LOADER_SERVE_SERVE_INTERNAL_H
#define LOADER_SERVE_SERVE_INTERNAL_H

#include "loader/entry/choice.h"
#include "loader/serve/listen_internal.h"
#include "queue/entry_claim.h"
#include "queue/store.h"
#include "queue/token.h"
#include "queue/work_queue.h"

#include <glib.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>

struct serve {
	const struct serve_options *options;
	struct listen_socket socket;
	struct store *store;
	struct store_watch *watch;
	struct MHD_Daemon *daemon;
	guint requests;	      /* that have no whole answer yet */
	GQueue callers;	      /* struct caller */
	GQueue waiting;	      /* struct request: claims, the first to come first */
	GHashTable *networks; /* of callers: how many connections each has */
	int64_t
	    look_ms; /* monotonic: when to look at those that wait, though nothing has changed */
	int64_t started_ms; /* wall clock */
	GArray *samples;    /* figures, as of samples_ms (monotonic); NULL: none yet */
	int64_t samples_ms;
	bool stopping;
	struct error outdated; /* why it ends by itself; kind NONE: it does not */
};

struct caller {
	struct serve *serve;
	int descriptor;
	char address[64];
	char network[64]; /* "" where its connections are not counted */
	int64_t cut_ms;	  /* monotonic; 0 = never, since it waits for us */
	GList link;
};

struct route;

/* What a claim has got, until its answer has been sent. */
struct claim {
	char *worker;
	struct entry_wish wish;
	struct entry_lease *leases;
	size_t room;
	size_t count;
	int64_t until_ms; /* monotonic: it waits until then */
	bool waits;
	struct error *failure; /* why it cannot be answered otherwise; NULL */
};

struct request {
	struct serve *serve;
	struct caller *caller;
	struct MHD_Connection *connection;
	const struct route *route;
	struct token *token;
	char *queue_name;	  /* that the path names; NULL */
	struct work_queue *queue; /* the same */
	int64_t entry_id;	  /* that the path names; 0 */
	uint32_t part;		  /* that the path names; 0 */
	GByteArray *body;
	bool too_large;
	json_t *json; /* the body */
	struct claim claim;
	GList link; /* in serve.waiting */
};

struct route {
	const char *method;
	const char *path; /* "/v1/entries/{id}/parts/{n}" */
	enum token_right right;
	bool open;		       /* without a token */
	const char *const *parameters; /* ends with NULL; NULL: none */
	enum MHD_Result (*answer)(struct request *request);
};

/* ---- routes (route.c) ---- */

/* 0, or the status of the problem that *err says: 404, 405. Writes what the path names. */
unsigned route_find(const char *method, const char *path, struct request *request,
		    struct error *err);

/* USAGE names a parameter of the address that the route has not. */
int route_check_parameters(const struct request *request, struct error *err);

/* ---- answers (answer.c); each ends the request ---- */

enum MHD_Result answer_problem(struct request *request, unsigned status, const char *detail);

/* The status by what the caller can do. */
enum MHD_Result answer_error(struct request *request, const struct error *err);

enum MHD_Result answer_nothing(struct request *request);

/* Releases the document. */
enum MHD_Result answer_json(struct request *request, json_t *document);

enum MHD_Result answer_bytes(struct request *request, const char *type, const void *bytes,
			     size_t size);

/* What `write` writes to a file without a name, of any length. It returns -1 with *err. */
enum MHD_Result answer_written(struct request *request,
			       int (*write)(FILE *out, struct request *request, struct error *err));

/* A part of an entry, in pieces. `name` is what a browser shall call it. */
enum MHD_Result answer_part(struct request *request, enum entry_part part, uint32_t position,
			    const char *type, const char *name);

/* ---- whether a request can be read in one way alone (framing.c) ---- */

/* USAGE names what a proxy and this server could read differently. */
int framing_check(struct MHD_Connection *connection, struct error *err);

/* What MHD_http_unescape() does, but for NUL, which would end the text for us and not for a proxy: nobody takes what is
 * put in its place. Returns the length. */
size_t framing_unescape(void *context, struct MHD_Connection *connection, char *text);

/* ---- what a request says (request.c) ---- */

enum MHD_Result request_handle(void *serve, struct MHD_Connection *connection, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_size, void **context);
void request_end(void *serve, struct MHD_Connection *connection, void **context,
		 enum MHD_RequestTerminationCode code);

/* A parameter of the address; NULL where it is not there. */
const char *request_parameter(const struct request *request, const char *name);

/* A number of the address, or `standard`; USAGE. */
int request_number(const struct request *request, const char *name, uint64_t least, uint64_t most,
		   uint64_t standard, uint64_t *ret_number, struct error *err);

/* A span; a number alone is seconds. */
int request_span(const char *text, const char *name, int64_t least_ms, int64_t most_ms,
		 int64_t *ret_ms, struct error *err);

/* A member of the body: text, or NULL where it is not there or null. USAGE where it is no text, or lacks though it is
 * needed. */
int request_text(const struct request *request, const char *name, bool needed,
		 const char **ret_text, struct error *err);

/* USAGE names a member of the body that is none of these. */
int request_only(const struct request *request, const char *const *names, struct error *err);

/* ---- handlers ---- */

enum MHD_Result get_health(struct request *request);
enum MHD_Result get_openapi(struct request *request);
enum MHD_Result get_metrics(struct request *request);
enum MHD_Result get_queues(struct request *request);
enum MHD_Result get_queue(struct request *request);
enum MHD_Result get_entries(struct request *request);
enum MHD_Result get_entry(struct request *request);
enum MHD_Result get_history(struct request *request);
enum MHD_Result get_message(struct request *request);
enum MHD_Result get_part(struct request *request);
enum MHD_Result post_complete(struct request *request);
enum MHD_Result post_fail(struct request *request);
enum MHD_Result post_release(struct request *request);
enum MHD_Result post_extend(struct request *request);
enum MHD_Result post_defer(struct request *request);
enum MHD_Result post_progress(struct request *request);
enum MHD_Result post_retry(struct request *request);
enum MHD_Result post_discard(struct request *request);
enum MHD_Result post_hold(struct request *request);
enum MHD_Result post_unhold(struct request *request);
enum MHD_Result post_priority(struct request *request);
enum MHD_Result post_tag(struct request *request);
enum MHD_Result post_note(struct request *request);

/* ---- claims (claim.c) ---- */

enum MHD_Result post_claim(struct request *request);

/* Gives those that wait what can be claimed by now, and tells those whose time is over. */
void claim_look(struct serve *serve);

/* The server ends: nobody waits any more. */
void claim_end_all(struct serve *serve);

/* Gives back what was claimed and not sent; without a claim it does nothing. */
void claim_give_back(struct request *request);
void claim_clear(struct request *request);

/* Forgets the figures (metrics.c). */
void metrics_clear(struct serve *serve);

/* ---- callers (serve.c) ---- */

void caller_expect(struct caller *caller);  /* from now on it has SERVE_SLOW_MS */
void caller_forgive(struct caller *caller); /* it waits for us */

#endif
