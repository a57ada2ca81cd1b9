/*
 * The tree of folders: lists it with numbers of messages, deletes and renames, and closes a folder
 * without expunging. Deleting and renaming take the subscriptions along, so that mail programs do
 * not show folders that are gone.
 */
#include "loader/imap/session/folder_tree.h"

#include "loader/base/redact.h"

#include "loader/imap/names/mailbox_name.h"
#include "loader/imap/names/server_words.h"
#include "loader/imap/names/status_lines.h"
#include "loader/imap/session/session_internal.h"
#include "queue/base/scoped.h"

#include <stdlib.h>
#include <string.h>

/* What is counted on where nobody knows how many folders there are. */
#define FOLDERS_MAX 50000
#define LIST_BYTES  (UINT64_C(1) * 1024 * 1024)

void imapc_folder_rows_free(struct imapc_folder_rows *rows)
{
	if (!rows)
		return;
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->rows[i].name);
		g_free(rows->rows[i].wire);
		g_strfreev(rows->rows[i].attributes);
	}
	g_free(rows->rows);
	*rows = (struct imapc_folder_rows){0};
}

/* --- order ------------------------------------------------------------- */

static bool is_inbox_or_below(const char *name)
{
	return !strncmp(name, "INBOX", 5) && (name[5] == '\0' || name[5] == '/');
}

/* The end of a level comes before any character, so that a subtree stays together. */
static int compare_rows(const void *one, const void *other)
{
	const char *a = ((const struct imapc_folder_row *)one)->name;
	const char *b = ((const struct imapc_folder_row *)other)->name;
	bool a_first = is_inbox_or_below(a);

	if (a_first != is_inbox_or_below(b))
		return a_first ? -1 : 1;
	while (*a && *a == *b) {
		a++;
		b++;
	}

	int left = *a == '/' ? 1 : (unsigned char)*a + (*a ? 1 : 0);
	int right = *b == '/' ? 1 : (unsigned char)*b + (*b ? 1 : 0);

	return left - right;
}

/* Ascending, and each folder once. */
static void sort_rows(struct imapc_folder_rows *rows)
{
	size_t kept = 0;

	if (rows->count == 0)
		return;
	qsort(rows->rows, rows->count, sizeof *rows->rows, compare_rows);
	for (size_t i = 1; i < rows->count; i++) {
		struct imapc_folder_row *row = &rows->rows[i];

		if (strcmp(row->wire, rows->rows[kept].wire) != 0) {
			rows->rows[++kept] = *row;
			continue;
		}
		free(row->name);
		g_free(row->wire);
		g_strfreev(row->attributes);
	}
	rows->count = kept + 1;
}

/* --- LIST -------------------------------------------------------------- */

/* True for what was asked for: a name with % or * is a pattern to LIST, and brings other
 * folders. */
static bool is_wanted(const char *wire, const char *parent, char delimiter, bool whole)
{
	size_t size = parent ? strlen(parent) : 0;

	if (parent && (strncmp(wire, parent, size) != 0 || wire[size] != delimiter))
		return false;

	const char *rest = parent ? wire + size + 1 : wire;

	return *rest && (whole || !delimiter || !strchr(rest, delimiter));
}

