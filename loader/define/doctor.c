/* Looks at the installation: folder, files, database, log, the secrets of each queue, leases,
 * libraries. Each finding is reported as it is made; the number of wrong things is counted. */
#include "loader/define/check_internal.h"

#include "loader/base/clock.h"
#include "loader/base/secret.h"
#include "loader/define/target_secret.h"
#include "loader/imap/session/session.h"
#include "loader/rules/rules.h"
#include "loader/source/mailbox.h"
#include "queue/base/scoped.h"
#include "queue/base/trust.h"
#include "queue/entry_claim.h"
#include "queue/store.h"
#include "queue/work_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { DOCTOR_OVERLONG_MAX = 20 }; /* leases that are named, each in a line */

struct doctor {
	struct store *store;
	const char *database;
	doctor_report *report;
	void *context;
	struct error *err; /* of queue/ */
	int wrong;
};

const char *doctor_state_format(enum doctor_state state)
{
	static const char *const names[] = {
	    [DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_WRONG] = "wrong"};
	return names[state];
}

static void doctor_say(struct doctor *doctor, enum doctor_state state, const char *what,
		       const char *format, ...) __attribute__((format(printf, 4, 5)));
static void doctor_say(struct doctor *doctor, enum doctor_state state, const char *what,
		       const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *words = g_strdup_vprintf(format, args);
	va_end(args);
	doctor->wrong += state == DOCTOR_WRONG;
	doctor->report(state, what, words, doctor->context);
}

/* SQLite's own words are kept: they name the table and the page. */
static void doctor_take_problem(const char *problem, void *context)
{
	doctor_say(context, DOCTOR_WRONG, "database", "%s", problem);
}

/* Each problem is a line; a whole database is one line, too. */
static int doctor_check_database(struct doctor *doctor, struct store *store, struct error *err)
{
	int64_t version;
	int before = doctor->wrong;
	if (store_check(store, doctor_take_problem, doctor, err) != 0 ||
	    store_schema_version(store, &version, err) != 0)
		return -1;
	if (doctor->wrong == before)
		doctor_say(doctor, DOCTOR_OK, "database", "'%s' is whole, schema %" PRId64,
			   doctor->database, version);
	else
		doctor_say(doctor, DOCTOR_NOTE, "database",
			   "keep a copy of '%s', then restore a backup, or save what can be read: "
			   "sqlite3 '%s' .recover",
			   doctor->database, doctor->database);
	return 0;
}

/* A log that a reader holds up goes on growing; one that is only long is emptied by the next
 * commit. */
static void doctor_check_log(struct doctor *doctor, struct store *store)
{
	g_autofree char *held = store_log_held(store, doctor->database);
	if (held != NULL)
		doctor_say(doctor, DOCTOR_NOTE, "log", "%s", held);
	else
		doctor_say(doctor, DOCTOR_OK, "log", "'%s-wal' takes %.1f MB", doctor->database,
			   (double)store_log_bytes(store) / 1e6);
}

/* Tells who but its owner can get at a file. */
static void doctor_check_private(struct doctor *doctor, const char *what, const char *path,
				 enum doctor_state if_open)
{
	struct stat status;
	if (stat(path, &status) != 0)
		doctor_say(doctor, DOCTOR_WRONG, what, "'%s': %s", path, g_strerror(errno));
	else if ((status.st_mode & 077) != 0)
		doctor_say(doctor, if_open, what, "'%s' can be read by others: chmod go= '%s'",
			   path, path);
	else
		doctor_say(doctor, DOCTOR_OK, what, "only its owner can read '%s'", path);
}

/* The same for a file that a run reads a secret from. */
static void doctor_check_secret_file(struct doctor *doctor, const char *what, const char *path)
{
	struct error err;
	if (trust_check_secret("file", path, &err) != 0)
		doctor_say(doctor, DOCTOR_WRONG, what, "%s", err.text);
	else
		doctor_check_private(doctor, what, path, DOCTOR_WRONG);
}

