/* The columns of the mail actions by the names that CFIMAP gives them, the rows that they make of a
 * message, a folder or a change, and a change in words. */
#include "loader/cli/mail/mail_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEADER_COLUMNS                                                                             \
	"answered", "bcc", "cc", "date", "deleted", "draft", "flagged", "from", "header", "lines", \
	    "messageId", "messageNumber", "recent", "replyTo", "rxdDate", "seen", "sentDate",      \
	    "size", "subject", "to", "uid"

static const char *const header_columns[] = {HEADER_COLUMNS, "error", NULL};

static const char *const all_columns[] = {HEADER_COLUMNS, "attachments", "attachmentFiles",
					  "body",	  "cids",	 "htmlBody",
					  "textBody",	  "error",	 NULL};

static const char *const folder_columns[] = {
    "fullName", "name", "parent", "totalMessages", "unread", "new", "attributes", "error", NULL};

static const char *const change_columns[] = {"action", "folder", "newFolder", "count", "uid",
					     "newUid", "dryRun", "note",      "error", NULL};

static const char *const append_columns[] = {"action", "file",	 "folder",	"size",
					     "date",   "newUid", "uidValidity", "dryRun",
					     "note",   "error",	 NULL};

/* All other changes have the same columns. */
const char *const *mail_columns_of(enum mail_action action)
{
	switch (action) {
	case MAIL_GET_HEADER_ONLY:
		return header_columns;
	case MAIL_GET_ALL:
		return all_columns;
	case MAIL_LIST_ALL_FOLDERS:
		return folder_columns;
	case MAIL_APPEND:
		return append_columns;
	default:
		return change_columns;
	}
}

/* The table's own spelling is kept, not that of the user. The error lists all names. */
static int mail_columns_choose_one(const char *const *known, const char *name, GPtrArray *columns,
				   struct error *err)
{
	for (size_t i = 0; known[i] != NULL; i++) {
		if (g_ascii_strcasecmp(known[i], name) == 0) {
			g_ptr_array_add(columns, (gpointer)known[i]);
			return 0;
		}
	}
	g_autofree char *all = g_strjoinv(", ", (char **)known);
	return error_set(err, ERROR_USAGE, "--columns: '%s' is none of %s", name, all);
}

/* The names may be written in any case; rows have them as CFIMAP does. */
int mail_columns_choose(enum mail_action action, const char *list, GPtrArray *columns,
			struct error *err)
{
	const char *const *known = mail_columns_of(action);
	for (size_t i = 0; list == NULL && known[i] != NULL; i++)
		g_ptr_array_add(columns, (gpointer)known[i]);
	g_auto(GStrv) names = g_strsplit(list != NULL ? list : "", ",", -1);
	for (char **name = names; *name != NULL; name++) {
		if (mail_columns_choose_one(known, g_strstrip(*name), columns, err) != 0)
			return -1;
	}
	return 0;
}

/* --- messages ---------------------------------------------------------- */

/* Messages have seconds, the output takes milliseconds. */
static json_t *mail_columns_time(int64_t time_s)
{
	return output_json_time_ms(time_s * 1000);
}

/* All fields of that name, joined as one field would hold them; null for none. */
static json_t *mail_columns_field(const json_t *fields, const char *name)
{
	g_autoptr(GString) text = g_string_new(NULL);
	bool found = false;
	size_t index;
	const json_t *field;
	json_array_foreach(fields, index, field)
	{
		const char *value = json_string_value(json_array_get(field, 1));
		const char *own = json_string_value(json_array_get(field, 0));
		if (own == NULL || value == NULL || g_ascii_strcasecmp(own, name) != 0)
			continue;
		g_string_append_printf(text, "%s%s", found ? ", " : "", value);
		found = true;
	}
	return found ? json_string(text->str) : json_null();
}

