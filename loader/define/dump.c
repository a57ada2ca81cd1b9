/* Writes a definition as an operator would: each field by the name and in the words that definition_set() takes, in an order
 * in which they can be set. Fields that have their default are left out of a file. */
#include "loader/define/definition.h"

#include "loader/base/secret.h"
#include "loader/define/definition_internal.h"
#include "loader/define/target_secret.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

struct dump {
	void (*each)(const char *field, const char *value, void *context);
	void *context;
};

static void dump_text(const struct dump *dump, const char *field, const char *value)
{
	dump->each(field, value != NULL && *value != '\0' ? value : NULL, dump->context);
}

static void dump_switch(const struct dump *dump, const char *field, bool value)
{
	dump_text(dump, field, value ? "true" : "false");
}

static void dump_number(const struct dump *dump, const char *field, int32_t number)
{
	g_autofree char *text = g_strdup_printf("%" PRId32, number);
	dump_text(dump, field, text);
}

/* In the largest unit that says it to the millisecond. */
static void dump_time(const struct dump *dump, const char *field, int64_t time_ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	size_t unit = 0;
	while (time_ms % units[unit].ms != 0)
		unit++;
	const bool none = time_ms == 0;
	g_autofree char *text = g_strdup_printf("%" PRId64 "%s", time_ms / units[unit].ms,
						none ? "" : units[unit].name);
	dump_text(dump, field, text);
}

/* The one source that the queue has, and the others, which it has not. */
static void dump_credential(const struct dump *dump, const struct work_queue *queue)
{
	static const struct {
		const char *field;
		enum secret_source source;
	} fields[] = {
	    {"password-file", SECRET_FILE},	     {"password-env", SECRET_ENV},
	    {"password-command", SECRET_COMMAND},    {"password-credential", SECRET_CREDENTIAL},
	    {"token-command", SECRET_TOKEN_COMMAND}, {"oauth", SECRET_OAUTH},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
		const enum secret_source source = fields[i].source;
		const bool is_command = source == SECRET_COMMAND || source == SECRET_TOKEN_COMMAND;
		const bool has =
		    strcmp(queue->credential_source, secret_source_format(source)) == 0;
		g_autofree char *words =
		    has && is_command ? secret_command_format(queue->credential_reference) : NULL;
		const char *value = words != NULL ? words : queue->credential_reference;
		dump_text(dump, fields[i].field, has ? value : NULL);
	}
	const bool prompt =
	    strcmp(queue->credential_source, secret_source_format(SECRET_PROMPT)) == 0;
	dump_text(dump, "password-prompt", prompt ? "true" : NULL);
}

/* Kept a line each, written with | between them. */
static void dump_lines(const struct dump *dump, const char *field, const char *lines,
		       char *(*format)(const char *line))
{
	g_auto(GStrv) each = g_strsplit(lines != NULL ? lines : "", "\n", -1);
	for (char **line = each; *line != NULL; line++) {
		char *written = format(*line);
		g_free(*line);
		*line = written;
	}
	g_autofree char *joined = g_strjoinv(" | ", each);
	dump_text(dump, field, joined);
}

static char *dump_as_it_is(const char *line)
{
	return g_strdup(line);
}

static void dump_source(const struct dump *dump, const char *field, const char *stored)
{
	g_autofree char *source = stored != NULL ? secret_named_format(stored) : NULL;
	dump_text(dump, field, source);
}

/* Every field, always in the same order: lists of values are compared place by place. */
static void dump_fields(const struct dump *dump, const struct work_queue_target *target)
{
	dump_text(dump, "deliver-to", target->url);
	dump_text(dump, "deliver-format", target->format);
	dump_source(dump, "deliver-secret", target->secret);
	dump_source(dump, "deliver-password", target->password);
	dump_lines(dump, "deliver-header-secret", target->header_secrets,
		   target_secret_format_header);
	dump_lines(dump, "deliver-header", target->headers, dump_as_it_is);
	dump_text(dump, "deliver-recipient", target->recipient);
	dump_time(dump, "deliver-connect-timeout", target->connect_timeout_ms);
	dump_time(dump, "deliver-timeout", target->timeout_ms);
	dump_text(dump, "deliver-ca-file", target->ca_file);
	dump_text(dump, "deliver-crl-file", target->crl_file);
	dump_text(dump, "deliver-client-certificate", target->client_certificate);
	dump_text(dump, "deliver-redirects", target->redirects);
	dump_lines(dump, "deliver-trust-host", target->trust_hosts, dump_as_it_is);
	dump_text(dump, "deliver-proxy", target->proxy);
	dump_switch(dump, "allow-private", target->allow_private);
	dump_switch(dump, "deliver-insecure", target->insecure);
	dump_number(dump, "deliver-concurrency", target->concurrency);
}

void definition_list_target(const struct work_queue_target *target,
			    void (*each)(const char *field, const char *value, void *context),
			    void *context)
{
	dump_fields(&(struct dump){.each = each, .context = context}, target);
}

