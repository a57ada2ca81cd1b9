/*
 * Single folders: finds them by their names, creates them, asks for their status, selects them.
 * Names go through the server's namespaces, which are learnt once in a session, when they are first
 * needed.
 */
#include "loader/imap/names/mailbox_name.h"
#include "loader/imap/session/session_internal.h"

#include <libetpan/namespace.h>
#include <stdlib.h>
#include <string.h>

/* --- namespaces -------------------------------------------------------- */

static const struct mailimap_namespace_data *find_namespaces(const struct imapc_session *session)
{
	clist *list = session->imap->imap_response_info->rsp_extension_list;

	for (clistiter *at = clist_begin(list); at; at = clist_next(at)) {
		const struct mailimap_extension_data *data = clist_content(at);

		if (data->ext_extension == &mailimap_extension_namespace)
			return data->ext_data;
	}
	return NULL;
}

static void note_prefixes(struct imapc_session *session, const struct mailimap_namespace_item *item)
{
	if (!item)
		return;
	for (clistiter *at = clist_begin(item->ns_data_list); at; at = clist_next(at)) {
		const struct mailimap_namespace_info *info = clist_content(at);

		if (*info->ns_prefix)
			g_ptr_array_add(session->all_prefixes, g_strdup(info->ns_prefix));
	}
}

/* Of several personal namespaces one without a prefix is taken: below it names stand as they
 * are. */
static void note_personal(struct imapc_session *session, const struct mailimap_namespace_item *item)
{
	clistiter *first = item ? clist_begin(item->ns_data_list) : NULL;

	for (clistiter *at = first; at; at = clist_next(at)) {
		const struct mailimap_namespace_info *info = clist_content(at);

		if (at == first || !*info->ns_prefix) {
			g_free(session->personal_prefix);
			session->personal_prefix = g_strdup(info->ns_prefix);
			session->delimiter = info->ns_delimiter;
		}
	}
}

static int read_namespaces(struct imapc_session *session, struct error *err)
{
	/* A refusal means that names need no prefix. */
	if (imapc_command(session, err, "NAMESPACE") < 0)
		return session->alive ? 0 : error_prefix(err, "namespaces");

	const struct mailimap_namespace_data *data = find_namespaces(session);

	if (data) {
		note_personal(session, data->ns_personal);
		note_prefixes(session, data->ns_personal);
		note_prefixes(session, data->ns_other);
		note_prefixes(session, data->ns_shared);
	}
	return 0;
}

static int read_delimiter(struct imapc_session *session, struct error *err)
{
	/* An empty name asks for the delimiter alone (RFC 3501, 6.3.8). */
	if (imapc_command(session, err, "LIST \"\" \"\"") < 0 ||
	    imapc_refuse_unread(session, IMAPC_UNREAD_LIST, err) < 0)
		return error_prefix(err, "the server's delimiter");

	clistiter *first = clist_begin(session->imap->imap_response_info->rsp_mailbox_list);

	if (first) {
		const struct mailimap_mailbox_list *row = clist_content(first);

		session->delimiter = row->mb_delimiter;
	}
	return 0;
}

int imapc_learn_namespaces(struct imapc_session *session, struct error *err)
{
	if (session->namespace_known)
		return 0;
	g_free(session->personal_prefix);
	session->personal_prefix = g_strdup("");
	if (imapc_has_capability(session, "NAMESPACE") && read_namespaces(session, err) < 0)
		return -1;
	if (!session->delimiter && read_delimiter(session, err) < 0)
		return -1;
	session->namespace_known = true;
	return 0;
}

/* --- finding ----------------------------------------------------------- */

static bool has_flag(const struct mailimap_mailbox_list *row, const char *name)
{
	const struct mailimap_mbx_list_flags *flags = row->mb_flag;

	if (!flags || !flags->mbf_oflags)
		return false;
	for (clistiter *at = clist_begin(flags->mbf_oflags); at; at = clist_next(at)) {
		const struct mailimap_mbx_list_oflag *flag = clist_content(at);

		if (flag->of_type == MAILIMAP_MBX_LIST_OFLAG_FLAG_EXT && flag->of_flag_ext &&
		    !g_ascii_strcasecmp(flag->of_flag_ext, name))
			return true;
	}
	return false;
}

bool imapc_can_be_selected(const struct mailimap_mailbox_list *row)
{
	if (row->mb_flag && row->mb_flag->mbf_type == MAILIMAP_MBX_LIST_FLAGS_SFLAG &&
	    row->mb_flag->mbf_sflag == MAILIMAP_MBX_LIST_SFLAG_NOSELECT)
		return false;
	return !has_flag(row, "NonExistent") && !has_flag(row, "Noselect");
}

