/*
 * Divides an mbox file into messages. One begins at a line "From ADDRESS DATE" behind an empty line,
 * and ends where the next begins, or where its own Content-Length says, if that is right (mboxcl,
 * mboxcl2). Quoted lines (">From ") lose one ">", and the fields that programs keep in an mbox for
 * themselves are left out, so that the message is what a server gives.
 */
#include "loader/import/import_internal.h"

#include "queue/base/scoped.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* A line, or a piece of one that is longer than the buffer. */
struct import_line {
	const char *text;
	size_t size;	 /* with its line end */
	bool begins;	 /* it is the first piece of its line */
	uint64_t offset; /* in the file */
};

struct import_mbox {
	struct import *import;
	struct import_file *file;
	int descriptor;
	char bytes[IMPORT_PIECE_BYTES];
	size_t from; /* what is in the buffer and was not handed out */
	size_t end;
	uint64_t offset; /* of bytes[end] in the file */
	bool middle;	 /* the next piece goes on with a line */
	unsigned count;	 /* messages */
	bool is_over;	 /* no more messages are wanted */
	/* The message at hand. */
	bool in_message;
	bool in_header;
	bool drops;	   /* the field at hand is left out */
	bool unquotes_all; /* ">>From " too */
	bool verbatim;
	bool has_length;
	uint64_t length;
	uint64_t body_end; /* 0: the next "From " says */
	int64_t received_s;
	bool after_empty; /* so a message may begin here */
	char blank[2];	  /* an empty line that may belong to the "From " behind it */
	size_t blank_size;
};

static bool import_line_is_empty(const struct import_line *line)
{
	return line->begins && (line->size == 1 || (line->size == 2 && line->text[0] == '\r')) &&
	       line->text[line->size - 1] == '\n';
}

static bool import_line_has_prefix(const struct import_line *line, const char *prefix)
{
	size_t length = strlen(prefix);
	return line->begins && line->size >= length && memcmp(line->text, prefix, length) == 0;
}

/* ---- lines ---- */

/* Returns 0 at the end, and -1 where the file cannot be read. */
static int import_mbox_fill(struct import_mbox *mbox)
{
	memmove(mbox->bytes, mbox->bytes + mbox->from, mbox->end - mbox->from);
	mbox->end -= mbox->from;
	mbox->from = 0;
	ssize_t got;
	do {
		got = pread(mbox->descriptor, mbox->bytes + mbox->end,
			    sizeof mbox->bytes - mbox->end, (off_t)mbox->offset);
	} while (got < 0 && errno == EINTR);
	if (got > 0) {
		mbox->end += (size_t)got;
		mbox->offset += (uint64_t)got;
	}
	return got > 0 ? 1 : (int)got;
}

/* Returns 0 at the end of the file, and -1 where it cannot be read. */
static int import_mbox_next(struct import_mbox *mbox, struct import_line *ret_line)
{
	const char *feed;
	while ((feed = memchr(mbox->bytes + mbox->from, '\n', mbox->end - mbox->from)) == NULL &&
	       mbox->end - mbox->from < sizeof mbox->bytes) {
		int filled = import_mbox_fill(mbox);
		if (filled < 0)
			return -1;
		if (filled == 0)
			break;
	}
	const char *text = mbox->bytes + mbox->from;
	size_t size = feed != NULL ? (size_t)(feed - text) + 1 : mbox->end - mbox->from;
	if (size == 0)
		return 0;
	*ret_line = (struct import_line){.text = text,
					 .size = size,
					 .begins = !mbox->middle,
					 .offset = mbox->offset - (mbox->end - mbox->from)};
	mbox->middle = feed == NULL;
	mbox->from += size;
	return 1;
}

/* The next line is that at `offset`. */
static void import_mbox_seek(struct import_mbox *mbox, uint64_t offset)
{
	mbox->from = mbox->end = 0;
	mbox->offset = offset;
	mbox->middle = false;
}

/* ---- the line "From " ---- */

