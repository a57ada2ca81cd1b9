/* `show` and `save`: one entry, on the screen, as JSON, or its parts as files. */
#include "loader/cli/entry/entry_internal.h"

#include "loader/cli/entry/entry_view.h"
#include "loader/cli/frame/output.h"
#include "loader/entry/export.h"
#include "queue/base/scoped.h"

#include <inttypes.h>
#include <stdio.h>

/* A worker gets the same JSON of an entry. */
int cmd_show(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	scoped(store_close) struct store *store = NULL;
	scoped(entry_free) struct entry *entry = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	if (entry_find(store, id, &entry, err) != 0)
		return -1;
	return invocation->json ? entry_json_write(stdout, store, entry, NULL, err)
				: entry_view_print(store, entry, err);
}

/* The path is printed once the file is whole, so that a script may take each line that it
 * reads. */
static void cmd_save_saved(const char *path, void *context)
{
	const bool *json = context;
	if (*json)
		output_json_print(json_pack("{s:o}", "path", output_json_text(path)));
	else
		output_line("%s", path);
}

/* The number of an attachment is checked before the database is opened. */
int cmd_save(const struct invocation *invocation, struct error *err)
{
	int64_t id;
	uint64_t attachment;
	bool json = invocation->json;
	const char *folder = invocation_text(invocation, "to");
	scoped(store_close) struct store *store = NULL;
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    invocation_number(invocation, "attachment", 1, &attachment, err) != 0)
		return -1;
	if (attachment != 0 && invocation_flag(invocation, "raw"))
		return error_set(err, ERROR_USAGE, "--attachment and --raw exclude each other");
	if (attachment > UINT32_MAX)
		return error_set(err, ERROR_USAGE, "--attachment: no entry has that many");
	mode_t mode;
	if (invocation_file_mode(invocation, &mode, err) != 0 ||
	    invocation_open(invocation, STORE_READ, &store, err) != 0)
		return -1;
	struct save_options options = {
	    .folder = folder != NULL ? folder : ".",
	    .existing = invocation_flag(invocation, "overwrite") ? SAVE_REPLACE : SAVE_REFUSE,
	    .mode = mode,
	    .raw = invocation_flag(invocation, "raw"),
	    .attachment = (uint32_t)attachment,
	    .saved = cmd_save_saved,
	    .context = &json};
	return save_entry(store, id, &options, err);
}
