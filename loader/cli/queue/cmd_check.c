/* `queue check` and `doctor`: what the look at a mailbox and at the installation has found. */
#include "loader/cli/queue/queue_internal.h"

#include "loader/cli/frame/output.h"
#include "loader/define/check.h"
#include "loader/source/search.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- queue check ---- */

static const char *const folder_keys[MAILBOX_FOLDER_COUNT] = {
    [MAILBOX_SOURCE] = "mailbox", [MAILBOX_DROPBOX] = "dropbox", [MAILBOX_BADMAIL] = "badmail"};

/* Says what a run would do about a folder that is missing. */
static void cmd_check_print_folder(const char *key, const struct check_folder *folder, bool created)
{
	if (folder->name == NULL)
		printf("%-12s  none: what is delivered stays in the mailbox, marked read\n", key);
	else if (folder->exists)
		printf("%-12s  %s: %" PRIu32 " messages, %" PRIu32 " unread\n", key, folder->name,
		       folder->messages, folder->unseen);
	else
		printf("%-12s  %s: not there%s\n", key, folder->name,
		       !created		 ? ""
		       : folder->lacking ? "; the next run creates it"
					 : "; created when it is needed");
}

/* Everything that the operator may want to compare with what the provider says. */
static void cmd_check_print(const struct check_result *result)
{
	const struct imapc_facts *facts = &result->facts;
	printf("server        %s:%u (%s)\n", result->host, (unsigned)result->port,
	       facts->peer_address);
	if (facts->tls != NULL) {
		printf("TLS           %s%s%s\n", facts->tls, facts->cipher != NULL ? ", " : "",
		       facts->cipher != NULL ? facts->cipher : "");
		printf("certificate   %s, issued by %s, valid until %s\n",
		       facts->certificate_subject, facts->certificate_issuer,
		       facts->certificate_expires);
	} else {
		printf("TLS           none\n");
	}
	printf("sign-in       %s\n", facts->mechanism);
	printf("capabilities  %s\n", facts->capabilities);
	printf("moving        %s\n", result->moving);
	for (enum mailbox_folder i = MAILBOX_SOURCE; i < MAILBOX_FOLDER_COUNT; i++)
		cmd_check_print_folder(folder_keys[i], &result->folders[i],
				       i != MAILBOX_SOURCE && result->creates_folders);
	printf("waiting       %" PRId64 " messages\n", result->waiting);
	g_autofree char *unfound =
	    search_describe_unfound(result->folders[MAILBOX_SOURCE].name, result->unfound);
	if (result->unfound > 0)
		printf("left out      %s\n", unfound);
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
static json_t *cmd_check_json(const struct check_result *result)
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
	return object;
}

/* The same facts for people and for programs. */
static void cmd_check_report(const struct check_result *result, void *context)
{
	const struct invocation *invocation = context;
	if (invocation->json)
		output_json_print(cmd_check_json(result));
	else
		cmd_check_print(result);
}

/* The report is printed before the verdict, so that an error leaves the operator with what was
 * found. */
int cmd_queue_check(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(work_queue_free) struct work_queue *queue = NULL;
	if (invocation_open(invocation, STORE_READ, &store, err) != 0 ||
	    invocation_find_queue(invocation, store, 0, &queue, err) != 0)
		return -1;
	if (check_run(queue, invocation->database, cmd_check_report, (void *)invocation, err) != 0)
		return error_prefix(err, "check '%s'", queue->name);
	return 0;
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
	    {"STATE", OUTPUT_LEFT},
	    {"WHAT", OUTPUT_LEFT},
	    {"FINDING", OUTPUT_LEFT},
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
