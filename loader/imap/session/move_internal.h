/*
 * move_internal.h - what the parts of a move share: move.c sends the commands, move_proof.c finds
 * out what became of the messages, move_copies.c looks for copies, move_problem.c words what went
 * wrong.
 */
#ifndef LOADER_IMAP_SESSION_MOVE_INTERNAL_H
#define LOADER_IMAP_SESSION_MOVE_INTERNAL_H

#include "loader/imap/session/move.h"
#include "loader/imap/session/session_internal.h"

#include <glib.h>

/* In the order in which they are said: the first one gives the error its kind. */
enum move_problem_kind {
	MOVE_MISSING,	 /* gone, and not arrived */
	MOVE_NOT_COPIED, /* said to be copied, and not arrived */
	MOVE_STAYED,	 /* said to be moved, and neither gone nor arrived */
	MOVE_NOT_MOVED,	 /* said to be moved, but only copied */
	MOVE_UNDELETED,	 /* copied, but the original does not go */
	MOVE_REFUSED,
	MOVE_UNTRIED, /* too much was refused before */
	MOVE_PROBLEM_KINDS
};

struct move_problem {
	GArray *uids; /* uint32_t */
	size_t count; /* of messages; where their UIDs are not known, more than `uids` has */
	struct error why;
};

struct move {
	struct imapc_session *session;
	const char *wire;
	const char *name;
	move_tell tell;
	void *context;
	char *source_name;
	uint32_t source_uid_next; /* when the folder was selected first; 0 = not known */
	/* UIDNEXT of the target after our last look, which only grows, and grows with every message
	 * that arrives; or where a server tells none, its number of messages. */
	bool target_known;
	bool target_by_uid;
	uint32_t target_next;
	size_t together_max; /* a larger set is refused as such */
	unsigned refusals;   /* commands */
	GArray *returns;     /* struct move_return */
	struct move_problem problems[MOVE_PROBLEM_KINDS];
};

/* `why` is NULL where the kind says everything. */
void move_note(struct move *move, enum move_problem_kind kind, const uint32_t *uids, size_t count,
	       const struct error *why);

/* So many of these are missing; it is not known which. */
void move_note_missing(struct move *move, const uint32_t *uids, size_t count, size_t missing);

/* Messages, and where their copies are; as long as each other. */
struct move_set {
	uint32_t *uids;
	size_t count;
	struct imapc_copy copy;
};
struct move_set *move_set_new(size_t count_max, uint32_t uid_validity);

/* Takes NULL. */
void move_set_free(struct move_set *set);
SCOPED_DEFINE(struct move_set *, move_set_free)

/* Tells the fate of a set, unless it is empty. */
int move_tell_set(struct move *move, enum move_fate fate, const struct move_set *set,
		  struct error *err);

/* Parts messages by whether they are still in the selected folder; `copy` may be NULL. */
int move_part_by_presence(struct move *move, const uint32_t *uids, size_t count,
			  const struct imapc_copy *copy, struct move_set *present,
			  struct move_set *gone, struct error *err);

struct move_answer {
	bool moves;	      /* to MOVE; false: to COPY */
	bool refused;	      /* NO or BAD; a server may have moved some all the same */
	GArray *refused_uids; /* gets those that it applies to */
};

/* Finds out what became of a set after the server has answered, tells the fates, and notes what is
 * not as it should be. */
int move_settle(struct move *move, const struct move_answer *answer, const uint32_t *uids,
		size_t count, const struct imapc_copy *copy, struct error *err);

/* What has arrived in the target between two looks. */
struct move_arrivals {
	uint32_t first; /* UID; where the server tells no UIDNEXT, a number of messages */
	uint32_t count;
};

/* The first look, before anything is sent there. */
int move_expect_arrivals(struct move *move, struct error *err);
int move_count_arrivals(struct move *move, struct move_arrivals *ret_arrivals, struct error *err);

/* COPYUID names a message that can have arrived. */
bool move_is_among(const struct move *move, const struct move_arrivals *arrivals, uint32_t uid);

enum move_copy_known {
	MOVE_COPY_NONE,
	MOVE_COPY_SEEN,
	/* The server does not send the message's bytes; as many messages have arrived as it says
	 * that it has copied. */
	MOVE_COPY_COUNTED
};

/*
 * Which of `uids`, all of them in the selected folder, have a copy among what has arrived: by
 * `copy` where it tells that of all of them and can be believed, else by their bytes. ret_known[i]
 * is set, and copy->uids[i] filled in where it is known. `claimed`: the server says that it has
 * copied all of them.
 */
int move_find_copies(struct move *move, const struct move_arrivals *arrivals, const uint32_t *uids,
		     size_t count, bool claimed, struct imapc_copy *copy,
		     enum move_copy_known *ret_known, struct error *err);

/* Where permission is denied: says which right of which folder is missing, as far as the server
 * tells. `rights` are those needed in the selected folder. Returns -1. */
int move_explain(const struct move *move, const char *rights, struct error *err);

#endif
