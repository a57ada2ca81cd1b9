/*
 * work_queue_target.h - where the entries of queues are posted to: a target that one queue has for
 * itself, or one with a name that several queues use.
 *
 * Life:      a target of one queue is stored, altered and dropped with it (work_queue.h). One with a
 *            name has the functions below; a queue names it, and must not be changed in its fields.
 * Ownership: strings are the target's; work_queue_target_clear() releases them.
 * Calls:     functions that write make their own transaction unless one is open.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_WORK_QUEUE_TARGET_H
#define QUEUE_WORK_QUEUE_TARGET_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts but url and format may be NULL for none. */
struct work_queue_target {
	char *name;    /* NULL: one queue has it for itself */
	char *url;     /* NULL: the queue has no target, and nothing below counts */
	char *format;  /* "multipart", "json", "raw" */
	char *secret;  /* where the key of signatures comes from: "file:/path", "env:NAME", … */
	char *headers; /* more header fields, "Name: value" a line */
	char *header_secrets; /* the same, with the source in place of the value, "Name: env:KEY" */
	char *password;	      /* of the user named in the URL; a source, as of `secret` */
	char *ca_file;
	char *crl_file;	   /* revocation lists */
	char *redirects;   /* "any", "same-host", "none": which are followed */
	char *trust_hosts; /* get the credentials after a redirect; "HOST[:PORT]" a line */
	char *recipient;   /* header fields that say where a mail was delivered to, "A,B": the first
			  * that has an address counts; NULL: the topmost of the usual ones */
	char *proxy;	   /* "http://HOST:PORT", "environment"; NULL: none */
	char *client_certificate; /* PEM file with certificate and key */
	int64_t connect_timeout_ms;
	int64_t timeout_ms;  /* of a delivery as a whole */
	int32_t concurrency; /* posts at a time */
	bool allow_private;  /* also to addresses that only this network knows */
	bool insecure;	     /* http:// to other machines, too; then without credentials */
	char *stopped; /* why nothing is delivered until somebody says so; NULL = it goes on */
};

/* Releases what is in it, and makes it one that is none. */
void work_queue_target_clear(struct work_queue_target *target);
SCOPED_DEFINE(struct work_queue_target *, work_queue_target_clear)

/* Stores a new one. EXISTS when its name is taken, INVALID for a name that breaks the rule of
 * queues' names (work_queue.h). */
int work_queue_target_put(struct store *store, const struct work_queue_target *target,
			  struct error *err);

/* Replaces all of the one that is called `name`, also the name; its queues have what is new from
 * then on, and count as altered. One that was stopped goes on unless `target` says so. MISSING,
 * EXISTS, INVALID. */
int work_queue_target_alter(struct store *store, const char *name,
			    const struct work_queue_target *target, int64_t now_ms,
			    struct error *err);

/* What is in *ret_target before is overwritten. MISSING names it. */
int work_queue_target_find(struct store *store, const char *name,
			   struct work_queue_target *ret_target, struct error *err);

/* Calls `each` for every target with a name, by name; a non-zero return ends the list and is
 * returned. No lock is held meanwhile. */
int work_queue_target_list(struct store *store,
			   int (*each)(const struct work_queue_target *target, void *context),
			   void *context, struct error *err);

/* The names of the queues that use it, "invoices, orders"; "" for none. The caller frees them with
 * g_free(). */
int work_queue_target_queues(struct store *store, const char *name, char **ret_names,
			     struct error *err);

/* REFUSED names the queues that use it; MISSING. */
int work_queue_target_drop(struct store *store, const char *name, struct error *err);

#endif
