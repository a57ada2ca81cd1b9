/*
 * oauth.h - accounts of OAuth 2.0 (RFC 6749): who signs in where and how, and the access tokens that a
 * mail server takes in place of a password.
 *
 * Account:   a file of mode 0600 in the folder DATABASE-oauth (0700) beside the database, JSON: the
 *            definition, what was asked for, and the tokens that all processes share. It is replaced
 *            as a whole, so that readers need no lock.
 * Life:      oauth_account_open() or oauth_account_new() .. oauth_account_free().
 * Units:     times are milliseconds since 1970-01-01 UTC, 0 is none.
 * Ownership: char * and struct secret * that are handed out are the caller's.
 * Errors:    CONFIGURATION for the definition and its files, CREDENTIALS for what must be mended at the
 *            provider or by a new sign-in (the text names the command or setting), TEMPORARY for what
 *            passes, UNREACHABLE for connections and certificates, PROTOCOL for answers that are none,
 *            IO. Texts never hold a secret.
 * Threads:   one at a time.
 */
#ifndef LOADER_OAUTH_OAUTH_H
#define LOADER_OAUTH_OAUTH_H

#include "loader/base/secret.h"
#include "queue/base/error.h"
#include "queue/base/scoped.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oauth_account;

/* ---- definition ---- */

/* One row of the table of settings: rows 0.. until false. Texts are static. */
struct oauth_field {
	const char *name;    /* "client-id" */
	const char *value;   /* what it takes, "ID" */
	const char *meaning; /* for help */
};
bool oauth_field_at(size_t index, struct oauth_field *ret_field);

/* The folder of the accounts of a database, and the file of one. */
char *oauth_folder(const char *database);
char *oauth_path(const char *database, const char *name);

/* 0, or CONFIGURATION: 1 to 64 letters, digits, '.', '_', '-'; the first a letter or digit. */
int oauth_check_name(const char *name, struct error *err);

/* An account without settings, for this file; nothing is written. */
struct oauth_account *oauth_account_new(const char *path);

/* Reads one. NO (REASON_MISSING) where there is none; CONFIGURATION where others can read or change it. */
int oauth_account_open(const char *path, struct oauth_account **ret_account, struct error *err);
void oauth_account_free(struct oauth_account *account); /* wipes; takes NULL */
SCOPED_DEFINE(struct oauth_account *, oauth_account_free)

/* Its name; borrowed. */
const char *oauth_account_name(const struct oauth_account *account);

/* Checks a value and takes it over; "" takes the setting back. Another user, client or provider makes the
 * tokens at hand worthless: they are forgotten. */
int oauth_account_set(struct oauth_account *account, const char *field, const char *value,
		      struct error *err);

/* The setting as it counts: as it was given, else by the preset of the provider; NULL for none. */
char *oauth_setting(const struct oauth_account *account, const char *field);

/* Whether what the grant needs is there. */
int oauth_account_check(const struct oauth_account *account, struct error *err);

/* True where the grant needs a client secret that no source gives and that is not kept yet. */
bool oauth_account_lacks_secret(const struct oauth_account *account);
void oauth_account_keep_secret(struct oauth_account *account, const struct secret *secret);

/* Calls `each` for every command and file that asking for a token may need. */
void oauth_account_list_sources(const struct oauth_account *account,
				void (*each)(enum secret_source source, const char *reference,
					     void *context),
				void *context);

/* Writes the definition durably; tokens that another process has put there meanwhile stay. */
int oauth_account_save(struct oauth_account *account, struct error *err);

/* Calls `each` for every account of the database, by name. `err` is what is wrong with the file, else its
 * kind is NONE and `account` is there. */
void oauth_list(const char *database,
		void (*each)(const char *name, const struct oauth_account *account,
			     const struct error *err, void *context),
		void *context);

/* ---- what is known without asking anybody ---- */

struct oauth_info {
	const char *provider; /* borrowed, as user; NULL: not said */
	const char *user;
	char *grant;
	bool signed_in; /* a refresh token is kept, or none is needed */
	int64_t secret_ends_ms;
	int64_t certificate_ends_ms;
	int64_t refresh_ends_ms;
	int64_t token_ends_ms; /* the access token at hand */
};
void oauth_describe(const struct oauth_account *account, struct oauth_info *ret_info);
void oauth_info_clear(struct oauth_info *info);

/* Calls `each` with a sentence for what ends soon or is missing: a certificate or secret 30 days before, a
 * refresh token 14. */
void oauth_warnings(const struct oauth_account *account, int64_t now_ms,
		    void (*each)(const char *words, void *context), void *context);

/* ---- signing in ---- */

/* True where a person has to sign in, by oauth_login_by_person(). */
bool oauth_needs_person(const struct oauth_account *account);

/* Asks for a new token at once, for an account that needs nobody: certificate, secret, service account, refresh
 * token from a source, which is read. `user` is the mailbox. */
int oauth_login_by_itself(const char *path, const char *user, struct error *err);

/* How a person is spoken to. */
struct oauth_prompt {
	void (*show)(const char *text, void *context); /* several lines */
	int (*ask)(const char *question, struct secret **ret_answer, void *context,
		   struct error *err);
	void *context;
};

/* A person signs in: by code, with a browser of this machine, or with one anywhere whose last address is
 * pasted; or by a device code. Takes up to ten minutes, a device code as long as it lives. */
int oauth_login_by_person(const char *path, bool paste, const struct oauth_prompt *prompt,
			  struct error *err);

/* Has the provider take the refresh token back where it can and `tell` wants it (*ret_told), and deletes the
 * account, which stays where that fails. */
int oauth_revoke(const char *path, bool tell, bool *ret_told, struct error *err);

/* ---- tokens ---- */

/*
 * An access token for `user` from the account in this file: the one at hand, or a new one where 80 % of
 * its life are over. One process at a time asks for a new one, the others wait for it, or go on with
 * what they have as long as it lives. A new refresh token is on disk before this returns.
 */
int oauth_token(const char *path, const char *user, struct secret **ret_token, struct error *err);

/* A mail server has refused this token: true where it is worthwhile to ask for another, because this one
 * was not made just now; oauth_token() asks for a new one then. */
bool oauth_token_refused(const char *path, const char *user, const struct secret *token);

/*
 * Tells what a token says of itself ("aud", "scp", "roles", "tid", "upn", "exp"), where it says anything, and
 * finds what is wrong with it: another service, a missing right, a clock. CREDENTIALS.
 */
int oauth_inspect(const struct oauth_account *account, const struct secret *token, int64_t now_ms,
		  void (*each)(const char *name, const char *value, void *context), void *context,
		  struct error *err);

/* Where to look when a mail server refuses a token that is good. Static. */
const char *oauth_advice(const struct oauth_account *account);

#endif