/* RFC 4155 has the date in UTC; some write a zone. */
static int64_t import_mbox_date(const char *line)
{
	static const char *const forms[] = {"%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y",
					    "%a %b %d %H:%M:%S %Y %z"};
	const char *date = strchr(line + strlen("From "), ' ');
	for (size_t i = 0; date != NULL && i < G_N_ELEMENTS(forms); i++) {
		struct tm parts = {0};
		date += strspn(date, " ");
		const char *rest = strptime(date, forms[i], &parts);
		/* timegm() forgets the zone. */
		long zone_s = parts.tm_gmtoff;
		if (rest != NULL && strspn(rest, " \r\n") == strlen(rest))
			return (int64_t)timegm(&parts) - zone_s;
	}
	return 0;
}

/* A text may have a line that begins with "From ", but hardly with a time in it. */
static bool import_mbox_is_from(const struct import_line *line)
{
	if (!import_line_has_prefix(line, "From "))
		return false;
	for (size_t i = strlen("From "); i + 5 <= line->size; i++) {
		const char *at = line->text + i;
		if (g_ascii_isdigit(at[0]) && g_ascii_isdigit(at[1]) && at[2] == ':' &&
		    g_ascii_isdigit(at[3]) && g_ascii_isdigit(at[4]))
			return true;
	}
	return false;
}

static int import_mbox_end(struct import_mbox *mbox, struct error *err)
{
	if (!mbox->in_message)
		return 0;
	mbox->in_message = false;
	g_autofree char *name = g_strdup_printf("%s, message %u", mbox->file->path, mbox->count);
	return import_end(mbox->import, name, mbox->received_s, mbox->received_s == 0, err);
}

/* The line "From " itself is no part of the message; its date is when the message came. */
static int import_mbox_begin(struct import_mbox *mbox, const struct import_line *line,
			     struct error *err)
{
	if (import_mbox_end(mbox, err) != 0)
		return -1;
	/* Its last message was the last that was wanted. */
	if (import_is_over(mbox->import)) {
		mbox->file->stays = mbox->is_over = true;
		return 0;
	}
	g_autofree char *text = g_strndup(line->text, line->size);
	mbox->received_s = import_mbox_date(text);
	mbox->count++;
	mbox->in_message = mbox->in_header = true;
	mbox->drops = mbox->verbatim = mbox->has_length = false;
	mbox->unquotes_all = true;
	mbox->body_end = 0;
	mbox->blank_size = 0;
	import_begin(mbox->import, mbox->file);
	return 0;
}

/* ---- a body whose length is said ---- */

/* At that place the file ends, or there is the empty line in front of another message. */
static bool import_mbox_is_end(struct import_mbox *mbox, uint64_t offset)
{
	struct import_line line;
	import_mbox_seek(mbox, offset);
	int next = import_mbox_next(mbox, &line);
	if (next == 0)
		return offset <= (uint64_t)mbox->file->status.st_size;
	if (next < 0 || !import_line_is_empty(&line))
		return false;
	next = import_mbox_next(mbox, &line);
	return next == 0 || (next == 1 && import_mbox_is_from(&line));
}

/* In mboxcl such lines are quoted, as in mboxo; in mboxcl2 nothing is. */
static bool import_mbox_has_from(struct import_mbox *mbox, uint64_t from, uint64_t end)
{
	struct import_line line;
	import_mbox_seek(mbox, from);
	while (import_mbox_next(mbox, &line) == 1 && line.offset < end) {
		if (import_line_has_prefix(&line, "From "))
			return true;
	}
	return false;
}

/* A length that does not lead to an end is a wrong one: the next line "From " counts then, as without a length. */
static void import_mbox_measure(struct import_mbox *mbox, uint64_t body)
{
	uint64_t end = body + mbox->length;
	if (!mbox->has_length)
		return;
	if (mbox->length <= (uint64_t)mbox->file->status.st_size && import_mbox_is_end(mbox, end)) {
		mbox->body_end = end;
		mbox->verbatim = import_mbox_has_from(mbox, body, end);
		mbox->unquotes_all = false;
	}
	import_mbox_seek(mbox, body);
}

/* ---- lines of a message ---- */

/* Written by programs that keep their mail in an mbox; servers hide these fields. */
static bool import_mbox_is_own_field(const struct import_line *line)
{
	static const char *const names[] = {
	    "Content-Length:", "Status:", "X-Status:",	"X-Keywords:",
	    "X-UID:",	       "X-IMAP:", "X-IMAPbase:"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		size_t length = strlen(names[i]);
		if (line->size >= length && g_ascii_strncasecmp(line->text, names[i], length) == 0)
			return true;
	}
	return false;
}