/* The whole header: a line for each field. */
static json_t *mail_columns_header(const json_t *fields)
{
	g_autoptr(GString) text = g_string_new(NULL);
	size_t index;
	const json_t *field;
	json_array_foreach(fields, index, field)
	{
		const char *name = json_string_value(json_array_get(field, 0));
		const char *value = json_string_value(json_array_get(field, 1));
		g_string_append_printf(text, "%s: %s\n", name != NULL ? name : "",
				       value != NULL ? value : "");
	}
	return json_string(text->str);
}

/* The server may count the lines; else some programs write their number into the header. */
static json_t *mail_columns_lines(const struct mail_message *message, const json_t *fields)
{
	json_auto_t *field = mail_columns_field(fields, "Lines");
	guint64 number;
	if (message->lines >= 0)
		return json_integer(message->lines);
	if (json_is_string(field) &&
	    g_ascii_string_to_unsigned(json_string_value(field), 10, 0, INT32_MAX, &number, NULL))
		return json_integer((json_int_t)number);
	return json_null();
}

/* One column for each flag of RFC 3501. */
static void mail_columns_add_flags(json_t *row, unsigned flags)
{
	static const struct {
		const char *column;
		enum imapc_flag flag;
	} columns[] = {{"answered", IMAPC_ANSWERED}, {"deleted", IMAPC_DELETED},
		       {"draft", IMAPC_DRAFT},	     {"flagged", IMAPC_FLAGGED},
		       {"recent", IMAPC_RECENT},     {"seen", IMAPC_SEEN}};
	for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
		json_object_set_new(row, columns[i].column,
				    json_boolean((flags & columns[i].flag) != 0));
}

