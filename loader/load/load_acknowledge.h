/*
 * load_acknowledge.h - queues whose mail is acknowledged by its delivery: a message stays in its
 * mailbox, unread, until the target has answered for its entry.
 *
 * The ledger's row is `awaiting` until then. Whoever finishes the entry makes it `stored`, in the
 * same transaction (queue/schema.sql, trigger pickup_answered); from there on the message is
 * treated as any stored one, by the next run of the loader: marked \Seen, and moved where it has
 * somewhere to go.
 * Errors: as in loader/imap/session/session.h and of the database.
 */
#ifndef LOADER_LOAD_LOAD_ACKNOWLEDGE_H
#define LOADER_LOAD_LOAD_ACKNOWLEDGE_H

#include "loader/load/load_internal.h"

/* Fills in the state in which a message begins; `found`: `pickup` is the row of the same message
 * under another UIDVALIDITY. */
void load_acknowledge_begin(const struct load *load, bool found, struct pickup *pickup);

/* Messages of this target stay in the source when they are finished. */
bool load_acknowledge_stays(const struct load *load, enum pickup_target target);

/* Marks them \Seen, which finishes them. */
int load_acknowledge_read(struct load *load, const uint32_t *uids, size_t count, struct error *err);

/* Takes \Seen away from messages that still wait for an answer. */
int load_acknowledge_unread(struct load *load, struct error *err);

/* What becomes of a message that is loaded now, for plans: "move to 'Archive'". Caller frees. */
char *load_acknowledge_plan(const struct load *load);

#endif
