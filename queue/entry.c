/* Stores an entry: its state, the mail's fields, its bodies, attachments, the raw message. A
 * body that is longer than ENTRY_INLINE_BODY_MAX goes to content, so that nobody who reads a row
 * needs memory for it. */
#include "queue/entry.h"

#include "queue/entry_internal.h"
#include "queue/store_internal.h"

#include <glib.h>
#include <string.h>

static const char *const state_names[] = {
    [ENTRY_NEW] = "new",       [ENTRY_CLAIMED] = "claimed", [ENTRY_DONE] = "done",
    [ENTRY_FAILED] = "failed", [ENTRY_BAD] = "bad",
};

const char *entry_state_format(enum entry_state state)
{
	return state_names[state];
}

int entry_state_parse(const char *text, enum entry_state *ret_state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(state_names); i++)
		if (g_strcmp0(text, state_names[i]) == 0) {
			*ret_state = (enum entry_state)i;
			return 0;
		}
	return -1;
}

void entry_sha256_format(const unsigned char sha256[32], char text[ENTRY_SHA256_TEXT])
{
	value_format_sha256(sha256, text);
}

/* 0 is stored as NULL: such a time has not come yet. */
static void bind_time_ms(struct statement *statement, int parameter, int64_t time_ms)
{
	char text[VALUE_TIME_MAX];
	value_format_time_ms(time_ms, text);
	statement_bind_text(statement, parameter, time_ms != 0 ? text : NULL);
}

/* A date of the mail is there in any case; before 1970 it is negative. */
static void bind_time_s(struct statement *statement, int parameter, int64_t time_s)
{
	char text[VALUE_TIME_MAX];
	value_format_time_s(time_s, text);
	statement_bind_text(statement, parameter, text);
}

/* The part of an entry that changes while it is worked off is a row of its own, without the
 * bodies. */
static int put_status(struct store *store, const struct entry *entry, int64_t now_ms,
		      int64_t *ret_id, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO entry_status (queue_id, state, priority, attempt_count, error_kind,"
	    " error_text, last_attempt_at, next_attempt_at, record_created, record_updated, held,"
	    " deadline_at, risk_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12)");
	statement_bind_int(statement, 1, entry->queue_id);
	statement_bind_text(statement, 2, entry_state_format(entry->state));
	statement_bind_int(statement, 3, entry->priority);
	statement_bind_int(statement, 4, entry->attempt_count);
	statement_bind_text(statement, 5, entry->error_kind);
	statement_bind_text(statement, 6, entry->error_text);
	bind_time_ms(statement, 7, entry->last_attempt_at_ms);
	bind_time_ms(statement, 8, entry->next_attempt_at_ms);
	statement_bind_text(statement, 9, now);
	statement_bind_int(statement, 10, entry->held);
	bind_time_ms(statement, 11, entry->deadline_at_ms);
	bind_time_ms(statement, 12, entry->risk_at_ms);
	if (statement_step(statement, err) != 0)
		return -1;
	*ret_id = engine_last_id(store->engine);
	return 0;
}

/* A body on its way into the row: its text, or the digest under which content has it. */
struct body {
	char *text;
	char sha256[VALUE_SHA256_MAX];
	bool in_content;
};

static void body_clear(struct body *body)
{
	g_free(body->text);
}
#define scoped_body __attribute__((cleanup(body_clear))) struct body

/* A short body is read into memory for its row; a long one goes to content, and the row gets its
 * digest. */
static int body_prepare(struct store *store, const struct entry_content *content,
			struct body *ret_body, struct error *err)
{
	if (!content->present)
		return 0;
	ret_body->in_content = content->size_bytes > ENTRY_INLINE_BODY_MAX;
	if (ret_body->in_content)
		return content_put(store, content, ret_body->sha256, err);
	const size_t size = (size_t)content->size_bytes;
	ret_body->text = g_malloc(size + 1);
	return engine_file_read(store->engine, content->fd, content->offset, ret_body->text, size,
				err);
}

/* Binds three columns: size, content, text. A short body is text, a long one content; size
 * alone tells an empty body from none. */