/* The columns that CFIMAP takes from the header, as the mail has them. */
static void mail_columns_add_header(json_t *row, const struct mail_message *message)
{
	static const struct {
		const char *column;
		const char *field;
	} columns[] = {{"bcc", "Bcc"},
		       {"cc", "Cc"},
		       {"date", "Date"},
		       {"from", "From"},
		       {"replyTo", "Reply-To"},
		       {"subject", "Subject"},
		       {"to", "To"},
		       {"messageId", "Message-ID"}};
	const struct mime_message *parsed = message->parsed;
	json_auto_t *fields = json_loads(parsed->headers, 0, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
		json_object_set_new(row, columns[i].column,
				    mail_columns_field(fields, columns[i].field));
	json_object_set_new(row, "header", mail_columns_header(fields));
	json_object_set_new(row, "lines", mail_columns_lines(message, fields));
	json_object_set_new(row, "sentDate",
			    parsed->has_date_sent ? mail_columns_time(parsed->date_sent)
						  : json_null());
}

/* Absolute: a reader need not know where the program was started. */
static json_t *mail_columns_path(const char *path)
{
	g_autofree char *absolute = path != NULL ? g_canonicalize_filename(path, NULL) : NULL;
	return output_json_text(absolute);
}

/* Three lists of one length: the i-th of each is about the same attachment. */
static void mail_columns_add_attachments(json_t *row, const struct mail_message *message)
{
	json_t *names = json_array();
	json_t *files = json_array();
	json_t *ids = json_array();
	for (size_t i = 0; i < message->parsed->attachment_count; i++) {
		const struct mime_attachment *attachment = &message->parsed->attachments[i];
		json_array_append_new(names, json_string(attachment->file_name));
		json_array_append_new(ids, output_json_text(attachment->content_id));
		if (message->files != NULL)
			json_array_append_new(files, mail_columns_path(message->files[i]));
	}
	json_object_set_new(row, "attachments", names);
	json_object_set_new(row, "attachmentFiles", files);
	json_object_set_new(row, "cids", ids);
}

/* A message that could not be read has its error in the row. */
json_t *mail_columns_message(const struct mail_message *message)
{
	json_t *row = json_pack(
	    "{s:I, s:I, s:I, s:o, s:s?}", "uid", (json_int_t)message->row->uid, "messageNumber",
	    (json_int_t)message->row->number, "size", (json_int_t)message->row->size_bytes,
	    "rxdDate", mail_columns_time(message->row->internal_date_s), "error", message->failure);
	mail_columns_add_flags(row, message->row->flags);
	mail_columns_add_header(row, message);
	if (message->has_bodies)
		mail_columns_add_attachments(row, message);
	return row;
}

/* A body that is not there is null in the row; an empty one is "". */
static const struct mime_content *mail_columns_present(const struct mime_content *content)
{
	return content->present ? content : NULL;
}

/* Text that was made from HTML is no text of the mail. */
const struct mime_content *mail_columns_content(const struct mail_message *message,
						const char *column)
{
	if (message == NULL)
		return NULL;
	const struct mime_message *parsed = message->parsed;
	const struct mime_content *text =
	    parsed->text_from_html ? NULL : mail_columns_present(&parsed->text_body);
	const struct mime_content *html = mail_columns_present(&parsed->html_body);
	if (strcmp(column, "textBody") == 0)
		return text;
	if (strcmp(column, "htmlBody") == 0)
		return html;
	if (strcmp(column, "body") == 0)
		return text != NULL ? text : html;
	return NULL;
}

/* CFIMAP has the whole name, the last part, and what is before it. */
json_t *mail_columns_folder(const struct imapc_folder_row *row)
{
	const char *slash = strrchr(row->name, '/');
	g_autofree char *parent =
	    slash != NULL ? g_strndup(row->name, (gsize)(slash - row->name)) : g_strdup("");
	json_t *object = json_pack("{s:s, s:s, s:s}", "fullName", row->name, "name",
				   slash != NULL ? slash + 1 : row->name, "parent", parent);
	const struct {
		const char *column;
		uint32_t count;
	} counts[] = {
	    {"totalMessages", row->messages}, {"unread", row->unseen}, {"new", row->recent}};
	for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
		json_object_set_new(object, counts[i].column,
				    row->has_counts ? json_integer(counts[i].count) : json_null());
	json_t *attributes = json_array();
	for (char **name = row->attributes; *name != NULL; name++)
		json_array_append_new(attributes, json_string(*name));
	json_object_set_new(object, "attributes", attributes);
	return object;
}

/* "17,20:25"; null for none. */
static json_t *mail_columns_set(const uint32_t *uids, size_t count)
{
	g_autoptr(GString) text = g_string_new(NULL);
	if (uids == NULL)
		return json_null();
	for (size_t first = 0, last; first < count; first = last + 1) {
		for (last = first; last + 1 < count && uids[last + 1] == uids[last] + 1;)
			last++;
		g_string_append_printf(text, "%s%u", text->len > 0 ? "," : "", uids[first]);
		if (last > first)
			g_string_append_printf(text, ":%u", uids[last]);
	}
	return json_string(text->str);
}

/* A message that was appended, or would be. Its file may have any name and any date. */
static json_t *mail_columns_append(const struct mail_change *change, bool dry_run)
{
	char date[CLOCK_TEXT_SIZE];
	clock_format_s(change->date_s, date);
	return json_pack(
	    "{s:s, s:o, s:s, s:I, s:s, s:o, s:o, s:b, s:s?, s:n}", "action",
	    mail_action_name(change->action), "file", output_json_text(change->file), "folder",
	    change->folder, "size", (json_int_t)change->size_bytes, "date", date, "newUid",
	    mail_columns_set(change->new_uids, change->count), "uidValidity",
	    change->uid_validity != 0 ? json_integer(change->uid_validity) : json_null(), "dryRun",
	    (int)dry_run, "note", change->note, "error");
}

/* The i-th new UID is that of the i-th message, so that both lists have one order. A server
 * without UIDPLUS (RFC 4315) tells no new UIDs. */
json_t *mail_columns_change(const struct mail_change *change, bool dry_run)
{
	if (change->action == MAIL_APPEND)
		return mail_columns_append(change, dry_run);
	return json_pack("{s:s, s:s, s:s?, s:I, s:o, s:o, s:b, s:s?, s:n}", "action",
			 mail_action_name(change->action), "folder", change->folder, "newFolder",
			 change->new_folder, "count", (json_int_t)change->count, "uid",
			 mail_columns_set(change->uids, change->count), "newUid",
			 mail_columns_set(change->new_uids, change->count), "dryRun", (int)dry_run,
			 "note", change->note, "error");
}

/* --- words for people -------------------------------------------------- */

/* Changes of folders have names, those of messages have UIDs. */
static bool is_of_messages(const struct mail_change *change)
{
	return change->uids != NULL || change->action == MAIL_MARK_READ ||
	       change->action == MAIL_DELETE || change->action == MAIL_MOVE_MAIL;
}

/* The UID is told where the server has told it. */
static void say_appended(const struct mail_change *change, bool dry_run)
{
	g_autofree char *uid =
	    change->new_uids != NULL ? g_strdup_printf(": UID %u", change->new_uids[0]) : NULL;
	output_line("'%s'%s appended to folder '%s'%s", change->file, dry_run ? " would be" : "",
		    change->folder, uid != NULL ? uid : "");
}

/* Silence is success; a person at a terminal is told, and a dry run is all words. */
void mail_columns_say(const struct mail_change *change, bool dry_run)
{
	static const char *const done[] = {
	    [MAIL_MARK_READ] = "marked as read", [MAIL_DELETE] = "deleted",
	    [MAIL_MOVE_MAIL] = "moved",		 [MAIL_CREATE_FOLDER] = "created",
	    [MAIL_DELETE_FOLDER] = "deleted",	 [MAIL_RENAME_FOLDER] = "renamed"};
	if (change->note != NULL && !dry_run)
		output_say("%s", change->note);
	if (!dry_run && !isatty(STDOUT_FILENO))
		return;
	if (change->action == MAIL_APPEND) {
		say_appended(change, dry_run);
		return;
	}
	json_auto_t *row = mail_columns_change(change, dry_run);
	const char *uids = json_string_value(json_object_get(row, "uid"));
	bool named = uids != NULL && *uids != '\0';
	g_autoptr(GString) words = g_string_new(NULL);
	if (is_of_messages(change))
		g_string_printf(words, "%zu message%s of ", change->count,
				change->count == 1 ? "" : "s");
	g_string_append_printf(words, "folder '%s'%s %s", change->folder,
			       dry_run ? " would be" : "", done[change->action]);
	if (change->new_folder != NULL)
		g_string_append_printf(words, " to '%s'", change->new_folder);
	if (!is_of_messages(change) && change->count > 1)
		g_string_append_printf(words, ", with %zu below it", change->count - 1);
	output_line("%s%s%s", words->str, named ? ": UID " : "", named ? uids : "");
}

/* --- a whole message --------------------------------------------------- */

/* In pieces, as a body may be longer than memory allows. */
static int say_text(int descriptor, const struct mime_content *content, struct error *err)
{
	char piece[16 * 1024];
	struct output_pieces pieces = {0};
	for (uint64_t done = 0; done < content->size;) {
		const size_t size = (size_t)MIN(content->size - done, (uint64_t)sizeof piece);
		const ssize_t got = pread(descriptor, piece, size, (off_t)(content->offset + done));
		if (got <= 0 || output_pieces_put(&pieces, piece, (size_t)got) != 0)
			return error_set(err, ERROR_IO, "message text: %s",
					 got == 0 ? "too short" : g_strerror(errno));
		done += (uint64_t)got;
	}
	output_pieces_end(&pieces);
	return 0;
}

/* Of a mail that is HTML alone the text that was made of it. */
int mail_columns_say_whole(const struct mail_message *message, struct error *err)
{
	if (!message->has_bodies)
		return 0;
	output_line("%s", "");
	if (message->parsed->text_body.present &&
	    say_text(message->content, &message->parsed->text_body, err) != 0)
		return -1;
	for (size_t i = 0; i < message->parsed->attachment_count; i++) {
		const char *path = message->files != NULL ? message->files[i] : NULL;
		json_auto_t *absolute = mail_columns_path(path);
		output_line("attachment: %s%s%s", message->parsed->attachments[i].file_name,
			    path != NULL ? ", saved as " : "",
			    path != NULL ? json_string_value(absolute) : "");
	}
	output_line("%s", "");
	return 0;
}
