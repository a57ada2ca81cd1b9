/* `token create`, `token list`, `token revoke`. The token itself is printed once, on standard output alone, so that a
 * script can put it where it belongs. */
#include "loader/cli/serve/serve_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/token.h"

#include <string.h>

/* ---- create ---- */

/* There is no default: how much a program may do is for somebody to say. */
static int cmd_token_right(const struct invocation *invocation, enum token_right *ret_right,
			   struct error *err)
{
	const char *may = invocation_text(invocation, "may");
	if (may == NULL || token_right_parse(may, ret_right) != 0)
		return error_set(err, ERROR_USAGE, "--may takes read, work, operate or define");
	return 0;
}

/* Of a span that stands in the table where none is given. */
static int cmd_token_end(const struct invocation *invocation, int64_t *ret_ms, struct error *err)
{
	const char *text = invocation_value(invocation, "expires");
	int64_t span_ms;
	*ret_ms = 0;
	if (strcmp(text, "never") == 0)
		return 0;
	if (!invocation_flag(invocation, "expires") && duration_parse(text, &span_ms) == 0)
		*ret_ms = clock_now_ms() + span_ms;
	else if (invocation_time(invocation, "expires", 1, ret_ms, err) != 0)
		return -1;
	return *ret_ms > clock_now_ms()
		   ? 0
		   : error_set(err, ERROR_USAGE, "--expires %s is over already", text);
}

/* Without --queue the token is good for all queues, also for those that are yet to be created. */
static int cmd_token_queue(const struct invocation *invocation, struct store *store,
			   struct token *token, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	const char *name = invocation_text(invocation, "queue");
	if (name == NULL)
		return 0;
	if (work_queue_find(store, name, &queue, err) != 0)
		return -1;
	token->queue_id = queue->id;
	return 0;
}

/* The token is in the database as a digest alone: this is the one time that it is shown. */
int cmd_token_create(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	char text[TOKEN_TEXT_SIZE];
	struct token token = {.name = invocation->arguments[0],
			      .created_by = (char *)invocation_who(invocation)};
	if (cmd_token_right(invocation, &token.may, err) != 0 ||
	    cmd_token_end(invocation, &token.expires_at_ms, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    cmd_token_queue(invocation, store, &token, err) != 0 ||
	    token_create(store, &token, clock_now_ms(), text, err) != 0)
		return -1;
	if (invocation->json)
		output_json_print(json_pack(
		    "{s:s, s:s, s:s, s:s?, s:o}", "name", token.name, "token", text, "may",
		    token_right_format(token.may), "queue", invocation_text(invocation, "queue"),
		    "expires_at", output_json_time_ms(token.expires_at_ms)));
	else
		output_line("%s", text);
	explicit_bzero(text, sizeof text);
	output_say_to_person("keep it now: it cannot be shown again");
	return 0;
}

/* ---- list ---- */

/* One time for all rows, so that two tokens that end together are both good, or both expired. */
struct cmd_token_list {
	struct output_table *table; /* NULL: JSON */
	int64_t now_ms;
};

/* Revoked counts before expired: it says what somebody wanted. */
static const char *cmd_token_state(const struct token *token, int64_t now_ms)
{
	if (token->revoked_at_ms != 0)
		return "revoked";
	return token_is_over(token, now_ms) ? "expired" : "good";
}

/* null: it never ends, was not revoked, or was not used yet. */
static json_t *cmd_token_json(const struct token *token, int64_t now_ms)
{
	return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:o, s:o, s:o, s:s?}", "name",
			 token->name, "may", token_right_format(token->may), "queue",
			 token->queue_name, "state", cmd_token_state(token, now_ms), "created_by",
			 token->created_by, "created_at", output_json_time_ms(token->created_at_ms),
			 "expires_at", output_json_time_ms(token->expires_at_ms), "revoked_at",
			 output_json_time_ms(token->revoked_at_ms), "last_used_at",
			 output_json_time_ms(token->last_used_at_ms), "last_address",
			 token->last_address);
}

/* Where it was used last, and when: a token that nobody uses is one to be revoked. */
static int cmd_token_row(const struct token *token, void *context)
{
	const struct cmd_token_list *list = context;
	char expires[CLOCK_TEXT_SIZE] = "never";
	char used[CLOCK_TEXT_SIZE];
	if (list->table == NULL) {
		output_json_print(cmd_token_json(token, list->now_ms));
		return 0;
	}
	if (token->expires_at_ms != 0)
		output_time_s(token->expires_at_ms / 1000, expires);
	output_ago_ms(token->last_used_at_ms, list->now_ms, used);
	const char *const cells[] = {token->name,
				     token_right_format(token->may),
				     token->queue_name != NULL ? token->queue_name : "all",
				     cmd_token_state(token, list->now_ms),
				     expires,
				     used,
				     token->last_address};
	output_table_add(list->table, cells);
	return 0;
}

int cmd_token_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"TOKEN", OUTPUT_CUT, false},    {"MAY", OUTPUT_LEFT, false},
	    {"QUEUE", OUTPUT_NAME, false},   {"STATE", OUTPUT_LEFT, false},
	    {"EXPIRES", OUTPUT_LEFT, false}, {"LAST USE", OUTPUT_RIGHT, false},
	    {"FROM", OUTPUT_LEFT, true},
	};
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	struct cmd_token_list list = {
	    .table = invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns)),
	    .now_ms = clock_now_ms()};
	const int failed = token_list(store, cmd_token_row, &list, err);
	if (list.table != NULL)
		output_table_print_or(
		    list.table, failed == 0 ? "there is no token: `inqueue token create`" : NULL);
	return failed;
}

/* ---- revoke ---- */

/* It stays in the list, as revoked: whoever has it may ask why it does not work any more. */
int cmd_token_revoke(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	return invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
		       token_revoke(store, invocation->arguments[0], clock_now_ms(), err) != 0
		   ? -1
		   : 0;
}