/* But for \Marked and \Unmarked, which say nothing of the folder. Caller frees. */
static char **take_attributes(const struct mailimap_mailbox_list *row)
{
	const struct mailimap_mbx_list_flags *flags = row->mb_flag;
	GPtrArray *names = g_ptr_array_new();
	clistiter *first = flags && flags->mbf_oflags ? clist_begin(flags->mbf_oflags) : NULL;

	if (flags && flags->mbf_type == MAILIMAP_MBX_LIST_FLAGS_SFLAG &&
	    flags->mbf_sflag == MAILIMAP_MBX_LIST_SFLAG_NOSELECT)
		g_ptr_array_add(names, g_strdup("\\Noselect"));
	for (clistiter *at = first; at; at = clist_next(at)) {
		const struct mailimap_mbx_list_oflag *flag = clist_content(at);
		g_autofree char *name =
		    flag->of_type == MAILIMAP_MBX_LIST_OFLAG_NOINFERIORS
			? g_strdup("\\Noinferiors")
			: g_strconcat("\\", flag->of_flag_ext ? flag->of_flag_ext : "", NULL);

		g_ptr_array_add(names, server_words(name, strlen(name)));
	}
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

static void take_rows(const struct imapc_session *session, const char *parent, bool whole,
		      struct imapc_folder_rows *rows)
{
	clist *list = session->imap->imap_response_info->rsp_mailbox_list;

	rows->rows = g_new0(struct imapc_folder_row, (gsize)clist_count(list) + 1);
	for (clistiter *at = clist_begin(list); at; at = clist_next(at)) {
		const struct mailimap_mailbox_list *row = clist_content(at);

		/* The server may list others: only folders that were asked for are shown or
		 * deleted. */
		if (!row->mb_name || !is_wanted(row->mb_name, parent, session->delimiter, whole))
			continue;

		g_autofree char *name = mailbox_name_decode(row->mb_name, row->mb_delimiter);

		rows->rows[rows->count++] = (struct imapc_folder_row){
		    .wire = g_strdup(row->mb_name),
		    .name = redact(name, strlen(name)),
		    .selectable = imapc_can_be_selected(row),
		    .attributes = take_attributes(row),
		};
	}
}

/* From the bytes of the answer: libetpan keeps the last STATUS only. */
static void take_counts(const struct imapc_session *session, struct imapc_folder_rows *rows)
{
	const MMAPString *lines = session->imap->imap_stream_buffer;
	const char *at = lines->str;
	struct status_line line;
	g_autoptr(GHashTable) by_wire = g_hash_table_new(g_str_hash, g_str_equal);

	for (size_t i = 0; i < rows->count; i++)
		g_hash_table_insert(by_wire, rows->rows[i].wire, &rows->rows[i]);
	while (status_lines_next(&at, lines->str + lines->len, &line)) {
		struct imapc_folder_row *row = g_hash_table_lookup(by_wire, line.wire);

		g_free(line.wire);
		if (!row)
			continue;
		row->has_counts = true;
		row->messages = line.messages;
		row->unseen = line.unseen;
		row->recent = line.recent;
	}
}

static int send_list(struct imapc_session *session, const char *wire, bool whole, bool counts,
		     struct error *err)
{
	const char delimiter[] = {session->delimiter, '\0'};
	g_autofree char *pattern =
	    g_strconcat(wire ? wire : "", wire ? delimiter : "", whole ? "*" : "%", NULL);
	g_autofree char *quoted = imapc_quote(pattern);

	/* Where nothing is to be returned, servers tell the attributes unasked. */
	bool uses = imapc_has_capability(session, "LIST-EXTENDED") &&
		    imapc_has_capability(session, "SPECIAL-USE");

	imapc_expect(session, FOLDERS_MAX, LIST_BYTES, 0);
	return imapc_command(session, err, "LIST \"\" %s%s%s%s%s", quoted,
			     uses || counts ? " RETURN (CHILDREN" : "", uses ? " SPECIAL-USE" : "",
			     counts ? " STATUS (MESSAGES UNSEEN RECENT)" : "",
			     uses || counts ? ")" : "");
}

/* What can be read of the list; imapc_refuse_unread() tells whether that is all. */
static int list_readable(struct imapc_session *session, const char *wire, bool whole, bool counts,
			 struct imapc_folder_rows *ret_rows, struct error *err)
{
	struct imapc_folder_rows rows = {0};

	if (imapc_learn_namespaces(session, err) < 0)
		return error_prefix(err, "list folders");
	if (!wire || session->delimiter) {
		counts = counts && imapc_has_capability(session, "LIST-STATUS");
		if (send_list(session, wire, whole, counts, err) < 0)
			return error_prefix(err, "list folders");
		take_rows(session, wire, whole, &rows);
		sort_rows(&rows);
		if (counts)
			take_counts(session, &rows);
	}
	*ret_rows = rows;
	return 0;
}

int imapc_folder_list(struct imapc_session *session, const char *wire, bool whole, bool counts,
		      struct imapc_folder_rows *ret_rows, struct error *err)
{
	struct imapc_folder_rows rows = {0};

	if (list_readable(session, wire, whole, counts, &rows, err) < 0)
		return -1;
	if (imapc_refuse_unread(session, IMAPC_UNREAD_LIST, err) < 0) {
		imapc_folder_rows_free(&rows);
		return error_prefix(err, "list folders");
	}
	*ret_rows = rows;
	return 0;
}

static bool has_attribute(const struct imapc_folder_row *row, const char *attribute)
{
	for (char **name = row->attributes; *name; name++) {
		if (!g_ascii_strcasecmp(*name, attribute))
			return true;
	}
	return false;
}

/* "\Archive is 'Old mail', \Sent is 'Sent'". Caller frees. */
static char *describe_uses(const struct imapc_folder_rows *rows)
{
	g_autoptr(GString) known = g_string_new(NULL);

	for (size_t i = 0; i < rows->count; i++) {
		for (char **name = rows->rows[i].attributes; *name; name++) {
			if (mailbox_name_attribute(*name))
				g_string_append_printf(known, "%s%s is '%s'",
						       known->len > 0 ? ", " : "", *name,
						       rows->rows[i].name);
		}
	}
	return g_string_free(g_steal_pointer(&known), FALSE);
}

int imapc_find_attribute(struct imapc_session *session, const char *attribute,
			 struct imapc_folder *ret_folder, struct error *err)
{
	scoped(imapc_folder_rows_free) struct imapc_folder_rows *rows = NULL;
	struct imapc_folder_rows all = {0};
	const struct imapc_folder_row *found = NULL;
	size_t count = 0;

	if (list_readable(session, NULL, true, false, &all, err) < 0)
		return -1;
	rows = &all;
	for (size_t i = 0; i < rows->count; i++) {
		if (!rows->rows[i].selectable || !has_attribute(&rows->rows[i], attribute))
			continue;
		found = &rows->rows[i];
		count++;
	}

	g_autofree char *known = describe_uses(rows);

	if (count != 1 && imapc_refuse_unread(session, IMAPC_UNREAD_LIST, err) < 0)
		return -1;
	if (count != 1)
		return error_set(err, ERROR_CONFIGURATION,
				 "%s has %s with this attribute: name the folder itself (%s)",
				 session->server->url, count == 0 ? "no folder" : "several folders",
				 *known ? known : "it tells of no special use of any");
	ret_folder->wire = g_strdup(found->wire);
	ret_folder->exists = true;
	return 0;
}

int imapc_folder_count(struct imapc_session *session, struct imapc_folder_row *row,
		       struct error *err)
{
	g_autofree char *quoted = imapc_quote(row->wire);
	struct imapc_folder_rows one = {.rows = row, .count = 1};

	if (imapc_command(session, err, "STATUS %s (MESSAGES UNSEEN RECENT)", quoted) < 0)
		return error_prefix(err, "folder '%s'", row->name);
	take_counts(session, &one);
	if (!row->has_counts)
		return error_set(err, ERROR_PROTOCOL, "folder '%s': the server gave no status",
				 row->name);
	return 0;
}

int imapc_folder_delimiter(struct imapc_session *session, char *ret_delimiter, struct error *err)
{
	if (imapc_learn_namespaces(session, err) < 0)
		return -1;
	*ret_delimiter = session->delimiter;
	return 0;
}

/* --- changes ----------------------------------------------------------- */

int imapc_folder_delete(struct imapc_session *session, const char *wire, const char *name,
			struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);
	struct error ignored;

	if (imapc_command(session, err, "DELETE %s", quoted) < 0)
		return error_prefix(err, "delete folder '%s'", name);
	imapc_command(session, &ignored, "UNSUBSCRIBE %s", quoted);
	return 0;
}

