/* Finds out whether a message is a bounce, and what it says: by its delivery-status parts, which lie
 * among the attachments by now, else by its text. */
#include "mime/auto_class.h"

#include "mime/sink.h"

#include <string.h>

enum { REASON_BYTES_MAX = 200 };

/* --- one row ------------------------------------------------------------------- */

/* The second digit group says what failed, whatever the first one says of how long: 2.2 is a full
 * mailbox, which people empty. */
static bool is_soft(const char *status)
{
	return status && (*status == '4' || strcmp(status + 1, ".2.2") == 0);
}

/* A report that names a recipient twice, as the final one and for an alias, counts it once. */
static bool is_known(const GArray *rows, const char *address)
{
	for (guint i = 0; i < rows->len; i++) {
		const char *known = g_array_index(rows, struct mime_bounce, i).address;
		if (known && address && g_ascii_strcasecmp(known, address) == 0)
			return true;
	}
	return false;
}

/* With single blanks; NULL for what is blank. */
static void line_make(char **text)
{
	g_autofree char *line = *text ? clean_line(*text, BOUNCE_LINE_MAX) : NULL;
	size_t length = 0;

	for (const char *c = line; c && *c; c++)
		if (*c != ' ' || c[1] != ' ')
			line[length++] = *c;
	if (line)
		line[length] = '\0';
	g_free(*text);
	*text = length > 0 ? g_steal_pointer(&line) : NULL;
}

void bounce_row_add(GArray *rows, struct mime_bounce *row, bool is_delay)
{
	line_make(&row->address);
	line_make(&row->original_address);
	line_make(&row->diagnostic);
	if (rows->len >= BOUNCES_MAX || is_known(rows, row->address)) {
		mime_bounce_clear(row);
		return;
	}
	if (row->original_address && row->address &&
	    g_ascii_strcasecmp(row->original_address, row->address) == 0)
		g_clear_pointer(&row->original_address, g_free);
	row->kind = g_strdup(is_delay || is_soft(row->status) ? "soft" : "hard");
	g_array_append_val(rows, *row);
}

/* --- what stands in the output -------------------------------------------------- */

static char *content_read(const struct mime_content *content, struct mime_output *output)
{
	uint64_t size = MIN(content->size, (uint64_t)BOUNCE_BYTES_MAX);
	g_autofree char *text = g_malloc0(size + 1);

	for (uint64_t at = 0, n; at < size; at += n) {
		n = output_read(output, content->offset + at, text + at, (size_t)(size - at));
		if (n == 0)
			break;
	}
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)strlen(text));
	struct string_sink clean_text = string_sink_to(g_string_sized_new(strlen(valid)));
	struct clean clean;
	clean_init(&clean, &clean_text.sink);
	sink_write(&clean.sink, valid, strlen(valid));
	return g_string_free(clean_text.string, FALSE);
}

/* The first attachment of one of two types: a returned message, or only its header. */
static char *attachment_read(const struct mime_message *message, const char *type,
			     const char *other_type, struct mime_output *output)
{
	for (size_t i = 0; i < message->attachment_count; i++) {
		const struct mime_attachment *attachment = &message->attachments[i];
		if (strcmp(attachment->content_type, type) == 0 ||
		    strcmp(attachment->content_type, other_type) == 0)
			return content_read(&attachment->content, output);
	}
	return NULL;
}

/* --- which message may be one ---------------------------------------------------- */

