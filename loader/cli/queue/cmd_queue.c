/* The commands that define queues: each reads the fields that were given into a draft, checks
 * it, and stores it with the password that was asked for. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/base/clock.h"
#include "loader/base/secret.h"
#include "loader/cli/frame/output.h"
#include "loader/cli/frame/queue_state.h"
#include "loader/define/definition.h"
#include "loader/source/mailbox.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every field option that was given goes into the draft. A field without a value is a flag, and
 * the definition knows it as "true". */
static int cmd_queue_set_fields(const struct invocation *invocation, struct work_queue *draft,
				struct error *err)
{
	struct definition_field field;
	for (size_t i = 0; definition_field_at(i, &field); i++) {
		const char *value = invocation_text(invocation, field.name);
		if (value == NULL)
			continue;
		if (definition_set(draft, field.name, field.value != NULL ? value : "true", err) !=
		    0)
			return -1;
	}
	return 0;
}

/* True where --password-prompt is given, and where a new definition names no source but needs one. */
static bool cmd_queue_asks(const struct work_queue *draft)
{
	return mailbox_needs_secret(draft) &&
	       strcmp(draft->credential_source, secret_source_format(SECRET_PROMPT)) == 0;
}

/* Asks before anything is locked: a person may take a while. */
static int cmd_queue_ask(const struct work_queue *draft, struct secret **ret_secret,
			 struct error *err)
{
	g_autofree char *question =
	    g_strdup_printf("Password of %s for queue '%s': ", draft->user_name, draft->name);
	return secret_ask("the password", question, ret_secret, err);
}

/* Nothing is kept where nobody was asked: the source is a file, a variable or a command then. */
static int cmd_queue_keep(const struct invocation *invocation, const struct work_queue *draft,
			  const struct secret *secret, struct error *err)
{
	g_autofree char *path = mailbox_secret_path(invocation->database, draft->name);
	return secret != NULL ? secret_keep(secret, path, err) : 0;
}

/* Before the password is asked for: nobody should type it for nothing. */
static int cmd_queue_check_free(struct store *store, const char *name, struct error *err)
{
	scoped(work_queue_free) struct work_queue *present = NULL;
	if (work_queue_find(store, name, &present, err) == 0)
		return error_set(err, ERROR_NO,
				 "queue '%s' exists already; `inqueue queue alter` changes it",
				 name);
	return err->reason == REASON_MISSING ? 0 : -1;
}

/* A target with a name was checked when it was defined. */
static int cmd_queue_check_reach(const struct invocation *invocation,
				 const struct work_queue *before, const struct work_queue *draft,
				 struct error *err)
{
	if (draft->target.name != NULL)
		return 0;
	return definition_target_check_reach(before != NULL ? &before->target : NULL,
					     &draft->target,
					     !invocation_flag(invocation, "no-check"), err);
}

/* The password is kept before the commit, so that no queue is there without one. When the
 * commit fails, a password without a queue is left: nobody uses it, and the next `queue create`
 * of that name writes over it. */
int cmd_queue_create(const struct invocation *invocation, struct error *err)
{
	const char *name = invocation->arguments[0];
	scoped(work_queue_free) struct work_queue *draft = definition_new(name);
	scoped(store_close) struct store *store = NULL;
	scoped(secret_free) struct secret *secret = NULL;
	if (cmd_queue_set_fields(invocation, draft, err) != 0 ||
	    definition_check(draft, err) != 0 ||
	    cmd_queue_check_reach(invocation, NULL, draft, err) != 0)
		return error_prefix(err, "queue '%s'", name);
	if (invocation_open(invocation, STORE_CREATE, &store, err) != 0 ||
	    cmd_queue_check_free(store, name, err) != 0)
		return -1;
	if (definition_resolve(store, draft, err) != 0 || definition_check(draft, err) != 0)
		return error_prefix(err, "queue '%s'", name);
	if (cmd_queue_asks(draft) && cmd_queue_ask(draft, &secret, err) != 0)
		return error_prefix(err, "queue '%s'", name);
	if (store_begin(store, err) != 0 ||
	    work_queue_put(store, draft, clock_now_ms(), &draft->id, err) != 0)
		return -1;
	if (cmd_queue_keep(invocation, draft, secret, err) != 0)
		return error_prefix(err, "queue '%s'", name);
	if (store_commit(store, err) != 0)
		return -1;
	/* Asking the server takes seconds, in which others may use the database. */
	store_close(steal(&store));
	if (!work_queue_has_mailbox(draft) || invocation_flag(invocation, "no-check"))
		return 0;
	return queue_look_first(invocation, name, err);
}

