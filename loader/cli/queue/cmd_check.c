/* `queue check` and `doctor`: what the look at a mailbox and at the installation has found. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/cli/frame/output.h"
#include "loader/define/check.h"
#include "loader/source/search.h"
#include "queue/base/scoped.h"

#include <glib.h>
#include <inttypes.h>

/* ---- queue check ---- */

static const char *const folder_keys[MAILBOX_FOLDER_COUNT] = {
    [MAILBOX_SOURCE] = "mailbox", [MAILBOX_DROPBOX] = "dropbox", [MAILBOX_BADMAIL] = "badmail"};

enum { CMD_CHECK_LABEL = 13 };

/* "1 message", "3 messages". Caller frees. */
static char *cmd_check_messages(int64_t count)
{
	return g_strdup_printf("%" PRId64 " message%s", count, count == 1 ? "" : "s");
}

/* Says what a run would do about a folder that is missing. */
static void cmd_check_print_folder(const char *key, const struct check_folder *folder, bool created)
{
	g_autofree char *messages = cmd_check_messages(folder->messages);
	g_autofree char *words = NULL;
	if (folder->name == NULL)
		words = g_strdup("none: what is delivered stays in the mailbox, marked read");
	else if (folder->exists)
		words = g_strdup_printf("%s: %s, %" PRIu32 " unread", folder->name, messages,
					folder->unseen);
	else
		words = g_strdup_printf("%s: not there%s", folder->name,
					!created	  ? ""
					: folder->lacking ? "; the next run creates it"
							  : "; created when it is needed");
	output_field(key, CMD_CHECK_LABEL, words);
}

/* The subject and the issuer are shown so that a person can tell whether a proxy sits in
 * between: its certificate is another's. */
static void cmd_check_print_tls(const struct imapc_facts *facts)
{
	if (facts->tls == NULL) {
		output_field("TLS", CMD_CHECK_LABEL, "none");
		return;
	}
	g_autofree char *tls =
	    g_strdup_printf("%s%s%s", facts->tls, facts->cipher != NULL ? ", " : "",
			    facts->cipher != NULL ? facts->cipher : "");
	g_autofree char *certificate =
	    g_strdup_printf("%s, issued by %s, valid until %s", facts->certificate_subject,
			    facts->certificate_issuer, facts->certificate_expires);
	output_field("TLS", CMD_CHECK_LABEL, tls);
	output_field("certificate", CMD_CHECK_LABEL, certificate);
}

/* Everything that the operator may want to compare with what the provider says. */
static void cmd_check_print(const struct check_result *result)
{
	const struct imapc_facts *facts = &result->facts;
	g_autofree char *server = g_strdup_printf("%s:%u (%s)", result->host,
						  (unsigned)result->port, facts->peer_address);
	g_autofree char *waiting = cmd_check_messages(result->waiting);
	g_autofree char *unfound =
	    search_describe_unfound(result->folders[MAILBOX_SOURCE].name, result->unfound);
	output_field("server", CMD_CHECK_LABEL, server);
	cmd_check_print_tls(facts);
	output_field("sign-in", CMD_CHECK_LABEL, facts->mechanism);
	output_field("capabilities", CMD_CHECK_LABEL, facts->capabilities);
	output_field("moving", CMD_CHECK_LABEL, result->moving);
	for (guint i = 0; i < result->quirks->len; i++)
		output_field("quirk", CMD_CHECK_LABEL, g_ptr_array_index(result->quirks, i));
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++)
		cmd_check_print_folder(folder_keys[i], &result->folders[i],
				       i != MAILBOX_SOURCE && result->creates_folders);
	output_field("waiting", CMD_CHECK_LABEL, waiting);
	output_field("left out", CMD_CHECK_LABEL, result->unfound > 0 ? unfound : NULL);
}

static json_t *cmd_check_texts(const GPtrArray *texts)
{
	json_t *list = json_array();
	for (guint i = 0; i < texts->len; i++)
		json_array_append_new(list, json_string(g_ptr_array_index(texts, i)));
	return list;
}

/* null where the queue has no such folder. */
static json_t *cmd_check_folder_json(const struct check_folder *folder)
{
	if (folder->name == NULL)
		return json_null();
	return json_pack("{s:s, s:b, s:I, s:I}", "name", folder->name, "exists",
			 (int)folder->exists, "messages", (json_int_t)folder->messages, "unseen",
			 (json_int_t)folder->unseen);
}

