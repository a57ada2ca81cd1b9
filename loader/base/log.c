/* Writes one event as a line of key=value pairs or as a JSON object. A line is one write(2), so
 * that lines of several processes do not mix. */
#include "loader/base/log.h"

#include "loader/base/clock.h"
#include "loader/base/visible.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum log_format chosen_format = LOG_FORMAT_TEXT;
static enum log_level chosen_level = LOG_LEVEL_INFO;
static bool opened = false;
static bool journal;

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",	 [LOG_LEVEL_DEBUG] = "debug",
};

/* $JOURNAL_STREAM may be inherited by a process whose standard error goes elsewhere by now, so
 * this compares the file that it names with standard error. */
static bool log_goes_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
		return false;
	g_autofree char *own =
	    g_strdup_printf("%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
	return strcmp(stream, own) == 0;
}

bool log_is_open(void)
{
	return opened;
}

/* Asked once: standard error stays what it is while the service runs. */
void log_open(enum log_format format, enum log_level level)
{
	opened = true;
	chosen_format = format;
	chosen_level = level;
	journal = log_goes_to_journal();
}

/* Levels are numbered as those of syslog, so that journald can filter by them. */
int log_level_parse(const char *text, enum log_level *ret_level)
{
	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		if (strcmp(text, level_names[level]) == 0) {
			*ret_level = level;
			return 0;
		}
	}
	return -1;
}

int log_format_parse(const char *text, enum log_format *ret_format)
{
	if (strcmp(text, "text") != 0 && strcmp(text, "json") != 0)
		return -1;
	*ret_format = strcmp(text, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	return 0;
}

/* Puts a value in quotes where a reader could not tell its end, or where something in it is made
 * visible. */
static void log_add_value(GString *line, const char *text)
{
	struct visible visible = {.form = VISIBLE_QUOTED};
	g_autoptr(GString) shown = g_string_new(NULL);
	visible_append(&visible, text, strlen(text), shown);
	visible_end(&visible, shown);
	if (*text != '\0' && strpbrk(text, " =") == NULL && strcmp(text, shown->str) == 0)
		g_string_append(line, text);
	else
		g_string_append_printf(line, "\"%s\"", shown->str);
}

/* key=value pairs, the time first: what a person greps for and a program splits at blanks. */
static void log_add_text(GString *line, const char *event, const char *time, enum log_level level,
			 const struct log_field *fields)
{
	if (time != NULL)
		g_string_append_printf(line, "time=%s ", time);
	g_string_append_printf(line, "level=%s event=%s", level_names[level], event);
	for (; fields->key != NULL; fields++) {
		g_string_append_printf(line, " %s=", fields->key);
		if (fields->text != NULL)
			log_add_value(line, fields->text);
		else
			g_string_append_printf(line, "%" PRId64, fields->number);
	}
}

/* A text from a server may hold any bytes; JSON takes UTF-8 only. */
static void log_add_json(GString *line, const char *event, const char *time, enum log_level level,
			 const struct log_field *fields)
{
	json_t *object = json_object();
	if (time != NULL)
		json_object_set_new(object, "time", json_string(time));
	json_object_set_new(object, "level", json_string(level_names[level]));
	json_object_set_new(object, "event", json_string(event));
	for (; fields->key != NULL; fields++) {
		g_autofree char *valid =
		    fields->text != NULL ? g_utf8_make_valid(fields->text, -1) : NULL;
		json_object_set_new(object, fields->key,
				    valid != NULL ? json_string(valid)
						  : json_integer(fields->number));
	}
	struct visible visible = {.form = VISIBLE_JSON};
	char *text = json_dumps(object, JSON_COMPACT);
	visible_append(&visible, text, strlen(text), line);
	free(text);
	json_decref(object);
}

/* The line is lost when standard error cannot be written: a service has nobody else to tell. */
void log_put(enum log_level level, const char *event, const struct log_field *fields)
{
	if (level > chosen_level)
		return;
	char now[CLOCK_TEXT_SIZE];
	clock_format_s(clock_now_ms() / 1000, now);
	g_autoptr(GString) line = g_string_new(NULL);
	if (journal)
		g_string_append_printf(line, "<%d>", (int)level);
	if (chosen_format == LOG_FORMAT_JSON)
		log_add_json(line, event, journal ? NULL : now, level, fields);
	else
		log_add_text(line, event, journal ? NULL : now, level, fields);
	g_string_append_c(line, '\n');
	(void)!write(STDERR_FILENO, line->str, line->len);
}