/* The kept password follows the queue's name. */
static int cmd_queue_move_secret(const struct invocation *invocation, const char *before,
				 const char *after, struct error *err)
{
	g_autofree char *from = mailbox_secret_path(invocation->database, before);
	g_autofree char *to = mailbox_secret_path(invocation->database, after);
	if (access(from, F_OK) == 0 && rename(from, to) != 0)
		return error_set(err, ERROR_IO, "'%s' cannot be renamed: %s", from,
				 g_strerror(errno));
	return 0;
}

/* Is the server asked in another way than before? */
static bool cmd_queue_reaches_another(const struct invocation *invocation,
				      const struct work_queue *before,
				      const struct work_queue *after)
{
	return work_queue_has_mailbox(after) &&
	       (invocation_flag(invocation, "password-prompt") || !work_queue_has_mailbox(before) ||
		g_strcmp0(before->connection_string, after->connection_string) != 0 ||
		g_strcmp0(before->user_name, after->user_name) != 0 ||
		g_strcmp0(before->credential_source, after->credential_source) != 0 ||
		g_strcmp0(before->credential_reference, after->credential_reference) != 0);
}

/* The changes, in a transaction that the caller has begun. The password moves last, because
 * renaming a file cannot be rolled back: what the database refuses is refused before it. */
static int cmd_queue_change(const struct invocation *invocation, struct store *store,
			    const struct secret *secret, bool *ret_look, struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	scoped(work_queue_free) struct work_queue *draft = NULL;
	/* Two copies: one is changed, the other tells afterwards whether the server is asked in
	 * another way. */
	if (invocation_find_queue(invocation, store, 0, &queue, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &draft, err) != 0)
		return -1;
	g_autofree char *before = g_strdup(draft->name);
	if (cmd_queue_set_fields(invocation, draft, err) != 0 ||
	    definition_resolve(store, draft, err) != 0 || definition_check(draft, err) != 0)
		return error_prefix(err, "queue '%s'", before);
	const char *name = invocation_text(invocation, "name");
	if (name != NULL) {
		free(draft->name);
		draft->name = g_strdup(name);
	}
	if (work_queue_alter(store, draft, clock_now_ms(), err) != 0 ||
	    (invocation_flag(invocation, "accept-downgrade") &&
	     work_queue_forget_sign_in(store, draft->id, err) != 0))
		return -1;
	if (name != NULL && cmd_queue_move_secret(invocation, before, name, err) != 0)
		return error_prefix(err, "queue '%s'", before);
	*ret_look = cmd_queue_reaches_another(invocation, queue, draft);
	return cmd_queue_keep(invocation, draft, secret, err);
}

/* Names are resolved here, before the transaction, which others wait for. */
static int cmd_queue_check_change(const struct invocation *invocation, struct store *store,
				  const struct work_queue *queue, struct error *err)
{
	scoped(work_queue_free) struct work_queue *draft = NULL;
	if (invocation_find_queue(invocation, store, 0, &draft, err) != 0)
		return -1;
	if (cmd_queue_set_fields(invocation, draft, err) != 0 ||
	    cmd_queue_check_reach(invocation, queue, draft, err) != 0)
		return error_prefix(err, "queue '%s'", queue->name);
	return 0;
}

/* Asks for the password before the transaction begins, and reads the definition again inside it. */
int cmd_queue_alter(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	scoped(secret_free) struct secret *secret = NULL;
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0 ||
	    cmd_queue_check_change(invocation, store, queue, err) != 0)
		return -1;
	if (invocation_flag(invocation, "password-prompt") &&
	    cmd_queue_ask(queue, &secret, err) != 0)
		return error_prefix(err, "queue '%s'", queue->name);
	if (store_begin(store, err) != 0)
		return -1;
	bool look;
	if (cmd_queue_change(invocation, store, secret, &look, err) != 0 ||
	    store_commit(store, err) != 0)
		return -1;
	/* Who only renames a queue, or sets what does not concern its server, does not wait for
	 * the server. */
	store_close(steal(&store));
	if (!look || invocation_flag(invocation, "no-check"))
		return 0;
	const char *renamed = invocation_text(invocation, "name");
	return queue_look_first(invocation, renamed != NULL ? renamed : invocation->arguments[0],
				err);
}

/* Programs get of each queue what `queue show --json` gives. */
static int cmd_queue_list_json(const struct work_queue *queue, void *context)
{
	(void)context;
	output_json_print(queue_view_json(queue));
	return 0;
}

