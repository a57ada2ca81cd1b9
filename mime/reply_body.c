/* Reads the beginning of a text body, from the output while the mail is parsed or from a file
 * later on, and hands it to reply.h. A quote that begins behind the first 256 KiB is not looked
 * for. */
#include "mime/reply.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

/* Answers are short; a body that is longer than this is a report or a list, and is read no
 * further. */
enum { REPLY_BYTES = 256 * 1024 };

/* Without the line at the end that goes on. */
static size_t whole_lines(const char *start, size_t length, bool goes_on)
{
	const char *end = goes_on ? memrchr(start, '\n', length) : start + length;

	return end ? (size_t)(end - start) : 0;
}

/* A body that cannot be read back has failed the output, which its owner learns by flushing it. */
char *reply_body(const struct mime_content *body, struct mime_output *output)
{
	if (!body->present)
		return g_strdup("");
	size_t length = (size_t)MIN(body->size, (uint64_t)REPLY_BYTES);
	g_autofree char *start = g_malloc(length + 1);
	size_t done = 0;

	/* Some of it may lie in the file, the rest in memory. */
	for (size_t got = 1; got > 0 && done < length; done += got)
		got = output_read(output, body->offset + done, start + done, length - done);
	return reply_plain(start, whole_lines(start, done, done < body->size));
}

/* For entries that were stored before replies were looked for. A file that is shorter than it
 * should be is an error, because the reply would be cut. */
int mime_reply(int input_fd, uint64_t offset, uint64_t size, char **ret_reply)
{
	size_t length = (size_t)MIN(size, (uint64_t)REPLY_BYTES);
	g_autofree char *start = g_malloc(length + 1);

	for (size_t done = 0; done < length;) {
		ssize_t got = pread(input_fd, start + done, length - done, (off_t)(offset + done));
		if (got == 0)
			errno = EIO;
		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	length = whole_lines(start, length, length < size);
	*ret_reply = g_utf8_validate(start, (gssize)length, NULL) ? reply_plain(start, length)
								  : g_strdup("");
	return 0;
}
