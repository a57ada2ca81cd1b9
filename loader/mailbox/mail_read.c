/*
 * getHeaderOnly and getAll: brings messages in batches to a spool, lets the parser process take
 * them apart, and reports each with its row. Memory does not grow with the messages: at most a
 * hundred of them, or 16 MiB, are on their way at once.
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/base/folder.h"
#include "loader/base/service.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"
#include "queue/base/scoped.h"

#include <string.h>

/* Of one batch, if no single message is larger. */
enum { MAIL_BATCH_ROWS = 100, MAIL_BATCH_BYTES = 16 * 1024 * 1024 };

/* A message on its way. */
struct mail_item {
	struct imapc_row row;
	uint64_t offset; /* in the spool */
	uint64_t size;	 /* there */
	uint64_t body_lines;
	bool arrived;
	bool passed_over; /* it did not, and that has been said */
	size_t parser_index;
};

struct mail_read {
	struct mail *mail;
	bool bodies;
	int spool;  /* raw messages of the batch */
	int output; /* of the parser */
	uint64_t spool_end;
	struct parser *parser;
	struct mail_attachment_saver *saver; /* NULL: attachments are not saved */
	GArray *items;			     /* struct mail_item, the batch by UID */
	struct mail_item arriving;
	bool in_body;	    /* the empty line has arrived */
	bool at_line_start; /* the next byte begins a line */
	uint64_t received_bytes;
};

static struct mail_item *mail_item_at(const struct mail_read *read, guint index)
{
	return &g_array_index(read->items, struct mail_item, index);
}

static struct mail_item *mail_item_find(const struct mail_read *read, uint32_t uid)
{
	for (guint i = 0; i < read->items->len; i++) {
		if (mail_item_at(read, i)->row.uid == uid)
			return mail_item_at(read, i);
	}
	return NULL;
}

/* --- what arrives ------------------------------------------------------ */

static int mail_read_begin(void *context, struct error *err)
{
	struct mail_read *read = context;
	(void)err;
	read->arriving = (struct mail_item){.offset = read->spool_end};
	read->in_body = false;
	read->at_line_start = true;
	return 0;
}

/* Counts lines as getHeaderOnly and getAll report them: those behind the first empty one. */
static void mail_read_count_lines(struct mail_read *read, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\r')
			continue;
		bool newline = bytes[i] == '\n';
		if (read->in_body && newline)
			read->arriving.body_lines++;
		if (newline && read->at_line_start)
			read->in_body = true;
		read->at_line_start = newline;
	}
}

static int mail_read_write(void *context, const void *bytes, size_t size, struct error *err)
{
	struct mail_read *read = context;
	struct mail_item *item = &read->arriving;
	size_t kept = size;
	read->received_bytes += size;
	/* The parser would not read more of a header. */
	if (!read->bodies)
		kept = (size_t)MIN(size, mime_options_default().max_header_size - item->size);
	else
		mail_read_count_lines(read, bytes, size);
	if (kept > 0 && spool_write(read->spool, item->offset + item->size, bytes, kept, err) != 0)
		return -1;
	item->size += kept;
	return 0;
}

static int mail_read_submit(struct mail_read *read, struct mail_item *item, struct error *err)
{
	item->arrived = true;
	item->offset = read->arriving.offset;
	item->size = read->arriving.size;
	item->body_lines = read->arriving.body_lines;
	/* The last line may lack its end. */
	if (read->in_body && !read->at_line_start)
		item->body_lines++;
	/* The next message begins where this one ends; one that was not wanted is overwritten. */
	read->spool_end += item->size;
	return parser_submit(read->parser, item->offset, item->size, !read->bodies,
			     &item->parser_index, err);
}

/* The header is whole, and its row beside it: the parser gets it while others arrive. */
static int mail_read_end_header(void *context, const struct imapc_row *row, struct error *err)
{
	struct mail_read *read = context;
	struct mail_item item = {0};
	if (row == NULL)
		return 0;
	item.row = *row;
	if (mail_read_submit(read, &item, err) != 0)
		return -1;
	g_array_append_val(read->items, item);
	return 0;
}

/* A row whose message is fetched afterwards. */
static int mail_read_end_row(void *context, const struct imapc_row *row, struct error *err)
{
	struct mail_read *read = context;
	(void)err;
	if (row != NULL) {
		struct mail_item item = {.row = *row};
		g_array_append_val(read->items, item);
	}
	return 0;
}

/* It has no row; where the action is to go on, its failure takes the row's place. */
static int mail_read_withheld(void *context, uint32_t uid, struct error *err)
{
	struct mail_read *read = context;
	return mail_pass_over(read->mail, uid, err);
}

