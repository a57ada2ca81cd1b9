/* Shows what a mail action finds and does, row by row as it comes: a table, JSON Lines or CSV.
 * Bodies are copied from the file they lie in. */
#include "loader/cli/mail/mail_internal.h"

#include "loader/base/clock.h"
#include "loader/cli/frame/output.h"
#include "loader/imap/names/mailbox_name.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One for each action; a script has one for each line. */
struct mail_view {
	const struct mail_request *request;
	enum mail_view_format format;
	GPtrArray *columns; /* const char *, borrowed from mail_columns_of() */
	bool chosen;	    /* by --columns */
	bool yes;
	bool first; /* no row has been written yet */
	struct progress progress;
};

/* Rows are printed as they come, so that columns have widths of their own. FROM gives way first where the terminal
 * is narrow. */
static const struct output_rows_column message_columns[] = {
    {"NUMBER", 6, true, false},	   {"UID", 6, true, false},  {"FLAGS", 6, false, false},
    {"RECEIVED", 0, false, false}, {"SIZE", 9, true, false}, {"FROM", 26, false, true},
    {"SUBJECT", 40, false, false}};

static const struct output_rows_column folder_columns[] = {{"MESSAGES", 8, true, false},
							   {"UNREAD", 6, true, false},
							   {"NEW", 6, true, false},
							   {"USE", 9, false, false},
							   {"FOLDER", 40, false, false}};

/* --- cells ------------------------------------------------------------- */

