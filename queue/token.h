/*
 * token.h - tokens by which programs on other machines may use the database over HTTP: what each may, for
 * which queue, until when, and who has used it last.
 *
 * Form:    "inq_" and 43 letters, digits, '-' and '_': 256 random bits as RFC 4648 writes them (base64url).
 *          The database has only the SHA-256 of that, so that whoever reads it cannot use it.
 * Calls:   functions that write make their own transaction unless one is open.
 * Errors, threads, times: as in store.h.
 */
#ifndef QUEUE_TOKEN_H
#define QUEUE_TOKEN_H

#include "queue/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_PREFIX "inq_"
enum { TOKEN_TEXT_SIZE = sizeof TOKEN_PREFIX + 43 };

/* Each may what those before it may. */
enum token_right {
	TOKEN_READ,    /* see queues and entries */
	TOKEN_WORK,    /* claim entries, and finish those */
	TOKEN_OPERATE, /* change entries as operators do */
	TOKEN_DEFINE   /* change queues */
};

/* "read", "work", "operate", "define". */
const char *token_right_format(enum token_right right);
/* -1 for any other text. */
int token_right_parse(const char *text, enum token_right *ret_right);

struct token {
	int64_t id; /* read only */
	char *name; /* unique; a word that names it for people, and in the history */
	char *created_by;
	enum token_right may;
	int64_t queue_id;	 /* 0 = all queues */
	char *queue_name;	 /* read only; NULL = all queues */
	int64_t expires_at_ms;	 /* 0 = never */
	int64_t created_at_ms;	 /* read only, as all below */
	int64_t revoked_at_ms;	 /* 0 = not */
	int64_t last_used_at_ms; /* 0 = never */
	char *last_address;	 /* NULL = never used */
};

/* Revoked, or over. */
bool token_is_over(const struct token *token, int64_t now_ms);

/* Makes a token and writes its text, which nobody can read again. INVALID for a name that no queue could
 * have; EXISTS when a token has it that is good still; one that is over is replaced. */
int token_create(struct store *store, const struct token *token, int64_t now_ms,
		 char ret_text[TOKEN_TEXT_SIZE], struct error *err);

/* Calls `each` for every token, by name; the token is borrowed for the call, and non-zero ends the list and is
 * returned. */
int token_list(struct store *store, int (*each)(const struct token *token, void *context),
	       void *context, struct error *err);

/* From now on it is refused. MISSING names it; REFUSED where it was revoked already. */
int token_revoke(struct store *store, const char *name, int64_t now_ms, struct error *err);

/* Whose token this text is; MISSING for a text that is nobody's, and for a token that is over. The caller
 * frees. */
int token_find(struct store *store, const char *text, int64_t now_ms, struct token **ret_token,
	       struct error *err);

/* Releases; takes NULL. */
void token_free(struct token *token);
SCOPED_DEFINE(struct token *, token_free)

/* Is there a token that is good? */
int token_any(struct store *store, int64_t now_ms, bool *ret_any, struct error *err);

/* Notes when and from where it was used last. */
int token_note_use(struct store *store, int64_t token_id, const char *address, int64_t now_ms,
		   struct error *err);

#endif
