/*
 * Finds out whether a message has arrived whose APPEND has got no answer: among those that are new
 * in the folder one must have its Message-ID and its size. It is never sent a second time.
 */
#include "loader/mailbox/mail_append_internal.h"

#include "loader/mailbox/mail_session.h"

#include <inttypes.h>
#include <string.h>

/* A message that is told apart by its size alone is looked for among so many. */
enum { MAIL_APPEND_NEW_MAX = 10000 };

/* Search keys are ASCII in quotes; what cannot be written so is looked for by its size alone. */
static bool mail_append_has_id(const struct mail_letter *letter)
{
	const char *id = letter->parsed->message_id;
	if (id == NULL)
		return false;
	for (const char *at = id; *at != '\0'; at++) {
		if (!g_ascii_isgraph(*at) || *at == '"' || *at == '\\')
			return false;
	}
	return true;
}

static int mail_append_search(struct imapc_session *session, const struct mail_appending *job,
			      const struct mail_letter *letter, uint32_t **ret_uids,
			      size_t *ret_count, struct error *err)
{
	g_autoptr(GString) keys = g_string_new(NULL);
	g_string_printf(keys, "UID %u:*", job->uid_next);
	if (mail_append_has_id(letter))
		g_string_append_printf(keys, " HEADER Message-ID \"%s\"",
				       letter->parsed->message_id);
	return imapc_search(session, keys->str, ret_uids, ret_count, err);
}

/* The one among `uids` that is new and has the letter's size, or 0. */
static int mail_append_match(struct imapc_session *session, const struct mail_appending *job,
			     const struct mail_letter *letter, const uint32_t *uids, size_t count,
			     uint32_t *ret_uid, struct error *err)
{
	size_t asked = MIN(count, (size_t)MAIL_APPEND_NEW_MAX);
	g_autofree struct imapc_size *sizes = g_new0(struct imapc_size, asked + 1);
	for (size_t i = 0; i < asked; i++)
		sizes[i].uid = uids[i];
	*ret_uid = 0;
	if (asked > 0 && imapc_fetch_sizes(session, sizes, asked, err) != 0)
		return -1;
	for (size_t i = 0; i < asked && *ret_uid == 0; i++) {
		/* "9:*" is the last message, however low its UID is. */
		if (sizes[i].uid >= job->uid_next &&
		    sizes[i].size_bytes == letter->append.size_bytes)
			*ret_uid = sizes[i].uid;
	}
	return 0;
}

/* *ret_uid is 0 where it is not there. */
static int mail_append_find(struct imapc_session *session, const struct mail_appending *job,
			    const struct mail_letter *letter, uint32_t *ret_uid, struct error *err)
{
	struct imapc_mailbox mailbox;
	g_autofree uint32_t *uids = NULL;
	size_t count;
	if (imapc_select(session, job->mail->wire, job->mail->folder, true, &mailbox, err) != 0)
		return -1;
	if (mailbox.uid_validity != job->uid_validity)
		return error_set(err, ERROR_TEMPORARY,
				 "the folder has numbered its messages afresh");
	if (mail_append_search(session, job, letter, &uids, &count, err) != 0)
		return -1;
	return mail_append_match(session, job, letter, uids, count, ret_uid, err);
}

/* Texts go one into the other, so that each is copied before it is overwritten. */
static int mail_append_say(struct error *err, const char *found)
{
	g_autofree char *lost = g_strdup(err->text);
	return error_set(err, err->kind,
			 "%s; all of the message had been sent, and it may have arrived: %s; it is "
			 "not sent a second time",
			 lost, found);
}

int mail_append_look(const struct mail_appending *job, const struct mail_letter *letter,
		     struct imapc_appended *appended, struct error *err)
{
	scoped(mail_session_close) struct mail_session *again = NULL;
	const struct mail_request *request = job->mail->request;
	const char *marks = mail_append_has_id(letter) ? "its Message-ID and its size" : "its size";
	struct error failure;
	uint32_t uid;
	if (request->reopen(request->reopen_context, &again, &failure) != 0 ||
	    mail_append_find(again->imap, job, letter, &uid, &failure) != 0) {
		g_autofree char *words =
		    g_strdup_printf("it could not be looked for (%s)", failure.text);
		return mail_append_say(err, words);
	}
	if (uid == 0) {
		g_autofree char *words = g_strdup_printf("no new message in folder '%s' has %s now",
							 job->mail->folder, marks);
		return mail_append_say(err, words);
	}
	appended->uid = uid;
	appended->uid_validity = job->uid_validity;
	return 0;
}
