/* What a parser that a message has taken over could answer: refused or read, never believed
 * beyond its borders. */
#include "loader/parser/protocol/protocol.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_message *message = NULL;

	if (parsed_parse(data, size, 4096, &message) != 0)
		return 0;
	for (size_t i = 0; i < message->attachment_count; i++) {
		const struct mime_content *content = &message->attachments[i].content;

		if (content->offset > 4096 || content->size > 4096 - content->offset)
			abort();
	}
	mime_message_free(message);
	return 0;
}
