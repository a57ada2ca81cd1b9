/* What may come next on a command line, for the completions of shells: commands, options, values, queues,
 * targets and tokens. All words come from the tables, and what is defined from the database, which is read as it is:
 * nobody is waited for, and an older one stays what it is. */
#include "loader/cli/frame/command.h"

#include "loader/cli/frame/output.h"
#include "queue/entry.h"
#include "queue/token.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

/* A shell waits for us at each key; a database that is locked tells nothing. */
enum { COMPLETE_PATIENCE_MS = 0 };

/* What the shell itself knows how to complete. */
#define COMPLETE_FILES	  ":files"
#define COMPLETE_FOLDERS  ":folders"
#define COMPLETE_COMMANDS ":commands"

struct completion {
	const char *prefix;   /* what stands before the value in the same word: "--queue=" or "" */
	const char *begun;    /* what the candidates begin with */
	const char *database; /* path */
};

static void complete_offer(const struct completion *completion, const char *word,
			   const char *meaning)
{
	g_autofree char *shown = visible_line(word);
	if (!g_str_has_prefix(word, completion->begun) || strcmp(word, shown) != 0)
		return; /* A word that a terminal would not show as it is can be typed only. */
	g_autofree char *said = visible_line(meaning);
	printf("%s%s\t%s\n", completion->prefix, word, said);
}

/* ---- queues, targets and tokens ---- */

static int complete_queue(const struct work_queue *queue, void *context)
{
	complete_offer(context, queue->name, queue->user_name != NULL ? queue->user_name : "");
	return 0;
}

static int complete_target(const struct work_queue_target *target, void *context)
{
	complete_offer(context, target->name, target->url);
	return 0;
}

static int complete_token(const struct token *token, void *context)
{
	complete_offer(context, token->name, token_right_format(token->may));
	return 0;
}

enum complete_kind { COMPLETE_QUEUES, COMPLETE_TARGETS, COMPLETE_TOKENS };

/* Without a database, or with one that cannot be read at this moment, there is nothing to offer. */
static void complete_defined(struct completion *completion, enum complete_kind kind)
{
	const struct store_options options = {.patience_ms = COMPLETE_PATIENCE_MS,
					      .as_it_is = true};
	struct error ignored;
	scoped(store_close) struct store *store = NULL;
	if (store_open_with(completion->database, STORE_READ, &options, &store, &ignored) != 0)
		return;
	if (kind == COMPLETE_TARGETS)
		work_queue_target_list(store, complete_target, completion, &ignored);
	else if (kind == COMPLETE_TOKENS)
		token_list(store, complete_token, completion, &ignored);
	else
		work_queue_list(store, complete_queue, completion, &ignored);
}

/* ---- values of options ---- */

/* Several states stand in one word: "failed,bad". */
static void complete_states(const struct completion *completion)
{
	const char *comma = strrchr(completion->begun, ',');
	g_autofree char *before =
	    comma != NULL ? g_strndup(completion->begun, (gsize)(comma + 1 - completion->begun))
			  : g_strdup("");
	g_autofree char *prefix = g_strconcat(completion->prefix, before, NULL);
	const struct completion last = {.prefix = prefix,
					.begun = completion->begun + strlen(before),
					.database = completion->database};
	for (int state = ENTRY_NEW; state <= ENTRY_BAD; state++)
		complete_offer(&last, entry_state_format((enum entry_state)state), "");
	complete_offer(&last, ENTRY_DISCARDED_WORD, "");
}

/* Names of values are capitals; words with small letters are meant as they are. */
static bool complete_is_literal(const char *value)
{
	for (; *value != '\0'; value++) {
		if (g_ascii_islower(*value))
			return true;
	}
	return false;
}

