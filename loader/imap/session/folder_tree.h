/*
 * folder_tree.h - the folders of an account as a tree, and changes to it.
 *
 * Works on a session (session.h: life, names, errors, threads). `wire` is the server's form of a
 * name, `name` the operator's. A folder that is selected must be left with imapc_unselect() before
 * it is deleted or renamed: servers disagree on what happens otherwise.
 *
 * Ownership: rows belong to the caller, who frees them with imapc_folder_rows_free().
 * Source:    RFC 3501 6.3.3-6.3.10, RFC 5819 (LIST-STATUS), RFC 6154 (SPECIAL-USE), RFC 3691 (UNSELECT).
 */
#ifndef LOADER_IMAP_SESSION_FOLDER_TREE_H
#define LOADER_IMAP_SESSION_FOLDER_TREE_H

#include "loader/imap/session/session.h"
#include "queue/base/scoped.h"

struct imapc_folder_row {
	char *wire;
	char *name;	 /* without secrets */
	bool selectable; /* false: it only holds folders */
	char **
	    attributes; /* as the server has them: "\HasNoChildren", "\Archive" …; NULL in a row made by hand */
	bool has_counts;
	uint32_t messages;
	uint32_t unseen;
	uint32_t recent;
};

/* In the order of a tree: a folder before those below it, levels by their bytes, INBOX first. */
struct imapc_folder_rows {
	struct imapc_folder_row *rows;
	size_t count;
};
void imapc_folder_rows_free(struct imapc_folder_rows *rows);
SCOPED_DEFINE(struct imapc_folder_rows *, imapc_folder_rows_free)

/*
 * The folders below `wire`, or below the root where it is NULL; `whole`: at any depth, else one
 * level. With `counts` the numbers come in the same round trip where the server has LIST-STATUS;
 * rows without has_counts need imapc_folder_count().
 */
int imapc_folder_list(struct imapc_session *session, const char *wire, bool whole, bool counts,
		      struct imapc_folder_rows *ret_rows, struct error *err);

/* STATUS of one row. */
int imapc_folder_count(struct imapc_session *session, struct imapc_folder_row *row,
		       struct error *err);

/* DELETE and UNSUBSCRIBE (a refused UNSUBSCRIBE is ignored). */
int imapc_folder_delete(struct imapc_session *session, const char *wire, const char *name,
			struct error *err);

/* RENAME of a folder with all below it; subscriptions are kept under the new names. */
int imapc_folder_rename(struct imapc_session *session, const char *wire, const char *new_wire,
			const char *name, struct error *err);

/* No mailbox is selected any more, and nothing is expunged. */
int imapc_unselect(struct imapc_session *session, struct error *err);

/* The server's delimiter between levels; '\0': it has no levels. */
int imapc_folder_delimiter(struct imapc_session *session, char *ret_delimiter, struct error *err);

#endif