/* The first answer for a UID counts: a server may send a message twice. */
static int mail_read_end_message(void *context, uint32_t uid, int64_t date_s, struct error *err)
{
	struct mail_read *read = context;
	struct mail_item *item = uid != 0 ? mail_item_find(read, uid) : NULL;
	(void)date_s;
	return item != NULL && !item->arrived ? mail_read_submit(read, item, err) : 0;
}

/* --- a batch ----------------------------------------------------------- */

static int mail_read_fetch_headers(struct mail_read *read, const uint32_t *uids, size_t count,
				   struct error *err)
{
	const struct imapc_row_sink sink = {.begin = mail_read_begin,
					    .write = mail_read_write,
					    .end = mail_read_end_header,
					    .withheld = mail_read_withheld,
					    .context = read};
	return imapc_fetch_rows(read->mail->session, uids, count, true, &sink, err);
}

/* Fetches the messages of `count` rows from `first` on. If that fails and the action is to go on,
 * each message that has not come is asked for by itself. */
static int mail_read_fetch_some(struct mail_read *read, guint first, guint count, struct error *err)
{
	const struct imapc_sink sink = {.begin = mail_read_begin,
					.write = mail_read_write,
					.end = mail_read_end_message,
					.context = read};
	struct imapc_session *session = read->mail->session;
	uint32_t uids[MAIL_BATCH_ROWS];
	for (guint i = 0; i < count; i++)
		uids[i] = mail_item_at(read, first + i)->row.uid;
	if (imapc_fetch_messages(session, uids, count, &sink, err) == 0)
		return 0;
	error_prefix(err, "fetch messages");
	if (!read->mail->request->go_on)
		return -1;
	for (guint i = 0; i < count; i++) {
		struct mail_item *item = mail_item_at(read, first + i);
		if (item->arrived)
			continue;
		bool came = imapc_is_alive(session) &&
			    imapc_fetch_messages(session, &uids[i], 1, &sink, err) == 0;
		if (!came && mail_pass_over(read->mail, uids[i], err) != 0)
			return -1;
		item->passed_over = !came;
	}
	return 0;
}

/* --- rows going out ---------------------------------------------------- */

static int mail_read_save(struct mail_read *read, const struct mime_message *parsed, char **files,
			  struct error *err)
{
	int content = read->output;
	for (size_t i = 0; i < parsed->attachment_count; i++) {
		if (mail_attachment_save(read->saver, content, &parsed->attachments[i], &files[i],
					 err) != 0)
			return -1;
	}
	return 0;
}

/* A message that could not be parsed, or whose attachments could not be saved, is reported all the
 * same where the action is to go on: with its failure in its row. */
static int mail_read_report(struct mail_read *read, const struct mail_item *item, struct error *err)
{
	const struct mail_report *report = read->mail->report;
	scoped(mime_message_free) struct mime_message *parsed = NULL;
	struct mail_message message = {.row = &item->row,
				       .lines = read->bodies ? (int64_t)item->body_lines : -1,
				       .has_bodies = read->bodies,
				       .content = read->output};
	struct error save_err;
	if (parser_read(read->parser, item->parser_index, &parsed, &message.failure, err) != 0)
		return -1;
	g_auto(GStrv) files = g_new0(char *, parsed->attachment_count + 1);
	int failed =
	    message.failure != NULL ? error_set(&save_err, ERROR_DATA, "%s", message.failure) : 0;
	if (read->saver != NULL) {
		message.files = files;
		if (failed == 0)
			failed = mail_read_save(read, parsed, files, &save_err);
	}
	if (failed != 0) {
		error_prefix(&save_err, "UID %u of folder '%s'", item->row.uid, read->mail->folder);
		if (!read->mail->request->go_on) {
			report->failure(item->row.uid, &save_err, true, report->context);
			*err = save_err;
			return -1;
		}
		if (read->mail->failure_count++ == 0)
			read->mail->first_failure = save_err;
		message.failure = save_err.text;
	}
	message.parsed = parsed;
	return report->message(&message, report->context, err);
}

/* The server has listed the message and does not send it: it is gone meanwhile, or withheld. */
static int mail_read_miss(struct mail_read *read, uint32_t uid, struct error *err)
{
	g_autofree uint32_t *present = NULL;
	size_t count;
	if (imapc_search_present(read->mail->session, &uid, 1, &present, &count, err) != 0)
		return -1;
	if (count > 0)
		error_set(err, ERROR_PROTOCOL,
			  "UID %u: the server has the message, and sends no body that can be read",
			  uid);
	else
		error_set(err, ERROR_NO, "UID %u is no longer in the folder", uid);
	return mail_pass_over(read->mail, uid, err);
}

