#include "mime/address.h"

#include "mime/word.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* How far a ">" is looked for: no address is longer, and hostile lists stay linear. */
enum { ANGLE_MAX = 1024 };

/* The mailbox at hand: raw bytes, with quotes, comments and brackets taken apart. */
struct reader {
	const char *at;
	const char *end;
	GString *phrase;  /* words outside of < > */
	GString *comment; /* the last comment */
	GString *angle;	  /* what stands in < > */
	bool has_angle;
};

static void reader_open(struct reader *reader, const char *raw, size_t length)
{
	*reader = (struct reader){
	    .at = raw,
	    .end = raw + length,
	    .phrase = g_string_new(NULL),
	    .comment = g_string_new(NULL),
	    .angle = g_string_new(NULL),
	};
}

static void reader_close(struct reader *reader)
{
	g_string_free(reader->phrase, TRUE);
	g_string_free(reader->comment, TRUE);
	g_string_free(reader->angle, TRUE);
}

static void reader_reset(struct reader *reader)
{
	g_string_truncate(reader->phrase, 0);
	g_string_truncate(reader->comment, 0);
	g_string_truncate(reader->angle, 0);
	reader->has_angle = false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Runs of blanks become one; none at the start. */
static void append_blank(GString *text)
{
	if (text->len > 0 && text->str[text->len - 1] != ' ')
		g_string_append_c(text, ' ');
}

static void read_quoted(struct reader *reader, GString *text)
{
	for (reader->at++; reader->at < reader->end && *reader->at != '"'; reader->at++) {
		if (*reader->at == '\\' && reader->at + 1 < reader->end)
			reader->at++;
		if (*reader->at != '\r' && *reader->at != '\n')
			g_string_append_c(text, *reader->at);
	}
	if (reader->at < reader->end)
		reader->at++;
}

static void read_comment(struct reader *reader)
{
	size_t depth = 0;

	g_string_truncate(reader->comment, 0);
	for (; reader->at < reader->end; reader->at++) {
		char c = *reader->at;
		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')' && --depth == 0)
			break;
		if (c == '\\' && reader->at + 1 < reader->end)
			c = *++reader->at;
		g_string_append_c(reader->comment, c);
	}
	if (reader->at < reader->end)
		reader->at++;
}

/* A "<" that is never closed ends where the next mailbox would begin. */
static const char *angle_end(const struct reader *reader)
{
	const char *limit =
	    reader->end - reader->at > ANGLE_MAX ? reader->at + ANGLE_MAX : reader->end;
	bool quoted = false;

	for (const char *at = reader->at; at < limit; at++) {
		if (*at == '\\' && quoted)
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (*at == '>' && !quoted)
			return at;
	}
	for (const char *at = reader->at; at < reader->end; at++)
		if (*at == '>' || *at == ',' || *at == ';')
			return at;
	return reader->end;
}

static void read_angle(struct reader *reader)
{
	reader->at++;
	const char *end = angle_end(reader);
	const char *colon = memchr(reader->at, ':', (size_t)(end - reader->at));

	/* The obsolete route: <@relay,@relay:user@host>. */
	if (reader->at < end && *reader->at == '@' && colon)
		reader->at = colon + 1;
	if (!reader->has_angle) {
		for (; reader->at < end; reader->at++)
			if (!is_blank(*reader->at))
				g_string_append_c(reader->angle, *reader->at);
		reader->has_angle = reader->angle->len > 0;
	}
	reader->at = end < reader->end && *end == '>' ? end + 1 : end;
}

/* The quoted local part of a bare address needs its quotes: "a b"@example.com. */
static void read_quoted_word(struct reader *reader)
{
	size_t start = reader->phrase->len;

	read_quoted(reader, reader->phrase);
	if (reader->at < reader->end && *reader->at == '@') {
		g_string_insert_c(reader->phrase, (gssize)start, '"');
		g_string_append_c(reader->phrase, '"');
	}
}

/* Returns true when a mailbox is complete. */
static bool read_piece(struct reader *reader)
{
	struct word word;

	switch (*reader->at) {
	case ',':
	case ';':
		reader->at++;
		return true;
	case ':':
		/* What came before is a group's name. */
		if (!reader->has_angle)
			reader_reset(reader);
		reader->at++;
		return false;
	case '"':
		read_quoted_word(reader);
		return false;
	case '(':
		read_comment(reader);
		return false;
	case '<':
		read_angle(reader);
		return false;
	default:
		break;
	}
	if (word_parse(reader->at, (size_t)(reader->end - reader->at), &word)) {
		g_string_append_len(reader->phrase, reader->at, (gssize)word.length);
		reader->at += word.length;
	} else if (is_blank(*reader->at)) {
		append_blank(reader->phrase);
		reader->at++;
	} else {
		g_string_append_c(reader->phrase, *reader->at++);
	}
	return false;
}

static void append_name(GString *list, const char *name)
{
	if (!strpbrk(name, ",;<>@\"\\")) {
		g_string_append(list, name);
		return;
	}
	g_string_append_c(list, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			g_string_append_c(list, '\\');
		g_string_append_c(list, *name);
	}
	g_string_append_c(list, '"');
}

struct context {
	const char *hint;
	const char *what;
	struct defects *defects;
};

static char *decoded(const GString *raw, const struct context *context)
{
	return word_decode(raw->str, raw->len, context->hint, context->what, context->defects);
}

/* Adds the mailbox read, if any. */
static void append_mailbox(GString *list, const struct reader *reader,
			   const struct context *context)
{
	bool old_style = !reader->has_angle && strchr(reader->phrase->str, '@');
	g_autofree char *address =
	    decoded(reader->has_angle ? reader->angle : reader->phrase, context);
	g_autofree char *name =
	    decoded(reader->has_angle ? reader->phrase : reader->comment, context);

	if (!*address)
		return;
	if (list->len > 0)
		g_string_append(list, "; ");
	if ((!reader->has_angle && !old_style) || !*name || strcmp(name, address) == 0) {
		g_string_append(list, address);
		return;
	}
	append_name(list, name);
	g_string_append_printf(list, " <%s>", address);
}

static char *format(const char *raw, size_t length, bool only_first, const struct context *context)
{
	struct reader reader;
	GString *list = g_string_new(NULL);

	reader_open(&reader, raw, length);
	while (reader.at < reader.end && !(only_first && list->len > 0)) {
		if (read_piece(&reader) || reader.at == reader.end) {
			append_mailbox(list, &reader, context);
			reader_reset(&reader);
		}
	}
	reader_close(&reader);
	return g_string_free(list, list->len == 0);
}

char *address_list_format(const char *raw, size_t length, const char *hint, const char *what,
			  struct defects *defects)
{
	return format(raw, length, false, &(struct context){hint, what, defects});
}

char *address_first_format(const char *raw, size_t length, const char *hint, const char *what,
			   struct defects *defects)
{
	return format(raw, length, true, &(struct context){hint, what, defects});
}