static bool holds(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; text && i < count; i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* How sure the fields are that a mail server speaks. */
enum sign { SIGN_NONE, SIGN_LIKELY, SIGN_CERTAIN };

static bool is_empty_path(const char *path)
{
	return path && (strcmp(path, "<>") == 0 || strcmp(path, "< >") == 0);
}

/* Subjects that mail servers give; people answer and forward them, with a prefix. */
static bool is_subject(const char *subject)
{
	static const char *const beginnings[] = {
	    "undelivered",
	    "undeliverable",
	    "delivery status notification",
	    "returned mail",
	    "mail delivery",
	    "failure notice",
	    "delivery failure",
	    "delivery notification",
	    "message delivery",
	    "delivery failed",
	    "delivery report",
	    "delivery error",
	    "mail system error",
	    "warning: could not send",
	    "warning: message",
	    "failed mail",
	    "mail failure",
	    "non-delivery",
	    "email delivery",
	    "error sending",
	    "unzustellbar",
	    "unable to deliver",
	    "nondeliverable",
	    "[postmaster] email delivery",
	    "mail failed",
	    "メールエラー",
	};
	g_autofree char *folded = subject ? g_ascii_strdown(subject, -1) : NULL;

	for (size_t i = 0; folded && i < G_N_ELEMENTS(beginnings); i++)
		if (g_str_has_prefix(folded, beginnings[i]))
			return true;
	return false;
}

/* Writes which field says so, in words for auto_reason. */
static enum sign sign_of(const struct mime_message *message, const struct header *header,
			 char **ret_field)
{
	static const char *const daemons[] = {"mailer-daemon", "mailer_daemon", "mailerdaemon"};
	static const char *const masters[] = {"postmaster",	    "post_master",
					      "mail delivery",	    "mail deliver ",
					      "mail.delivery",	    "mail administrator",
					      "delivery system",    "system administrator",
					      "delivery subsystem", "mta@",
					      "mailadmin",	    "@sns.amazonaws.com"};
	g_autofree char *sender = g_ascii_strdown(message->sender ? message->sender : "", -1);
	g_autofree char *path = auto_class_field(header, "Return-Path");
	g_autofree char *failed = auto_class_field(header, "X-Failed-Recipients");

	if (failed)
		return *ret_field = g_strdup_printf("X-Failed-Recipients: %s", failed),
		       SIGN_CERTAIN;
	if (holds(sender, daemons, G_N_ELEMENTS(daemons)))
		return *ret_field = g_strdup_printf("From: %s", message->sender), SIGN_CERTAIN;
	if (is_subject(message->subject))
		return *ret_field = g_strdup_printf("Subject: %s", message->subject),
		       is_empty_path(path) ? SIGN_CERTAIN : SIGN_LIKELY;
	if (is_empty_path(path))
		return *ret_field = g_strdup("Return-Path: <>"), SIGN_LIKELY;
	if (holds(sender, masters, G_N_ELEMENTS(masters)))
		return *ret_field = g_strdup_printf("From: %s", message->sender), SIGN_LIKELY;
	return SIGN_NONE;
}

/* --- reading ------------------------------------------------------------------- */

static bool is_status_part(const struct mime_attachment *attachment)
{
	return strcmp(attachment->content_type, "message/delivery-status") == 0 ||
	       strcmp(attachment->content_type, "message/global-delivery-status") == 0;
}

/* Returns whether such a part names a recipient, whatever became of it. */
static bool status_parts_read(const struct mime_message *message, struct mime_output *output,
			      GArray *rows)
{
	bool names_any = false;

	for (size_t i = 0; i < message->attachment_count; i++) {
		if (!is_status_part(&message->attachments[i]))
			continue;
		g_autofree char *text = content_read(&message->attachments[i].content, output);
		names_any |= bounce_status_read(text, rows);
	}
	return names_any;
}

/* Of the message that came back, whole or as its header; else of what the text quotes. */
static char *original_field(const struct mime_message *message, struct mime_output *output,
			    const char *text, const char *name)
{
	g_autofree char *whole =
	    attachment_read(message, "message/rfc822", "message/global", output);
	char *value = whole ? bounce_text_field(whole, name) : NULL;

	if (!value) {
		g_autofree char *header = attachment_read(message, "text/rfc822-headers",
							  "message/rfc822-headers", output);
		value = header ? bounce_text_field(header, name) : NULL;
	}
	return value || !text ? value : bounce_text_field(text, name);
}

/* The recipient of the returned message is the one that failed, where there was one only. */
static void take_original_recipient(const char *to, const char *text, bool is_delay, GArray *rows)
{
	struct mime_bounce row = {0};
	const char *begin = to ? strchr(to, '<') : NULL;
	const char *end = begin ? strchr(begin, '>') : NULL;

	if (to && !strchr(to, ',') && strchr(to, '@'))
		row.address = end ? g_strndup(begin + 1, (size_t)(end - begin - 1)) : g_strdup(to);
	row.status = bounce_status_find(text);
	bounce_row_add(rows, &row, is_delay);
}

/* A warning that the server goes on trying. */
static bool is_delay_text(const char *text)
{
	static const char *const words[] = {"will be retried",
					    "will keep trying",
					    "will retry",
					    "has been delayed",
					    "delivery delayed",
					    "is delayed",
					    "not yet been delivered",
					    "temporary failure",
					    "do not need to resend",
					    "message not yet delivered",
					    "will be made to deliver",
					    "still trying",
					    "quota",
					    "mailbox is full",
					    "mailbox full",
					    "over quota"};
	g_autofree char *folded = g_ascii_strdown(text, -1);

	return holds(folded, words, G_N_ELEMENTS(words));
}

/* The recipients that the text complains of, or else that of the returned message. */
static void recipients_read(const struct mime_message *message, const struct header *header,
			    struct mime_output *output, const char *text, GArray *rows)
{
	g_autofree char *failed = auto_class_field(header, "X-Failed-Recipients");
	g_autofree char *to = auto_class_field(header, "To");
	g_autofree char *own =
	    g_strdup_printf("%s\n%s", to ? to : "", message->sender ? message->sender : "");
	g_autofree char *own_folded = g_ascii_strdown(own, -1);

	bounce_text_read(text, failed, own_folded, rows);
	if (rows->len > 0)
		return;
	g_autofree char *recipient = original_field(message, output, text, "To");
	take_original_recipient(recipient, text, is_delay_text(text), rows);
}

/* Returns what decided; NULL: the text is none of a mail server. The field that names recipients is
 * enough, whatever language the text is in. */
static char *text_read(const struct mime_message *message, const struct header *header,
		       struct mime_output *output, const char *text, GArray *rows)
{
	g_autofree char *field = NULL;
	enum sign sign = sign_of(message, header, &field);
	if (sign == SIGN_NONE)
		return NULL;
	g_autofree char *phrase = bounce_text_phrase(text, sign == SIGN_CERTAIN);
	if (!phrase && !header_find(header, "X-Failed-Recipients"))
		return NULL;
	bounce_status_read(text, rows);
	if (rows->len == 0)
		recipients_read(message, header, output, text, rows);
	return phrase ? g_strdup_printf("%s; \"%s\"", field, phrase) : g_steal_pointer(&field);
}

/* A mail that was handed to a command or a mailbox of the server's own names that as its recipient. */
static void address_mend(const struct mime_message *message, const struct header *header,
			 struct mime_output *output, GArray *rows)
{
	struct mime_bounce *row = &g_array_index(rows, struct mime_bounce, 0);

	if (rows->len != 1 || bounce_is_address(row->address))
		return;
	GArray *others = g_array_new(FALSE, FALSE, sizeof(struct mime_bounce));
	g_autofree char *text = content_read(&message->text_body, output);
	recipients_read(message, header, output, text, others);
	for (guint i = 0; i < others->len; i++) {
		struct mime_bounce *other = &g_array_index(others, struct mime_bounce, i);
		if (i == 0 && other->address) {
			g_free(row->address);
			row->address = g_steal_pointer(&other->address);
		}
		mime_bounce_clear(other);
	}
	g_array_unref(others);
}

/* A success is no bounce, and a part that names nobody leaves it to the text. */
static char *rows_read(const struct mime_message *message, const struct header *header,
		       struct mime_output *output, const char *text, GArray *rows)
{
	bool names_any = status_parts_read(message, output, rows);

	if (rows->len > 0) {
		address_mend(message, header, output, rows);
		return g_strdup("message/delivery-status");
	}
	return names_any ? NULL : text_read(message, header, output, text, rows);
}

char *bounces_read(struct mime_message *message, const struct header *header,
		   struct mime_output *output)
{
	g_autofree char *field = NULL;
	bool has_part = false;

	for (size_t i = 0; i < message->attachment_count; i++)
		has_part = has_part || is_status_part(&message->attachments[i]);
	if (!has_part && sign_of(message, header, &field) == SIGN_NONE)
		return NULL;

	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct mime_bounce));
	g_autofree char *text = content_read(&message->text_body, output);
	g_autofree char *decided = rows_read(message, header, output, text, rows);
	g_autofree char *id = decided ? original_field(message, output, text, "Message-ID") : NULL;
	line_make(&id);
	for (guint i = 0; i < rows->len; i++)
		g_array_index(rows, struct mime_bounce, i).original_id = g_strdup(id);
	message->bounce_count = rows->len;
	message->bounces = (void *)g_array_free(rows, FALSE);
	return decided ? clean_line(decided, REASON_BYTES_MAX) : NULL;
}