static int mail_read_report_items(struct mail_read *read, guint first, guint count,
				  struct error *err)
{
	if (parser_finish(read->parser, err) != 0)
		return -1;
	for (guint i = first; i < first + count; i++) {
		const struct mail_item *item = mail_item_at(read, i);
		if (item->passed_over)
			continue;
		if (item->arrived ? mail_read_report(read, item, err) != 0
				  : mail_read_miss(read, item->row.uid, err) != 0)
			return -1;
	}
	return 0;
}

/* A parser of its own for each batch: a message that has taken one over lies about no later one. */
static int mail_read_empty_spool(struct mail_read *read, struct error *err)
{
	read->spool_end = 0;
	parser_begin(read->parser);
	return spool_clear(read->spool, err) != 0 ? -1 : spool_clear(read->output, err);
}

static int mail_read_headers(struct mail_read *read, const uint32_t *uids, size_t count,
			     struct error *err)
{
	if (mail_read_empty_spool(read, err) != 0 ||
	    mail_read_fetch_headers(read, uids, count, err) != 0)
		return -1;
	return mail_read_report_items(read, 0, read->items->len, err);
}

/* How many of the rows from `first` on make one batch. */
static guint mail_read_batch_length(const struct mail_read *read, guint first)
{
	uint64_t bytes = 0;
	guint length = 0;
	while (first + length < read->items->len) {
		bytes += mail_item_at(read, first + length)->row.size_bytes;
		if (length > 0 && bytes > MAIL_BATCH_BYTES)
			break;
		length++;
	}
	return length;
}

/* Rows first, for the sizes: they say how many messages make a batch. */
static int mail_read_messages(struct mail_read *read, const uint32_t *uids, size_t count,
			      struct error *err)
{
	const struct imapc_row_sink sink = {
	    .end = mail_read_end_row, .withheld = mail_read_withheld, .context = read};
	if (imapc_fetch_rows(read->mail->session, uids, count, false, &sink, err) != 0)
		return -1;
	for (guint first = 0; first < read->items->len;) {
		guint length = mail_read_batch_length(read, first);
		if (mail_read_empty_spool(read, err) != 0 ||
		    mail_read_fetch_some(read, first, length, err) != 0 ||
		    mail_read_report_items(read, first, length, err) != 0)
			return -1;
		first += length;
	}
	return 0;
}

/* --- all of them ------------------------------------------------------- */

static int mail_read_all(struct mail_read *read, const struct mail_selection *selection,
			 struct error *err)
{
	for (size_t first = 0; first < selection->count && !stop_requested();
	     first += MAIL_BATCH_ROWS) {
		size_t count = MIN((size_t)MAIL_BATCH_ROWS, selection->count - first);
		const uint32_t *uids = selection->uids + first;
		g_array_set_size(read->items, 0);
		if (read->bodies ? mail_read_messages(read, uids, count, err) != 0
				 : mail_read_headers(read, uids, count, err) != 0)
			return error_prefix(err, "folder '%s'", read->mail->folder);
		mail_tell_progress(read->mail, first + count, selection->count,
				   read->received_bytes);
	}
	return 0;
}

static int mail_read_selection(struct mail *mail, const struct mail_selection *selection,
			       struct error *err)
{
	scoped(descriptor_close) int spool = -1;
	scoped(descriptor_close) int output = -1;
	scoped(parser_stop) struct parser *parser = NULL;
	scoped(mail_attachment_close) struct mail_attachment_saver *saver = NULL;
	const struct mail_request *request = mail->request;
	bool bodies = request->action == MAIL_GET_ALL;
	struct mime_options options = mime_options_default();
	if (spool_open(folder_temporary(), &spool, err) != 0 ||
	    spool_open(folder_temporary(), &output, err) != 0)
		return -1;
	parser = parser_new(&options, spool, output);
	if (bodies && request->attachment_path != NULL && !request->dry_run &&
	    mail_attachment_open(request->attachment_path, request->existing, request->mode, &saver,
				 err) != 0)
		return -1;
	g_autoptr(GArray) items = g_array_new(FALSE, TRUE, sizeof(struct mail_item));
	struct mail_read read = {.mail = mail,
				 .bodies = bodies,
				 .spool = spool,
				 .output = output,
				 .parser = parser,
				 .saver = saver,
				 .items = items};
	return mail_read_all(&read, selection, err);
}

int mail_read(struct mail *mail, struct error *err)
{
	struct imapc_mailbox mailbox;
	struct mail_selection selection = {0};
	scoped(mail_selection_clear) struct mail_selection *release = &selection;
	if (mail_select_folder(mail, true, &mailbox, err) != 0 ||
	    mail_selection_resolve(mail->session, &mailbox, mail->request, release, err) != 0 ||
	    mail_selection_refuse_unknown(mail, release, err) != 0)
		return -1;
	/* No parser is started for nothing. */
	if (selection.count == 0)
		return 0;
	return mail_read_selection(mail, &selection, err);
}
