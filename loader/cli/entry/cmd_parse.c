/* `parse`: a message in a file is handed to the parser as a run does it, and what it says is shown as
 * `show` shows an entry. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"
#include "queue/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A message that was taken apart. */
struct parsed_file {
	const struct mime_message *message;
	const char *failure; /* NULL, or why it would be bad */
	int content;	     /* descriptor: bodies and attachments */
	int raw;	     /* descriptor: the message itself */
	uint64_t raw_size;
};

/* A text of the entry, in the order and with the names of `show`. */
struct parsed_text {
	const char *key;
	const char *label;
	const char *text;
};

enum { PARSED_TEXTS = 10 };

/* JSON and the lines for people take the texts from here, so that neither lacks one. */
static void parse_list_texts(const struct parsed_file *file, struct parsed_text texts[PARSED_TEXTS])
{
	const struct mime_message *message = file->message;
	const struct parsed_text all[PARSED_TEXTS] = {
	    {"subject", "subject", message->subject},
	    {"sender", "sender", message->sender},
	    {"recipient", "recipient", message->recipient},
	    {"cc", "cc", message->cc},
	    {"bcc", "bcc", message->bcc},
	    {"reply_to", "reply to", message->reply_to},
	    {"message_id", "message id", message->message_id},
	    {"in_reply_to", "in reply to", message->in_reply_to},
	    {"thread_references", "references", message->thread_references},
	    {"error_text", "error", file->failure},
	};
	memcpy(texts, all, sizeof all);
}

/* The digest that the database would have: of the bytes in the spool, without a copy in memory. */
static int parse_digest(int descriptor, uint64_t offset, uint64_t size,
			char text[ENTRY_SHA256_TEXT], struct error *err)
{
	struct sha256_ctx hash;
	unsigned char digest[SHA256_DIGEST_SIZE];
	sha256_init(&hash);
	if (spool_hash(descriptor, offset, size, &hash, err) != 0)
		return -1;
	sha256_digest(&hash, sizeof digest, digest);
	entry_sha256_format(digest, text);
	return 0;
}

/* Ends with NUL. The caller frees it. */
static int parse_read_body(const struct parsed_file *file, const struct mime_content *body,
			   char **ret_text, struct error *err)
{
	g_autofree char *text = g_malloc(body->size + 1);
	if (spool_read(file->content, body->offset, text, body->size, err) != 0)
		return -1;
	text[body->size] = '\0';
	*ret_text = steal(&text);
	return 0;
}

/* ---- JSON ---- */

/* What the parser wrote is a list. */
static json_t *parse_json_list(const char *list)
{
	return json_loads(list, 0, NULL);
}

/* Attachments are listed, not printed: `save` writes their bytes once the message is an entry. */
static int parse_json_attachment(const struct parsed_file *file, size_t index, json_t *list,
				 struct error *err)
{
	const struct mime_attachment *from = &file->message->attachments[index];
	char sha256[ENTRY_SHA256_TEXT];
	if (parse_digest(file->content, from->content.offset, from->content.size, sha256, err) != 0)
		return -1;
	json_array_append_new(
	    list, json_pack("{s:i, s:s, s:s?, s:s, s:s?, s:s?, s:I, s:s}", "position",
			    (int)index + 1, "file_name", from->file_name, "declared_name",
			    from->declared_name, "content_type", from->content_type, "disposition",
			    from->disposition, "content_id", from->content_id, "size",
			    (json_int_t)from->content.size, "sha256", sha256));
	return 0;
}

/* An invitation may come in several calendars, e.g. one for each change of a series. */
static json_t *parse_json_calendars(const struct mime_message *message)
{
	json_t *list = json_array();
	for (size_t i = 0; i < message->calendar_count; i++) {
		const struct mime_calendar *from = &message->calendars[i];
		json_array_append_new(
		    list, json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "method",
				    from->method, "uid", from->uid, "starts_at", from->starts_at,
				    "ends_at", from->ends_at, "organizer", from->organizer,
				    "attendees", from->attendees, "summary", from->summary,
				    "location", from->location));
	}
	return list;
}

/* A body that the message does not have is null; an empty one is "". */
static int parse_json_body(const struct parsed_file *file, json_t *object, const char *key,
			   const struct mime_content *body, struct error *err)
{
	g_autofree char *text = NULL;
	if (body->present && parse_read_body(file, body, &text, err) != 0)
		return -1;
	json_object_set_new(object, key, output_json_text(text));
	return 0;
}

/* Has the names of `show --json`, so that one program reads both. What only a database can give
 * is missing: id, queue, state and the like. */
