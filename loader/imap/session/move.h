/*
 * move.h - messages of the selected folder go to another folder, and it is proved that they have.
 *
 * This is the one way in which messages are moved: by UID MOVE (RFC 6851), else by UID COPY,
 * \Deleted and UID EXPUNGE (RFC 4315). An OK is only the server's word. A message has moved when it
 * is gone from its folder and has arrived in the target, as COPYUID and the target's UIDNEXT show
 * it, and where these do not tell, its bytes. No original is removed before its copy has been seen,
 * and nothing is copied again that has been. A target that is the selected folder is refused.
 *
 * A set that the server refuses is divided until the messages that it refuses are known; the others
 * move. A message that cannot be moved, or has not arrived, is a problem: it ends nothing, and
 * move_verdict() says it.
 *
 * Life:      move_new() .. move_free(), while the same folder is selected, though it may be
 *            selected again between two calls.
 * Ownership: everything that is handed in is borrowed until move_free().
 * Errors:    those of session.h. CONFIGURATION where the target is the source. A refusal that is
 *            not about single messages (no permission, no room, no such folder) is an error, not a
 *            problem; where rights are missing it names the folder and the right (RFC 4314).
 * Memory:    36 bytes for each message of a call, and 4 for each with a problem.
 */
#ifndef LOADER_IMAP_SESSION_MOVE_H
#define LOADER_IMAP_SESSION_MOVE_H

#include "loader/imap/session/session.h"
#include "queue/base/scoped.h"

enum move_fate {
	MOVE_MOVED,  /* gone from its folder */
	MOVE_COPIED, /* a copy has arrived; the original is still there, and goes next */
	/* As before, but the original stays, flagged \Deleted: the server has no UIDPLUS, or tells
	 * neither the copy's UID nor the bytes that would prove it. */
	MOVE_LEFT
};

/* Told of messages as soon as their fate is known, before anything else is changed; `copy` is NULL
 * or as long as `uids`. -1 with *err ends the move. */
typedef int (*move_tell)(enum move_fate fate, const uint32_t *uids, size_t count,
			 const struct imapc_copy *copy, void *context, struct error *err);

/* A message that was moved away and seems to lie in its old folder under a new UID: then target and
 * source are one folder, whatever their names say. Its bytes prove it. */
struct move_return {
	uint32_t uid;
	uint32_t new_uid;
};

struct move;

/* `wire` is the target in the server's form, `name` in the operator's. */
struct move *move_new(struct imapc_session *session, const char *wire, const char *name,
		      move_tell tell, void *context);

/* Takes NULL. */
void move_free(struct move *move);
SCOPED_DEFINE(struct move *, move_free)

/* Moves messages of the selected folder, ascending. Those that are gone are told as moved. */
int move_messages(struct move *move, const uint32_t *uids, size_t count, struct error *err);

/* The second half alone: originals whose copies are known to be in the target are removed. */
int move_originals(struct move *move, const uint32_t *uids, size_t count, struct error *err);

/* The messages that came back by the last call of move_messages(). */
const struct move_return *move_returns(const struct move *move, size_t *ret_count);

/* Puts a return into words. CONFIGURATION. Returns -1. */
int move_say_return(const struct move *move, const struct move_return *back, struct error *err);

/* -1 when there were problems since the beginning, or the last move_forget(): *err says which, and
 * names the UIDs. */
int move_verdict(const struct move *move, struct error *err);
void move_forget(struct move *move);

#endif