static void import_mbox_note_length(struct import_mbox *mbox, const struct import_line *line)
{
	if (g_ascii_strncasecmp(line->text, "Content-Length:", strlen("Content-Length:")) != 0)
		return;
	g_autofree char *text = g_strndup(line->text, line->size);
	g_autofree char *number = g_strdup(g_strstrip(text + strlen("Content-Length:")));
	mbox->has_length =
	    g_ascii_string_to_unsigned(number, 10, 0, INT64_MAX, &mbox->length, NULL);
}

static int import_mbox_header(struct import_mbox *mbox, const struct import_line *line,
			      struct error *err)
{
	if (import_line_is_empty(line)) {
		uint64_t body = line->offset + line->size;
		mbox->in_header = false;
		mbox->after_empty = true;
		if (import_write(mbox->import, line->text, line->size, err) != 0)
			return -1;
		import_mbox_measure(mbox, body);
		return 0;
	}
	if (line->begins && line->text[0] != ' ' && line->text[0] != '\t') {
		mbox->drops = import_mbox_is_own_field(line);
		if (mbox->drops)
			import_mbox_note_length(mbox, line);
	}
	return mbox->drops ? 0 : import_write(mbox->import, line->text, line->size, err);
}

/* A ">" in front of "From " was put there by the mbox. */
static size_t import_mbox_quote(const struct import_mbox *mbox, const struct import_line *line)
{
	size_t marks = 0;
	if (mbox->verbatim || !line->begins)
		return 0;
	while (marks < line->size && line->text[marks] == '>')
		marks++;
	if (marks == 0 || (marks > 1 && !mbox->unquotes_all))
		return 0;
	return line->size - marks >= 5 && memcmp(line->text + marks, "From ", 5) == 0 ? 1 : 0;
}

/* The empty line before the next "From " is no part of the message. */
static int import_mbox_body(struct import_mbox *mbox, const struct import_line *line,
			    struct error *err)
{
	size_t quote = import_mbox_quote(mbox, line);
	size_t size = line->size;
	if (mbox->body_end != 0)
		size = (size_t)MIN((uint64_t)size, mbox->body_end - line->offset);
	if (import_write(mbox->import, mbox->blank, mbox->blank_size, err) != 0)
		return -1;
	mbox->blank_size = 0;
	mbox->after_empty = import_line_is_empty(line);
	if (mbox->body_end == 0 && mbox->after_empty) {
		mbox->blank_size = size;
		memcpy(mbox->blank, line->text, size);
		return 0;
	}
	return import_write(mbox->import, line->text + quote, size - quote, err);
}

/* Behind a body whose length is said there may be an empty line. */
static int import_mbox_line(struct import_mbox *mbox, const struct import_line *line,
			    struct error *err)
{
	if (mbox->in_message && mbox->in_header)
		return import_mbox_header(mbox, line, err);
	bool is_over = mbox->body_end != 0 && line->offset >= mbox->body_end;
	if (import_mbox_is_from(line) &&
	    (is_over || (mbox->body_end == 0 && (mbox->after_empty || mbox->count == 0))))
		return import_mbox_begin(mbox, line, err);
	return is_over ? 0 : import_mbox_body(mbox, line, err);
}

int import_read_mbox(struct import *import, struct import_file *file, int descriptor,
		     struct error *err)
{
	g_autofree struct import_mbox *mbox = g_new0(struct import_mbox, 1);
	struct import_line line;
	int next;
	mbox->import = import;
	mbox->file = file;
	mbox->descriptor = descriptor;
	while (!mbox->is_over && (next = import_mbox_next(mbox, &line)) != 0) {
		if (next < 0) {
			import_note_unread(import, file, errno);
			return 0;
		}
		if (mbox->count == 0 && !import_mbox_is_from(&line)) {
			import_note_no_mbox(import, file);
			return 0;
		}
		if (import_mbox_line(mbox, &line, err) != 0)
			return -1;
	}
	return import_mbox_end(mbox, err);
}
