/* `parse`: a message in a file is handed to the parser as a run does it, the entry is made that a run
 * would store, and it is shown as `show` shows one. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/entry/export.h"
#include "loader/make/make_entry.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <stdio.h>

enum { PARSE_PIECE = 64 * 1024 };

/* A body of an entry that is in no database. */
static int parse_read_body(enum entry_part part,
			   int (*write)(const void *bytes, size_t size, void *to), void *to,
			   void *context, struct error *err)
{
	const struct entry_contents *contents = context;
	const struct entry_content *body =
	    part == ENTRY_MESSAGE_BODY ? &contents->message_body : &contents->html_body;
	g_autofree char *piece = g_malloc(PARSE_PIECE);
	for (uint64_t done = 0; done < body->size_bytes;) {
		size_t size = (size_t)MIN(body->size_bytes - done, (uint64_t)PARSE_PIECE);
		if (spool_read(body->fd, body->offset + done, piece, size, err) != 0 ||
		    write(piece, size, to) != 0)
			return -1;
		done += size;
	}
	return 0;
}

/* ---- for people ---- */

/* A terminal gets the bytes made visible: the mail is a stranger's. */
static int parse_write(const void *bytes, size_t size, void *to)
{
	return output_pieces_put(to, bytes, size);
}

/* Ends with a newline in any case, so that the next heading begins its line. */
static int parse_print_body(const struct entry_contents *contents, const char *label,
			    enum entry_part part, bool present, struct error *err)
{
	struct output_pieces body = {0};
	if (!present)
		return 0;
	output_heading(label);
	*err = (struct error){0}; /* stays so where the writing fails */
	if (parse_read_body(part, parse_write, &body, (void *)contents, err) != 0)
		return err->text[0] != '\0'
			   ? -1
			   : error_set(err, ERROR_IO, "standard output: %s", g_strerror(errno));
	output_pieces_end(&body);
	return 0;
}

/* In the order of `show`, so that the two can be compared. */
static int parse_print(const struct entry *entry, const struct entry_contents *contents,
		       struct error *err)
{
	char date[CLOCK_TEXT_SIZE];
	entry_view_print_texts(entry);
	if (entry->date_sent_s != ENTRY_JSON_NO_DATE) {
		output_time_s(entry->date_sent_s, date);
		output_entry_field("sent", "%s", date);
	}
	entry_view_print_defects(entry);
	entry_view_print_attachments(entry);
	entry_view_print_calendars(entry);
	entry_view_print_bounces(entry);
	if (parse_print_body(contents, "message body", ENTRY_MESSAGE_BODY, entry->has_message_body,
			     err) != 0)
		return -1;
	return parse_print_body(contents, "HTML body", ENTRY_HTML_BODY, entry->has_html_body, err);
}

/* ---- the entry ---- */

/* Has the names of `show --json`, so that one program reads both. */
static int parse_show(const struct entry *entry, const struct entry_contents *contents, bool json,
		      struct error *err)
{
	const struct entry_json_source source = {.read = parse_read_body,
						 .context = (void *)contents};
	return json ? entry_json_write_mail(stdout, entry, &source, err)
		    : parse_print(entry, contents, err);
}

/* Takes the place of the database: adds what that would find out by storing. */
static int parse_take(const struct entry *entry, const struct entry_contents *contents,
		      void *context, struct error *err)
{
	const bool *json = context;
	g_autofree struct entry_attachment *attachments =
	    g_memdup2(entry->attachments, entry->attachment_count * sizeof *attachments);
	struct entry stored = *entry;
	for (size_t i = 0; i < entry->attachment_count; i++) {
		const struct entry_content *from = &contents->attachments[i];
		attachments[i].position = (uint32_t)i + 1;
		if (make_digest(from->fd, from->offset, from->size_bytes, attachments[i].sha256,
				err) != 0)
			return -1;
	}
	stored.attachments = attachments;
	stored.has_message_body = contents->message_body.present;
	stored.has_html_body = contents->html_body.present;
	return parse_show(&stored, contents, *json, err);
}

/* When it arrives is for the run to say that loads it. */
int cmd_parse(const struct invocation *invocation, struct error *err)
{
	bool json = invocation->json;
	bool bad;
	return make_file(0, invocation->arguments[0], ENTRY_JSON_NO_DATE, parse_take, &json, &bad,
			 err);
}
