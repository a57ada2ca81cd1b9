/*
 * target_secret.h - what a queue's target keeps secret: the key of signatures, the password, values
 * of header fields. The definition holds their sources: "file:PATH", "env:VARIABLE",
 * "command:COMMAND", "credential:NAME"; in the database a path is absolute, a command a JSON list.
 *
 * Ownership: strings handed out are the caller's.
 * Errors:    CONFIGURATION, naming the field; those of secret_read().
 */
#ifndef LOADER_DEFINE_TARGET_SECRET_H
#define LOADER_DEFINE_TARGET_SECRET_H

#include "loader/base/secret.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"
#include "queue/work_queue.h"

/* secret_named_parse() for a header field, "Authorization: Bearer file:PATH": words may stand before
 * the source. `field` is for errors. */
int target_secret_parse_header(const char *field, const char *line, char **ret_line,
			       struct error *err);

/* The inverse: what an operator writes. The caller frees it. */
char *target_secret_format_header(const char *line);

/* Is this a name whose value is likely a credential: Authorization, Cookie, X-Api-Key, X-Token? */
bool target_secret_is_meant(const char *header_name);

/* Calls `each` for every secret: the field it belongs to, and where it comes from. Reads none. */
void target_secret_list(const struct work_queue_target *target,
			void (*each)(const char *field, enum secret_source source,
				     const char *reference, void *context),
			void *context);

struct target_secrets {
	struct secret *key; /* of signatures; NULL = posts are not signed */
	char *url;	    /* with the password, where there is one */
	char **fields;	    /* "Name: value", NULL at the end; NULL = none */
};

/* Reads all of them; to be cleared, also after an error. */
int target_secrets_read(const struct work_queue_target *target, struct target_secrets *ret_secrets,
			struct error *err);

/* Wipes and releases. */
void target_secrets_clear(struct target_secrets *secrets);
SCOPED_DEFINE(struct target_secrets *, target_secrets_clear)

#endif