/* A name with % or * is a pattern to LIST, so more may come than was meant. */
static int list_folder(struct imapc_session *session, const char *wire, bool *ret_exists,
		       bool *ret_is_all, struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);
	bool pattern = strpbrk(wire, "%*") != NULL;

	*ret_exists = *ret_is_all = false;
	if (imapc_command(session, err, "LIST \"\" %s", quoted) < 0)
		return -1;

	clist *list = session->imap->imap_response_info->rsp_mailbox_list;

	for (clistiter *at = clist_begin(list); at; at = clist_next(at)) {
		const struct mailimap_mailbox_list *row = clist_content(at);

		if ((!pattern || !strcmp(row->mb_name, wire)) && imapc_can_be_selected(row)) {
			*ret_exists = true;
			*ret_is_all = has_flag(row, "All");
		}
	}
	return *ret_exists ? 0 : imapc_refuse_unread(session, IMAPC_UNREAD_LIST, err);
}

/* True if `wire` is the prefix without its delimiter ("Shared" of "Shared/"): it holds a namespace,
 * and no mail. */
static bool is_root(const struct imapc_session *session, const char *prefix, const char *wire)
{
	size_t size = strlen(prefix);

	return size > 1 && prefix[size - 1] == session->delimiter && strlen(wire) == size - 1 &&
	       !strncmp(prefix, wire, size - 1);
}

static bool is_a_root(const struct imapc_session *session, const char *wire)
{
	for (guint i = 0; i < session->all_prefixes->len; i++) {
		if (is_root(session, g_ptr_array_index(session->all_prefixes, i), wire))
			return true;
	}
	return false;
}

static bool is_below_a_prefix(const struct imapc_session *session, const char *wire)
{
	for (guint i = 0; i < session->all_prefixes->len; i++) {
		if (g_str_has_prefix(wire, g_ptr_array_index(session->all_prefixes, i)))
			return true;
	}
	return is_a_root(session, wire);
}

/* As it stands, else below the personal prefix: "Archive" is "INBOX.Archive" on some servers. */
static int find_wire(struct imapc_session *session, const char *name,
		     struct imapc_folder *ret_folder, struct error *err)
{
	g_autofree char *wire = NULL;
	bool exists = false;

	if (mailbox_name_encode(name, session->delimiter, &wire, err) < 0 ||
	    list_folder(session, wire, &exists, &ret_folder->is_all, err) < 0)
		return -1;
	if (!exists && *session->personal_prefix && strcmp(wire, "INBOX") != 0 &&
	    !is_below_a_prefix(session, wire)) {
		char *below = g_strconcat(session->personal_prefix, wire, NULL);

		g_free(wire);
		wire = below;
		if (list_folder(session, wire, &exists, &ret_folder->is_all, err) < 0)
			return -1;
	}
	ret_folder->wire = g_steal_pointer(&wire);
	ret_folder->exists = exists;
	return 0;
}

int imapc_find_folder(struct imapc_session *session, const char *name,
		      struct imapc_folder *ret_folder, struct error *err)
{
	const char *attribute = mailbox_name_attribute(name);

	if (imapc_learn_namespaces(session, err) < 0 ||
	    (attribute ? imapc_find_attribute(session, attribute, ret_folder, err)
		       : find_wire(session, name, ret_folder, err)) < 0)
		return error_prefix(err, "look for folder '%s'", name);
	return 0;
}

/* Where personal folders are below "INBOX.", Dovecot takes "INBOX.INBOX" for INBOX itself. */
static const char *without_prefix(const struct imapc_session *session, const char *wire)
{
	const char *prefix = session->personal_prefix;
	size_t size = prefix ? strlen(prefix) : 0;

	if (size == 0 || !mailbox_name_is_same(prefix, "INBOX", session->delimiter) ||
	    g_ascii_strncasecmp(wire, prefix, size) != 0 ||
	    !mailbox_name_is_same(wire + size, "INBOX", session->delimiter))
		return wire;
	return wire + size;
}

bool imapc_is_same_folder(const struct imapc_session *session, const char *wire, const char *other)
{
	return mailbox_name_is_same(without_prefix(session, wire), without_prefix(session, other),
				    session->delimiter);
}

int imapc_create_folder(struct imapc_session *session, const char *wire, const char *name,
			struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);
	struct error ignored;

	if (imapc_command(session, err, "CREATE %s", quoted) < 0)
		return error_prefix(err, "create folder '%s'", name);
	imapc_command(session, &ignored, "SUBSCRIBE %s", quoted);
	return 0;
}

