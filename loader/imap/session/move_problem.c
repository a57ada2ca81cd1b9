/*
 * Puts into words what could not be moved, or did not arrive: one sentence for each kind of
 * problem, which names the messages. Where permission is denied, finds out which right is missing.
 */
#include "loader/imap/names/uid_set.h"
#include "loader/imap/session/move_internal.h"
#include "queue/base/scoped.h"

#include <string.h>

/* A longer list of UIDs is cut in an error. */
#define SHOWN_BYTES_MAX 100

static void note(struct move *move, enum move_problem_kind kind, const uint32_t *uids, size_t count,
		 size_t messages, const struct error *why)
{
	struct move_problem *problem = &move->problems[kind];

	if (messages == 0)
		return;
	/* The first reason of a kind stands for all. */
	if (problem->count == 0)
		problem->why = why ? *why : (struct error){.kind = ERROR_PROTOCOL};
	g_array_append_vals(problem->uids, uids, (guint)count);
	problem->count += messages;
}

void move_note(struct move *move, enum move_problem_kind kind, const uint32_t *uids, size_t count,
	       const struct error *why)
{
	note(move, kind, uids, count, count, why);
}

void move_note_missing(struct move *move, const uint32_t *uids, size_t count, size_t missing)
{
	note(move, MOVE_MISSING, uids, missing > 0 ? count : 0, missing, NULL);
}

void move_forget(struct move *move)
{
	for (size_t i = 0; i < MOVE_PROBLEM_KINDS; i++) {
		g_array_set_size(move->problems[i].uids, 0);
		move->problems[i].count = 0;
	}
}

/* "2,5:7", cut where it gets long. Caller frees. */
static char *describe_uids(const GArray *uids)
{
	scoped(uid_set_free) struct uid_set *set =
	    uid_set_new((const uint32_t *)(const void *)uids->data, uids->len);
	g_autoptr(GString) text = g_string_new(NULL);
	size_t part;

	uid_set_next(set, SIZE_MAX, text, &part);
	if (text->len > SHOWN_BYTES_MAX) {
		g_string_truncate(text, SHOWN_BYTES_MAX);
		/* Cut behind a comma: half a number would be another message. */
		g_string_truncate(text, (gsize)(strrchr(text->str, ',') - text->str) + 1);
		g_string_append(text, "…");
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *describe(const struct move *move, enum move_problem_kind kind)
{
	const struct move_problem *problem = &move->problems[kind];
	const char *source = move->source_name;
	g_autofree char *uids = describe_uids(problem->uids);

	switch (kind) {
	case MOVE_MISSING:
		if (problem->count == problem->uids->len)
			return g_strdup_printf("UID %s left '%s', but has not arrived in '%s'",
					       uids, source, move->name);
		return g_strdup_printf("%zu of the messages with UID %s left '%s', but did not "
				       "arrive in '%s'",
				       problem->count, uids, source, move->name);
	case MOVE_NOT_COPIED:
		return g_strdup_printf("the server said that UID %s was copied to '%s', but it has "
				       "not arrived; it stays in '%s'",
				       uids, move->name, source);
	case MOVE_STAYED:
		return g_strdup_printf("the server said that UID %s was moved to '%s', but it is "
				       "still in '%s'",
				       uids, move->name, source);
	case MOVE_NOT_MOVED:
		return g_strdup_printf(
		    "UID %s is not moved: it was copied to '%s', but is still in "
		    "'%s'",
		    uids, move->name, source);
	case MOVE_UNDELETED:
		return g_strdup_printf("UID %s, which lies in '%s' now, could not be deleted from "
				       "'%s' (%s)",
				       uids, move->name, source, problem->why.text);
	case MOVE_REFUSED:
		return g_strdup_printf("UID %s stays in '%s': it cannot be moved to '%s': %s", uids,
				       source, move->name, problem->why.text);
	case MOVE_UNTRIED:
	case MOVE_PROBLEM_KINDS:
		break;
	}
	return g_strdup_printf("%zu messages of '%s' were not tried, since so many were refused",
			       problem->count, source);
}

int move_verdict(const struct move *move, struct error *err)
{
	enum error_kind kind = ERROR_NONE;
	g_autoptr(GString) text = g_string_new(NULL);

	for (enum move_problem_kind i = 0; i < MOVE_PROBLEM_KINDS; i++) {
		if (move->problems[i].count == 0)
			continue;

		g_autofree char *sentence = describe(move, i);

		if (kind == ERROR_NONE)
			kind = move->problems[i].why.kind;
		g_string_append_printf(text, "%s%s", text->len > 0 ? "; " : "", sentence);
	}
	return kind == ERROR_NONE ? 0 : error_set(err, kind, "%s", text->str);
}

int move_say_return(const struct move *move, const struct move_return *back, struct error *err)
{
	return error_set(err, ERROR_CONFIGURATION,
			 "UID %u of '%s' came back there as UID %u when it was moved to '%s': both "
			 "names are one folder",
			 back->uid, move->source_name, back->new_uid, move->name);
}

/* --- missing rights ---------------------------------------------------- */

/* First the folder that messages leave, then the one that they go to. */
static int find_lacking(const struct move *move, const char *rights, char **ret_folder,
			char **ret_lacking)
{
	struct error ignored;

	*ret_folder = g_strdup(move->session->open_name);
	if (rights_find_lacking(move->session, move->session->open_wire, rights, ret_lacking,
				&ignored) < 0 ||
	    *ret_lacking)
		return *ret_lacking ? 0 : -1;
	g_free(*ret_folder);
	*ret_folder = g_strdup(move->name);
	return rights_find_lacking(move->session, move->wire, "i", ret_lacking, &ignored);
}

int move_explain(const struct move *move, const char *rights, struct error *err)
{
	g_autofree char *folder = NULL;
	g_autofree char *lacking = NULL;

	if (err->kind != ERROR_CREDENTIALS || !imapc_is_alive(move->session) ||
	    find_lacking(move, rights, &folder, &lacking) < 0 || !lacking)
		return -1;

	g_autofree char *described = rights_describe(lacking);

	return error_prefix(err, "%s in folder '%s'", described, folder);
}