/* The table names what a value is; alternatives stand in it as they are written. */
static void complete_value(struct completion *completion, const struct command_option *option)
{
	if (strcmp(option->value, "FILE") == 0) {
		puts(COMPLETE_FILES);
	} else if (strcmp(option->value, "DIR") == 0) {
		puts(COMPLETE_FOLDERS);
	} else if (strcmp(option->value, "COMMAND") == 0) {
		puts(COMPLETE_COMMANDS);
	} else if (strcmp(option->name, "queue") == 0) {
		complete_defined(completion, COMPLETE_QUEUES);
	} else if (strcmp(option->name, "target") == 0) {
		complete_defined(completion, COMPLETE_TARGETS);
	} else if (g_str_has_prefix(option->value, "STATE")) {
		complete_states(completion);
	} else if (complete_is_literal(option->value)) {
		g_auto(GStrv) words = g_strsplit(option->value, "|", -1);
		for (char **word = words; *word != NULL; word++)
			complete_offer(completion, *word, option->help);
	}
}

/* ---- options ---- */

/* Rows 0.. until false: the command's own, then those of every command. */
static bool complete_option_at(const struct command *command, size_t index,
			       struct command_option *ret_option)
{
	if (command != NULL) {
		size_t own = 0;
		if (command_option_at(command, index, ret_option))
			return true;
		while (command_option_at(command, own, ret_option))
			own++;
		index -= own;
	}
	return command_global_option_at(index, ret_option);
}

static bool complete_find_option(const struct command *command, const char *name,
				 struct command_option *ret_option)
{
	for (size_t i = 0; complete_option_at(command, i, ret_option); i++) {
		if (strcmp(ret_option->name, name) == 0)
			return true;
	}
	return false;
}

static void complete_options(const struct completion *completion, const struct command *command)
{
	struct command_option option;
	for (size_t i = 0; complete_option_at(command, i, &option); i++) {
		g_autofree char *word = g_strconcat("--", option.name, NULL);
		complete_offer(completion, word, option.help);
	}
}

/* ---- commands and their arguments ---- */

/* The next word of each command whose name begins with `before`, "" or "queue ". Several commands
 * that go on alike are one candidate. */
static void complete_commands(const struct completion *completion, const char *before)
{
	g_autoptr(GHashTable) offered =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const struct command *command;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (g_ascii_strncasecmp(command->name, before, strlen(before)) != 0)
			continue;
		const char *next = command->name + strlen(before);
		const char *blank = strchr(next, ' ');
		char *word =
		    blank != NULL ? g_strndup(next, (gsize)(blank - next)) : g_strdup(next);
		if (g_hash_table_contains(offered, word)) {
			g_free(word);
			continue;
		}
		complete_offer(completion, word, blank != NULL ? "" : command->summary);
		g_hash_table_add(offered, word);
	}
}

/* A name that is to be made is nobody's yet, and one of `mail` is a connection's. */
static bool complete_names_defined(const struct command *command)
{
	return strstr(command->arguments, "NAME") != NULL && !strstr(command->name, "create") &&
	       !g_str_has_prefix(command->name, "mail");
}

static void complete_page(const char *name, char section, const char *about, void *context)
{
	(void)section;
	complete_offer(context, strchr(name, '-') != NULL ? strchr(name, '-') + 1 : name, about);
}

static enum complete_kind complete_kind_of(const struct command *command)
{
	if (g_str_has_prefix(command->name, "target "))
		return COMPLETE_TARGETS;
	return g_str_has_prefix(command->name, "token ") ? COMPLETE_TOKENS : COMPLETE_QUEUES;
}

static void complete_argument(struct completion *completion, const struct command *command,
			      size_t given)
{
	const bool many = strstr(command->arguments, "NAME…") != NULL;
	if (complete_names_defined(command) && (given == 0 || many))
		complete_defined(completion, complete_kind_of(command));
	else if (strstr(command->arguments, "FILE") != NULL ||
		 strstr(command->arguments, "PATH") != NULL)
		puts(COMPLETE_FILES);
	else if (strcmp(command->name, "help") == 0 && given == 0) {
		complete_commands(completion, "");
		manual_each(complete_page, completion);
	}
}

/* ---- the command line ---- */

/* A shell hands "--queue=x" over in one word, or in three. Caller frees. */
static char **complete_join(char **words, size_t count)
{
	g_autoptr(GPtrArray) joined = g_ptr_array_new();
	for (size_t i = 0; i < count; i++) {
		char *last = joined->len > 0 ? joined->pdata[joined->len - 1] : NULL;
		const bool value = last != NULL && g_str_has_prefix(last, "--") &&
				   (strcmp(words[i], "=") == 0 || g_str_has_suffix(last, "="));
		if (value) {
			joined->pdata[joined->len - 1] = g_strconcat(last, words[i], NULL);
			g_free(last);
		} else {
			g_ptr_array_add(joined, g_strdup(words[i]));
		}
	}
	g_ptr_array_add(joined, NULL);
	return (char **)g_ptr_array_steal(joined, NULL);
}

