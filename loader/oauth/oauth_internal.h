/*
 * oauth_internal.h - what the files of this room share: the account as JSON, a request to an endpoint,
 * assertions, the sorting of failures.
 */
#ifndef LOADER_OAUTH_OAUTH_INTERNAL_H
#define LOADER_OAUTH_OAUTH_INTERNAL_H

#include "loader/oauth/oauth.h"

#include <glib.h>
#include <jansson.h>

enum {
	ACCOUNT_LOCK_WAIT_MS = 105000, /* three requests and what is between them */
	TOKEN_MAX_BYTES = 12 * 1024    /* Entra's have up to 4 KB; mail servers take 6 to 48 */
};

struct oauth_account {
	char *path;
	char *name;
	json_t *document;
};

/* From here on jansson wipes what it releases. */
void oauth_wipe_json(void);

/* A text of the document's top level; NULL for none. Borrowed. */
const char *account_text(const struct oauth_account *account, const char *key);

/* A setting as it was given; NULL for none. Borrowed. */
const char *account_setting(const struct oauth_account *account, const char *field);

/* A number in an object; 0 for none. */
int64_t account_number(const json_t *object, const char *key);

/* The account's lock, over all processes; `deadline_ms` of the monotonic clock. Released by closing it.
 * TEMPORARY (REASON_BUSY) when it was not free in time. */
int account_lock(const struct oauth_account *account, int64_t deadline_ms, int *ret_lock,
		 struct error *err);

/* Takes the room on the disk that account_write() needs for an answer, and gives it back where there is
 * nothing to write; under the lock. IO. */
int account_reserve(const struct oauth_account *account, struct error *err);
void account_give_room_back(const struct oauth_account *account);

/* Replaces the file, durably; under the lock. IO, CONFIGURATION where it would be too large to be read. */
int account_write(const struct oauth_account *account, struct error *err);

/* "certificate", "secret", "code", "device", "service-account", "refresh-token". */
char *account_grant(const struct oauth_account *account);
bool account_is_grant(const struct oauth_account *account, const char *grant);
bool account_is_app_only(const struct oauth_account *account);

/* The client secret, kept or from its source; NULL for none. */
int account_client_secret(const struct oauth_account *account, struct secret **ret_secret,
			  struct error *err);

/* The refresh token that the source of --refresh-token holds, where the account has not taken it yet; NULL for
 * none. Errors: those of secret_read(), CREDENTIALS where it is no token. */
int account_offered_token(const struct oauth_account *account, struct secret **ret_token,
			  struct error *err);

/* Whose tokens they are in the document: those of a service account are each for one mailbox. */
const char *account_token_key(const struct oauth_account *account, const char *user);

/* ---- a request ---- */

/* A form, application/x-www-form-urlencoded. Wiped when it is released. */
struct oauth_form {
	GString *text;
};
struct oauth_form *form_new(const char *grant_type); /* NULL: no grant_type */
void form_add(struct oauth_form *form, const char *name, const char *value); /* NULL: left out */
void form_free(struct oauth_form *form);
SCOPED_DEFINE(struct oauth_form *, form_free)

struct oauth_answer {
	long status;
	json_t *document; /* an object; NULL where the body is none */
	int64_t retry_after_s;
	int64_t
	    clock_off_s;  /* how far the server's clock is before ours; 0 where it does not say */
	int64_t asked_ms; /* when the request began */
};
void answer_clear(struct oauth_answer *answer);

/* Posts the form. Only no answer at all is an error: UNREACHABLE, TEMPORARY (time-out), PROTOCOL (too
 * long). The answer is to be cleared. */
int oauth_post(const struct oauth_account *account, const char *url, const struct oauth_form *form,
	       struct oauth_answer *ret_answer, struct error *err);

/* True for an answer of status 2xx with an object that names no error; else false, and why by explain_answer(). */
bool answer_is_good(const struct oauth_answer *answer);

/* The member as a text, or NULL. Borrowed. */
const char *answer_text(const struct oauth_answer *answer, const char *key);

/* What the endpoint says, fit for a line of ours, without secrets, cut. Caller frees. */
char *answer_quote(const char *said);

/* True where the endpoint asks for patience, or has a fault of its own. */
bool answer_is_transient(const struct oauth_answer *answer);

/* Sorts what the endpoint refuses, with the way out. Returns -1. */
int explain_answer(const struct oauth_account *account, const char *url,
		   const struct oauth_answer *answer, struct error *err);

/* "; this machine's clock is 6 minutes slow…" where it is off by five minutes or more, else "". Caller frees. */
char *describe_clock(int64_t clock_off_s);

/* ---- grants ---- */

/* The form that asks for an access token without a person: by assertion, secret or refresh token. */
int grant_form(const struct oauth_account *account, const char *user, const char *refresh_token,
	       struct oauth_form **ret_form, struct error *err);

/* Adds who the client is: its id, its secret or assertion. */
int grant_add_client(const struct oauth_account *account, struct oauth_form *form,
		     struct error *err);

/* Puts the tokens of a good answer into the document; PROTOCOL where there is none in it. */
int account_take_tokens(struct oauth_account *account, const char *user,
			const struct oauth_answer *answer, struct error *err);

/* ---- keys and assertions ---- */

/* Base64 for URLs without padding (RFC 7515, 2). Caller frees. */
char *base64_url(const void *bytes, size_t size);

/* Proves by its certificate's key who the client is (RFC 7523; Entra's "certificate credentials"). */
int assertion_of_client(const struct oauth_account *account, int64_t now_s, char **ret_assertion,
			struct error *err);

/* A service account's request on behalf of `user` (Google, "domain-wide delegation"). */
int assertion_of_service(const struct oauth_account *account, const char *user, int64_t now_s,
			 char **ret_assertion, struct error *err);

/* What has been signed and the signature, as a token. `algorithm` is RS256 or PS256; `pem` the private key. */
int key_sign(const struct secret *pem, const char *algorithm, const char *text, char **ret_token,
	     struct error *err);

struct key_certificate {
	char *sha1;   /* base64 for URLs */
	char *sha256; /* the same */
	int64_t ends_ms;
};
void key_certificate_clear(struct key_certificate *certificate);

/* Reads a certificate (PEM). `pem` is its private key, which must be its own; NULL: nobody asks. */
int key_certificate_read(const char *path, const struct secret *pem,
			 struct key_certificate *ret_certificate, struct error *err);

/* The source of the certificate's private key: of its own, or the certificate's file. Caller frees. */
char *account_key_source(const struct oauth_account *account);

/* ---- the two ways in which a person signs in ---- */

/* Shows an address, takes the code that a browser brings, or that the person pastes, and asks the token
 * endpoint. Errors: CREDENTIALS, and those of oauth_post(). The answer is to be cleared. *ret_browser is the
 * browser that waits to hear how it ends (login_tell_browser()), on failure too; -1: none does. */
int login_by_code(const struct oauth_account *account, bool paste,
		  const struct oauth_prompt *prompt, struct oauth_answer *ret_answer,
		  int *ret_browser, struct error *err);

/* Shows it a page, and closes; -1 is none. */
void login_tell_browser(int browser, bool signed_in);

/* Shows a code that the person enters at the provider, and asks until that has happened. */
int login_by_device(const struct oauth_account *account, const struct oauth_prompt *prompt,
		    struct oauth_answer *ret_answer, struct error *err);

#endif
