/*
 * append: puts files into a folder, one after the other, and says for each where it is now. The
 * header is read by the parser, which is not this process: its Received and Date fields give the
 * internal date, its Message-ID is what the message is looked for by where the answer to an APPEND
 * was lost.
 */
#include "loader/mailbox/mail_internal.h"

#include "loader/base/clock.h"
#include "loader/base/folder.h"
#include "loader/base/service.h"
#include "loader/imap/session/append.h"
#include "loader/mailbox/mail_session.h"
#include "loader/parse/parser.h"
#include "loader/parse/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { MAIL_APPEND_PIECE = 64 * 1024 };

/* A message on its way from a file to the folder. */
struct mail_letter {
	const char *name; /* of the file, for people; borrowed */
	int descriptor;
	int64_t time_s;		     /* of the file */
	struct mime_message *parsed; /* its header */
	struct imapc_append append;
};

struct mail_appending {
	struct mail *mail;
	uint64_t max_bytes; /* as append_find_limit() says */
	/* Of the folder before the next message; uid_next is 0 where it has to be asked for. */
	uint32_t uid_next;
	uint32_t uid_validity;
	int heads; /* descriptor: the header of the message at hand */
	uint64_t head_bytes;
	struct parser *parser;
};

/* --- a file ------------------------------------------------------------ */

/* Its size goes ahead of the bytes, so what comes from a pipe is kept on the disk until its end, or until
 * it is more than the server takes: a pipe may have no end. */
static int mail_append_spool_input(const struct mail_appending *job, int spool, struct error *err)
{
	g_autofree char *piece = g_malloc(MAIL_APPEND_PIECE);
	uint64_t end = 0;
	ssize_t got;
	while ((got = read(STDIN_FILENO, piece, MAIL_APPEND_PIECE)) != 0) {
		if (got < 0 && errno == EINTR && !stop_requested())
			continue;
		if (got < 0)
			return error_set(err, ERROR_IO, "%s", g_strerror(errno));
		if (spool_write(spool, end, piece, (size_t)got, err) != 0)
			return -1;
		end += (uint64_t)got;
		if (end > job->max_bytes)
			return error_set(err, ERROR_DATA,
					 "the message has more than the %" PRIu64
					 " bytes that the server takes: nothing was sent",
					 job->max_bytes);
	}
	return 0;
}

static int mail_append_open_input(const struct mail_appending *job, struct mail_letter *letter,
				  struct error *err)
{
	letter->name = "standard input";
	letter->time_s = clock_now_ms() / 1000;
	if (spool_open(folder_temporary(), &letter->descriptor, err) != 0)
		return -1;
	return mail_append_spool_input(job, letter->descriptor, err);
}

/* Nothing that is no file is waited for. */
static int mail_append_open_file(const char *path, struct mail_letter *letter, struct error *err)
{
	struct stat status;
	letter->name = path;
	letter->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (letter->descriptor < 0 || fstat(letter->descriptor, &status) != 0)
		return error_set(err, errno == ENOENT ? ERROR_NO : ERROR_IO, "%s",
				 g_strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_DATA, "is not a file");
	letter->time_s = status.st_mtime;
	return 0;
}

/* Keeps as much of a message as the parser would read of a header. */
static int mail_append_keep_head(const char *bytes, size_t size, void *context, struct error *err)
{
	struct mail_appending *job = context;
	uint64_t room = mime_options_default().max_header_size - job->head_bytes;
	size_t kept = (size_t)MIN((uint64_t)size, room);
	if (kept > 0 && spool_write(job->heads, job->head_bytes, bytes, kept, err) != 0)
		return -1;
	job->head_bytes += kept;
	return 0;
}

/* What the parser cannot read has no date and no Message-ID, and is appended all the same. */
static int mail_append_read_head(struct mail_appending *job, struct mail_letter *letter,
				 struct error *err)
{
	const char *ignored;
	size_t index;
	parser_begin_again(job->parser);
	if (parser_submit(job->parser, 0, job->head_bytes, true, &index, err) != 0 ||
	    parser_finish(job->parser, err) != 0)
		return -1;
	return parser_read(job->parser, index, &letter->parsed, &ignored, err);
}

/* A message arrived when its last server says, else when it was sent, else when its file was last
 * changed. */
static int64_t mail_append_date_s(const struct mail *mail, const struct mail_letter *letter)
{
	const struct mime_message *parsed = letter->parsed;
	if (mail->request->has_date)
		return mail->request->date_s;
	if (parsed->has_date_received)
		return parsed->date_received;
	return parsed->has_date_sent ? parsed->date_sent : letter->time_s;
}

static int mail_append_open(struct mail_appending *job, const char *path,
			    struct mail_letter *letter, struct error *err)
{
	struct imapc_append *append = &letter->append;
	job->head_bytes = 0;
	if ((strcmp(path, "-") == 0 ? mail_append_open_input(job, letter, err)
				    : mail_append_open_file(path, letter, err)) != 0 ||
	    append_measure(letter->descriptor, &append->file_bytes, &append->size_bytes,
			   mail_append_keep_head, job, err) != 0 ||
	    mail_append_read_head(job, letter, err) != 0)
		return -1;
	append->descriptor = letter->descriptor;
	append->flags = job->mail->request->flags;
	append->date_s = mail_append_date_s(job->mail, letter);
	if (append->size_bytes <= job->max_bytes)
		return 0;
	return error_set(err, ERROR_DATA,
			 "the message has %" PRIu64 " bytes, and the server takes at most %" PRIu64
			 ": nothing was sent",
			 append->size_bytes, job->max_bytes);
}