struct cmd_queue_rows {
	struct store *store;
	struct output_table *table;
	struct error *err;
};

/* The password's source is left out: `queue show` has it, and the reason of a stop. */
static int cmd_queue_list_row(const struct work_queue *queue, void *context)
{
	struct cmd_queue_rows *rows = context;
	struct queue_health health;
	struct work_queue_counts counts;
	if (work_queue_count(rows->store, queue->id, &counts, rows->err) != 0 ||
	    queue_health_find(rows->store, queue->id, &health, rows->err) != 0)
		return -1;
	const char *const cells[] = {queue->name,
				     queue->class_name,
				     queue->external_source,
				     queue_state_word(queue, &health, &counts),
				     queue->user_name,
				     queue->connection_string};
	output_table_add(rows->table, cells);
	queue_health_clear(&health);
	return 0;
}

/* The connection string comes last: it gives way on a narrow terminal. */
int cmd_queue_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"NAME", OUTPUT_CUT, false},      {"CLASS", OUTPUT_LEFT, false},
	    {"SOURCE", OUTPUT_LEFT, false},   {"STATE", OUTPUT_LEFT, false},
	    {"USER NAME", OUTPUT_CUT, false}, {"CONNECTION STRING", OUTPUT_CUT, false},
	};
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	struct cmd_queue_rows rows = {store, table, err};
	int failed = work_queue_list(
	    store, table != NULL ? cmd_queue_list_row : cmd_queue_list_json, &rows, err);
	if (table != NULL)
		output_table_print_or(
		    table, failed == 0 ? "no queues are defined: `inqueue queue create`" : NULL);
	return failed;
}

/* The definition, and what the last run has left in its row. */
int cmd_queue_show(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	if (invocation->json) {
		output_json_print(queue_view_json(queue));
		return 0;
	}
	struct queue_health health;
	struct work_queue_counts counts;
	if (work_queue_count(store, queue->id, &counts, err) != 0 ||
	    queue_health_find(store, queue->id, &health, err) != 0)
		return -1;
	queue_view_print(queue, &health, &counts);
	queue_health_clear(&health);
	return 0;
}

/* Without a terminal nobody can answer, and a queue with its entries must not go by mistake. */
static int cmd_queue_confirm(const char *name, struct error *err)
{
	if (!isatty(STDIN_FILENO))
		return error_set(
		    err, ERROR_USAGE,
		    "queue '%s': not dropped, there is no terminal to ask; --yes drops it", name);
	if (output_ask("Drop queue '%s' with all its entries", name))
		return 0;
	return error_set(err, ERROR_NO, "queue '%s': not dropped", name);
}

/* The password goes last: without its queue it is of no use, but a queue without its password
 * would be. */
int cmd_queue_drop(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	if (!invocation_flag(invocation, "yes") && cmd_queue_confirm(queue->name, err) != 0)
		return -1;
	if (work_queue_drop(store, queue->id, invocation_flag(invocation, "force"), err) != 0) {
		return error_prefix(err, "queue '%s'", queue->name);
	}
	g_autofree char *kept = mailbox_secret_path(invocation->database, queue->name);
	if (unlink(kept) != 0 && errno != ENOENT)
		return error_set(err, ERROR_IO,
				 "the queue is dropped, but not its password '%s': %s", kept,
				 g_strerror(errno));
	return 0;
}

/* Resuming also lets a delivery go on that was stopped, that of other queues with the same target as well. The row
 * is read inside the transaction: what another process changed a moment ago must not be written back. */
static int cmd_queue_set_paused(const struct invocation *invocation, bool paused, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	if (store_begin(store, err) != 0)
		return -1;
	if (invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	queue->paused = paused;
	if (!paused) {
		g_free(queue->target.stopped);
		queue->target.stopped = NULL;
	}
	const bool shared = !paused && queue->target.name != NULL;
	if ((shared && work_queue_target_alter(store, queue->target.name, &queue->target,
					       clock_now_ms(), err) != 0) ||
	    work_queue_alter(store, queue, clock_now_ms(), err) != 0 ||
	    store_commit(store, err) != 0)
		return -1;
	return 0;
}

/* A run that is at work ends its batch; none begins after it. */
int cmd_queue_pause(const struct invocation *invocation, struct error *err)
{
	return cmd_queue_set_paused(invocation, true, err);
}

int cmd_queue_resume(const struct invocation *invocation, struct error *err)
{
	return cmd_queue_set_paused(invocation, false, err);
}
