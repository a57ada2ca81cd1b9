/*
 * log.h - what a service tells its administrator: one event per line on standard error.
 *
 *     time=2026-01-31T12:00:00Z level=info event=stored queue=invoices uid=7 entry=12
 *
 * or the same as a JSON object. When standard error is the journal (sd-daemon(3)) the line begins
 * with its priority, "<6>", and has no time: the journal keeps both.
 *
 * Values are printed as they are told: never pass a secret; what mail says (subjects, bodies) goes
 * no further than LOG_LEVEL_DEBUG. A line is one write(2), so lines of several processes do not
 * mix.
 *
 * Life:      log_open() once, before processes are forked.
 * Ownership: texts are borrowed.
 * Threads:   one at a time.
 */
#ifndef LOADER_BASE_LOG_H
#define LOADER_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values are the journal's. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
	const char *key;  /* NULL ends a list */
	const char *text; /* NULL: the number is meant */
	int64_t number;
};

/* `text` may not be NULL. */
static inline struct log_field log_text(const char *key, const char *text)
{
	return (struct log_field){.key = key, .text = text};
}

/* A field with a number. */
static inline struct log_field log_number(const char *key, int64_t number)
{
	return (struct log_field){.key = key, .number = number};
}

/* Events above `level` are dropped. */
void log_open(enum log_format format, enum log_level level);

/* False in a command that is no service: it says what there is to say when it ends. */
bool log_is_open(void);

/* "error", "warning", "notice", "info", "debug". -1 for any other text. */
int log_level_parse(const char *text, enum log_level *ret_level);

/* "text", "json". -1 for any other text. */
int log_format_parse(const char *text, enum log_format *ret_format);

/* `fields` ends with a NULL key. */
void log_put(enum log_level level, const char *event, const struct log_field *fields);

/* log_event(level, "stored", log_text("queue", name), log_number("uid", uid)) */
#define log_event(level, event, ...)                                                               \
	log_put(level, event, (const struct log_field[]){__VA_ARGS__, {0}})

#endif
