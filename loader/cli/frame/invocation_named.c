/* What a command line names: the database, opened the same way by every command, and queues. */
#include "loader/cli/frame/command.h"

#include "loader/base/log.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>

/* Whoever runs the program learns that there is one more file in the folder, and that it may go. */
char *invocation_describe_upgraded(const struct invocation *invocation,
				   const struct store_upgraded *upgraded)
{
	GString *words = g_string_new(NULL);
	g_string_printf(words, "database '%s' was brought from schema %" PRId64 " to %" PRId64,
			invocation->database, upgraded->from, upgraded->to);
	if (upgraded->copy != NULL)
		g_string_append_printf(words,
				       "; a copy of what it was lies in '%s', and can be deleted",
				       upgraded->copy);
	else if (upgraded->no_room != NULL)
		g_string_append_printf(words, " without a copy of what it was: %s",
				       upgraded->no_room);
	return g_string_free(words, FALSE);
}

static void invocation_tell_upgraded(const struct store_upgraded *upgraded, void *context)
{
	g_autofree char *words = invocation_describe_upgraded(context, upgraded);
	output_say("%s", words);
}

int invocation_open_log(const struct invocation *invocation, struct error *err)
{
	const char *format_text = invocation_text(invocation, "log-format");
	enum log_level level;
	enum log_format format = invocation->json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	if (log_level_parse(invocation_value(invocation, "log-level"), &level) != 0)
		return error_set(err, ERROR_USAGE,
				 "--log-level takes error, warning, notice, info or debug");
	if (format_text != NULL && log_format_parse(format_text, &format) != 0)
		return error_set(err, ERROR_USAGE, "--log-format takes text or json");
	log_open(format, level);
	return 0;
}

/* Every command opens the database in this way, so that an upgrade is told wherever it happens,
 * and --no-backup counts for all. */
int invocation_open(const struct invocation *invocation, enum store_mode mode,
		    struct store **ret_store, struct error *err)
{
	const struct store_options options = {.patience_ms = STORE_PATIENCE_MS,
					      .no_copy = invocation->no_backup,
					      .upgraded = invocation_tell_upgraded,
					      .context = (void *)invocation};
	if (store_open_with(invocation->database, mode, &options, ret_store, err) != 0)
		return -1;
	return 0;
}

int invocation_find_queue(const struct invocation *invocation, struct store *store, size_t index,
			  struct work_queue **ret_queue, struct error *err)
{
	if (work_queue_find(store, invocation->arguments[index], ret_queue, err) != 0)
		return -1;
	return 0;
}

struct queue_names {
	GPtrArray *names;
	bool (*wanted)(const struct work_queue *queue);
};

/* The queue is freed when this returns, so that its name is copied. */
static int queue_names_add(const struct work_queue *queue, void *context)
{
	const struct queue_names *list = context;
	if (list->wanted(queue))
		g_ptr_array_add(list->names, g_strdup(queue->name));
	return 0;
}

/* Names that are given are looked up first, so that a misspelt one stops the command before
 * anything is done. */
int invocation_list_queues(const struct invocation *invocation, struct store *store,
			   bool (*wanted)(const struct work_queue *queue), char ***ret_names,
			   struct error *err)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	for (size_t i = 0; i < invocation->argument_count; i++) {
		scoped(work_queue_free) struct work_queue *queue = NULL;
		if (invocation_find_queue(invocation, store, i, &queue, err) != 0)
			return -1;
		g_ptr_array_add(names, g_strdup(queue->name));
	}
	struct queue_names all = {.names = names, .wanted = wanted};
	if (invocation->argument_count == 0 &&
	    work_queue_list(store, queue_names_add, &all, err) != 0)
		return -1;
	g_ptr_array_add(names, NULL);
	g_ptr_array_set_free_func(names, NULL);
	*ret_names = (char **)g_ptr_array_free(steal(&names), FALSE);
	return 0;
}