/* A command is not run here, but a run may refuse it. */
static void doctor_check_source(struct doctor *doctor, const char *what, enum secret_source source,
				const char *reference)
{
	static const char *const words[] = {[SECRET_ENV] = "the environment variable '",
					    [SECRET_CREDENTIAL] = "the systemd credential '",
					    [SECRET_COMMAND] = "a command",
					    [SECRET_TOKEN_COMMAND] = "a command"};
	const bool command = source == SECRET_COMMAND || source == SECRET_TOKEN_COMMAND;
	struct error err;
	if (command && secret_check_command(reference, &err) != 0)
		doctor_say(doctor, DOCTOR_WRONG, what, "%s", err.text);
	else
		doctor_say(doctor, DOCTOR_OK, what, "each run takes it from %s%s%s", words[source],
			   command ? "" : reference, command ? "" : "'");
}

/* What is wrong with one thing that others judge, and how often they have said so. */
struct doctor_faults {
	struct doctor *doctor;
	const char *what;
	int said;
};

static void doctor_take_fault(const char *words, void *context)
{
	struct doctor_faults *faults = context;
	faults->said++;
	doctor_say(faults->doctor, DOCTOR_WRONG, faults->what, "%s", words);
}

/* What ends in days is wrong already: nobody looks at notes. */
static void doctor_check_account(struct doctor *doctor, const struct work_queue *queue,
				 const char *what)
{
	struct doctor_faults faults = {.doctor = doctor, .what = what};
	check_account(queue, doctor->database, clock_now_ms(), doctor_take_fault, &faults);
	if (faults.said == 0)
		doctor_say(doctor, DOCTOR_OK, what, "an access token of account '%s'",
			   queue->credential_reference);
}

/* The file holds a key as well, so that it is judged as a secret. A connection string that cannot be read is said
 * by doctor_check_queue(). */
static void doctor_check_client_certificate(struct doctor *doctor, const struct work_queue *queue)
{
	scoped(connection_string_free) struct connection_string *server = NULL;
	struct error ignored;
	if (connection_string_parse(queue->connection_string, &server, &ignored) != 0 ||
	    server->client_certificate == NULL)
		return;
	g_autofree char *what = g_strdup_printf("clientCert of '%s'", queue->name);
	doctor_check_secret_file(doctor, what, server->client_certificate);
}

/* Only a file can be looked at; what a command or the environment gives is known at each run. */
static void doctor_check_secret(struct doctor *doctor, const struct work_queue *queue)
{
	g_autofree char *what = g_strdup_printf("password of '%s'", queue->name);
	enum secret_source source;
	if (secret_source_parse(queue->credential_source, &source) != 0) {
		doctor_say(doctor, DOCTOR_WRONG, what, "unknown source '%s'",
			   queue->credential_source);
		return;
	}
	g_autofree char *kept = mailbox_secret_path(doctor->database, queue->name);
	if (source == SECRET_PROMPT)
		doctor_check_secret_file(doctor, what, kept);
	else if (source == SECRET_FILE)
		doctor_check_secret_file(doctor, what, queue->credential_reference);
	else if (source == SECRET_OAUTH)
		doctor_check_account(doctor, queue, what);
	else
		doctor_check_source(doctor, what, source, queue->credential_reference);
}

struct doctor_target {
	struct doctor *doctor;
	const char *queue;
};

/* Takes one secret of a target, as target_secret_list() names it. */
static void doctor_check_target_secret(const char *field, enum secret_source source,
				       const char *reference, void *context)
{
	const struct doctor_target *target = context;
	g_autofree char *what = g_strdup_printf("%s of '%s'", field, target->queue);
	if (source == SECRET_FILE)
		doctor_check_secret_file(target->doctor, what, reference);
	else
		doctor_check_source(target->doctor, what, source, reference);
}

static void doctor_check_target(struct doctor *doctor, const struct work_queue *queue)
{
	struct doctor_target target = {.doctor = doctor, .queue = queue->name};
	g_autofree char *key = g_strdup_printf("client certificate of '%s'", queue->name);
	target_secret_list(&queue->target, doctor_check_target_secret, &target);
	if (queue->target.client_certificate != NULL)
		doctor_check_private(doctor, key, queue->target.client_certificate, DOCTOR_NOTE);
}

