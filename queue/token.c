/* Keeps tokens by their digests. A digest without salt is enough: nobody guesses 256 random bits, so that no table of
 * digests helps. */
#include "queue/token.h"

#include "queue/store_internal.h"
#include "queue/work_queue_internal.h"

#include <errno.h>
#include <glib.h>
#include <nettle/base64.h>
#include <string.h>
#include <sys/random.h>

/* ---- rights ---- */

static const char *const rights[] = {"read", "work", "operate", "define"};

const char *token_right_format(enum token_right right)
{
	return rights[right];
}

int token_right_parse(const char *text, enum token_right *ret_right)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rights); i++) {
		if (strcmp(text, rights[i]) != 0)
			continue;
		*ret_right = (enum token_right)i;
		return 0;
	}
	return -1;
}

bool token_is_over(const struct token *token, int64_t now_ms)
{
	return token->revoked_at_ms != 0 ||
	       (token->expires_at_ms != 0 && token->expires_at_ms <= now_ms);
}

/* ---- making one ---- */

static int make_text(char text[TOKEN_TEXT_SIZE], struct error *err)
{
	unsigned char bytes[32];
	char encoded[BASE64_ENCODE_LENGTH(sizeof bytes) + BASE64_ENCODE_FINAL_LENGTH];
	struct base64_encode_ctx context;
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return error_because(err, REASON_SOFTWARE, "no random numbers: %s",
				     g_strerror(errno));
	base64url_encode_init(&context);
	size_t length = base64_encode_update(&context, encoded, sizeof bytes, bytes);
	base64_encode_final(&context, encoded + length);
	g_snprintf(text, TOKEN_TEXT_SIZE, TOKEN_PREFIX "%.43s", encoded);
	explicit_bzero(bytes, sizeof bytes);
	explicit_bzero(encoded, sizeof encoded);
	return 0;
}

/* Caller frees. */
static char *digest(const char *text)
{
	return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

/* The name of a token that is over is free. */
static int forget_old(struct store *store, const char *name, const char *now, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "DELETE FROM token WHERE name = ?1 AND"
					  " (revoked_at IS NOT NULL OR expires_at <= ?2)");
	statement_bind_text(statement, 1, name);
	statement_bind_text(statement, 2, now);
	return statement_step(statement, err);
}

static int check_free(struct store *store, const char *name, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT 1 FROM token WHERE name = ?");
	statement_bind_text(statement, 1, name);
	const int result = statement_step(statement, err);
	if (result == 1)
		return error_because(err, REASON_EXISTS,
				     "there is a token '%s' already: `inqueue token revoke %s` "
				     "makes it worthless",
				     name, name);
	return result;
}

static int insert(struct store *store, const struct token *token, const char *text, const char *now,
		  struct error *err)
{
	char expires[VALUE_TIME_MAX];
	g_autofree char *sha256 = digest(text);
	value_format_time_ms(token->expires_at_ms, expires);
	if (forget_old(store, token->name, now, err) != 0 ||
	    check_free(store, token->name, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine, "INSERT INTO token (name, may, queue_id, sha256, created_by, created_at,"
			   " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)");
	statement_bind_text(statement, 1, token->name);
	statement_bind_text(statement, 2, token_right_format(token->may));
	if (token->queue_id != 0)
		statement_bind_int(statement, 3, token->queue_id);
	else
		statement_bind_null(statement, 3);
	statement_bind_text(statement, 4, sha256);
	statement_bind_text(statement, 5, token->created_by);
	statement_bind_text(statement, 6, now);
	statement_bind_text(statement, 7, token->expires_at_ms != 0 ? expires : NULL);
	return statement_step(statement, err);
}

int token_create(struct store *store, const struct token *token, int64_t now_ms,
		 char ret_text[TOKEN_TEXT_SIZE], struct error *err)
{
	char now[VALUE_TIME_MAX];
	char text[TOKEN_TEXT_SIZE];
	bool own;
	value_format_time_ms(now_ms, now);
	if (name_check("token", token->name, err) != 0 || make_text(text, err) != 0 ||
	    store_enter(store, &own, err) != 0)
		return -1;
	if (store_leave(store, own, insert(store, token, text, now, err), err) != 0)
		return -1;
	memcpy(ret_text, text, sizeof text);
	explicit_bzero(text, sizeof text);
	return 0;
}

/* ---- reading ---- */

#define COLUMNS                                                                                    \
	"SELECT t.id, t.name, t.created_by, t.may, t.queue_id, q.name, t.expires_at,"              \
	" t.created_at, t.revoked_at, t.last_used_at, t.last_address"                              \
	" FROM token t LEFT JOIN work_queue q ON q.id = t.queue_id"

static struct token *read_row(const struct statement *row)
{
	struct token *token = g_new0(struct token, 1);
	*token = (struct token){
	    .id = statement_int(row, 0),
	    .name = g_strdup(statement_text(row, 1)),
	    .created_by = g_strdup(statement_text(row, 2)),
	    .queue_id = statement_int(row, 4),
	    .queue_name = g_strdup(statement_text(row, 5)),
	    .expires_at_ms = value_parse_time_ms(statement_text(row, 6)),
	    .created_at_ms = value_parse_time_ms(statement_text(row, 7)),
	    .revoked_at_ms = value_parse_time_ms(statement_text(row, 8)),
	    .last_used_at_ms = value_parse_time_ms(statement_text(row, 9)),
	    .last_address = g_strdup(statement_text(row, 10)),
	};
	token_right_parse(statement_text(row, 3), &token->may);
	return token;
}

void token_free(struct token *token)
{
	if (token == NULL)
		return;
	g_free(token->name);
	g_free(token->created_by);
	g_free(token->queue_name);
	g_free(token->last_address);
	g_free(token);
}

static void token_free_data(void *token)
{
	token_free(token);
}

static int read_all(struct store *store, GPtrArray *tokens, struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, COLUMNS " ORDER BY t.name");
	int result;
	while ((result = statement_step(statement, err)) == 1)
		g_ptr_array_add(tokens, read_row(statement));
	return result;
}

