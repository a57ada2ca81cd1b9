/* The rules of a queue in a file: a group [rules NAME] whose keys are their numbers. It is the whole set: a rule that
 * the file does not have goes. A file without such a group leaves a queue's rules alone. */
#include "loader/define/definition_internal.h"

#include "loader/rules/rules.h"
#include "queue/base/scoped.h"
#include "queue/rule.h"

#include <string.h>

/* ---- what there is ---- */

static int collect_rule(uint32_t number, const char *text, void *context)
{
	GTree *rules = context;
	g_tree_insert(rules, GUINT_TO_POINTER(number), g_strdup(text));
	return 0;
}

/* By number and not as text, so that rule 9 stands before rule 10. */
static gint compare_numbers(gconstpointer left, gconstpointer right, gpointer context)
{
	(void)context;
	const guint a = GPOINTER_TO_UINT(left);
	const guint b = GPOINTER_TO_UINT(right);
	return (a > b) - (a < b);
}

static GTree *rules_tree(void)
{
	return g_tree_new_full(compare_numbers, NULL, NULL, g_free);
}

/* A queue that is not there has no rules, and no id: a preview may run before the queue is made. */
static int read_stored(struct store *store, const char *queue_name, GTree *rules, int64_t *ret_id,
		       struct error *err)
{
	scoped(work_queue_free) struct work_queue *queue = NULL;
	*ret_id = 0;
	if (store == NULL)
		return 0;
	if (work_queue_find(store, queue_name, &queue, err) != 0)
		return err->reason == REASON_MISSING ? 0 : -1;
	*ret_id = queue->id;
	return rule_list(store, queue->id, collect_rule, rules, err);
}

/* Each rule is read as loading will read it, so that one that could not be tried on mail is refused here. */
static int read_group(GKeyFile *file, const char *group, GTree *rules, struct error *err)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
	for (char **key = keys; *key != NULL; key++) {
		scoped(rules_free) struct rules *alone = rules_new();
		g_autofree char *text = g_key_file_get_value(file, group, *key, NULL);
		uint32_t number;
		if (rules_number_parse(*key, &number, err) != 0 ||
		    rules_add(alone, number, text, err) != 0)
			return -1;
		g_tree_insert(rules, GUINT_TO_POINTER(number), steal(&text));
	}
	return 0;
}

/* ---- into a file ---- */

struct dumping {
	void (*line)(const char *text, void *context);
	void *context;
	const struct work_queue *queue;
	bool begun;
	struct error *err;
};

/* A queue without rules gets no group: an empty one would say that it has to have none. */
static int dump_rule(uint32_t number, const char *text, void *context)
{
	struct dumping *dumping = context;
	g_autofree char *head = g_strdup_printf("[rules %s]", dumping->queue->name);
	g_autofree char *line = g_strdup_printf("%u=%s", (unsigned)number, text);
	if (strpbrk(text, "\r\n") != NULL)
		return error_set(
		    dumping->err, ERROR_CONFIGURATION,
		    "rule %u of queue '%s' has a line break, which a file cannot hold: "
		    "write it in one line, by `inqueue rules set`",
		    (unsigned)number, dumping->queue->name);
	if (!dumping->begun)
		dumping->line("", dumping->context);
	if (!dumping->begun)
		dumping->line(head, dumping->context);
	dumping->begun = true;
	dumping->line(line, dumping->context);
	return 0;
}

int dump_rules(struct store *store, const struct work_queue *queue,
	       void (*line)(const char *text, void *context), void *context, struct error *err)
{
	struct dumping dumping = {line, context, queue, false, err};
	return rule_list(store, queue->id, dump_rule, &dumping, err);
}

/* ---- what differs ---- */

struct comparing {
	GTree *other;
	const struct apply_rules *apply;
	bool is_after; /* the tree that is gone through is the file's */
	bool differ;
};

/* Called for each rule of a tree. FALSE lets g_tree_foreach() go on. */
static gboolean compare_rule(gpointer key, gpointer value, gpointer context)
{
	struct comparing *comparing = context;
	const char *other = g_tree_lookup(comparing->other, key);
	/* A rule that both have is told of once. */
	if (g_strcmp0(value, other) == 0 || (other != NULL && !comparing->is_after))
		return FALSE;
	comparing->differ = true;
	if (comparing->apply->differs != NULL) {
		g_autofree char *number = g_strdup_printf("%u", GPOINTER_TO_UINT(key));
		comparing->apply->differs(number, comparing->is_after ? other : value,
					  comparing->is_after ? value : NULL,
					  comparing->apply->context);
	}
	return FALSE;
}

static bool compare(const struct apply_rules *apply, GTree *before, GTree *after)
{
	struct comparing gone = {after, apply, false, false};
	struct comparing come = {before, apply, true, false};
	g_tree_foreach(before, compare_rule, &gone);
	g_tree_foreach(after, compare_rule, &come);
	return gone.differ || come.differ;
}

/* ---- what changes ---- */

struct storing {
	struct store *store;
	int64_t queue_id;
	GTree *other;
	struct error *err;
	int failed;
};

static gboolean remove_rule(gpointer key, gpointer value, gpointer context)
{
	struct storing *storing = context;
	(void)value;
	if (g_tree_lookup(storing->other, key) == NULL)
		storing->failed = rule_remove(storing->store, storing->queue_id,
					      GPOINTER_TO_UINT(key), storing->err);
	return storing->failed != 0;
}

static gboolean put_rule(gpointer key, gpointer value, gpointer context)
{
	struct storing *storing = context;
	if (g_strcmp0(value, g_tree_lookup(storing->other, key)) != 0)
		storing->failed = rule_put(storing->store, storing->queue_id, GPOINTER_TO_UINT(key),
					   value, storing->err);
	return storing->failed != 0;
}

/* Removes first: the numbers that are left free are taken by none but the file's own. */
static int store_rules(struct store *store, int64_t queue_id, GTree *before, GTree *after,
		       struct error *err)
{
	struct storing storing = {store, queue_id, after, err, 0};
	g_tree_foreach(before, remove_rule, &storing);
	storing.other = before;
	if (storing.failed == 0)
		g_tree_foreach(after, put_rule, &storing);
	return storing.failed;
}

/* All are stored before they are checked together: a rule that names a queue which is not there takes the whole
 * file back. */
int apply_rules_group(const struct apply_rules *apply, GKeyFile *file, const char *group,
		      const char *queue_name, enum apply_outcome *ret_outcome, struct error *err)
{
	g_autoptr(GTree) before = rules_tree();
	g_autoptr(GTree) after = rules_tree();
	int64_t queue_id;
	if (read_group(file, group, after, err) != 0 ||
	    read_stored(apply->store, queue_name, before, &queue_id, err) != 0)
		return -1;
	*ret_outcome = APPLY_UNCHANGED;
	if (compare(apply, before, after))
		*ret_outcome = g_tree_nnodes(before) == 0 ? APPLY_CREATED : APPLY_ALTERED;
	if (!apply->change || *ret_outcome == APPLY_UNCHANGED)
		return 0;
	if (queue_id == 0)
		return error_set(err, ERROR_CONFIGURATION, "there is no queue '%s'", queue_name);
	if (store_rules(apply->store, queue_id, before, after, err) != 0)
		return -1;
	return rules_check(apply->store, queue_id, err);
}