static int parse_json(const struct parsed_file *file, struct error *err)
{
	const struct mime_message *message = file->message;
	struct parsed_text texts[PARSED_TEXTS];
	char sha256[ENTRY_SHA256_TEXT];
	json_auto_t *object = json_object();
	parse_list_texts(file, texts);
	for (size_t i = 0; i < PARSED_TEXTS; i++)
		json_object_set_new(object, texts[i].key, output_json_text(texts[i].text));
	json_object_set_new(object, "date_sent",
			    message->has_date_sent ? output_json_time_ms(message->date_sent * 1000)
						   : json_null());
	if (parse_digest(file->raw, 0, file->raw_size, sha256, err) != 0)
		return -1;
	json_object_set_new(object, "raw_sha256", json_string(sha256));
	json_object_set_new(object, "raw_size", json_integer((json_int_t)file->raw_size));
	json_object_set_new(object, "defects", parse_json_list(message->defects));
	json_object_set_new(object, "headers", parse_json_list(message->headers));
	json_t *attachments = json_array();
	json_object_set_new(object, "attachments", attachments);
	for (size_t i = 0; i < message->attachment_count; i++)
		if (parse_json_attachment(file, i, attachments, err) != 0)
			return -1;
	json_object_set_new(object, "calendars", parse_json_calendars(message));
	json_object_set_new(object, "reply_plain", output_json_text(message->reply_plain));
	if (parse_json_body(file, object, "message_body", &message->text_body, err) != 0 ||
	    parse_json_body(file, object, "html_body", &message->html_body, err) != 0)
		return -1;
	output_json_print(steal(&object));
	return 0;
}

/* ---- for people ---- */

/* A field that the message does not have gets no line. */
static void parse_print_line(const char *label, const char *text)
{
	output_entry_field(label, "%s", text != NULL ? text : "");
}

/* In the order of `show`, so that the two can be compared. */
static void parse_print_fields(const struct parsed_file *file)
{
	const struct mime_message *message = file->message;
	struct parsed_text texts[PARSED_TEXTS];
	char date[CLOCK_TEXT_SIZE];
	size_t index;
	json_t *defect;
	parse_list_texts(file, texts);
	for (size_t i = 0; i < PARSED_TEXTS; i++)
		parse_print_line(texts[i].label, texts[i].text);
	if (message->has_date_sent) {
		clock_format_s(message->date_sent, date);
		parse_print_line("sent", date);
	}
	json_auto_t *defects = parse_json_list(message->defects);
	json_array_foreach(defects, index, defect)
	    parse_print_line("defect", json_string_value(defect));
	for (size_t i = 0; i < message->attachment_count; i++) {
		const struct mime_attachment *attachment = &message->attachments[i];
		g_autofree char *size = g_format_size(attachment->content.size);
		output_entry_field("attachment", "%zu: %s (%s, %s)", i + 1, attachment->file_name,
				   attachment->content_type, size);
	}
}

/* Ends with a newline in any case, so that the next heading begins its line. */
static int parse_print_body(const struct parsed_file *file, const char *label,
			    const struct mime_content *body, struct error *err)
{
	g_autofree char *text = NULL;
	if (!body->present)
		return 0;
	if (parse_read_body(file, body, &text, err) != 0)
		return -1;
	output_heading(label);
	output_text(text);
	return 0;
}

static int parse_print(const struct parsed_file *file, struct error *err)
{
	parse_print_fields(file);
	if (parse_print_body(file, "message body", &file->message->text_body, err) != 0)
		return -1;
	return parse_print_body(file, "HTML body", &file->message->html_body, err);
}

/* ---- the command ---- */

/* Takes regular files only: the parser reads at places of the message and needs its size; a
 * pipe has neither. */
static int parse_open(const char *path, int *ret_raw, uint64_t *ret_size, struct error *err)
{
	struct stat status;
	scoped(descriptor_close) int raw = open(path, O_RDONLY | O_CLOEXEC);
	if (raw < 0 || fstat(raw, &status) != 0)
		return error_set(err, errno == ENOENT ? ERROR_NO : ERROR_IO, "'%s': %s", path,
				 g_strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_DATA, "'%s' is not a file", path);
	*ret_size = (uint64_t)status.st_size;
	*ret_raw = descriptor_steal(&raw);
	return 0;
}

/* The parser works in its own locked process here as in a run, because the file may be the very
 * one that has made trouble there. A message that it dies of would be a bad entry: what the
 * header says is shown, and why. */
int cmd_parse(const struct invocation *invocation, struct error *err)
{
	const struct mime_options options = mime_options_default();
	scoped(descriptor_close) int raw = -1;
	scoped(descriptor_close) int content = -1;
	scoped(parser_stop) struct parser *parser = NULL;
	scoped(mime_message_free) struct mime_message *message = NULL;
	struct parsed_file file = {0};
	size_t index;
	if (parse_open(invocation->arguments[0], &raw, &file.raw_size, err) != 0 ||
	    spool_open(spool_folder(), &content, err) != 0)
		return -1;
	parser = parser_new(&options, raw, content);
	if (parser_submit(parser, 0, file.raw_size, false, &index, err) != 0 ||
	    parser_finish(parser, err) != 0 ||
	    parser_read(parser, index, &message, &file.failure, err) != 0)
		return -1;
	file.message = message;
	file.content = content;
	file.raw = raw;
	return invocation->json ? parse_json(&file, err) : parse_print(&file, err);
}