/* Calls `each` when the list is whole, so that no statement is held meanwhile. */
int token_list(struct store *store, int (*each)(const struct token *token, void *context),
	       void *context, struct error *err)
{
	g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(token_free_data);
	int result = read_all(store, tokens, err);
	for (guint i = 0; i < tokens->len && result == 0; i++)
		result = each(g_ptr_array_index(tokens, i), context);
	return result;
}

int token_find(struct store *store, const char *text, int64_t now_ms, struct token **ret_token,
	       struct error *err)
{
	g_autofree char *sha256 = digest(text);
	scoped(token_free) struct token *token = NULL;
	scoped_statement *statement = engine_prepare(store->engine, COLUMNS " WHERE t.sha256 = ?");
	statement_bind_text(statement, 1, sha256);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	if (result == 1)
		token = read_row(statement);
	if (token == NULL || token_is_over(token, now_ms))
		return error_because(err, REASON_MISSING,
				     "the token is unknown, revoked or past its time");
	*ret_token = steal(&token);
	return 0;
}

int token_any(struct store *store, int64_t now_ms, bool *ret_any, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT 1 FROM token WHERE revoked_at IS NULL"
					  " AND (expires_at IS NULL OR expires_at > ?) LIMIT 1");
	statement_bind_text(statement, 1, now);
	const int result = statement_step(statement, err);
	if (result < 0)
		return -1;
	*ret_any = result == 1;
	return 0;
}

/* ---- changing ---- */

static int revoke_named(struct store *store, const char *name, const char *now, struct error *err)
{
	scoped_statement *there =
	    engine_prepare(store->engine, "SELECT 1 FROM token WHERE name = ?");
	statement_bind_text(there, 1, name);
	const int result = statement_step(there, err);
	if (result < 0)
		return -1;
	if (result == 0)
		return name_missing(store, "token", name, err);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "UPDATE token SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL");
	statement_bind_text(statement, 1, name);
	statement_bind_text(statement, 2, now);
	if (statement_step(statement, err) != 0)
		return -1;
	return engine_changes(store->engine) == 1
		   ? 0
		   : error_because(err, REASON_REFUSED, "token '%s' was revoked already", name);
}

int token_revoke(struct store *store, const char *name, int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	bool own;
	value_format_time_ms(now_ms, now);
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, revoke_named(store, name, now, err), err);
}

static int note_use(struct store *store, int64_t token_id, const char *address, const char *now,
		    struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "UPDATE token SET last_used_at = ?2, last_address = ?3 WHERE id = ?1");
	statement_bind_int(statement, 1, token_id);
	statement_bind_text(statement, 2, now);
	statement_bind_text(statement, 3, address);
	return statement_step(statement, err);
}

int token_note_use(struct store *store, int64_t token_id, const char *address, int64_t now_ms,
		   struct error *err)
{
	char now[VALUE_TIME_MAX];
	bool own;
	value_format_time_ms(now_ms, now);
	if (store_enter(store, &own, err) != 0)
		return -1;
	return store_leave(store, own, note_use(store, token_id, address, now, err), err);
}