/* The value as text: null is empty, lists are JSON. Caller frees. */
static char *mail_view_text(const json_t *value)
{
	if (json_is_string(value))
		return g_strdup(json_string_value(value));
	if (value == NULL || json_is_null(value))
		return g_strdup("");
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* A column that is a body is copied from its file; all others are in the row. */
static int mail_view_csv_row(const struct mail_view *view, const json_t *row,
			     const struct mail_message *message, struct error *err)
{
	bool guard = view->format == MAIL_VIEW_GUARDED_CSV;
	for (guint i = 0; i < view->columns->len; i++) {
		const char *column = g_ptr_array_index(view->columns, i);
		const struct mime_content *content = mail_columns_content(message, column);
		g_autofree char *text = mail_view_text(json_object_get(row, column));
		if (i > 0)
			output_csv_comma();
		if (message == NULL || content == NULL)
			output_csv_cell(text, guard);
		else if (mail_body_print(view->format, message->content, content, err) != 0)
			return -1;
	}
	output_csv_end_row();
	return 0;
}

/* A list of rows inside a script's line has commas between them, JSON Lines have none. */
static int mail_view_json_row(struct mail_view *view, const json_t *row,
			      const struct mail_message *message, struct error *err)
{
	if (view->format == MAIL_VIEW_JSON_LIST && !view->first)
		putchar(',');
	for (guint i = 0; i < view->columns->len; i++) {
		const char *column = g_ptr_array_index(view->columns, i);
		const struct mime_content *content = mail_columns_content(message, column);
		const json_t *value = json_object_get(row, column);
		printf("%s\"%s\":", i > 0 ? "," : "{", column);
		if (message == NULL || content == NULL)
			output_json_value(value);
		else if (mail_body_print(view->format, message->content, content, err) != 0)
			return -1;
	}
	putchar('}');
	if (view->format == MAIL_VIEW_JSON)
		putchar('\n');
	return 0;
}

/* Columns that the user has chosen are all of one width. */
static void mail_view_chosen_row(const struct mail_view *view, const json_t *row)
{
	g_autofree struct output_rows_column *columns =
	    g_new0(struct output_rows_column, view->columns->len);
	g_auto(GStrv) cells = g_new0(char *, view->columns->len + 1);
	for (guint i = 0; i < view->columns->len; i++) {
		columns[i] = (struct output_rows_column){
		    .name = view->columns->pdata[i], .width = 20, .gives_way = true};
		cells[i] = mail_view_text(json_object_get(row, view->columns->pdata[i]));
	}
	if (view->first)
		output_rows_head(columns, view->columns->len);
	output_rows_print(columns, view->columns->len, (const char *const *)cells);
}

/* NULL where the row has no such column, or null in it. */
static const char *mail_view_string(const json_t *row, const char *column)
{
	return json_string_value(json_object_get(row, column));
}

/* An error stands behind the subject, where a table has room. A row of a failure has no message. */
static void mail_view_message_row(const struct mail_view *view, const json_t *row,
				  const struct mail_message *message)
{
	static const char *const letters[] = {"seen",	 "S", "answered", "A", "flagged", "F",
					      "deleted", "D", "draft",	  "d", "recent",  "R"};
	g_autoptr(GString) flags = g_string_new(NULL);
	char received[CLOCK_TEXT_SIZE] = "";
	const char *error = mail_view_string(row, "error");
	const char *subject = mail_view_string(row, "subject");
	g_autofree char *number = mail_view_text(json_object_get(row, "messageNumber"));
	g_autofree char *uid = mail_view_text(json_object_get(row, "uid"));
	g_autofree char *size = mail_view_text(json_object_get(row, "size"));
	g_autofree char *last =
	    g_strdup_printf("%s%s%s", subject != NULL ? subject : "",
			    error != NULL ? " error: " : "", error != NULL ? error : "");
	for (size_t i = 0; i < G_N_ELEMENTS(letters); i += 2) {
		if (json_is_true(json_object_get(row, letters[i])))
			g_string_append(flags, letters[i + 1]);
	}
	if (message != NULL && message->row->internal_date_s != 0)
		output_time_s(message->row->internal_date_s, received);
	const char *const cells[] = {number,	     uid,  flags->str,
				     received,	     size, mail_view_string(row, "from"),
				     g_strchug(last)};
	if (view->first)
		output_rows_head(message_columns, G_N_ELEMENTS(message_columns));
	output_rows_print(message_columns, G_N_ELEMENTS(message_columns), cells);
}

/* What the server says that the folder is for: "\\Archive"; "" where it does not. Borrowed. */
static const char *mail_view_use(const json_t *row)
{
	const json_t *names = json_object_get(row, "attributes");
	const char *use = NULL;
	for (size_t i = 0; use == NULL && i < json_array_size(names); i++)
		use = mailbox_name_attribute(json_string_value(json_array_get(names, i)));
	return use != NULL ? use : "";
}

/* The name comes last: it is the one that may be long. */
static void mail_view_folder_row(const struct mail_view *view, const json_t *row)
{
	g_autofree char *messages = mail_view_text(json_object_get(row, "totalMessages"));
	g_autofree char *unread = mail_view_text(json_object_get(row, "unread"));
	g_autofree char *new = mail_view_text(json_object_get(row, "new"));
	const char *const cells[] = {messages, unread, new, mail_view_use(row),
				     mail_view_string(row, "fullName")};
	if (view->first)
		output_rows_head(folder_columns, G_N_ELEMENTS(folder_columns));
	output_rows_print(folder_columns, G_N_ELEMENTS(folder_columns), cells);
}

/* A choice of columns counts before the tables that the program has of its own. */
static void mail_view_table_row(const struct mail_view *view, const json_t *row,
				const struct mail_message *message)
{
	if (view->chosen)
		mail_view_chosen_row(view, row);
	else if (view->request->action == MAIL_LIST_ALL_FOLDERS)
		mail_view_folder_row(view, row);
	else
		mail_view_message_row(view, row, message);
}

/* Standard output that cannot be written ends the action: a row that is lost is a failure. */
static int mail_view_row(struct mail_view *view, const json_t *row,
			 const struct mail_message *message, struct error *err)
{
	int failed = 0;
	switch (view->format) {
	case MAIL_VIEW_JSON:
	case MAIL_VIEW_JSON_LIST:
		failed = mail_view_json_row(view, row, message, err);
		break;
	case MAIL_VIEW_CSV:
	case MAIL_VIEW_GUARDED_CSV:
		failed = mail_view_csv_row(view, row, message, err);
		break;
	case MAIL_VIEW_TABLE:
		mail_view_table_row(view, row, message);
		break;
	}
	view->first = false;
	if (failed == 0 && ferror(stdout))
		return error_set(err, ERROR_IO, "standard output: %s", g_strerror(errno));
	return failed;
}

/* The bar shares the terminal with the rows, so that it goes before a row comes. */
static int mail_view_take_message(const struct mail_message *message, void *context,
				  struct error *err)
{
	struct mail_view *view = context;
	json_auto_t *row = mail_columns_message(message);
	progress_clear(&view->progress);
	if (mail_view_row(view, row, message, err) != 0)
		return -1;
	return view->format == MAIL_VIEW_TABLE && !view->chosen
		   ? mail_columns_say_whole(message, err)
		   : 0;
}

/* A folder's row is whole when it comes: there is nothing to copy. */
static int mail_view_take_folder(const struct imapc_folder_row *folder, void *context,
				 struct error *err)
{
	json_auto_t *row = mail_columns_folder(folder);
	progress_clear(&((struct mail_view *)context)->progress);
	return mail_view_row(context, row, NULL, err);
}

/* Table or not: words for people, rows for programs. */
static void mail_view_take_change(const struct mail_change *change, void *context)
{
	struct mail_view *view = context;
	struct error ignored;
	progress_clear(&view->progress);
	if (view->format == MAIL_VIEW_TABLE) {
		mail_columns_say(change, view->request->dry_run);
		return;
	}
	json_auto_t *row = mail_columns_change(change, view->request->dry_run);
	mail_view_row(view, row, NULL, &ignored);
}

/* Actions that list, in contrast to those that change. */
static bool mail_view_is_of_rows(const struct mail_view *view)
{
	return view->request->action == MAIL_GET_HEADER_ONLY ||
	       view->request->action == MAIL_GET_ALL;
}

/* What ends the action is its error; its row tells programs which message it was. */
static void mail_view_take_failure(uint32_t uid, const struct error *failure, bool ends,
				   void *context)
{
	struct mail_view *view = context;
	const bool table = view->format == MAIL_VIEW_TABLE;
	struct error ignored;
	progress_clear(&view->progress);
	if (table && !ends && !mail_view_is_of_rows(view))
		output_say("%s", failure->text);
	if (table ? ends || !mail_view_is_of_rows(view) : ends && uid == 0)
		return;
	json_auto_t *row =
	    json_pack("{s:s, s:s}", "action", mail_action_name(view->request->action), "error",
		      failure->text);
	g_autofree char *set = g_strdup_printf("%u", uid);
	if (uid != 0)
		json_object_set_new(
		    row, "uid", mail_view_is_of_rows(view) ? json_integer(uid) : json_string(set));
	mail_view_row(view, row, NULL, &ignored);
}

/* Without a terminal nobody can answer, so that nothing is done. */
static int mail_view_confirm(const char *what, void *context, struct error *err)
{
	struct mail_view *view = context;
	if (view->yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return error_set(err, ERROR_USAGE,
				 "nothing was done, there is no terminal to ask; --yes goes "
				 "ahead: %s",
				 what);
	progress_clear(&view->progress);
	if (output_ask("%s", what))
		return 0;
	return error_set(err, ERROR_NO, "nothing was done");
}

/* Rows on the same terminal are progress enough. */
static void mail_view_progress(uint64_t done, uint64_t total, uint64_t size_bytes, void *context)
{
	struct mail_view *view = context;
	fflush(stdout);
	if (!view->first && isatty(STDOUT_FILENO))
		return;
	progress_show(&view->progress, done, total, size_bytes);
}

/* mail_run() knows nothing of formats: it hands over what it finds, and this view prints it. */
void mail_view_report(struct mail_view *view, struct mail_report *ret_report)
{
	*ret_report = (struct mail_report){.message = mail_view_take_message,
					   .folder = mail_view_take_folder,
					   .change = mail_view_take_change,
					   .failure = mail_view_take_failure,
					   .confirm = mail_view_confirm,
					   .progress = mail_view_progress,
					   .context = view};
}

/* CSV begins with the names of the columns. */
void mail_view_begin(struct mail_view *view)
{
	bool csv = view->format == MAIL_VIEW_CSV || view->format == MAIL_VIEW_GUARDED_CSV;
	for (guint i = 0; csv && i < view->columns->len; i++) {
		if (i > 0)
			output_csv_comma();
		output_csv_cell(view->columns->pdata[i], false);
	}
	if (csv)
		output_csv_end_row();
}

/* What is left of the bar would stand in front of the shell's next line. */
void mail_view_end(struct mail_view *view, bool failed)
{
	progress_clear(&view->progress);
	if (!failed && view->first && view->format == MAIL_VIEW_TABLE && mail_view_is_of_rows(view))
		output_say_to_person("no messages match");
}

/* The columns are known before the first row, so that a wrong name costs nothing. */
int mail_view_new_for_line(const struct invocation *invocation, const struct mail_request *request,
			   enum mail_view_format format, bool yes, struct mail_view **ret_view,
			   struct error *err)
{
	scoped(mail_view_free) struct mail_view *view = g_new0(struct mail_view, 1);
	view->request = request;
	view->format = format;
	view->columns = g_ptr_array_new();
	view->yes = yes || mail_options_text(invocation, "yes") != NULL;
	view->first = true;
	view->progress.label = mail_action_name(request->action);
	const char *list = mail_options_text(invocation, "columns");
	view->chosen = list != NULL;
	if (mail_columns_choose(request->action, list, view->columns, err) != 0)
		return -1;
	*ret_view = steal(&view);
	return 0;
}

/* CSV and JSON exclude each other; --csv-guard is CSV, too. */
int mail_view_new(const struct invocation *invocation, const struct mail_request *request,
		  struct mail_view **ret_view, struct error *err)
{
	bool csv = mail_options_text(invocation, "csv") != NULL;
	bool guarded = mail_options_text(invocation, "csv-guard") != NULL;
	enum mail_view_format format = invocation->json ? MAIL_VIEW_JSON : MAIL_VIEW_TABLE;
	if ((csv || guarded) && invocation->json)
		return error_set(err, ERROR_USAGE, "--json and --csv exclude each other");
	if (csv || guarded)
		format = guarded ? MAIL_VIEW_GUARDED_CSV : MAIL_VIEW_CSV;
	return mail_view_new_for_line(invocation, request, format, false, ret_view, err);
}

void mail_view_free(struct mail_view *view)
{
	if (view == NULL)
		return;
	g_ptr_array_unref(view->columns);
	g_free(view);
}
