/* Any bytes are a message: parsing never fails, what comes out keeps the promises of mime.h, and it
 * crosses from the parser's process to the worker's unchanged. */
#include "loader/parser/protocol/protocol.h"
#include "mime/mime.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int input;
static int output;

static void require(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	input = memfd_create("input", MFD_CLOEXEC);
	output = memfd_create("output", MFD_CLOEXEC);
	require(input >= 0 && output >= 0 && mime_open() == 0);
	return 0;
}

static void check_text(const char *text)
{
	require(text == NULL || g_utf8_validate(text, -1, NULL));
	for (const char *at = text; at != NULL && *at != '\0'; at++)
		require(!g_ascii_iscntrl(*at) || *at == '\n' || *at == '\t');
}

static void check_body(const struct mime_content *content)
{
	if (!content->present || content->size == 0)
		return;
	g_autofree char *bytes = g_malloc0(content->size + 1);
	require(pread(output, bytes, content->size, (off_t)content->offset) ==
		(ssize_t)content->size);
	require(strlen(bytes) == content->size);
	check_text(bytes);
}

static void check_message(const struct mime_message *message)
{
	const char *const texts[] = {message->subject,
				     message->sender,
				     message->recipient,
				     message->cc,
				     message->bcc,
				     message->reply_to,
				     message->headers,
				     message->defects,
				     message->message_id,
				     message->in_reply_to,
				     message->thread_references,
				     message->reply_plain};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		check_text(texts[i]);
	check_body(&message->text_body);
	check_body(&message->html_body);
	for (size_t i = 0; i < message->attachment_count; i++) {
		const char *name = message->attachments[i].file_name;
		require(*name != '\0' && *name != '.' && strchr(name, '/') == NULL);
		check_text(name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_options options = mime_options_default();
	struct mime_message *message = NULL;
	struct mime_message *again = NULL;
	unsigned char *bytes = NULL;
	size_t length = 0;
	struct mime_output *writer = mime_output_new(output);

	options.attach_html = size % 2 != 0;
	options.unpack_forwarded = size % 4 > 1;
	require(ftruncate(input, 0) == 0 && ftruncate(output, 0) == 0);
	require(pwrite(input, data, size, 0) == (ssize_t)size);
	require(mime_parse(&options, input, 0, size, writer, &message) == 0);
	require(mime_output_flush(writer) == 0);
	check_message(message);
	parsed_format(message, &bytes, &length);
	const struct parsed_range range = {0, mime_output_tell(writer)};
	require(parsed_parse(bytes, length, &range, &again) == 0);
	require(again->attachment_count == message->attachment_count);
	free(bytes);
	mime_message_free(message);
	mime_message_free(again);
	mime_output_free(writer);
	return 0;
}