/* The subscribed names among the folder and those below it. A server that refuses LSUB has none. */
static int list_subscribed(struct imapc_session *session, const char *wire, GPtrArray *names,
			   struct error *err)
{
	const char delimiter[] = {session->delimiter, '\0'};
	g_autofree char *pattern = g_strconcat(wire, "*", NULL);
	g_autofree char *below = g_strconcat(wire, delimiter, NULL);
	g_autofree char *quoted = imapc_quote(pattern);

	imapc_expect(session, FOLDERS_MAX, LIST_BYTES, 0);
	if (imapc_command(session, err, "LSUB \"\" %s", quoted) < 0)
		return session->alive ? 0 : -1;

	clist *list = session->imap->imap_response_info->rsp_mailbox_lsub;

	for (clistiter *at = clist_begin(list); at; at = clist_next(at)) {
		const struct mailimap_mailbox_list *row = clist_content(at);

		if (row->mb_name && (!strcmp(row->mb_name, wire) ||
				     (*delimiter && g_str_has_prefix(row->mb_name, below))))
			g_ptr_array_add(names, g_strdup(row->mb_name));
	}
	return 0;
}

int imapc_folder_rename(struct imapc_session *session, const char *wire, const char *new_wire,
			const char *name, struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);
	g_autofree char *new_quoted = imapc_quote(new_wire);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	struct error ignored;

	/* The old names are known only before. */
	if (list_subscribed(session, wire, names, err) < 0 ||
	    imapc_command(session, err, "RENAME %s %s", quoted, new_quoted) < 0)
		return error_prefix(err, "rename folder '%s'", name);
	for (guint i = 0; i < names->len && session->alive; i++) {
		const char *old = g_ptr_array_index(names, i);
		g_autofree char *new = g_strconcat(new_wire, old + strlen(wire), NULL);
		g_autofree char *old_quoted = imapc_quote(old);
		g_autofree char *renamed = imapc_quote(new);

		imapc_command(session, &ignored, "UNSUBSCRIBE %s", old_quoted);
		imapc_command(session, &ignored, "SUBSCRIBE %s", renamed);
	}
	return 0;
}

int imapc_unselect(struct imapc_session *session, struct error *err)
{
	/* CLOSE expunges a folder unless it is open for reading only, so INBOX is opened that way
	 * first. */
	bool known = imapc_has_capability(session, "UNSELECT");
	int result = known ? imapc_command(session, err, "UNSELECT")
			   : imapc_command(session, err, "EXAMINE INBOX");

	if (!known && result == 0)
		result = imapc_command(session, err, "CLOSE");
	/* A server refuses when nothing is selected, which is as good. */
	return session->alive ? 0 : result;
}