/* --- sent, and no answer ------------------------------------------------ */
/*
 * Finds out whether a message has arrived whose APPEND has got no answer: among those that are new
 * in the folder one must have its Message-ID and its size. It is never sent a second time.
 */

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

/*
 * The connection was lost (*err) after all bytes had been sent: looks for the message in the folder
 * over another connection. 0 where it is there, and *appended says where; else -1, and *err says
 * what was found.
 */
static int mail_append_look(const struct mail_appending *job, const struct mail_letter *letter,
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

/* --- the server -------------------------------------------------------- */

/* Where the next message will be, in case that nobody says where it is. */
static int mail_append_learn_next(struct mail_appending *job, struct error *err)
{
	struct imapc_status status;
	const struct mail *mail = job->mail;
	if (job->uid_next != 0)
		return 0;
	if (imapc_status(mail->session, mail->wire, mail->folder, &status, err) != 0)
		return -1;
	job->uid_next = status.uid_next;
	job->uid_validity = status.uid_validity;
	return 0;
}

static void mail_append_report(const struct mail_appending *job, const struct mail_letter *letter,
			       const struct imapc_appended *appended, const char *note)
{
	const struct mail_report *report = job->mail->report;
	const struct mail_change change = {
	    .action = MAIL_APPEND,
	    .folder = job->mail->folder,
	    .new_uids = appended->uid != 0 ? &appended->uid : NULL,
	    .uid_validity = appended->uid_validity,
	    .count = 1,
	    .file = letter->name,
	    .size_bytes = letter->append.size_bytes,
	    .date_s = letter->append.date_s,
	    .note = note,
	};
	report->change(&change, report->context);
}

/* Learns before it sends where the next message will be: afterwards, without an answer, nobody could tell. */
static int mail_append_send(struct mail_appending *job, const struct mail_letter *letter,
			    struct error *err)
{
	struct imapc_appended appended = {0};
	const struct mail *mail = job->mail;
	if (mail->request->dry_run) {
		mail_append_report(job, letter, &appended, NULL);
		return 0;
	}
	if (mail_append_learn_next(job, err) != 0)
		return -1;
	if (append_message(mail->session, mail->wire, &letter->append, &appended, err) != 0) {
		if (!appended.may_have_arrived)
			return -1;
		if (mail_append_look(job, letter, &appended, err) != 0)
			return -1;
		mail_append_report(job, letter, &appended,
				   "the connection was lost before the server's answer; the "
				   "message was looked for, and it is there");
		return 0;
	}
	mail_append_report(job, letter, &appended, NULL);
	job->uid_next = appended.uid != 0 ? appended.uid + 1 : 0;
	return 0;
}

static int mail_append_one(struct mail_appending *job, const char *path, struct error *err)
{
	struct mail_letter letter = {.descriptor = -1};
	int failed = mail_append_open(job, path, &letter, err);
	if (failed == 0)
		failed = mail_append_send(job, &letter, err);
	if (failed != 0)
		error_prefix(err, "'%s'", letter.name);
	descriptor_close_scoped(&letter.descriptor);
	mime_message_free(letter.parsed);
	return failed;
}

static int mail_append_all(struct mail_appending *job, struct error *err)
{
	struct mail *mail = job->mail;
	const struct mail_request *request = mail->request;
	for (size_t i = 0; i < request->file_count && !stop_requested(); i++) {
		if (!imapc_is_alive(mail->session))
			return error_set(
			    err, ERROR_UNREACHABLE,
			    "the connection was lost: '%s' and what is named behind it "
			    "were not sent",
			    request->files[i]);
		if (mail_append_one(job, request->files[i], err) != 0 &&
		    mail_pass_over(mail, 0, err) != 0)
			return -1;
		mail_tell_progress(mail, i + 1, request->file_count, 0);
	}
	return 0;
}

/* The folder must be there, and is not made: a mistyped name would take the mail. One parser serves all files,
 * whose headers the operator has chosen. */
int mail_append(struct mail *mail, struct error *err)
{
	scoped(descriptor_close) int heads = -1;
	scoped(descriptor_close) int output = -1;
	scoped(parser_stop) struct parser *parser = NULL;
	const struct mime_options options = mime_options_default();
	struct mail_appending job = {.mail = mail};
	if (mail_find_folder(mail, mail->folder, &mail->wire, err) != 0 ||
	    append_find_limit(mail->session, mail->wire, &job.max_bytes, err) != 0 ||
	    spool_open_in_memory(&heads, err) != 0 || spool_open_in_memory(&output, err) != 0)
		return -1;
	parser = parser_new(&options, heads, output);
	job.heads = heads;
	job.parser = parser;
	return mail_append_all(&job, err);
}