int imapc_create_parents(struct imapc_session *session, const char *wire, struct error *err)
{
	const char *at = session->delimiter ? strchr(wire, session->delimiter) : NULL;

	for (; at; at = strchr(at + 1, session->delimiter)) {
		g_autofree char *parent = g_strndup(wire, (gsize)(at - wire));
		bool exists = false;
		bool ignored = false;

		/* A namespace's own level cannot be created. */
		if (*parent == '\0' || is_a_root(session, parent))
			continue;
		if (list_folder(session, parent, &exists, &ignored, err) < 0)
			return error_prefix(err, "look for folder '%s'", parent);
		if (exists)
			continue;

		char *name = mailbox_name_decode(parent, session->delimiter);
		int failed = imapc_create_folder(session, parent, name, err);

		free(name);
		/* The server may create the level by itself; if not, creating the folder says
		 * why. */
		if (failed < 0 && !session->alive)
			return -1;
	}
	return 0;
}

/* --- looking into ------------------------------------------------------ */

static void take_status(const struct mailimap_status_info *info, struct imapc_status *status)
{
	switch (info->st_att) {
	case MAILIMAP_STATUS_ATT_MESSAGES:
		status->messages = info->st_value;
		break;
	case MAILIMAP_STATUS_ATT_UNSEEN:
		status->unseen = info->st_value;
		break;
	case MAILIMAP_STATUS_ATT_UIDNEXT:
		status->uid_next = info->st_value;
		break;
	case MAILIMAP_STATUS_ATT_UIDVALIDITY:
		status->uid_validity = info->st_value;
		break;
	default:
		break;
	}
}

int imapc_status(struct imapc_session *session, const char *wire, const char *name,
		 struct imapc_status *ret_status, struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);

	if (imapc_command(session, err, "STATUS %s (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)", quoted) <
	    0)
		return error_prefix(err, "folder '%s'", name);

	const struct mailimap_mailbox_data_status *answer =
	    session->imap->imap_response_info->rsp_status;
	struct imapc_status status = {0};

	if (!answer || !answer->st_info_list)
		return error_set(err, ERROR_PROTOCOL, "folder '%s': the server gave no status",
				 name);
	for (clistiter *at = clist_begin(answer->st_info_list); at; at = clist_next(at))
		take_status(clist_content(at), &status);
	*ret_status = status;
	return 0;
}

/* The server closes the open folder even if the SELECT of the next one fails (RFC 3501, 6.3.1). */
static void note_open(struct imapc_session *session, const char *wire, const char *name,
		      const struct mailimap_selection_info *selection)
{
	g_free(session->open_wire);
	g_free(session->open_name);
	g_hash_table_remove_all(session->sizes);
	session->open_wire = g_strdup(wire);
	session->open_name = g_strdup(name);
	session->uid_validity = selection ? selection->sel_uidvalidity : 0;
	session->open_uid_next = selection ? selection->sel_uidnext : 0;
}

/* libetpan overwrites only values that the server sends: a fresh structure has none of the folder
 * before. */
static void set_selection(mailimap *imap, struct mailimap_selection_info *selection)
{
	if (imap->imap_selection_info)
		mailimap_selection_info_free(imap->imap_selection_info);
	imap->imap_selection_info = selection;
}

int imapc_select(struct imapc_session *session, const char *wire, const char *name, bool read_only,
		 struct imapc_mailbox *ret_mailbox, struct error *err)
{
	g_autofree char *quoted = imapc_quote(wire);
	mailimap *imap = session->imap;

	set_selection(imap, mailimap_selection_info_new());
	note_open(session, NULL, NULL, NULL);
	if (imapc_command(session, err, "%s %s", read_only ? "EXAMINE" : "SELECT", quoted) < 0) {
		set_selection(imap, NULL);
		return error_prefix(err, "open folder '%s'", name);
	}

	const struct mailimap_selection_info *selection = imap->imap_selection_info;

	if (!selection || selection->sel_uidvalidity == 0)
		return error_set(
		    err, ERROR_CONFIGURATION,
		    "folder '%s': its UIDVALIDITY is 0 or missing, so that a number may mean "
		    "another message tomorrow, and none is touched: have the server's "
		    "administrator repair the folder, or collect from another one (mailbox=)",
		    name);
	note_open(session, wire, name, selection);
	*ret_mailbox = (struct imapc_mailbox){
	    .messages = selection->sel_exists,
	    .uid_validity = selection->sel_uidvalidity,
	    .uid_next = selection->sel_uidnext,
	    .read_only = read_only || selection->sel_perm == MAILIMAP_MAILBOX_READONLY,
	};
	return 0;
}