/* A folder that is watched must be there. */
static void doctor_check_files(struct doctor *doctor, const struct work_queue *queue,
			       const char *what)
{
	scoped(connection_string_free) struct connection_string *parsed = NULL;
	struct error err;
	if (connection_string_parse_local(queue->connection_string, &parsed, &err) != 0)
		doctor_say(doctor, DOCTOR_WRONG, what, "%s", err.text);
	else if (parsed->watch_folder == NULL)
		doctor_say(doctor, DOCTOR_OK, what, "mail from files, by `inqueue import`");
	else if (!g_file_test(parsed->watch_folder, G_FILE_TEST_IS_DIR))
		doctor_say(doctor, DOCTOR_WRONG, what, "folder '%s' is not there",
			   parsed->watch_folder);
	else
		doctor_say(doctor, DOCTOR_OK, what, "mail from files, by `watch` in '%s'",
			   parsed->watch_folder);
}

/* A folder that several queues have is one note, however many these are. */
static void doctor_take_shared(const char *folder, const char *words, void *context)
{
	g_autofree char *what = g_strdup_printf("folder '%s'", folder);
	doctor_say(context, DOCTOR_NOTE, what, "%s", words);
}

/* Goes by the limit that `status --check` has by default. */
static void doctor_take_disk(const struct check_disk *disk, void *context)
{
	uint64_t least = 0;
	(void)connection_string_parse_size(CHECK_MIN_FREE, INT64_MAX, &least);
	g_autofree char *fault = check_disk_fault(disk, least);
	g_autofree char *left = check_size_format(disk->free_bytes);
	if (fault != NULL)
		doctor_say(context, DOCTOR_WRONG, "disk", "%s", fault);
	else
		doctor_say(context, DOCTOR_OK, "disk", "that of the %s '%s' has %s free",
			   disk->what, disk->path, left);
}

/* As `status --check` judges them. */
static int doctor_check_ends(struct doctor *doctor, const struct work_queue *queue,
			     const char *what, struct error *err)
{
	struct doctor_faults faults = {.doctor = doctor, .what = what};
	int64_t valid_ms = 0;
	(void)duration_parse(CHECK_MIN_VALID, &valid_ms);
	return check_ends(doctor->store, queue, clock_now_ms(), valid_ms, doctor_take_fault,
			  &faults, err);
}

/* By the server's name alone; `queue check` asks the server what it offers. */
static void doctor_tell_quirks(struct doctor *doctor, const struct connection_string *server,
			       const char *what)
{
	for (enum quirk i = 0; i < QUIRK_COUNT; i++) {
		g_autofree char *words = quirk_describe(i, server, NULL);
		if (words != NULL)
			doctor_say(doctor, DOCTOR_NOTE, what, "%s", words);
	}
}

/* A rule may name a queue that has been dropped since, and its mail stays where it is. */
static void doctor_check_rules(struct doctor *doctor, const struct work_queue *queue,
			       const char *what)
{
	struct error err;
	if (rules_check(doctor->store, queue->id, &err) != 0)
		doctor_say(doctor, DOCTOR_WRONG, what, "rules: %s", err.text);
}

/* Reads the connection string as a run would; no server is asked. */
static int doctor_check_queue(const struct work_queue *queue, void *context)
{
	struct doctor *doctor = context;
	g_autofree char *what = g_strdup_printf("queue '%s'", queue->name);
	scoped(connection_string_free) struct connection_string *parsed = NULL;
	struct error err;
	doctor_check_rules(doctor, queue, what);
	if (!work_queue_has_mailbox(queue)) {
		doctor_check_files(doctor, queue, what);
		doctor_check_target(doctor, queue);
		return doctor_check_ends(doctor, queue, what, doctor->err);
	}
	if (connection_string_parse(queue->connection_string, &parsed, &err) != 0)
		doctor_say(doctor, DOCTOR_WRONG, what, "%s", err.text);
	else if (parsed->insecure)
		doctor_say(doctor, DOCTOR_NOTE, what,
			   "insecure=True: the password may cross the network without TLS");
	else
		doctor_say(doctor, DOCTOR_OK, what, "mail from %s%s", parsed->url,
			   queue->paused ? ", paused" : "");
	if (parsed != NULL)
		doctor_tell_quirks(doctor, parsed, what);
	doctor_check_client_certificate(doctor, queue);
	if (mailbox_needs_secret(queue))
		doctor_check_secret(doctor, queue);
	doctor_check_target(doctor, queue);
	return doctor_check_ends(doctor, queue, what, doctor->err);
}