static void bind_body(struct statement *statement, int first, const struct entry_content *content,
		      const struct body *body)
{
	if (!content->present)
		return;
	statement_bind_int(statement, first, (int64_t)content->size_bytes);
	if (body->in_content)
		statement_bind_text(statement, first + 1, body->sha256);
	else
		statement_bind_utf8(statement, first + 2, body->text, (size_t)content->size_bytes);
}

/* Parameters 2 to 16, in the order of the columns. */
static void bind_mail(struct statement *statement, const struct entry *entry)
{
	char raw_sha256[VALUE_SHA256_MAX];
	value_format_sha256(entry->raw_sha256, raw_sha256);
	statement_bind_text(statement, 2, entry->subject);
	statement_bind_text(statement, 3, entry->sender);
	statement_bind_text(statement, 4, entry->recipient);
	statement_bind_text(statement, 5, entry->cc);
	statement_bind_text(statement, 6, entry->bcc);
	statement_bind_text(statement, 7, entry->reply_to);
	bind_time_s(statement, 8, entry->date_sent_s);
	bind_time_s(statement, 9, entry->date_received_s);
	statement_bind_text(statement, 10, entry->message_id);
	statement_bind_text(statement, 11, entry->in_reply_to);
	statement_bind_text(statement, 12, entry->thread_references);
	statement_bind_text(statement, 13, entry->raw_incomplete ? NULL : raw_sha256);
	statement_bind_int(statement, 14, (int64_t)entry->raw_size);
	statement_bind_text(statement, 15, entry->defects != NULL ? entry->defects : "[]");
	statement_bind_text(statement, 16, entry->headers != NULL ? entry->headers : "[]");
	statement_bind_text(statement, 24, entry->reply_plain);
	statement_bind_text(statement, 25, entry->signature);
	statement_bind_text(statement, 26, entry->auto_class);
	statement_bind_text(statement, 27, entry->auto_reason);
}