/* What the words in front of the last one have said. */
struct complete_line {
	const struct command *command;
	GString *name;		      /* what its name begins with: "queue " */
	bool goes_on;		      /* the next word may belong to the name */
	size_t arguments;	      /* behind the command's name */
	struct command_option option; /* it takes the last word as its value; no name: none does */
	const char *database;	      /* borrowed from the words; NULL: none is named */
	bool ended;		      /* behind "--": words of another command */
};

static void complete_read_option(struct complete_line *line, const char *word)
{
	g_auto(GStrv) parts = g_strsplit(word + strlen("--"), "=", 2);
	struct command_option option;
	if (*parts == NULL || !complete_find_option(line->command, parts[0], &option))
		return;
	if (parts[1] == NULL && option.value != NULL)
		line->option = option;
	else if (strcmp(option.name, "database") == 0)
		line->database = word + strlen("--database=");
}

/* A word of the command's name, while that can go on; the longest name counts. */
static void complete_read_word(struct complete_line *line, const char *word)
{
	g_autofree char *name = g_strconcat(line->name->str, word, NULL);
	const struct command *command;
	line->goes_on = false;
	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		const size_t length = strlen(name);
		if (g_ascii_strncasecmp(command->name, name, length) != 0)
			continue;
		if (command->name[length] == '\0')
			line->command = command;
		line->goes_on |= command->name[length] == ' ';
	}
	g_string_assign(line->name, name);
	g_string_append_c(line->name, ' ');
	if (!line->goes_on && line->command == NULL)
		line->ended = true;
}

static void complete_read(struct complete_line *line, char **words, size_t count)
{
	for (size_t i = 0; i < count && !line->ended; i++) {
		if (line->option.name != NULL) {
			if (strcmp(line->option.name, "database") == 0)
				line->database = words[i];
			line->option.name = NULL;
		} else if (strcmp(words[i], "--") == 0) {
			line->ended = true;
		} else if (g_str_has_prefix(words[i], "--")) {
			complete_read_option(line, words[i]);
		} else if (line->goes_on) {
			complete_read_word(line, words[i]);
		} else {
			line->arguments++;
		}
	}
}

/* "--queue=inv": what the option takes, behind the "=". */
static void complete_joined_value(struct completion *completion, const struct command *command,
				  const char *word)
{
	const char *equals = strchr(word, '=');
	g_autofree char *name =
	    g_strndup(word + strlen("--"), (gsize)(equals - word) - strlen("--"));
	g_autofree char *prefix = g_strndup(word, (gsize)(equals + 1 - word));
	struct command_option option;
	if (!complete_find_option(command, name, &option) || option.value == NULL)
		return;
	completion->prefix = prefix;
	completion->begun = equals + 1;
	complete_value(completion, &option);
}

void complete_print(char **words, size_t count)
{
	g_auto(GStrv) line_words = complete_join(words, count);
	const size_t length = g_strv_length(line_words);
	const char *last = length > 0 ? line_words[length - 1] : "";
	g_autoptr(GString) name = g_string_new(NULL);
	struct complete_line line = {.name = name, .goes_on = true};
	complete_read(&line, line_words, length > 0 ? length - 1 : 0);
	g_autofree char *database = command_database(line.database);
	struct completion completion = {.prefix = "", .begun = last, .database = database};

	if (line.ended && line.command != NULL)
		puts(COMPLETE_COMMANDS);
	else if (line.ended)
		return;
	else if (line.option.name != NULL)
		complete_value(&completion, &line.option);
	else if (g_str_has_prefix(last, "--") && strchr(last, '=') != NULL)
		complete_joined_value(&completion, line.command, last);
	else if (*last == '-')
		complete_options(&completion, line.command);
	else if (line.goes_on)
		complete_commands(&completion, line.name->str);
	else
		complete_argument(&completion, line.command, line.arguments);
}
