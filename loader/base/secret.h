/*
 * secret.h - a password or token in memory, wiped when it is released.
 *
 * Life:      secret_new() or secret_read() .. secret_free().
 * Ownership: the holder of the pointer; secret_text() is borrowed from it.
 * Errors:    kinds in each function; texts name the source, never the secret.
 * Threads:   none shared.
 */
#ifndef LOADER_BASE_SECRET_H
#define LOADER_BASE_SECRET_H

#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stddef.h>

struct secret;

/* Where a queue's password or token comes from; stored with the queue, by name. */
enum secret_source {
	SECRET_PROMPT,	   /* asked once, kept in a 0600 file beside the database */
	SECRET_FILE,	   /* first line of a file that only its owner can read */
	SECRET_ENV,	   /* an environment variable */
	SECRET_COMMAND,	   /* first line of a command's output; argv as a JSON list, no shell; the
				program by its whole path, and nobody else's to change */
	SECRET_CREDENTIAL, /* a systemd credential, $CREDENTIALS_DIRECTORY/NAME */
	SECRET_TOKEN_COMMAND, /* like COMMAND, but an OAuth 2.0 access token */
	SECRET_OAUTH	      /* an access token of an account that loader/oauth keeps */
};

/* "prompt", "file", "env", "command", "credential", "token-command", "oauth". */
const char *secret_source_format(enum secret_source source);

/* The inverse; returns -1 and leaves *ret_source for any other text. */
int secret_source_parse(const char *text, enum secret_source *ret_source);

/* Whether it gives an OAuth 2.0 access token, and no password. */
bool secret_source_is_token(enum secret_source source);

/* Copies length bytes, which redact.h hides from then on. Never NULL. */
struct secret *secret_new(const char *bytes, size_t length);

/* Wipes and releases; takes NULL. */
void secret_free(struct secret *secret);
SCOPED_DEFINE(struct secret *, secret_free)

/* NUL-terminated, borrowed until secret_free(). */
const char *secret_text(const struct secret *secret);

/* Wipes and releases a text that a secret was copied into; takes NULL. */
void secret_wipe(char *text);
SCOPED_DEFINE(char *, secret_wipe)

/* A process that is to read it when it may start no program any more (starter.h) says so before. */
void secret_allow(enum secret_source source, const char *reference);

/* Whether secret_read() would read this file: CONFIGURATION where another user can read or change it. What
 * is no file passes. `what` names it: "password file". */
int secret_check_file(const char *what, const char *path, struct error *err);

/* The file that the secret is read from; NULL where it is none. The caller frees it. */
char *secret_path(enum secret_source source, const char *reference);

/*
 * Reads the secret from its source. `reference` is what the source needs: a path (FILE, PROMPT),
 * a variable's name (ENV), a credential's name (CREDENTIAL), a JSON list of strings (COMMAND,
 * TOKEN_COMMAND). A command and a pipe have 30 s. The secret is the first line, without a byte order
 * mark before it; an empty one, one longer than 64 KiB, or one with CR or NUL inside is an error.
 * From then on the process leaves no core, as after secret_ask().
 * Errors: CONFIGURATION (source missing, or another user can read or change it), CREDENTIALS
 * (empty, command failed).
 */
int secret_read(enum secret_source source, const char *reference, struct secret **ret_secret,
		struct error *err);

/*
 * Takes a secret out of the environment, where the system shows it to others of this user: it is wiped there, and
 * programs that are started from then on do not get it; secret_read() has it, in children made by fork() as well. Where
 * there is no such variable, nothing happens. Any thread.
 */
void secret_keep_variable(const char *name);

/* From now on this process leaves no core, and no other process of its user may look into its memory. */
void secret_guard_memory(void);

/* Whether the program of a COMMAND's reference would be run: 0, or CONFIGURATION and why not. */
int secret_check_command(const char *reference, struct error *err);

/*
 * The reference of a COMMAND, from the words of a command line: they are split as a shell would do it,
 * but no shell runs them. A program without a slash is looked for in $PATH. Caller frees with g_free().
 * Errors: CONFIGURATION.
 */
int secret_command_parse(const char *words, char **ret_reference, struct error *err);

/* Words of which secret_command_parse() makes this reference. The caller frees them with g_free(). */
char *secret_command_format(const char *reference);

/* ---- sources that are named in one word: "file:PATH", "env:VARIABLE", "command:COMMAND", "credential:NAME" ---- */

/* Checks what an operator has written, and makes the form that is stored: paths absolute, a command as
 * JSON. `field` is what errors call it. Caller frees. Errors: CONFIGURATION. */
int secret_named_parse(const char *field, const char *value, char **ret_stored, struct error *err);

/* As it was written. Caller frees. */
char *secret_named_format(const char *stored);

/* The source, and its reference as secret_read() takes it, borrowed; false for anything else. */
bool secret_named_split(const char *stored, enum secret_source *ret_source,
			const char **ret_reference);

/* Reads it as secret_read() does, with `field` in front of errors. */
int secret_named_read(const char *field, const char *stored, struct secret **ret_secret,
		      struct error *err);

/* The same, but all that the source holds, line breaks included: a private key. */
int secret_named_read_text(const char *field, const char *stored, struct secret **ret_secret,
			   struct error *err);

/*
 * Asks on the terminal without echo. `what` stands in errors: "the password". Errors: USAGE when there
 * is no terminal, CREDENTIALS when the answer is empty, IO when nobody answers (^C).
 */
int secret_ask(const char *what, const char *question, struct secret **ret_secret,
	       struct error *err);

/*
 * Keeps a secret in a 0600 file, replaced atomically and durably; a missing parent folder is made
 * with 0700. Errors: IO.
 */
int secret_keep(const struct secret *secret, const char *path, struct error *err);

#endif