/* Content is stored before the row that refers to it, as the foreign keys want it. */
static int put_mail(struct store *store, const struct entry *entry,
		    const struct entry_contents *contents, int64_t id, struct error *err)
{
	scoped_body message = {0};
	scoped_body html = {0};
	char raw_content[VALUE_SHA256_MAX];
	if (contents->raw.present && content_put(store, &contents->raw, raw_content, err) != 0)
		return -1;
	if (body_prepare(store, &contents->message_body, &message, err) != 0 ||
	    body_prepare(store, &contents->html_body, &html, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO entry_mail (entry_id, subject, sender, recipient, cc, bcc, reply_to,"
	    " date_sent, date_received, message_id, in_reply_to, thread_references, raw_sha256,"
	    " raw_size, defects, headers, raw_content, message_body_size, message_body_content,"
	    " message_body, html_body_size, html_body_content, html_body, reply_plain, signature,"
	    " auto_class, auto_reason)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,"
	    " ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)");
	statement_bind_int(statement, 1, id);
	bind_mail(statement, entry);
	statement_bind_text(statement, 17, contents->raw.present ? raw_content : NULL);
	bind_body(statement, 18, &contents->message_body, &message);
	bind_body(statement, 21, &contents->html_body, &html);
	return statement_step(statement, err);
}

/* Size and digest are taken from the bytes, not from what the caller says. */
static int put_attachment(struct store *store, const struct entry_attachment *attachment,
			  const struct entry_content *content, int64_t entry_id, size_t position,
			  struct error *err)
{
	char sha256[VALUE_SHA256_MAX];
	if (content_put(store, content, sha256, err) != 0)
		return -1;
	scoped_statement *statement = engine_prepare(
	    store->engine,
	    "INSERT INTO attachment (entry_id, position, file_name, declared_name, content_type,"
	    " disposition, content_id, size, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_int(statement, 2, (int64_t)position);
	statement_bind_text(statement, 3, attachment->file_name);
	statement_bind_text(statement, 4, attachment->declared_name);
	statement_bind_text(statement, 5, attachment->content_type);
	statement_bind_text(statement, 6, attachment->disposition);
	statement_bind_text(statement, 7, attachment->content_id);
	statement_bind_int(statement, 8, (int64_t)content->size_bytes);
	statement_bind_text(statement, 9, sha256);
	return statement_step(statement, err);
}

static int put_attachments(struct store *store, const struct entry *entry,
			   const struct entry_content *contents, int64_t id, struct error *err)
{
	for (size_t i = 0; i < entry->attachment_count; i++) {
		if (put_attachment(store, &entry->attachments[i], &contents[i], id, i + 1, err) !=
		    0)
			return -1;
	}
	return 0;
}

/* All but its thread. */
static int put_rows(struct store *store, const struct entry *entry,
		    const struct entry_contents *contents, int64_t now_ms, int64_t *ret_id,
		    struct error *err)
{
	if (put_status(store, entry, now_ms, ret_id, err) != 0)
		return -1;
	if (put_mail(store, entry, contents, *ret_id, err) != 0 ||
	    put_attachments(store, entry, contents->attachments, *ret_id, err) != 0 ||
	    entry_calendars_put(store, entry, *ret_id, err) != 0)
		return -1;
	return entry_bounces_put(store, entry, *ret_id, err);
}

/* The rows of all tables belong together: without a transaction a kill could leave an entry
 * without its mail. */
int entry_put(struct store *store, const struct entry *entry, const struct entry_contents *contents,
	      int64_t now_ms, int64_t *ret_id, struct error *err)
{
	if (!engine_in_transaction(store->engine))
		return error_because(err, REASON_SOFTWARE, "entry_put() outside a transaction");
	int64_t id;
	if (put_rows(store, entry, contents, now_ms, &id, err) != 0 ||
	    entry_key_put(store, entry, id, err) != 0 ||
	    entry_thread_put(store, entry, id, err) != 0)
		return -1;
	*ret_id = id;
	return 0;
}

/* The struct itself lies in the array of its entry. */
static void attachment_clear(struct entry_attachment *attachment)
{
	g_free(attachment->file_name);
	g_free(attachment->declared_name);
	g_free(attachment->content_type);
	g_free(attachment->disposition);
	g_free(attachment->content_id);
}

void entry_free(struct entry *entry)
{
	if (entry == NULL)
		return;
	char *const texts[] = {
	    entry->queue_name,	entry->error_kind,	  entry->error_text,
	    entry->lease_owner, entry->lease_token,	  entry->subject,
	    entry->sender,	entry->recipient,	  entry->cc,
	    entry->bcc,		entry->reply_to,	  entry->message_id,
	    entry->in_reply_to, entry->thread_references, entry->headers,
	    entry->defects,	entry->signature,	  entry->tags,
	    entry->auto_class,	entry->auto_reason,	  entry->output,
	    entry->progress,	entry->reference,
	};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	for (size_t i = 0; entry->attachments != NULL && i < entry->attachment_count; i++)
		attachment_clear(&entry->attachments[i]);
	g_free(entry->attachments);
	entry_calendars_clear(entry);
	entry_bounces_clear(entry);
	g_free(entry);
}

/* ---- the reply in the text body ---- */

/* NULL says that nobody has looked yet: entries that an older version loaded have no
 * reply_plain. An entry without a text body has the reply "". */
int entry_find_reply(struct store *store, int64_t entry_id, char **ret_reply, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "SELECT CASE WHEN message_body_size IS NULL THEN ''"
			   " ELSE reply_plain END FROM entry_mail WHERE entry_id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result == 0)
		return store_no_entry(entry_id, err);
	if (result < 0)
		return -1;
	*ret_reply = g_strdup(statement_text(statement, 0));
	return 0;
}

int entry_note_reply(struct store *store, int64_t entry_id, const char *reply, struct error *err)
{
	scoped_statement *statement = engine_prepare(
	    store->engine, "UPDATE entry_mail SET reply_plain = ?2 WHERE entry_id = ?1");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_text(statement, 2, reply);
	return statement_step(statement, err);
}

/* ---- a bad entry becomes another ---- */

/* An entry that workers may have seen must not change under them. */
static int check_bad(struct store *store, int64_t entry_id, struct error *err)
{
	scoped_statement *statement =
	    engine_prepare(store->engine, "SELECT state FROM entry_status WHERE id = ?");
	statement_bind_int(statement, 1, entry_id);
	const int result = statement_step(statement, err);
	if (result == 0)
		return store_no_entry(entry_id, err);
	if (result < 0)
		return -1;
	if (g_strcmp0(statement_text(statement, 0), "bad") != 0)
		return error_because(err, REASON_REFUSED,
				     "entry %" G_GINT64_FORMAT " is not bad but %s", entry_id,
				     statement_text(statement, 0));
	return 0;
}

/* 0 for `other_id` where the statement has one parameter only: SQLite refuses one that is not
 * there. */
static int run_with_ids(struct store *store, const char *sql, int64_t entry_id, int64_t other_id,
			struct error *err)
{
	scoped_statement *statement = engine_prepare(store->engine, sql);
	statement_bind_int(statement, 1, entry_id);
	if (other_id != 0)
		statement_bind_int(statement, 2, other_id);
	return statement_step(statement, err);
}

/* Priority, tags, history and the id stay: to operators it is the same entry. */
static int copy_status(struct store *store, int64_t entry_id, const struct entry *entry,
		       int64_t now_ms, struct error *err)
{
	char now[VALUE_TIME_MAX];
	value_format_time_ms(now_ms, now);
	scoped_statement *statement =
	    engine_prepare(store->engine, "UPDATE entry_status SET state = ?2, error_kind = ?3,"
					  " error_text = ?4, record_updated = ?5 WHERE id = ?1");
	statement_bind_int(statement, 1, entry_id);
	statement_bind_text(statement, 2, entry_state_format(entry->state));
	statement_bind_text(statement, 3, entry->error_kind);
	statement_bind_text(statement, 4, entry->error_text);
	statement_bind_text(statement, 5, now);
	return statement_step(statement, err);
}

/* Stores the new entry beside the old one and moves its mail and attachments over, so that what
 * the schema demands of an entry holds at each step. */
int entry_replace(struct store *store, int64_t entry_id, const struct entry *entry,
		  const struct entry_contents *contents, int64_t now_ms, struct error *err)
{
	int64_t new_id;
	if (check_bad(store, entry_id, err) != 0 ||
	    put_rows(store, entry, contents, now_ms, &new_id, err) != 0)
		return -1;
	/* OR REPLACE, because no entry may be without its mail. */
	if (run_with_ids(store, "DELETE FROM attachment WHERE entry_id = ?", entry_id, 0, err) !=
		0 ||
	    run_with_ids(store,
			 "UPDATE OR REPLACE entry_mail SET entry_id = ?1 WHERE entry_id = ?2",
			 entry_id, new_id, err) != 0 ||
	    run_with_ids(store, "UPDATE attachment SET entry_id = ?1 WHERE entry_id = ?2", entry_id,
			 new_id, err) != 0 ||
	    run_with_ids(store, "DELETE FROM entry_calendar WHERE entry_id = ?", entry_id, 0,
			 err) != 0 ||
	    run_with_ids(store, "UPDATE entry_calendar SET entry_id = ?1 WHERE entry_id = ?2",
			 entry_id, new_id, err) != 0 ||
	    run_with_ids(store, "DELETE FROM entry_bounce WHERE entry_id = ?", entry_id, 0, err) !=
		0 ||
	    run_with_ids(store, "UPDATE entry_bounce SET entry_id = ?1 WHERE entry_id = ?2",
			 entry_id, new_id, err) != 0 ||
	    run_with_ids(store, "DELETE FROM entry_status WHERE id = ?", new_id, 0, err) != 0)
		return -1;
	if (copy_status(store, entry_id, entry, now_ms, err) != 0 ||
	    run_with_ids(store, "DELETE FROM entry_reference WHERE entry_id = ?", entry_id, 0,
			 err) != 0 ||
	    run_with_ids(store, "DELETE FROM entry_thread WHERE entry_id = ?", entry_id, 0, err) !=
		0 ||
	    entry_key_put(store, entry, entry_id, err) != 0 ||
	    entry_thread_put(store, entry, entry_id, err) != 0)
		return -1;
	return content_drop_unused(store, err);
}