/* A lease that ends years from now keeps its entry from all workers: that is wrong, not a note. */
static int doctor_take_overlong(const struct entry_overlong *overlong, void *context)
{
	g_autofree char *what = g_strdup_printf("entry %" PRId64, overlong->entry_id);
	g_autofree char *words = entry_overlong_format(overlong);
	doctor_say(context, DOCTOR_WRONG, what, "%s", words);
	return 0;
}

static void doctor_take_workaround(const char *words, void *context)
{
	doctor_say(context, DOCTOR_NOTE, "workaround", "%s", words);
}

/* What a newer version of a library would make needless, so that an upgrade has a reason. */
static void doctor_tell_workarounds(struct doctor *doctor)
{
	const char *of_engine = store_engine_workaround();
	if (of_engine != NULL)
		doctor_take_workaround(of_engine, doctor);
	imapc_workarounds(doctor_take_workaround, doctor);
}

/* A parser is started for it: that its file is there says nothing of whether it can run. */
static void doctor_check_parser(struct doctor *doctor)
{
	g_autofree char *libraries = NULL;
	struct error err;
	if (versions_ask_parser(&libraries, &err) != 0)
		doctor_say(doctor, DOCTOR_WRONG, "parser", "%s", err.text);
	else
		doctor_say(doctor, DOCTOR_OK, "parser", "inqueue-parser %s, %s", INQUEUE_VERSION,
			   libraries);
}

/* The versions are what a report of a fault needs. */
static void doctor_tell_libraries(struct doctor *doctor)
{
	const char *name;
	doctor_say(doctor, DOCTOR_OK, "program", "inqueue %s", INQUEUE_VERSION);
	for (unsigned i = 0; (name = versions_library_at(i)) != NULL; i++)
		doctor_say(doctor, DOCTOR_OK, "library", "%s", name);
	doctor_check_parser(doctor);
	doctor_tell_workarounds(doctor);
}

/* Others can have got here by --trust-owner alone: whoever relies on it should see on whom. */
static void doctor_check_trust(struct doctor *doctor)
{
	struct error err;
	if (trust_look_at_database(doctor->database, &err) != 0)
		doctor_say(doctor, DOCTOR_NOTE, "trust", "%s", err.text);
	else
		doctor_say(doctor, DOCTOR_OK, "trust", "nobody else can change '%s'",
			   doctor->database);
}

/* The folder comes first: SQLite makes the log's files in it. */
int doctor_run(struct store *store, const char *database, doctor_report *report, void *context,
	       struct error *err)
{
	struct doctor doctor = {
	    .store = store, .database = database, .report = report, .context = context, .err = err};
	g_autofree char *folder = g_path_get_dirname(database);
	if (access(folder, W_OK) != 0)
		doctor_say(&doctor, DOCTOR_WRONG, "folder", "'%s' cannot be written: %s", folder,
			   g_strerror(errno));
	doctor_check_private(&doctor, "file", database, DOCTOR_NOTE);
	doctor_check_trust(&doctor);
	if (doctor_check_database(&doctor, store, err) != 0)
		return -1;
	doctor_check_log(&doctor, store);
	if (check_disks(store, database, doctor_take_disk, &doctor, err) != 0 ||
	    work_queue_list(store, doctor_check_queue, &doctor, err) != 0 ||
	    check_shared(store, doctor_take_shared, &doctor, err) != 0)
		return -1;
	if (entry_overlong_list(store, 0, clock_now_ms(), DOCTOR_OVERLONG_MAX, doctor_take_overlong,
				&doctor, err) != 0)
		return -1;
	doctor_tell_libraries(&doctor);
	return doctor.wrong;
}