/* The names of the keys are those of the connection string where there is one. */
static json_t *cmd_check_json(const struct check_result *result, json_t *notes)
{
	const struct imapc_facts *facts = &result->facts;
	json_t *object = json_pack(
	    "{s:s, s:i, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s}", "host", result->host,
	    "port", (int)result->port, "peer_address", facts->peer_address, "tls", facts->tls,
	    "cipher", facts->cipher, "certificate_subject", facts->certificate_subject,
	    "certificate_issuer", facts->certificate_issuer, "certificate_expires",
	    facts->certificate_expires, "mechanism", facts->mechanism, "capabilities",
	    facts->capabilities, "moving", result->moving);
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++) {
		json_object_set_new(object, folder_keys[i],
				    cmd_check_folder_json(&result->folders[i]));
	}
	json_object_set_new(object, "waiting", json_integer(result->waiting));
	json_object_set_new(object, "not_found", json_integer(result->unfound));
	json_object_set_new(object, "quirks", cmd_check_texts(result->quirks));
	json_object_set_new(object, "notes", notes);
	return object;
}

/* What a look at a queue has to say, and to whom. */
struct cmd_check {
	bool json;
	GPtrArray *notes; /* of texts */
};

static void cmd_check_take_note(const char *words, void *context)
{
	g_ptr_array_add(context, g_strdup(words));
}

/* JSON has its notes in the document; people get them last, below what they are about. */
static void cmd_check_print_notes(const struct cmd_check *check)
{
	for (guint i = 0; !check->json && i < check->notes->len; i++)
		output_field("note", CMD_CHECK_LABEL, g_ptr_array_index(check->notes, i));
}

/* The same facts for people and for programs. */
static void cmd_check_report(const struct check_result *result, void *context)
{
	const struct cmd_check *check = context;
	if (!check->json) {
		cmd_check_print(result);
		return;
	}
	output_json_print(cmd_check_json(result, cmd_check_texts(check->notes)));
}

/* The report is printed before the verdict, so that an error leaves the operator with what was
 * found. The database is closed before the server is asked. */
int queue_look(const struct invocation *invocation, const char *name, struct error *err)
{
	g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
	struct cmd_check check = {.json = invocation->json, .notes = notes};
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    work_queue_find(store, name, &queue, err) != 0)
		return -1;
	/* The other queues stand in the database: this needs no server, and is done while the
	 * store is open. */
	const int compared = check_neighbours(store, queue, cmd_check_take_note, notes, err);
	store_close(steal(&store));
	const int failed =
	    compared != 0 ? -1
			  : check_run(queue, invocation->database, cmd_check_report, &check, err);
	cmd_check_print_notes(&check);
	return failed != 0 ? error_prefix(err, "check '%s'", name) : 0;
}

int cmd_queue_check(const struct invocation *invocation, struct error *err)
{
	return queue_look(invocation, invocation->arguments[0], err);
}

/* ---- the first look at what was defined ---- */

/* The queue stays as it is defined: what is wrong may be the server's doing, or be put right there. */
int queue_look_first(const struct invocation *invocation, const char *name, struct error *err)
{
	if (queue_look(invocation, name, err) == 0)
		return 0;
	return error_set(err, err->kind,
			 "queue '%s' is defined, but its first look failed: %s. `inqueue queue "
			 "alter %s` corrects it, `inqueue queue check %s` looks again",
			 name, err->text, name, name);
}

/* ---- doctor ---- */

/* A finding is printed as it is made: reading a large database takes a while. */
static void cmd_doctor_json(enum doctor_state state, const char *what, const char *words,
			    void *context)
{
	(void)context;
	output_json_print(json_pack("{s:s, s:s, s:s}", "state", doctor_state_format(state), "what",
				    what, "words", words));
}

static void cmd_doctor_row(enum doctor_state state, const char *what, const char *words,
			   void *context)
{
	const char *const cells[] = {doctor_state_format(state), what, words};
	output_table_add(context, cells);
}

/* The exit status says whether anything is wrong, so that a monitor can run this; notes do not
 * count. The table is printed also after an error, because what was found until then may say
 * why. */
int cmd_doctor(const struct invocation *invocation, struct error *err)
{
	static const struct output_column columns[] = {
	    {"STATE", OUTPUT_LEFT, false},
	    {"WHAT", OUTPUT_WRAP, false},
	    {"FINDING", OUTPUT_WRAP, false},
	};
	scoped(store_close) struct store *store = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	struct output_table *table =
	    invocation->json ? NULL : output_table_new(columns, G_N_ELEMENTS(columns));
	int wrong = doctor_run(store, invocation->database,
			       table != NULL ? cmd_doctor_row : cmd_doctor_json, table, err);
	if (table != NULL)
		output_table_print(table);
	if (wrong < 0)
		return -1;
	return wrong == 0 ? 0
			  : error_set(err, ERROR_CONFIGURATION, "%d thing%s wrong", wrong,
				      wrong == 1 ? " is" : "s are");
}
