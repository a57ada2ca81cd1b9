/* What a worker says of an entry beside its end: `complete --output` and `progress`. */
#include "loader/cli/work/work_internal.h"

#include "loader/base/clock.h"
#include "queue/base/scoped.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

/* One byte more than may be there tells that it is too much. */
static int cmd_output_read_file(const char *path, char **ret_output, struct error *err)
{
	scoped(descriptor_close) int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	g_autofree char *text = g_malloc(ENTRY_OUTPUT_MAX + 2);
	size_t size = 0;
	ssize_t got = 1;
	if (descriptor < 0)
		return error_set(err, ERROR_IO, "--output-file '%s': %s", path, g_strerror(errno));
	while (size <= ENTRY_OUTPUT_MAX && got > 0) {
		got = read(descriptor, text + size, ENTRY_OUTPUT_MAX + 1 - size);
		if (got < 0 && errno != EINTR)
			return error_set(err, ERROR_IO, "--output-file '%s': %s", path,
					 g_strerror(errno));
		size += got > 0 ? (size_t)got : 0;
		got = got < 0 ? 1 : got;
	}
	text[size] = '\0';
	if (strlen(text) != size)
		return error_set(err, ERROR_DATA,
				 "--output-file '%s' is no JSON: it has a NUL byte", path);
	*ret_output = steal(&text);
	return 0;
}

/* Numbers of any size pass: they are kept as they are written. */
static int cmd_output_check(const char *output, const char *option, struct error *err)
{
	json_error_t wrong;
	if (strlen(output) > ENTRY_OUTPUT_MAX)
		return error_set(err, ERROR_DATA, "--%s takes at most 1 MiB", option);
	json_auto_t *value =
	    json_loads(output, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &wrong);
	return value != NULL ? 0
			     : error_set(err, ERROR_DATA, "--%s is no JSON: line %d, column %d: %s",
					 option, wrong.line, wrong.column, wrong.text);
}

/* Both options are checked before the database is opened: a worker with wrong JSON keeps its lease, and can try
 * again. */
int cmd_output_read(const struct invocation *invocation, char **ret_output, struct error *err)
{
	const char *text = invocation_text(invocation, "output");
	const char *path = invocation_text(invocation, "output-file");
	g_autofree char *output = g_strdup(text);
	*ret_output = NULL;
	if (text != NULL && path != NULL)
		return error_set(err, ERROR_USAGE, "name one of --output and --output-file");
	if (path != NULL && cmd_output_read_file(path, &output, err) != 0)
		return -1;
	if (output != NULL &&
	    cmd_output_check(output, text != NULL ? "output" : "output-file", err) != 0)
		return -1;
	*ret_output = steal(&output);
	return 0;
}

/* One line, since lists and histories have no room for more; counted in characters, as a person does. */
static int cmd_progress_check(const char *text, struct error *err)
{
	if (!g_utf8_validate(text, -1, NULL) || *text == '\0' || strpbrk(text, "\r\n") != NULL ||
	    g_utf8_strlen(text, -1) > ENTRY_PROGRESS_MAX)
		return error_set(err, ERROR_USAGE,
				 "the text is one line of UTF-8 with 1 to %d characters",
				 ENTRY_PROGRESS_MAX);
	return 0;
}

/* Changes nothing but the text and its time; the lease goes on as it was. */
int cmd_progress(const struct invocation *invocation, struct error *err)
{
	scoped(store_close) struct store *store = NULL;
	const char *token = invocation_text(invocation, "token");
	const char *text = invocation->arguments[1];
	int64_t id;
	if (token == NULL)
		return error_set(err, ERROR_USAGE,
				 "--token is needed: the lease token that `inqueue claim` printed");
	if (invocation_entry_id(invocation, 0, &id, err) != 0 ||
	    cmd_progress_check(text, err) != 0 ||
	    invocation_open(invocation, STORE_WRITE, &store, err) != 0)
		return -1;
	return entry_note_progress(store, id, token, text, clock_now_ms(), err);
}
