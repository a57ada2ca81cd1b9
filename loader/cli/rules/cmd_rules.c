/* `rules list`, `set`, `remove`, `move`: the rules of a queue as its operator writes them. */
#include "loader/cli/rules/rules_internal.h"

#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"
#include "queue/rule.h"

#include <glib.h>
#include <inttypes.h>

/* A positional argument as the number of a rule. */
static int read_number(const struct invocation *invocation, size_t index, uint32_t *ret_number,
		       struct error *err)
{
	if (rules_number_parse(invocation->arguments[index], ret_number, err) == 0)
		return 0;
	err->kind = ERROR_USAGE;
	return -1;
}

/* ---- list ---- */

/* Rows of a table, or members of a document. */
struct listing {
	struct output_table *table;
	json_t *rules;
};

/* JSON is one document, with the version beside the rules: a program may compare it with what it has stored. */
static int list_rule(uint32_t number, const char *text, void *context)
{
	struct listing *listing = context;
	g_autofree char *word = g_strdup_printf("%" PRIu32, number);
	const char *cells[] = {word, text};
	if (listing->rules != NULL)
		json_array_append_new(listing->rules, json_pack("{s:I, s:s}", "number",
								(json_int_t)number, "rule", text));
	else
		output_table_add(listing->table, cells);
	return 0;
}

/* Takes the list, or the table, over. */
static void list_print(const struct work_queue *queue, uint32_t version, struct listing *listing)
{
	if (listing->rules != NULL) {
		output_json_print(json_pack("{s:s, s:I, s:o}", "queue", queue->name, "version",
					    (json_int_t)version, "rules", listing->rules));
		return;
	}
	output_table_print(listing->table);
	output_line("version %" PRIu32, version);
}

/* The version stands below: `history` names the version by which a rule changed an entry. */
int cmd_rules_list(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {{"NUMBER", OUTPUT_RIGHT, false},
						       {"RULE", OUTPUT_WRAP, false}};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	uint32_t version;
	struct listing listing = {NULL, invocation->json ? json_array() : NULL};
	if (!invocation->json)
		listing.table = output_table_new(columns, G_N_ELEMENTS(columns));
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0 ||
	    rule_version(store, queue->id, &version, err) != 0 ||
	    rule_list(store, queue->id, list_rule, &listing, err) != 0) {
		json_decref(listing.rules);
		g_clear_pointer(&listing.table, output_table_free);
		return -1;
	}
	list_print(queue, version, &listing);
	return 0;
}

/* ---- what the rules are together ---- */

/* On standard error: the rule is stored all the same. */
static void warn(const char *words, void *context)
{
	(void)context;
	output_say("%s", words);
}

/* All of them are read again, as loading will read them. */
static int check_rules(struct store *store, int64_t queue_id, struct error *err)
{
	scoped(rules_free) struct rules *rules = NULL;
	if (rules_check(store, queue_id, err) != 0 || rules_open(store, queue_id, &rules, err) != 0)
		return -1;
	if (rules != NULL)
		rules_warn(rules, warn, NULL);
	return 0;
}

/* What to do in the transaction that change() has begun. */
typedef int change_rules(const struct invocation *invocation, struct store *store, int64_t queue_id,
			 struct error *err);

/* What a check refuses is not stored: the transaction ends with the store. */
static int change(const struct invocation *invocation, change_rules *how, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_open(invocation, STORE_WRITE, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0 ||
	    store_begin(store, err) != 0 || how(invocation, store, queue->id, err) != 0 ||
	    check_rules(store, queue->id, err) != 0)
		return -1;
	return store_commit(store, err) == 0 ? 0 : -1;
}

/* ---- set, remove, move ---- */

/* Alone first, so that an error names this rule and not one that was there before. */
static int set_rule(const struct invocation *invocation, struct store *store, int64_t queue_id,
		    struct error *err)
{
	uint32_t number;
	const char *text = invocation->arguments[2];
	scoped(rules_free) struct rules *alone = rules_new();
	if (read_number(invocation, 1, &number, err) != 0 ||
	    rules_add(alone, number, text, err) != 0)
		return -1;
	return rule_put(store, queue_id, number, text, err);
}

/* A rule that is not there is an error: a mistyped number would leave the wrong one at work. */
static int remove_rule(const struct invocation *invocation, struct store *store, int64_t queue_id,
		       struct error *err)
{
	uint32_t number;
	return read_number(invocation, 1, &number, err) == 0
		   ? rule_remove(store, queue_id, number, err)
		   : -1;
}

/* A number that is taken is refused by the database: nothing is replaced by moving. */
static int move_rule(const struct invocation *invocation, struct store *store, int64_t queue_id,
		     struct error *err)
{
	uint32_t from;
	uint32_t to;
	return read_number(invocation, 1, &from, err) == 0 &&
		       read_number(invocation, 2, &to, err) == 0
		   ? rule_move(store, queue_id, from, to, err)
		   : -1;
}

/* The three differ in one function: the checks are the same. */
int cmd_rules_set(const struct invocation *invocation, struct error *err)
{
	return change(invocation, set_rule, err);
}

int cmd_rules_remove(const struct invocation *invocation, struct error *err)
{
	return change(invocation, remove_rule, err);
}

int cmd_rules_move(const struct invocation *invocation, struct error *err)
{
	return change(invocation, move_rule, err);
}