/* The target stands before the attempts, because it brings their default. What is about an own target
 * of a queue does not count without one: it has the defaults. */
void definition_list(const struct work_queue *queue,
		     void (*each)(const char *field, const char *value, void *context),
		     void *context)
{
	const struct dump dump = {.each = each, .context = context};
	scoped(work_queue_free) struct work_queue *defaults = definition_new(queue->name);
	dump_text(&dump, "class", queue->class_name);
	dump_text(&dump, "external-source", queue->external_source);
	dump_text(&dump, "connection-string", queue->connection_string);
	dump_text(&dump, "user-name", queue->user_name);
	dump_credential(&dump, queue);
	dump_switch(&dump, "paused", queue->paused);
	const bool own = queue->target.url != NULL && queue->target.name == NULL;
	const bool posts = queue->target.url != NULL || queue->target.name != NULL;
	dump_text(&dump, "target", queue->target.name);
	dump_fields(&dump, own ? &queue->target : &defaults->target);
	dump_text(&dump, "acknowledge", posts && queue->on_delivery ? "delivery" : "load");
	dump_number(&dump, "max-attempts", work_queue_attempts(queue));
	dump_time(&dump, "retry-delay", queue->retry_delay_ms);
	dump_text(&dump, "reference", queue->reference);
	dump_text(&dump, "same-reference", work_queue_same_format(queue->same_reference));
	dump_text(&dump, "order", work_queue_order_format(queue->order));
}

static void dump_collect(const char *field, const char *value, void *context)
{
	(void)field;
	g_ptr_array_add(context, g_strdup(value));
}

GPtrArray *definition_values(const struct work_queue *queue)
{
	GPtrArray *values = g_ptr_array_new_with_free_func(g_free);
	definition_list(queue, dump_collect, values);
	return values;
}

GPtrArray *definition_target_values(const struct work_queue_target *target)
{
	GPtrArray *values = g_ptr_array_new_with_free_func(g_free);
	definition_list_target(target, dump_collect, values);
	return values;
}

/* ---- a group of a file ---- */

/* A queue of the same kind that says no more than it must. */
static GPtrArray *dump_defaults(const struct work_queue *queue)
{
	scoped(work_queue_free) struct work_queue *defaults = definition_new(queue->name);
	if (queue->target.name != NULL)
		defaults->target.name = g_strdup(queue->target.name);
	else
		defaults->target.url = g_strdup(queue->target.url);
	return definition_values(defaults);
}

struct dump_group {
	void (*line)(const char *text, void *context);
	void *context;
	GPtrArray *defaults;
	guint next;
	const char *broken; /* the field whose value has a line break */
};

/* Which target it is, is always said. */
static void dump_line(const char *field, const char *value, void *context)
{
	struct dump_group *group = context;
	const char *standard = g_ptr_array_index(group->defaults, group->next++);
	const bool is_target = strcmp(field, "deliver-to") == 0 || strcmp(field, "target") == 0;
	if (value == NULL || (!is_target && g_strcmp0(value, standard) == 0))
		return;
	if (strpbrk(value, "\r\n") != NULL)
		group->broken = field;
	g_autofree char *text = g_strconcat(field, "=", value, NULL);
	group->line(text, group->context);
}

/* A key file holds a value in one line, and knows no way to write a line break that definition_set() would read. */
static int dump_end(const struct dump_group *group, const char *kind, const char *name,
		    struct error *err)
{
	return group->broken == NULL
		   ? 0
		   : error_set(
			 err, ERROR_CONFIGURATION,
			 "%s '%s': %s has a line break, which a file cannot hold: write it in "
			 "one line, by `inqueue %s alter`",
			 kind, name, group->broken, kind);
}

int dump_queue(const struct work_queue *queue, void (*line)(const char *text, void *context),
	       void *context, struct error *err)
{
	g_autoptr(GPtrArray) defaults = dump_defaults(queue);
	struct dump_group group = {.line = line, .context = context, .defaults = defaults};
	g_autofree char *head = g_strdup_printf("[queue %s]", queue->name);
	line(head, context);
	definition_list(queue, dump_line, &group);
	return dump_end(&group, "queue", queue->name, err);
}

int dump_target(const struct work_queue_target *target,
		void (*line)(const char *text, void *context), void *context, struct error *err)
{
	struct work_queue_target standard;
	scoped(work_queue_target_clear) struct work_queue_target *release = &standard;
	definition_target_new(target->name, release);
	g_autoptr(GPtrArray) defaults = definition_target_values(release);
	struct dump_group group = {.line = line, .context = context, .defaults = defaults};
	g_autofree char *head = g_strdup_printf("[target %s]", target->name);
	line(head, context);
	definition_list_target(target, dump_line, &group);
	return dump_end(&group, "target", target->name, err);
}
